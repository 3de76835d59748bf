"""Sub-accounts in the words of `features/sub_accounts.feature`: at a venue alone, and in a whole world."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copy

from pytest_bdd import given, parsers, scenarios, then, when
from tests.features.conftest import Story
from tests.simulators.exchange.conftest import REFERENCE, SILENT

from trading_ecosystem.messages.accounts import AccountReported, QueryAccount
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import OrderFilled, OrderType, Side, SubmitOrder, TimeInForce
from trading_ecosystem.simulators.exchange.config import ExchangeConfig
from trading_ecosystem.simulators.exchange.core import Exchange
from trading_ecosystem.simulators.exchange.fees import FeeTier

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "docs" / "examples" / "sub-accounts"
HOUSE = "house-with-sub-accounts.yaml"
DAY_NS = 86_400 * 10**9
RICH = {name: {"USD": 10**9, "BTC": 10**9} for name in ("ann", "bob", "cid", "dan", "eve")}
PRICE = 10_000  # Ticks of a dollar for a bitcoin, of which a lot is a hundredth.
scenarios("../../features/sub_accounts.feature")


@dataclass
class Venue:
    tier: FeeTier
    fee_ppm: int
    masters: dict[str, str] = field(default_factory=dict)
    now: int = 0
    told: list[Message] = field(default_factory=list)
    opened: Exchange | None = None

    @property
    def core(self) -> Exchange:
        if self.opened is None:
            config = ExchangeConfig(
                maker_fee_ppm=0,
                taker_fee_ppm=self.fee_ppm,
                heartbeat_ns=DAY_NS,
                liquidity=SILENT,
                fee_tiers=(self.tier,),
            )
            self.opened = Exchange("venue", config, REFERENCE, RICH, 1, masters=self.masters)
        return self.opened

    def order(self, account: str, side: Side, dollars: int) -> None:
        self.now += 10
        terms = (OrderType.LIMIT, TimeInForce.GTC, PRICE, dollars * 100 // PRICE)
        self.told += self.core.handle(SubmitOrder("venue", account, str(self.now), "BTC/USD", side, *terms), self.now)

    def report(self, account: str) -> AccountReported:
        report = self.core.handle(QueryAccount(to="venue", asker="me", account=account), self.now)[0]
        assert isinstance(report, AccountReported)
        return report

    def locked(self, account: str) -> int:
        return sum(each.locked_minor for each in self.report(account).balances)


def names(text: str) -> list[str]:
    return re.split(r", | and ", text)


@given(
    parsers.parse(
        "a venue where who traded {dollars:d} USD pays a taker fee of {less:d} bps from the next day on, and all others"
        " {more:d}"
    ),
    target_fixture="venue",
)
def _(dollars: int, less: int, more: int) -> Venue:
    return Venue(FeeTier(traded_minor=dollars * 100, maker_fee_ppm=0, taker_fee_ppm=less * 100), more * 100)


@given(parsers.re(r"(?P<subs>\w+ and \w+) are sub-accounts of (?P<master>\w+)"))
def _(venue: Venue, subs: str, master: str) -> None:
    venue.masters |= dict.fromkeys(names(subs), master)


@when(parsers.parse("{buyer} buys for {dollars:d} USD of {seller}"))
def _(venue: Venue, buyer: str, dollars: int, seller: str) -> None:
    venue.order(seller, Side.SELL, dollars)
    venue.order(buyer, Side.BUY, dollars)


@when(parsers.parse("{account} bids {dollars:d} USD for what nobody sells"))
def _(venue: Venue, account: str, dollars: int) -> None:
    venue.order(account, Side.BUY, dollars)


@when("the next day begins")
def _(venue: Venue) -> None:
    venue.now = (venue.now // DAY_NS + 1) * DAY_NS


@then(parsers.parse("{accounts} pay a taker fee of {bps:d} bps"))
def _(venue: Venue, accounts: str, bps: int) -> None:
    assert {name: venue.report(name).taker_fee_ppm for name in names(accounts)} == dict.fromkeys(
        names(accounts), bps * 100
    )


@then(parsers.parse("{account} has {dollars:d} USD locked"))
def _(venue: Venue, account: str, dollars: int) -> None:
    fee_minor = dollars * 100 * venue.fee_ppm // 1_000_000
    assert venue.locked(account) == dollars * 100 + fee_minor


@then(parsers.parse("{account} has nothing locked"))
def _(venue: Venue, account: str) -> None:
    assert venue.locked(account) == 0


@then("both are filled")
def _(venue: Venue) -> None:
    assert [each.account for each in venue.told if isinstance(each, OrderFilled)] == ["ann", "cid"]


# A whole world.


@given(parsers.parse('the scenario "{name}"'))
def _(story: Story, name: str) -> None:
    for file in (PLACE / f"{name}.yaml", PLACE / HOUSE):
        copy(file, story.place)
    limits = story.place / "limits.yaml"
    limits.write_bytes((ROOT / "worlds" / "treasury-limits.yaml").read_bytes())
    story.edit(HOUSE, "../../../worlds/treasury-limits.yaml", "limits.yaml")
    story.scenario = story.place / f"{name}.yaml"


@given("the firm lists alpha alone")
def _(story: Story) -> None:
    story.edit(HOUSE, "[alpha, alpha-hedge, alpha-reserve]", "[alpha]")


@given(parsers.parse("{sub} is said to be a sub-account of {master}"))
def _(story: Story, sub: str, master: str) -> None:
    story.edit(HOUSE, f"  {sub}: alpha\n", f"  {sub}: {master}\n")


@when("it is run")
def _(story: Story) -> None:
    story.run(seed=7)


@when("it is validated")
def _(story: Story) -> None:
    story.type("validate", str(story.scenario))


@then(parsers.parse("the verdict is {verdict}"))
def _(story: Story, verdict: str) -> None:
    assert story.result.judgement.verdict.value == verdict, story.result.judgement.reasons


@then(parsers.parse("the alert {rule} on {subject} fired"))
def _(story: Story, rule: str, subject: str) -> None:
    fired = {(each.rule, each.subject) for each in story.result.judgement.alerts if each.fired_ns}
    assert (rule, subject) in fired


@then(parsers.parse('that is refused: "{problem}"'))
def _(story: Story, problem: str) -> None:
    assert story.code == 2 and problem in story.said and story.said.count("\n") == 1
