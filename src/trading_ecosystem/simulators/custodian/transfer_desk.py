"""Requests for transfers, and the decisions about them: who may have what moved where.

Rule 1: a request id means one content for ever; the same again has no second effect.
Rule 2: who approves approves of one content, by its digest, and never of their own request.
"""

from typing import Final, cast, final

from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.transfers import (
    AllowDestination,
    ApproveTransfer,
    CancelTransfer,
    DestinationAllowed,
    RejectTransfer,
    RequestDeposit,
    RequestTransfer,
    RequestWithdrawal,
    TransferApproved,
    TransferKind,
    TransferRefusal,
    TransferRefused,
    TransferRequested,
)
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.custodian.controls import Controls
from trading_ecosystem.simulators.custodian.ledger import EXTERNAL, Ledger
from trading_ecosystem.simulators.custodian.obstruction import Obstruction
from trading_ecosystem.simulators.custodian.transfer_config import TransferConfig
from trading_ecosystem.simulators.custodian.transfer_flow import TransferFlow
from trading_ecosystem.simulators.custodian.transfer_requests import Decision, Requests
from trading_ecosystem.simulators.custodian.transfers import Transfer, TransferEvent

Request = RequestDeposit | RequestWithdrawal | RequestTransfer
COMMANDS: Final = (
    *(RequestDeposit, RequestWithdrawal, RequestTransfer),
    *(ApproveTransfer, RejectTransfer, CancelTransfer, AllowDestination),
)


