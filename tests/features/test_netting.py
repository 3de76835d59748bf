"""Runs `features/netting.feature` against a custodian alone."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pytest_bdd import given, parsers, scenarios, then, when
from tests.simulators.custodian.test_netting import CONFIG, TUESDAY, WEDNESDAY, Rig, Trade

from trading_ecosystem.messages.books import NettingSettled
from trading_ecosystem.messages.custody import SettlementFailed

ROOT = Path(__file__).parents[2]
scenarios(str(ROOT / "features" / "netting.feature"))


@dataclass
class Story:
    """What is given, and the custodian once time passes."""

    held: dict[str, dict[str, int]] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    partial: bool = False
    rig: Rig | None = None

    def begun(self) -> Rig:
        if self.rig is None:
            self.rig = Rig(self.held, dataclasses.replace(CONFIG, partial=self.partial))
            self.rig.trade(self.trades)
        return self.rig

    def settled(self) -> NettingSettled:
        (settled,) = self.begun().told(NettingSettled)
        assert isinstance(settled, NettingSettled)
        return settled


@pytest.fixture
def story() -> Story:
    return Story()


@given(parsers.parse("{name} has {dollars:d} USD, and {coins:d} BTC"))
def holds(story: Story, name: str, dollars: int, coins: int) -> None:
    story.held[name] = {"USD": dollars, "BTC": coins}


@given(parsers.parse("{buyer} bought {lots:d} BTC from {seller} at {price:d}"))
def bought(story: Story, buyer: str, lots: int, seller: str, price: int) -> None:
    story.trades.append((buyer, seller, price, lots, 0))


@given("parts may settle")
def in_parts(story: Story) -> None:
    story.partial = True


@when("the cut-off has come")
def cut_off(story: Story) -> None:
    story.begun().run(TUESDAY)


@when("the custodian is put back to the state that it had, and the cut-off has come")
def put_back(story: Story) -> None:
    rig = story.begun()
    saved = rig.core.save()
    rig.run(TUESDAY)
    rig.core = rig.new()
    rig.core.restore(saved)
    rig.said, rig.wakes, rig.now = [], [TUESDAY], TUESDAY - 1
    rig.run(TUESDAY)


@then(parsers.re(r"netting set (?P<number>\d+) settles the trades? (?P<numbers>[0-9, and]+)"))
def settles(story: Story, number: str, numbers: str) -> None:
    settled = story.settled()
    told = [int(each) for each in numbers.replace("and", ",").replace(" ", "").split(",")]
    assert settled.netting_id == int(number)
    assert [each.trade_id for each in settled.netted] == told


@then(parsers.parse("{name} gets {dollars:d} USD net"))
def gets(story: Story, name: str, dollars: int) -> None:
    mine = [
        each
        for each in story.settled().postings
        if each.asset == "USD" and name in (each.debit_account, each.credit_account)
    ]
    assert [(each.credit_account, each.amount_minor) for each in mine] == [(name, dollars)]


@then(parsers.parse("{name} has {dollars:d} USD and {coins:d} BTC in custody"))
def in_custody(story: Story, name: str, dollars: int, coins: int) -> None:
    posted = story.begun().posted()
    assert (posted.get((name, "USD"), 0), posted.get((name, "BTC"), 0)) == (dollars, coins)


@then(parsers.parse("trade {number:d} fails, and is tried again a business day later"))
def fails(story: Story, number: int) -> None:
    (failed,) = story.begun().told(SettlementFailed)
    assert isinstance(failed, SettlementFailed)
    assert (failed.trade_id, failed.retry_ns) == (number, WEDNESDAY)
