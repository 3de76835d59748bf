"""A crowd of three at a venue: commands of every kind, most of them sensible, some not, by a seed.

One that is patient keeps its limits away from the middle and clears the book seldom, so that the book grows deep.
What is drawn depends on the seed and the number of the draw alone, so a stream can be cut short and told again.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from trading_ecosystem.chance import Dice
from trading_ecosystem.messages.chaos import FaultVenue, RestoreVenue, VenueFault
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.order_changes import AmendOrder, CancelAllAfter, CancelAllOrders
from trading_ecosystem.messages.orders import CancelOrder, OrderType, SelfTradeMode, Side, SubmitOrder, TimeInForce
from trading_ecosystem.messages.triggers import SubmitPair, SubmitTriggerOrder, TriggerKind

T = TypeVar("T")
ACCOUNTS = ("ann", "bob", "cid")
MODES = tuple(SelfTradeMode)
LIVES = (TimeInForce.GTC,) * 8 + (TimeInForce.IOC, TimeInForce.FOK, TimeInForce.DAY, TimeInForce.GTD)
MIDDLE = 100
DAY_NS = 86_400_000_000_000


class Crowd:
    """`rare`: how many of a thousand commands are quotes of the reference price, halts, and their end."""

    def __init__(self, seed: int, rare: int = 0, patient: bool = False) -> None:
        self._rare = rare
        self._halts = 0
        self._is_halted = False
        self._dice = Dice(seed, "crowd")
        self._patient = patient
        self._drawn = 0
        self._named = 0
        self._recent: list[tuple[str, str]] = []
        self._sent: list[Message] = []
        self.now = 0

    def commands(self, count: int) -> Iterator[tuple[int, Message]]:
        """Each with its moment."""
        for _ in range(count):
            self.now += self.between(0, 3) if self.chance(997) else DAY_NS // 3
            yield self.now, self.command()

    # Draws.

    def chance(self, per_mille: int) -> bool:
        return self.between(1, 1_000) <= per_mille

    def between(self, least: int, most: int) -> int:
        self._drawn += 1
        return least + int(self._dice.below(most - least + 1, self._drawn))

    def one_of(self, choices: Sequence[T]) -> T:
        return choices[self.between(0, len(choices) - 1)]

    # Commands.

    def command(self) -> Message:
        kind = self.between(1, 100)
        if self.chance(self._rare):
            command: Message = self.rare()
        elif kind <= 50:
            command = self.order(self.account())
        elif kind <= 62:
            command = self.trigger(self.account())
        elif kind <= 68:
            command = self.pair()
        elif kind <= 82:
            account, name = self.known()
            command = AmendOrder(
                to="venue", account=account, client_order_id=name, price_ticks=self.price(), quantity_lots=self.lots()
            )
        elif kind <= 96:
            command = CancelOrder("venue", *self.known())
        elif kind <= 98 and self._patient and self.chance(950):
            command = self.order(self.account())
        elif kind <= 97:
            command = CancelAllOrders(
                to="venue", account=self.account(), only_symbol=self.one_of(("", "BTC/USD", "ETH/USD"))
            )
        elif kind <= 98:
            command = CancelAllAfter(to="venue", account=self.account(), timeout_ns=self.one_of((0, 5, 50)))
        else:
            command = self.one_of(self._sent) if self._sent else self.order(self.account())
        self._sent = [*self._sent[-9:], command]
        return command

    def order(self, account: str) -> SubmitOrder:
        if self.chance(200):
            return self.market(account)
        lives = self.one_of(LIVES)
        lots = self.lots()
        name, symbol = self.name(account), self.symbol()
        side = self.one_of((Side.BUY, Side.SELL))
        return SubmitOrder(
            "venue",
            account,
            name,
            symbol,
            side,
            OrderType.LIMIT,
            lives,
            self.limit(side),
            lots,
            self.chance(120),
            max(1, lots // 3) if self.chance(250) else 0,
            self.expiry(lives),
            0,
            self.one_of(MODES),
        )

    def market(self, account: str) -> SubmitOrder:
        by_quote = self.chance(400)
        return SubmitOrder(
            "venue",
            account,
            self.name(account),
            self.symbol(),
            self.one_of((Side.BUY, Side.SELL)),
            OrderType.MARKET,
            self.one_of((TimeInForce.IOC, TimeInForce.GTC)),
            0,
            0 if by_quote else self.lots(),
            quote_minor=self.between(50, 3_000) if by_quote else 0,
            self_trade=self.one_of(MODES),
        )

    def trigger(self, account: str) -> SubmitTriggerOrder:
        kind = self.one_of(tuple(TriggerKind))
        trails = kind is TriggerKind.TRAILING
        lives = self.one_of(LIVES)
        return SubmitTriggerOrder(
            to="venue",
            account=account,
            client_order_id=self.name(account),
            symbol=self.symbol(),
            side=self.one_of((Side.BUY, Side.SELL)),
            trigger_kind=kind,
            trigger_ticks=0 if trails else self.price(),
            trail_ppm=self.between(10_000, 40_000) if trails else 0,
            price_ticks=self.price() if self.chance(600) else 0,
            quantity_lots=self.lots(),
            time_in_force=lives,
            expires_ns=self.expiry(lives),
            self_trade=self.one_of(MODES),
        )

    def pair(self) -> SubmitPair:
        """Most are what people mean by it: a limit on one side of the price, a stop on the other."""
        account, side = self.account(), self.one_of((Side.BUY, Side.SELL))
        away = self.between(1, 3) if side is Side.SELL else -self.between(1, 3)
        waits = self.trigger(account)
        stops = self.chance(700)
        return SubmitPair(
            to="venue",
            account=account,
            symbol=waits.symbol,
            side=side,
            quantity_lots=waits.quantity_lots,
            time_in_force=waits.time_in_force,
            expires_ns=waits.expires_ns,
            self_trade=waits.self_trade,
            client_order_id=self.name(account),
            price_ticks=MIDDLE + away,
            post_only=self.chance(100),
            trigger_client_order_id=waits.client_order_id,
            trigger_kind=TriggerKind.STOP if stops else waits.trigger_kind,
            trigger_ticks=MIDDLE - away if stops else waits.trigger_ticks,
            trail_ppm=0 if stops else waits.trail_ppm,
            trigger_price_ticks=0 if self.chance(500) else waits.price_ticks,
        )

    def rare(self) -> Message:
        if self.chance(300):
            middle = self.between(-2, 2) + MIDDLE
            return QuotePublished("BTC/USD", middle - 1, 5, middle + self.between(1, 2), 5, 0, self.now)
        self._is_halted = self._is_halted is self.chance(50)
        if not self._is_halted:
            return RestoreVenue(to="venue", injection_id=f"halt-{self._halts}")
        self._halts += 1
        return FaultVenue(
            to="venue",
            injection_id=f"halt-{self._halts}",
            venue_fault=VenueFault.HALT,
            symbols=self.one_of(((), ("BTC/USD",), ("ETH/USD",))),
            only_account="",
            by_ns=self.between(10, 60),
            share_ppm=0,
            spread_ppm=0,
            cancels=False,
        )

    # Their parts.

    def account(self) -> str:
        return self.one_of(ACCOUNTS)

    def symbol(self) -> str:
        return "BTC/USD" if self.chance(850) else self.one_of(("ETH/USD", "ETH/USD", "NO/NE"))

    def name(self, account: str) -> str:
        """Mostly new."""
        self._named += 1
        name = f"o{self._named}" if self.chance(985) else f"o{self.between(1, self._named)}"
        self._recent = [*self._recent[-29:], (account, name)]
        return name

    def known(self) -> tuple[str, str]:
        """An account and, mostly, the name of an order of its own."""
        if not self._recent or self.chance(50):
            return self.account(), "nothing"
        return self.one_of(self._recent)

    def limit(self, side: Side) -> int:
        if not self._patient or self.chance(200):
            return self.price()
        away = self.between(0, 30)
        return MIDDLE - away if side is Side.BUY else MIDDLE + away

    def price(self) -> int:
        return MIDDLE + self.between(-5, 5) if self.chance(985) else self.between(-1, 0)

    def lots(self) -> int:
        return self.between(1, 12) if self.chance(985) else self.between(-1, 0)

    def expiry(self, lives: TimeInForce) -> int:
        if self.chance(20):
            return self.now
        return self.now + self.between(1, 200) if lives is TimeInForce.GTD else 0