@final
class TransferDesk:
    """`flow` has the transfers that are not over. Of all others it is known which request ids they had."""

    __slots__ = ("_config", "_controls", "_count", "_known", "_name", "_requests", "flow")

    def __init__(
        self,
        name: str,
        config: TransferConfig,
        reference: ReferenceData,
        ledger: Ledger,
        obstruction: Obstruction,
        venue: str,
    ) -> None:
        self._name = name
        self._config = config
        self._controls = Controls(config)
        self._requests = Requests(config, list(reference.assets), ledger, self._controls)
        self.flow = TransferFlow(name, config, ledger, self._controls, obstruction, venue)
        self._count = 0
        self._known: dict[str, list[object]] = {}  # Request id -> transfer id and digest.

    # Commands.

    def handle(self, command: Message, now: int, out: list[Message]) -> None:
        if isinstance(command, (RequestDeposit, RequestWithdrawal, RequestTransfer)):
            self._request(command, now, out)
        elif isinstance(command, AllowDestination):
            self._allow(command, now, out)
        else:
            assert isinstance(command, (ApproveTransfer, RejectTransfer, CancelTransfer))
            self._decide(command, now, out)

    def _request(self, command: Request, now: int, out: list[Message]) -> None:
        transfer = transfer_of(command, self._count + 1)
        known = self._known.get(command.request_id)
        if known is not None and known[1] == transfer.digest:
            return  # It was taken before, and what became of it was told.
        refusal: TransferRefusal | None
        if not self._config.offered:
            refusal = TransferRefusal.NOT_OFFERED
        elif known is not None:
            refusal = TransferRefusal.REQUEST_ID_REUSED
        else:
            refusal = self._requests.refusal(transfer, now)
        if refusal is not None:
            self._refuse(command.request_id, command.operator, refusal, now, out)
            return
        self._accept(transfer, now, out)

    def _accept(self, transfer: Transfer, now: int, out: list[Message]) -> None:
        self._count += 1
        self._known[transfer.request_id] = [transfer.transfer_id, transfer.digest]
        self.flow.open[transfer.transfer_id] = transfer
        transfer.approvals_needed = self._requests.approvals_needed(transfer)
        out.append(
            TransferRequested(
                custodian=self._name,
                transfer_id=transfer.transfer_id,
                request_id=transfer.request_id,
                operator=transfer.operator,
                transfer_kind=transfer.kind,
                debit_account=transfer.debit_account,
                credit_account=transfer.credit_account,
                place=transfer.place,
                asset=transfer.asset,
                amount_minor=transfer.amount_minor,
                approvals_needed=transfer.approvals_needed,
                digest=transfer.digest,
                occurred_ns=now,
            )
        )
        if not self.flow.is_at_venue(transfer.debit_account):
            self.flow.reserve(transfer, now)
        if transfer.kind is TransferKind.DEPOSIT:
            confirmed_ns = now + self._config.confirmation_of(transfer.asset)
            transfer.expected_ns = confirmed_ns + self._config.allowance_ns
            self.flow.change(transfer, TransferEvent.ANNOUNCED, "", now, out)
            self.flow.wait_until(transfer, confirmed_ns)
            return
        if transfer.kind is TransferKind.WITHDRAWAL:
            owner = self._config.owner(transfer.debit_account)
            transfer.usable_ns = self._controls.usable_ns(owner, transfer.place) or 0
            self._controls.count(owner, transfer.asset, transfer.transfer_id, transfer.amount_minor, now)
        if transfer.approvals_needed:
            self.flow.change(transfer, TransferEvent.NEEDED_APPROVAL, "", now, out)
            self.flow.wait_until(transfer, now + self._config.approvals.within_ns)
        else:
            self.flow.clear(transfer, "", now, out)

    def _decide(self, command: Decision, now: int, out: list[Message]) -> None:
        known = self._known.get(command.request_id)
        transfer = None if known is None else self.flow.open.get(cast(int, known[0]))
        if not self._config.offered:
            refusal: TransferRefusal | None = TransferRefusal.NOT_OFFERED
        elif known is None:
            refusal = TransferRefusal.UNKNOWN_REQUEST
        else:
            refusal = self._requests.decision_refusal(command, transfer)
        if refusal is not None or transfer is None:
            assert refusal is not None, "nothing can be decided about what is over"
            self._refuse(command.request_id, command.operator, refusal, now, out)
        elif isinstance(command, CancelTransfer):
            self.flow.end(transfer, TransferEvent.TAKEN_BACK, command.operator, now, out)
        elif isinstance(command, RejectTransfer):
            self.flow.end(transfer, TransferEvent.REFUSED, command.operator, now, out)
        else:
            self._approve(transfer, command.operator, now, out)

    def _approve(self, transfer: Transfer, operator: str, now: int, out: list[Message]) -> None:
        transfer.approved_by.append(operator)
        out.append(
            TransferApproved(
                custodian=self._name,
                transfer_id=transfer.transfer_id,
                request_id=transfer.request_id,
                operator=operator,
                approvals_missing=transfer.approvals_missing,
                occurred_ns=now,
            )
        )
        if transfer.approvals_missing == 0:
            self.flow.clear(transfer, operator, now, out)

    def _allow(self, command: AllowDestination, now: int, out: list[Message]) -> None:
        owner = self._config.owner(command.account)
        refusal = None
        if not self._config.offered:
            refusal = TransferRefusal.NOT_OFFERED
        elif not self._requests.is_account(command.account):
            refusal = TransferRefusal.UNKNOWN_ACCOUNT
        elif self._controls.usable_ns(owner, command.destination) is not None:
            refusal = TransferRefusal.ALREADY_ALLOWED
        if refusal is not None:
            self._refuse("", command.operator, refusal, now, out)
            return
        out.append(
            DestinationAllowed(
                custodian=self._name,
                operator=command.operator,
                owner=owner,
                destination=command.destination,
                usable_ns=self._controls.allow(owner, command.destination, now),
                occurred_ns=now,
            )
        )

    def _refuse(self, request_id: str, operator: str, refusal: TransferRefusal, now: int, out: list[Message]) -> None:
        out.append(
            TransferRefused(
                custodian=self._name,
                request_id=request_id,
                operator=operator,
                transfer_refusal=refusal,
                occurred_ns=now,
            )
        )

    # State.

    def save(self) -> list[object]:
        known = {request_id: list(each) for request_id, each in self._known.items()}
        return [self._count, known, self._controls.save(), self.flow.save()]

    def restore(self, saved: list[object]) -> None:
        """Take over what `save` returned, once the ledger has been restored."""
        count, known, controls, flow = saved
        self._count = cast(int, count)
        self._known = {request_id: list(each) for request_id, each in cast(dict[str, list[object]], known).items()}
        self._controls.restore(cast(list[object], controls))
        self.flow.restore(cast(list[object], flow))


def transfer_of(command: Request, transfer_id: int) -> Transfer:
    if isinstance(command, RequestDeposit):
        kind, debit_account, credit_account, place = TransferKind.DEPOSIT, EXTERNAL, command.account, command.source
    elif isinstance(command, RequestWithdrawal):
        kind, debit_account, credit_account = TransferKind.WITHDRAWAL, command.account, EXTERNAL
        place = command.destination
    else:
        kind, debit_account, credit_account = TransferKind.INTERNAL, command.account, command.credit_account
        place = ""
    return Transfer(
        transfer_id,
        command.request_id,
        command.operator,
        kind,
        debit_account,
        credit_account,
        place,
        command.asset,
        command.amount_minor,
    )
