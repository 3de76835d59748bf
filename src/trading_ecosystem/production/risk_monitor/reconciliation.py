"""What the custodian reports, held against what the firm believes that its accounts have."""

from typing import final

from trading_ecosystem.messages.accounts import HoldingsReported
from trading_ecosystem.messages.custody import SettlementsReported
from trading_ecosystem.messages.transfers import TransfersReported
from trading_ecosystem.production.risk_monitor.accounts import Custody
from trading_ecosystem.production.risk_monitor.bookkeeping import Bookkeeping
from trading_ecosystem.production.risk_monitor.doubts import Doubts
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.questions import Questions
from trading_ecosystem.production.risk_monitor.rulebook import Rulebook

CustodyReport = HoldingsReported | SettlementsReported | TransfersReported


@final
class Reconciliation:
    """Of all accounts, by name."""

    __slots__ = ("_books", "_custodian", "_custodies", "_doubts", "_outbox", "_questions", "_rulebook")

    def __init__(
        self,
        custodian: str,
        custodies: dict[str, Custody],
        books: Bookkeeping,
        rulebook: Rulebook,
        questions: Questions,
        doubts: Doubts,
        outbox: Outbox,
    ) -> None:
        self._custodian, self._custodies, self._books = custodian, custodies, books
        self._rulebook, self._questions, self._doubts, self._outbox = rulebook, questions, doubts, outbox

    def take(self, report: CustodyReport, now: int) -> None:
        if report.custodian != self._custodian:
            return
        if isinstance(report, HoldingsReported):
            self._take_holdings(report, now)
        else:
            self._take_owed(report, now)

    def _take_owed(self, report: SettlementsReported | TransfersReported, now: int) -> None:
        """What is overdue may never come, and what rests on it is not certain."""
        owed = self._rulebook.owed()
        if isinstance(report, SettlementsReported):
            settlements = self._rulebook.settlements.get(report.account)
            if settlements is not None:
                settlements.check(report, now, self._outbox)
        else:
            transfers = self._rulebook.transfers.get(report.account)
            if transfers is not None:
                self._custodies[report.account].note_movements(report.last_movement_id)
                transfers.check(report, now, self._outbox)
                self._take_moving(report, now)
        if self._rulebook.owed() != owed:
            self._doubts.changed = True

    def _take_moving(self, report: TransfersReported, now: int) -> None:
        settling = self._rulebook.firm.settling
        if settling is not None:
            settling.take_transfers(report, now)
            self._rulebook.firm.judge_settling(min(report.occurred_ns, now), now, self._outbox)
            self._doubts.changed = True

    def compare(self, now: int) -> None:
        """With the reports that were asked for last: what the venue had said before has come by now, or it is asked."""
        settling = self._rulebook.firm.settling
        if settling is not None:
            settling.look(now)
            self._doubts.changed = True
        for custody in self._custodies.values():
            if custody.is_ahead(now):
                self._ask_venue(custody, now)
                continue
            report = custody.report
            differing = custody.differing_assets()
            if report is not None and differing is not None:
                at_ns = min(report.occurred_ns, now)
                self._rulebook.check_books(custody.account, differing, at_ns, now, self._outbox)

    def _ask_venue(self, custody: Custody, now: int) -> None:
        """It may have said what custody knows already: this report is compared with nothing."""
        custody.report = None
        if not custody.account.asked:
            self._questions.about_account(custody.account, now)

    def _take_holdings(self, report: HoldingsReported, now: int) -> None:
        custody = self._custodies.get(report.account)
        if custody is None:
            return
        rule = self._rulebook.sanities.get(report.account)
        if rule is not None and rule.is_told and custody.sides_with_venue(report):
            self._books.side_with_venue(custody.account, report.occurred_ns, now)
        custody.take(report)
        custody.keep(report)
        settling = self._rulebook.firm.settling
        if settling is not None:
            settling.take_holdings(report, custody.disputed, now)
            self._rulebook.firm.judge_settling(min(report.occurred_ns, now), now, self._outbox)
        self._doubts.changed = True
        if custody.asked:
            self._questions.later(now)
