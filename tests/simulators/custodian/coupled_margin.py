"""A real custodian and a real venue with perpetuals, as in `coupled.py`, and a crowd that trades both."""

from decimal import Decimal

from tests.simulators.custodian.coupled import HOUR_NS, MINUTE_NS, NOBODY_APPROVES, SILENT, Coupled, Draws
from tests.simulators.exchange.margin_crowd import ACCOUNTS, MarginCrowd

from trading_ecosystem.core import JournaledCore
from trading_ecosystem.messages.books import BooksCompared
from trading_ecosystem.messages.orders import OrderType, Side, SubmitOrder, TimeInForce
from trading_ecosystem.reference import Asset, AssetKind, PerpetualTerms, ReferenceData, instrument, perpetual
from trading_ecosystem.simulators.custodian.config import CustodianConfig
from trading_ecosystem.simulators.custodian.core import Custodian
from trading_ecosystem.simulators.exchange.config import ExchangeConfig, PerpetualRules
from trading_ecosystem.simulators.exchange.core import Exchange

ASSETS = {
    "USD": Asset("USD", AssetKind.FIAT, 2),
    "BTC": Asset("BTC", AssetKind.CRYPTO, 3),
    "ETH": Asset("ETH", AssetKind.CRYPTO, 3),
}


def terms_of(index: str) -> PerpetualTerms:
    return PerpetualTerms(index, 50_000, 25_000, 8 * HOUR_NS, 7_500, 100)


REFERENCE = ReferenceData(
    "USD",
    list(ASSETS.values()),
    [
        instrument("BTC/USD", Decimal("0.5"), Decimal("0.02"), ASSETS),
        instrument("ETH/USD", Decimal("0.5"), Decimal("0.02"), ASSETS),
        perpetual("BTC-PERP", terms_of("BTC/USD"), Decimal(1), Decimal("0.01"), ASSETS),
        perpetual("ETH-PERP", terms_of("ETH/USD"), Decimal(1), Decimal("0.02"), ASSETS),
    ],
)
WALLETS = dict(zip(ACCOUNTS, (9_000, 6_000, 4_000, 3_000, 40_000), strict=True))
HELD = {name: {"USD": amount + 500_000, "BTC": 9_000, "ETH": 9_000} for name, amount in WALLETS.items()}
MARGIN = {name: {"USD": amount} for name, amount in WALLETS.items()}
FUND_MINOR = 700


class CoupledMargin(Coupled):
    """`nets`: instructions settle by what each account owes net. Trades settle on the next business day."""

    def __init__(
        self, rough: Draws | None = None, crashes: bool = True, nets: bool = True, partial: bool = False
    ) -> None:
        self.nets, self.partial = nets, partial
        super().__init__(NOBODY_APPROVES, crashes, rough)

    def new(self, name: str) -> JournaledCore:
        if name == "custodian":
            config = CustodianConfig(
                default_cycle=1,
                same_day_delay_ns=10 * MINUTE_NS,
                cut_off_ns=6 * HOUR_NS,
                transfers=NOBODY_APPROVES,
                nets_settlements=self.nets,
                settles_profits=True,
                compare_every_ns=HOUR_NS,
                partial=self.partial,
            )
            return Custodian("custodian", config, REFERENCE, HELD, ("exchange",))
        venue = ExchangeConfig(
            maker_fee_ppm=100,
            taker_fee_ppm=500,
            heartbeat_ns=24 * HOUR_NS,
            liquidity=SILENT,
            custodian="custodian",
            perpetuals=PerpetualRules(insurance_minor={"USD": FUND_MINOR}),
        )
        return Exchange("exchange", venue, REFERENCE, HELD, 1, MARGIN)

    def trade(self, crowd: MarginCrowd, draws: Draws, count: int, pause_ns: int) -> None:
        """So many commands of the crowd, with a spot order after each, and a pause after every tenth."""
        for number, (_, command) in enumerate(crowd.commands(count)):
            self.step("exchange", command)
            self.step("exchange", spot_order(draws, f"s{crowd.now}"))
            self.run(pause_ns if number % 10 == 9 else 1_000_000)

    def compared(self) -> list[BooksCompared]:
        return [each for each in self.said(BooksCompared) if isinstance(each, BooksCompared)]


def spot_order(draws: Draws, name: str) -> SubmitOrder:
    symbol, middle = draws.one_of((("BTC/USD", 1_000), ("ETH/USD", 400)))
    return SubmitOrder(
        "exchange",
        draws.one_of(ACCOUNTS),
        name,
        symbol,
        draws.one_of((Side.BUY, Side.SELL)),
        OrderType.LIMIT,
        TimeInForce.GTC,
        middle + draws.below(41) - 20,
        1 + draws.below(30),
    )
