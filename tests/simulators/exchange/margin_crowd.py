"""A crowd of five that trades perpetuals on little margin while the index jumps: commands by a seed, one by one."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from trading_ecosystem.chance import Dice
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.order_changes import AmendOrder
from trading_ecosystem.messages.orders import CancelOrder, OrderType, SelfTradeMode, Side, SubmitOrder, TimeInForce
from trading_ecosystem.messages.perpetuals import MoveMargin
from trading_ecosystem.messages.runtime import Wake
from trading_ecosystem.messages.triggers import SubmitTriggerOrder, TriggerKind

T = TypeVar("T")
ACCOUNTS = ("ann", "bob", "cid", "dan", "eve")
SYMBOLS = ("BTC-PERP", "BTC-PERP", "BTC-PERP", "ETH-PERP")
PAIRS = {"BTC-PERP": "BTC/USD", "ETH-PERP": "ETH/USD"}
STEP_NS = 20_000


class MarginCrowd:
    def __init__(self, seed: int) -> None:
        self._dice = Dice(seed, "margin crowd")
        self._drawn = self._named = 0
        self._recent: list[tuple[str, str]] = []
        self._sent: list[Message] = []
        self._middles = {"BTC-PERP": 1_000, "ETH-PERP": 400}
        self.now = 0

    def commands(self, count: int) -> Iterator[tuple[int, Message]]:
        for _ in range(count):
            self.now += self.between(1, STEP_NS)
            yield self.now, self.command()

    def between(self, least: int, most: int) -> int:
        self._drawn += 1
        return least + int(self._dice.below(most - least + 1, self._drawn))

    def one_of(self, choices: Sequence[T]) -> T:
        return choices[self.between(0, len(choices) - 1)]

    def command(self) -> Message:
        kind = self.between(1, 100)
        if kind <= 58:
            command: Message = self.order()
        elif kind <= 74:
            command = self.quote()
        elif kind <= 84:
            account, name = self.one_of(self._recent or [("ann", "none")])
            price = self.price(self.one_of(SYMBOLS))
            command = AmendOrder(
                to="venue", account=account, client_order_id=name, price_ticks=price, quantity_lots=self.lots()
            )
        elif kind <= 90:
            command = CancelOrder("venue", *self.one_of(self._recent or [("ann", "none")]))
        elif kind <= 94:
            command = self.move()
        elif kind <= 96:
            command = self.stop()
        elif kind <= 98:
            command = Wake()
        else:
            command = self.one_of(self._sent) if self._sent else Wake()
        self._sent = [*self._sent[-9:], command]
        return command

    def lots(self) -> int:
        return self.between(1, self.one_of((5, 20, 60)))

    def price(self, symbol: str) -> int:
        middle = self._middles[symbol]
        return max(1, middle + self.between(-middle // 25, middle // 25))

    def name(self, account: str) -> str:
        self._named += 1
        name = str(self._named)
        self._recent = [*self._recent[-19:], (account, name)]
        return name

    def order(self) -> SubmitOrder:
        account, symbol = self.one_of(ACCOUNTS), self.one_of(SYMBOLS)
        is_market = self.between(1, 8) == 1
        lots = self.lots()
        rests = not is_market and self.between(1, 6) > 1
        return SubmitOrder(
            "venue",
            account,
            self.name(account),
            symbol,
            self.one_of((Side.BUY, Side.SELL)),
            OrderType.MARKET if is_market else OrderType.LIMIT,
            TimeInForce.GTC
            if rests
            else self.one_of((TimeInForce.IOC, TimeInForce.IOC, TimeInForce.FOK))
            if not is_market
            else TimeInForce.IOC,
            0 if is_market else self.price(symbol),
            lots,
            display_lots=max(1, lots // 3) if rests and self.between(1, 6) == 1 else 0,
            self_trade=self.one_of(tuple(SelfTradeMode)),
            reduce_only=self.between(1, 5) == 1,
        )

    def stop(self) -> SubmitTriggerOrder:
        account, symbol = self.one_of(ACCOUNTS), self.one_of(SYMBOLS)
        return SubmitTriggerOrder(
            to="venue",
            account=account,
            client_order_id=self.name(account),
            symbol=symbol,
            side=self.one_of((Side.BUY, Side.SELL)),
            trigger_kind=self.one_of((TriggerKind.STOP, TriggerKind.TAKE_PROFIT)),
            trigger_ticks=self.price(symbol),
            trail_ppm=0,
            price_ticks=self.one_of((0, self.price(symbol))),
            quantity_lots=self.lots(),
            time_in_force=TimeInForce.GTC,
            expires_ns=0,
            self_trade=SelfTradeMode.UNSPECIFIED,
        )

    def move(self) -> MoveMargin:
        account = self.one_of(ACCOUNTS)
        self._named += 1
        amount = self.between(-3_000, 3_000)
        return MoveMargin(to="venue", account=account, move_id=str(self._named), asset="USD", amount_minor=amount)

    def quote(self) -> QuotePublished:
        """A step, and now and then a leap, which the next quote confirms or takes back."""
        symbol = self.one_of(SYMBOLS)
        reach = self.one_of((5, 5, 5, 30, 48))
        middle = self._middles[symbol]
        most = middle * reach // 1_000
        self._middles[symbol] = middle = max(50, middle + self.between(-most, most))
        half = self.between(0, 3)
        return QuotePublished(PAIRS[symbol], 2 * middle - half, 1, 2 * middle + half, 1, 0, self.now)
