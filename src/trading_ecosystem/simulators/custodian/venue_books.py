"""How the books of a venue and of the custodian are kept the same, and seen to be.

    profits     at the cut-off of each business day the venue is asked what everybody gained or lost in perpetuals since
                it was asked last. Each gain is one settlement instruction, from `clearing`; each loss one, to it.
    comparison  every so often the venue is asked what everybody has. Custody is what is posted and pending.

Rule 1: a question for profits is a movement, made once and in turn (`venue_moves.py`); the next is asked at a later
    cut-off, and not before the last was answered.
Rule 2: books are compared as of the same trade and the same movement, or asked for again.
Rule 3: `clearing` owes what the positions at the venue cost that custody was told of, and nothing else.
"""

from typing import cast, final

from trading_ecosystem.messages.books import BooksCompared, BooksReported, Break, ProfitsReported, QueryBooks
from trading_ecosystem.messages.message import Message
from trading_ecosystem.simulators.custodian.calendar import BusinessCalendar
from trading_ecosystem.simulators.custodian.config import CustodianConfig
from trading_ecosystem.simulators.custodian.ledger import CLEARING, EXTERNAL, TRANSIT, Ledger
from trading_ecosystem.simulators.custodian.settlement import SettlementDesk
from trading_ecosystem.simulators.custodian.venue_moves import Movement, VenueMoves

ASK_AGAIN_NS = 5_000_000_000
NOT_AT_A_VENUE = (EXTERNAL, TRANSIT, CLEARING)


@final
class VenueBooks:
    """Of one venue. Does nothing at all where the world asks for neither."""

    __slots__ = (
        "_calendar",
        "_compare_ns",
        "_config",
        "_desk",
        "_is_asked",
        "_ledger",
        "_moves",
        "_name",
        "_profits_ns",
        "_venue",
    )

    def __init__(
        self, name: str, venue: str, config: CustodianConfig, ledger: Ledger, desk: SettlementDesk, moves: VenueMoves
    ) -> None:
        self._name = name
        self._venue = venue
        self._config = config
        self._ledger = ledger
        self._desk = desk
        self._moves = moves
        self._calendar = BusinessCalendar(config.holidays)
        self._profits_ns = 0  # When to ask for profits next; 0 for never.
        self._compare_ns = 0  # When to ask for books next, for the first time or again; 0 for never.
        self._is_asked = False  # Books were asked for, and have not been compared.

    def start(self, now: int) -> None:
        """Go on where this was, or begin."""
        if self._config.settles_profits and not self._profits_ns:
            self._profits_ns = self._next_cut_off_ns(now)
        if self._config.compare_every_ns and not self._compare_ns:
            self._compare_ns = self._next_comparison_ns(now)

    def _next_cut_off_ns(self, now: int) -> int:
        return self._calendar.settlement_ns(now, 1, self._config.cut_off_ns)

    def _next_comparison_ns(self, now: int) -> int:
        every_ns = self._config.compare_every_ns
        return (now // every_ns + 1) * every_ns

    def next_ns(self) -> int:
        """0 for never."""
        times = [at_ns for at_ns in (self._profits_ns, self._compare_ns) if at_ns]
        return min(times, default=0)

    def do_due(self, now: int, out: list[Message]) -> None:
        if self._profits_ns and self._profits_ns <= now:
            self._profits_ns = self._next_cut_off_ns(now)
            if not self._moves.waits_for_profits():
                self._moves.add(Movement(0, True, "", "", 0), now, out)
        if self._compare_ns and self._compare_ns <= now:
            self._compare_ns, self._is_asked = now + ASK_AGAIN_NS, True
            out.append(QueryBooks(to=self._venue, asker=self._name))

    def take_profits(self, report: ProfitsReported, now: int, out: list[Message]) -> None:
        if not self._moves.answer_profits(report):
            return
        for profit in report.profits:
            out.append(self._desk.instruct_profit(report.venue, profit, now))
        self._moves.send(now, out)

    def compare(self, report: BooksReported, last_trade_id: int, now: int, out: list[Message]) -> None:
        """`last_trade_id`: all trades of the venue up to it are in these books, and no later one; 0: that is unknown.
        What is told as of another trade or movement is asked for again."""
        as_of = report.last_trade_id == last_trade_id and report.last_movement_id == self._moves.answered_id
        if report.venue != self._venue or not as_of or not self._is_asked:
            return
        self._is_asked = False
        self._compare_ns = self._next_comparison_ns(now)
        at_venue = {(entry.account, entry.asset): entry.amount_minor for entry in report.entries}
        compared = [*at_venue, *[line for line in self._lines() if line not in at_venue]]
        breaks: list[Break] = []
        for account, asset in compared:
            venue_minor, custody_minor = at_venue.get((account, asset), 0), self._ledger.expected_minor(account, asset)
            if venue_minor != custody_minor:
                line = Break(account=account, asset=asset, venue_minor=venue_minor, custody_minor=custody_minor)
                breaks.append(line)
        out.append(
            BooksCompared(
                custodian=self._name,
                venue=self._venue,
                last_trade_id=report.last_trade_id,
                last_movement_id=report.last_movement_id,
                entry_count=len(compared),
                breaks=tuple(breaks),
                occurred_ns=now,
            )
        )

    def _lines(self) -> list[tuple[str, str]]:
        """Accounts and assets of these books that a venue could have."""
        vaults = self._config.transfers.vaults
        return [line for line in self._ledger.lines() if line[0] not in NOT_AT_A_VENUE and line[0] not in vaults]

    def save(self) -> list[object]:
        return [self._profits_ns, self._compare_ns, self._is_asked]

    def restore(self, saved: list[object]) -> None:
        self._profits_ns, self._compare_ns = cast(int, saved[0]), cast(int, saved[1])
        self._is_asked = cast(bool, saved[2])
