"""A desk with one strategy that misbehaves, a market of two assets, and their prices."""

from decimal import Decimal

from trading_ecosystem.configuration.document import parse_document
from trading_ecosystem.messages.accounts import AccountReported, Balance
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.orders import Liquidity, OrderFilled, Side
from trading_ecosystem.production.trading_engine.config import DeskConfig, read
from trading_ecosystem.production.trading_engine.desk import Desk
from trading_ecosystem.production.trading_engine.orders import Order, OrderStatus
from trading_ecosystem.production.trading_engine.strategies.strategy import Intention, Place, Strategy
from trading_ecosystem.reference import Asset, AssetKind, ReferenceData, instrument

SECOND = 1_000_000_000
LIMITS = (
    "order_value: 1000000, position: {BTC: 100, ETH: 1000}, price_collar: 3%, quote_age: 10s, orders_per_minute: 60"
)
ASSETS = {
    "USD": Asset("USD", AssetKind.FIAT, 8),
    "BTC": Asset("BTC", AssetKind.CRYPTO, 8),
    "ETH": Asset("ETH", AssetKind.CRYPTO, 8),
}
REFERENCE = ReferenceData(
    "USD",
    list(ASSETS.values()),
    [
        instrument("BTC/USD", Decimal("0.01"), Decimal("0.1"), ASSETS),
        instrument("ETH/USD", Decimal("0.01"), Decimal("0.01"), ASSETS),
    ],
)
OPENING = {"USD": 10**15, "BTC": 5 * 10**8, "ETH": 7 * 10**8}  # No strategy may take these for its own.


def desk_of(strategy: str) -> DeskConfig:
    text = f"name: a\naccount: a\nvenue: x\nlimits: {{{LIMITS}}}\nstrategies:\n  - {strategy}\n"
    return read(parse_document("world.yaml", text), REFERENCE)


class Room:
    def __init__(self, kind: str, keys: str) -> None:
        config = desk_of(f"{{kind: trading_ecosystem.misbehaving.{kind}:PLUGIN, {keys}}}")
        self.desk = Desk(REFERENCE, config.symbols, 10 * SECOND)
        self.desk.positions.report(
            AccountReported(
                to="a",
                venue="x",
                account="a",
                account_sequence=0,
                balances=tuple(
                    Balance(asset=asset, free_minor=amount, locked_minor=0) for asset, amount in OPENING.items()
                ),
                open_orders=(),
                occurred_ns=0,
            )
        )
        [part] = config.strategies
        self.strategy: Strategy = part.plugin.build(part.config, self.desk)
        self.sequence = 0

    def quote(self, price: int, now: int, symbol: str = "BTC/USD") -> list[Order]:
        """The middle in USD, with a spread of two cents."""
        self.sequence += 1
        market = self.desk.markets[symbol]
        assert market.take_quote(QuotePublished(symbol, 100 * price - 1, 1, 100 * price + 1, 1, self.sequence, now))
        return placed(self.strategy.on_quote(market, now))

    def wake(self) -> list[Order]:
        return placed(self.strategy.on_wake(self.due_ns()))

    def due_ns(self) -> int:
        return self.strategy.due_ns((1 << 62) - 1)

    def fill(self, order: Order, lots: int) -> None:
        """So much of it is filled, and what is left of it ends."""
        order.status = OrderStatus.FILLED if lots == order.quantity_lots else OrderStatus.CANCELED
        left = order.quantity_lots - lots
        fill = OrderFilled(
            *("a", "x", 1, 0, 1, "c", order.symbol, order.side),
            *(order.price_ticks, lots, left, 0, Liquidity.TAKER, 1),
        )
        self.desk.positions.fill(fill, REFERENCE.instruments[order.symbol])

    def fill_all(self, orders: list[Order]) -> list[tuple[str, int]]:
        """Instrument and lots of each, below 0 for a sale; all of them are filled."""
        for order in orders:
            self.fill(order, order.quantity_lots)
        return signed(orders)


def placed(intentions: object) -> list[Order]:
    assert isinstance(intentions, list | tuple)
    orders: list[Order] = []
    for intention in intentions:
        assert isinstance(intention, Intention) and isinstance(intention, Place)
        orders += intention.orders
    return orders


def signed(orders: list[Order]) -> list[tuple[str, int]]:
    return [(each.symbol, each.quantity_lots if each.side is Side.BUY else -each.quantity_lots) for each in orders]
