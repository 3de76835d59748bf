"""What the firm has at its venues and at its custodian, by account.

Rule 1: events of an account count once and in the order of `account_sequence`. One that comes too early waits
until those before it came, or until the venue's report tells what they did.
Rule 2: an account is certain only while nothing about it is missing, and the last report agreed with its fills.
"""

from typing import final

from trading_ecosystem.messages.accounts import AccountReported, HoldingsReported
from trading_ecosystem.messages.orders import AccountEvent, OrderFilled, Side
from trading_ecosystem.production.risk_monitor.margin import Margin
from trading_ecosystem.reference import Instrument

DISPUTED_AFTER = 3  # Reports in a row that differ by the same: trades on their way differ each by their own.
IN_ORDER: tuple[AccountEvent, ...] = ()
REMEMBERED_FILLS = 1_000
REMEMBERED_MOVES = 100
MARGIN = "margin"  # In the place of an asset: wallets and positions.
Change = tuple[int, str, int, str, int]  # A fill: trade id, base asset and change, quote asset and change.
Move = tuple[int, str, int]  # What the custodian brought in or took out: movement id, asset, change.


@final
class Account:
    """One account at its venue. `amounts` are minor units by asset, in open orders or not."""

    __slots__ = (
        "amounts",
        "answered",
        "asked",
        "corrections",
        "differs",
        "early",
        "fills",
        "heard",
        "keeps_own",
        "late_ns",
        "margin",
        "missed",
        "moves",
        "name",
        "sequence",
        "unexplained",
        "venue",
    )

    def __init__(self, name: str, venue: str) -> None:
        self.name = name
        self.venue = venue
        self.keeps_own = False  # What no fill and no movement explains does not count.
        self.unexplained: dict[str, int] = {}  # By asset: what the last report had beyond what is explained.
        self.amounts: dict[str, int] = {}
        self.margin = Margin()
        self.sequence = 0  # Of the last event that counted.
        self.early: dict[int, AccountEvent] = {}
        self.heard = 0  # The latest event that was told, counted or not.
        self.late_ns = 0  # How late events came at worst, since all that the venue had said by a report had come.
        self.answered = False  # At least once since the start.
        self.asked = False  # A question is open.
        self.missed = False  # The venue was away, and may have told something that was lost.
        self.differs = False
        self.fills: list[Change] = []  # The last ones since the last correction.
        self.moves: list[Move] = []  # The last ones since the last correction.
        self.corrections = 0  # How often a report told other amounts than the fills did.

    @property
    def doubt(self) -> str:
        """Why this account is not certain; empty when it is."""
        if not self.answered:
            return f"no answer yet about account {self.name}"
        if self.early:
            return f"events of account {self.name} are missing"
        if self.missed:
            return f"events of account {self.name} may be missing since the venue was away"
        if self.unexplained:
            assets = ", ".join(self.unexplained)
            return f"{self.venue} says of account {self.name} what no fill and no movement explains: {assets}"
        if self.differs:
            return f"the balances of account {self.name} differed from what its fills say"
        return ""

    def accept(self, event: AccountEvent, now: int) -> tuple[AccountEvent, ...]:
        """The events that count now, in order: none for a repeated or an early one."""
        sequence = event.account_sequence
        if sequence > self.heard:
            self.heard = sequence
            self.late_ns = max(self.late_ns, now - event.occurred_ns)
        if self.answered and sequence <= self.sequence:
            return IN_ORDER
        if not self.answered or sequence > self.sequence + 1:
            self.early[sequence] = event
            return IN_ORDER
        self.sequence = sequence
        return (event, *self.release()) if self.early else (event,)

    def release(self) -> tuple[AccountEvent, ...]:
        """The early events that follow on what counted last."""
        released: list[AccountEvent] = []
        while self.sequence + 1 in self.early:
            self.sequence += 1
            released.append(self.early.pop(self.sequence))
        return tuple(released)

    def take(self, report: AccountReported) -> dict[str, int] | None:
        """What the report changes, by asset; None for one that is older than what is known."""
        if report.account_sequence <= self.heard:
            self.late_ns = 0
        if self.answered and report.account_sequence < self.sequence:
            self.asked = bool(self.doubt)
            return None
        changes = self._changes(report)
        is_comparable = report.account_sequence == self.sequence or len(self.unexplained) > 0
        keeps_own = self.keeps_own and self.answered and is_comparable and not self.missed
        self.unexplained = self._left_over(changes, report) if keeps_own else {}
        is_news = bool(changes) or self.margin.differs(report)
        self.differs = self.answered and report.account_sequence == self.sequence and is_news
        self.answered, self.missed = True, False
        self.sequence = report.account_sequence
        self.early = {number: event for number, event in self.early.items() if number > self.sequence}
        return {} if self.unexplained else self._adopt(changes)

    def yield_to_venue(self) -> dict[str, int]:
        """The venue was right after all: what its report had beyond what is explained counts from now on."""
        changes = {asset: change for asset, change in self.unexplained.items() if asset != MARGIN}
        self.unexplained, self.differs = {}, False
        return self._adopt(changes)

    def _adopt(self, changes: dict[str, int]) -> dict[str, int]:
        for asset, change in changes.items():
            self.add(asset, change)
        if changes:
            self.fills.clear()
            self.moves.clear()
            self.corrections += 1
        return changes

    def _left_over(self, changes: dict[str, int], report: AccountReported) -> dict[str, int]:
        return {**changes, MARGIN: 0} if self.margin.differs(report) else changes

    def book(self, fill: OrderFilled, instrument: Instrument) -> None:
        """A fill swaps two assets, and its fee is paid in the quote asset."""
        base_minor = instrument.base_minor(fill.quantity_lots)
        quote_minor = instrument.notional_minor(fill.price_ticks, fill.quantity_lots)
        base, quote = instrument.base, instrument.quote
        if fill.side == Side.BUY:
            quote_minor = -quote_minor - fill.fee_minor
            self.add(quote, quote_minor)
            self.add(base, base_minor)
        else:
            base_minor, quote_minor = -base_minor, quote_minor - fill.fee_minor
            self.add(base, base_minor)
            self.add(quote, quote_minor)
        self._note_fill((fill.trade_id, base, base_minor, quote, quote_minor))

    def _note_fill(self, change: Change) -> None:
        self.fills.append(change)
        if len(self.fills) > 2 * REMEMBERED_FILLS:
            self.fills = self.fills[-REMEMBERED_FILLS:]

    def note_move(self, move: Move) -> None:
        self.moves = [*self.moves[-REMEMBERED_MOVES:], move]

    def amounts_as_of(self, trade_id: int, movement_id: int) -> dict[str, int] | None:
        """The amounts before all fills of later trades and all later movements; None where that is too far back.

        Both are remembered in the order of their numbers.
        """
        if len(self.fills) >= REMEMBERED_FILLS and self.fills[0][0] > trade_id:
            return None
        amounts = dict(self.amounts)
        for number, base, base_minor, quote, quote_minor in reversed(self.fills):
            if number <= trade_id:
                break
            amounts[base] = amounts.get(base, 0) - base_minor
            amounts[quote] = amounts.get(quote, 0) - quote_minor
        for number, asset, minor in reversed(self.moves):
            if number <= movement_id:
                break
            amounts[asset] = amounts.get(asset, 0) - minor
        return amounts

    def add(self, asset: str, change_minor: int) -> None:
        self.amounts[asset] = self.amounts.get(asset, 0) + change_minor

    def _changes(self, report: AccountReported) -> dict[str, int]:
        changes = {asset: -amount for asset, amount in self.amounts.items()}
        for balance in report.balances:
            change = changes.get(balance.asset, 0) + balance.free_minor + balance.locked_minor
            changes[balance.asset] = change
        return {asset: change for asset, change in changes.items() if change != 0}


