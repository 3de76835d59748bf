"""What the custodian answers to whoever asks about transfers."""

from trading_ecosystem.messages.transfers import QueryTransfers, Transfer, TransfersReported
from trading_ecosystem.simulators.custodian.transfer_flow import TransferFlow

MOST_TOLD = 100  # Transfers in one report.


def report_transfers(custodian: str, flow: TransferFlow, question: QueryTransfers, now: int) -> TransfersReported:
    """The open transfers to and from the account, oldest first."""
    found = [each for each in flow.open.values() if question.account in (each.debit_account, each.credit_account)]
    return TransfersReported(
        to=question.asker,
        custodian=custodian,
        account=question.account,
        transfers=tuple(
            [
                Transfer(
                    transfer_id=each.transfer_id,
                    request_id=each.request_id,
                    transfer_kind=each.kind,
                    debit_account=each.debit_account,
                    credit_account=each.credit_account,
                    asset=each.asset,
                    amount_minor=each.amount_minor,
                    transfer_status=each.status,
                    expected_ns=each.expected_ns,
                )
                for each in found[:MOST_TOLD]
            ]
        ),
        open_count=len(found),
        last_movement_id=flow.moves.answered_id,
        occurred_ns=now,
    )
