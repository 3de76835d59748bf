"""The desk's treasury: keeps what the desk has at the venue between a floor and a ceiling, by transfers.

Rule 1: it asks the custodian what is on its way before it asks for more: one transfer of an asset at a time.
Rule 2: a request is named after its asset and its moment, so that whoever repeats it asks for nothing more.
"""

from typing import Final, final

from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.transfers import (
    QueryTransfers,
    RequestTransfer,
    RequestWithdrawal,
    TransfersReported,
)
from trading_ecosystem.production.trading_engine.config import KeepConfig, TreasuryConfig
from trading_ecosystem.production.trading_engine.desk import Positions
from trading_ecosystem.production.trading_engine.venue import NEVER

SECOND_NS: Final = 1_000_000_000


@final
class Treasury:
    """`account`: the desk's, at its venue."""

    __slots__ = ("_account", "_asking", "_config", "_name", "_next_ns", "_positions")

    def __init__(self, name: str, account: str, config: TreasuryConfig, positions: Positions) -> None:
        self._name = name
        self._account = account
        self._config = config
        self._positions = positions
        self._next_ns = NEVER
        self._asking = False

    def start(self, now: int) -> None:
        self._next_ns = (now // self._config.every_ns + 1) * self._config.every_ns

    def due_ns(self) -> int:
        return self._next_ns

    def look(self, now: int, trusted: bool, out: list[Message]) -> None:
        """When it is time, ask what is on its way. Who is not sure of its positions does not."""
        if now < self._next_ns:
            return
        self.start(now)
        self._asking = trusted
        if trusted:
            out.append(QueryTransfers(to=self._config.custodian, asker=self._name, account=self._account))

    def take(self, report: TransfersReported, now: int, out: list[Message]) -> None:
        if not self._asking or report.account != self._account or report.custodian != self._config.custodian:
            return
        self._asking = False
        moving = [transfer.asset for transfer in report.transfers]
        for keep in self._config.keeps:
            if keep.asset not in moving:
                self._balance(keep, now, out)

    def _balance(self, keep: KeepConfig, now: int, out: list[Message]) -> None:
        has_minor = self._positions.total_minor(keep.asset)
        if has_minor > keep.ceiling_minor:
            out.append(self._send(keep, min(has_minor - keep.keep_minor, keep.most_minor), now))
        elif has_minor < keep.floor_minor:
            out.append(self._fetch(keep, min(keep.keep_minor - has_minor, keep.most_minor), now))

    def _send(self, keep: KeepConfig, amount_minor: int, now: int) -> Message:
        if not keep.bank:
            return self._between(keep, self._account, keep.vault, amount_minor, now)
        return RequestWithdrawal(
            to=self._config.custodian,
            request_id=self._request_id(keep, now),
            operator=self._name,
            account=self._account,
            asset=keep.asset,
            amount_minor=amount_minor,
            destination=keep.bank,
        )

    def _fetch(self, keep: KeepConfig, amount_minor: int, now: int) -> Message:
        return self._between(keep, keep.vault, self._account, amount_minor, now)

    def _between(self, keep: KeepConfig, account: str, credit_account: str, amount_minor: int, now: int) -> Message:
        return RequestTransfer(
            to=self._config.custodian,
            request_id=self._request_id(keep, now),
            operator=self._name,
            account=account,
            asset=keep.asset,
            amount_minor=amount_minor,
            credit_account=credit_account,
        )

    def _request_id(self, keep: KeepConfig, now: int) -> str:
        return f"{self._account}.{keep.asset}.{now // SECOND_NS}"
