"""A command that was refused leaves nothing behind that would have to be undone."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from trading_ecosystem.live.chaos_wire import CHAOS
from trading_ecosystem.live.door import Header, RefusalCode, Refused
from trading_ecosystem.live.faults.chaos_surface import ChaosSurface
from trading_ecosystem.live.faults.leases import Leases
from trading_ecosystem.messages.chaos import OUTFLOW, DrainAccount, RestoreCustody, RestorePricePath
from trading_ecosystem.messages.message import Message
from trading_ecosystem.simulators.breaking import kind_of, undo_of


def asked(injection_id: str) -> Any:
    request: Any = CHAOS.request_type("Inject")(lease_ns=1_000_000_000, coordinator="test_coordinator")
    request.command.scale_volatility.to = "custodian"
    request.command.scale_volatility.injection_id = injection_id
    return request


@pytest.mark.parametrize("code", [RefusalCode.INVALID, RefusalCode.NOT_SERVING])
def test_what_was_refused_is_not_undone_and_what_may_have_begun_is(code: RefusalCode) -> None:
    carried: list[Message] = []

    async def carry(command: Message, cause: Header | None) -> Sequence[Message]:
        carried.append(command)
        raise Refused(code, "not here", "command")

    leases = Leases()
    surface = ChaosSurface(CHAOS, carry, undo_of, leases, lambda: 0)
    with pytest.raises(Refused):
        asyncio.run(surface.inject(asked("wild"), "test_coordinator"))
    expired = leases.expired(2_000_000_000)
    assert expired == ([] if code is RefusalCode.INVALID else ["wild"])
    if expired:
        with pytest.raises(Refused):
            asyncio.run(surface.expire("wild"))
        assert isinstance(carried[-1], RestorePricePath)


def test_what_left_custody_is_brought_back_when_its_lease_ends() -> None:
    command = DrainAccount(to="custodian", injection_id="gone", account="alpha", asset="ETH", share_ppm=850_000)
    assert kind_of(command) == OUTFLOW
    assert undo_of(command) == RestoreCustody(to="custodian", injection_id="gone")
