"""The registry beside a twin that keeps all that was ever said and reads it through for every question."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from trading_ecosystem.live.discovery.registration import Registration, Status, from_plain, to_plain
from trading_ecosystem.live.discovery.registry import LIFETIME_NS, PERIOD_NS, Registry, Superseded

Make = Callable[..., Registration]
LIFETIME = 10
NAMES = ("exchange.alpha", "exchange.beta", "custodian")


class Said(NamedTuple):
    at_ns: int
    instance: str
    epoch: int
    registration: Registration | None  # None: it left.


class RegistryBesideItsTwin(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now_ns = 1_000
        self.registry = Registry(lambda: self.now_ns, LIFETIME)
        self.said: list[Said] = []
        self.told: tuple[int, list[Registration]] = (0, [])

    def refused(self, instance: str, epoch: int) -> bool:
        return any(
            epoch < each.epoch or (epoch == each.epoch and each.registration is None)
            for each in self.said
            if each.instance == instance
        )

    def present(self) -> list[Registration]:
        last = {each.instance: each for each in self.said}
        return [
            last[name].registration  # type: ignore[misc]
            for name in sorted(last)
            if last[name].registration is not None and last[name].at_ns > self.now_ns - LIFETIME
        ]

    @rule(passed_ns=st.sampled_from((1, 4, LIFETIME - 1, LIFETIME)))
    def time_passes(self, passed_ns: int) -> None:
        self.now_ns += passed_ns

    @rule(
        instance=st.sampled_from(NAMES),
        epoch=st.integers(1, 4),
        status=st.sampled_from(Status),
        port=st.integers(1, 2),
    )
    def register(self, instance: str, epoch: int, status: Status, port: int) -> None:
        registration = Registration(
            instance=instance, version="1", addresses={"grpc": f"127.0.0.1:{port}"}, status=status, epoch=epoch
        )
        if self.refused(instance, epoch):
            with pytest.raises(Superseded, match=instance):
                self.registry.register(registration)
        else:
            self.registry.register(registration)
            self.said.append(Said(self.now_ns, instance, epoch, registration))

    @rule(instance=st.sampled_from(NAMES), epoch=st.integers(1, 4))
    def deregister(self, instance: str, epoch: int) -> None:
        if self.refused(instance, epoch):
            with pytest.raises(Superseded):
                self.registry.deregister(instance, epoch)
        else:
            self.registry.deregister(instance, epoch)
            self.said.append(Said(self.now_ns, instance, epoch, None))

    @invariant()
    def agree(self) -> None:
        generation, present = self.registry.generation, self.registry.all()
        assert present == self.present()
        before, earlier = self.told
        assert generation >= before
        assert generation > before or present == earlier
        self.told = (generation, present)
        for name in NAMES:
            assert self.registry.find(name) in (*present, None)
        assert self.registry.of_role("exchange") == [each for each in present if each.instance.startswith("exchange")]


TestRegistry = RegistryBesideItsTwin.TestCase
TestRegistry.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_two_heartbeats_may_be_missed() -> None:
    assert LIFETIME_NS >= 3 * PERIOD_NS


def test_a_heartbeat_that_says_nothing_new_is_no_change(make: Make) -> None:
    registry = Registry(lambda: 0)
    registry.register(make())
    generation = registry.generation
    registry.register(make())
    assert registry.generation == generation


def test_the_older_process_is_refused_by_name_even_when_the_newer_is_gone(make: Make) -> None:
    now_ns = 0
    registry = Registry(lambda: now_ns, LIFETIME)
    registry.register(make(epoch=1))
    registry.register(make(epoch=2, addresses={"grpc": "127.0.0.1:6000"}))
    now_ns = 100
    assert registry.all() == []
    with pytest.raises(Superseded, match=r"exchange\.alpha belongs to epoch 2 or later; this process is of epoch 1"):
        registry.register(make(epoch=1))


@pytest.mark.parametrize(
    "change",
    [
        {"instance": "Exchange"},
        {"instance": "exchange\n"},
        {"instance": "a.b.c"},
        {"version": ""},
        {"version": "1.0\n"},
        {"version": 3},
        {"status": "dead"},
        {"epoch": 0},
        {"epoch": "1"},
        {"epoch": 1 << 53},
        {"addresses": {"smtp": "127.0.0.1:25"}},
        {"addresses": {"grpc": "127.0.0.1:0"}},
        {"addresses": {"grpc": "127.0.0.1:65536"}},
        {"addresses": {"grpc": "user@host:1"}},
        {"addresses": {"grpc": 5}},
        {"addresses": None},
    ],
)
def test_what_is_no_registration_is_not_read_as_one(make: Make, change: dict[str, Any]) -> None:
    plain = to_plain(make())
    assert from_plain(plain) == make()
    with pytest.raises(ValueError, match=r"."):
        from_plain(plain | change)


def test_unix_sockets_and_bracketed_addresses_are_addresses(make: Make) -> None:
    registration = make(
        addresses={"grpc": "unix:/run/exchange.sock", "rest": "[::1]:8443", "audit": "exchange-0.local:1"}
    )
    assert from_plain(to_plain(registration)) == registration
