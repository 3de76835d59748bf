"""The later of two desks that want the same quote finds it gone, be it late to hear of it or late to ask for it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from trading_ecosystem.assembly import WorldPlan, core_builders, load_world
from trading_ecosystem.core import Core
from trading_ecosystem.messages.audit import Envelope
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import CancelReason, OrderCanceled, OrderFilled
from trading_ecosystem.virtual.build import build_world, make_link

WORLDS = Path(__file__).parents[2] / "worlds"
MINUTE = 60_000_000_000
MILLISECOND = 1_000_000
ALPHA, BETA = "trading_engine.alpha", "trading_engine.beta"


PLAIN = "{latency: 500us, jitter: 0s}"
ROLES = "{from: [exchange], to: [trading_engine], latency: 2ms, jitter: 0s}"


def late(sender: str, recipient: str) -> str:
    return f"{{from: [{sender}], to: [{recipient}], latency: 40ms, jitter: 0s}}"


def twins(folder: Path, *lines: str) -> WorldPlan:
    """The world with ETH/BTC, with another network, and both desks the same arbitrage with as much to trade."""
    above, _ = (WORLDS / "crosses.yaml").read_text(encoding="utf-8").split("network:")
    (folder / "crosses-limits.yaml").write_bytes((WORLDS / "crosses-limits.yaml").read_bytes())
    path = folder / "crosses.yaml"
    path.write_text(above + "\n  - ".join(["network:", PLAIN, *lines]) + "\n", encoding="utf-8")
    plan = load_world(path)
    beta = plan.desks[1]
    accounts = plan.accounts | {"alpha": plan.accounts["beta"]}
    return replace(plan, desks=(replace(beta, name="alpha", account="alpha"), beta), accounts=accounts)


class Referee(Core):
    """Counts what each desk took, and what it wanted and did not get."""

    def __init__(self) -> None:
        self.took: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        told = message.message if isinstance(message, Envelope) else message
        if isinstance(told, OrderFilled):
            self.took[told.account] += told.quantity_lots if told.symbol == "ETH/BTC" else 0
        elif isinstance(told, OrderCanceled) and told.reason is CancelReason.NOT_FILLED:
            self.missed[told.account] += 1
        return []


def race(plan: WorldPlan) -> Referee:
    referee = Referee()
    world = build_world(plan, core_builders(plan, 3, None), referee, 3)
    world.run(plan.start_ns + 12 * MINUTE)
    return referee


@pytest.mark.parametrize(("slow", "fast"), [("alpha", "beta"), ("beta", "alpha")])
@pytest.mark.parametrize("kind", ["data", "orders"])
def test_the_slower_desk_loses_the_race(tmp_path: Path, slow: str, fast: str, kind: str) -> None:
    desk = f"trading_engine.{slow}"
    way = ("exchange", desk) if kind == "data" else (desk, "exchange")
    found = race(twins(tmp_path, late(*way)))
    assert found.took[fast] > 10 * found.took[slow]
    assert found.missed[slow] > found.missed[fast]


def test_a_line_that_names_a_desk_is_of_its_links_alone(tmp_path: Path) -> None:
    plan = twins(
        tmp_path,
        ROLES,
        late("market_data", ALPHA),
        late(BETA, "exchange"),
    )
    expected = {
        ("market_data", ALPHA): 40,
        ("market_data", BETA): 0.5,
        (ALPHA, "exchange"): 0.5,
        (BETA, "exchange"): 40,
        ("exchange", ALPHA): 2,
        ("exchange", BETA): 2,
    }
    for (sender, recipient), milliseconds in expected.items():
        assert make_link(plan, sender, recipient, 1).latency_ns(0) == milliseconds * MILLISECOND


def test_the_last_line_that_fits_counts(tmp_path: Path) -> None:
    plan = twins(tmp_path, late("exchange", ALPHA), ROLES)
    assert make_link(plan, "exchange", ALPHA, 1).latency_ns(0) == 2 * MILLISECOND