@final
class Custody:
    """What the custodian says about one account, compared with what the venue says."""

    __slots__ = (
        "_movement_id",
        "account",
        "asked",
        "corrections",
        "difference",
        "differing",
        "disputed",
        "movement_id",
        "report",
    )

    def __init__(self, account: Account) -> None:
        self.account = account
        self.asked = False
        self.difference: dict[str, int] = {}  # Venue less custody at the last report, by asset, where not zero.
        self.differing = 0  # Reports in a row with this difference.
        self.disputed = False  # From then on until a report agrees.
        self.report: HoldingsReported | None = None  # The last one, not compared as of its trade yet.
        self.corrections = 0  # Of the account, when it came.
        self.movement_id = 0  # The last one in custody's books, as told with the last report,
        self._movement_id = 0  # and with the one before.

    @property
    def doubt(self) -> str:
        if not self.disputed:
            return ""
        return f"the custodian's books of account {self.account.name} differ from the venue's"

    def take(self, report: HoldingsReported) -> None:
        """Count a report that differs, and ask again until it is clear what to think of it."""
        if self.account.doubt:
            self.asked = True
            return
        difference = self._compare(report)
        self.differing = self.differing + 1 if difference == self.difference else 1
        self.difference = difference
        if not difference:
            self.disputed = False
        elif self.differing >= DISPUTED_AFTER:
            self.disputed = True
        self.asked = bool(difference) and not self.disputed

    def sides_with_venue(self, report: HoldingsReported) -> bool:
        """Whether custody has of every asset what the venue says, and not what fills and movements add up to."""
        unexplained = self.account.unexplained
        left = self._compare(report)
        return MARGIN not in unexplained and left != {} and left == {a: -change for a, change in unexplained.items()}

    def keep(self, report: HoldingsReported) -> None:
        """For `differing_assets`, when all that the venue said of its trades until now has come."""
        self.report = report if report.last_trade_id and not self.account.doubt else None
        self.corrections = self.account.corrections

    def note_movements(self, last_movement_id: int) -> None:
        self._movement_id, self.movement_id = self.movement_id, last_movement_id

    def is_ahead(self, now: int) -> bool:
        """Whether custody knows of trades that the venue may tell of only later: its events come as late as that."""
        return self.report is not None and self.account.late_ns > now - self.report.occurred_ns

    def differing_assets(self) -> list[str] | None:
        """The assets of which custody and the venue had other amounts as of the same trade; None: that is not known."""
        report = self.report
        self.report = None
        if report is None or self.account.doubt or self.corrections != self.account.corrections:
            return None
        if self.movement_id != self._movement_id:
            return None  # One came between two answers: which of them the books have, nobody has told.
        left = self.account.amounts_as_of(report.last_trade_id, self.movement_id)
        if left is None:
            return None
        self.account.margin.add_moved_in(left)
        for holding in report.holdings:
            left[holding.asset] = left.get(holding.asset, 0) - holding.posted_minor - holding.pending_minor
        return [asset for asset, amount in left.items() if amount]

    def _compare(self, report: HoldingsReported) -> dict[str, int]:
        left = dict(self.account.amounts)
        self.account.margin.add_moved_in(left)
        for holding in report.holdings:
            left[holding.asset] = left.get(holding.asset, 0) - holding.posted_minor - holding.pending_minor
        return {asset: amount for asset, amount in left.items() if amount}
