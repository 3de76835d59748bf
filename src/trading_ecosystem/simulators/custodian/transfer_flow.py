"""A transfer on its way: what is moved when, by the ledger and by the venue, and what is told of it.

Rule 1: a transfer moves by its table, in two ledger transactions, each posted once (`transfers.py`).
Rule 2: a venue debits before anything leaves custody, and credits before the transfer is over; each movement is made
once (`venue_moves.py`). So venue and custody differ by the movements that are on their way, and by nothing else.
Rule 3: what could not be done has moved nothing: what was in transit goes back to where it came from.
Rule 4: what is obstructed (`obstruction.py`) stays in transit until it may go on.
"""

from heapq import heappop, heappush
from typing import Final, cast, final

from trading_ecosystem.messages.custody import Posting
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.transfers import (
    MovementAnswered,
    MovementRefusal,
    TransferChanged,
    TransferKind,
    TransferPosted,
    TransferStatus,
)
from trading_ecosystem.simulators.custodian.controls import Controls
from trading_ecosystem.simulators.custodian.ledger import TRANSIT, Ledger, Transaction
from trading_ecosystem.simulators.custodian.obstruction import NEVER, Obstruction
from trading_ecosystem.simulators.custodian.transfer_config import TransferConfig
from trading_ecosystem.simulators.custodian.transfers import (
    ENDED_WITHOUT_MOVING,
    Transfer,
    TransferEvent,
    restored,
)
from trading_ecosystem.simulators.custodian.venue_moves import Movement, VenueMoves

TRY_AGAIN_NS: Final = 60_000_000_000  # When custody does not have yet what the venue has given up.


@final
class TransferFlow:
    """`open`: the transfers that are not over, by id."""

    __slots__ = (
        "_config",
        "_controls",
        "_in_transit",
        "_ledger",
        "_name",
        "_obstruction",
        "_queue",
        "moves",
        "open",
    )

    def __init__(
        self,
        name: str,
        config: TransferConfig,
        ledger: Ledger,
        controls: Controls,
        obstruction: Obstruction,
        venue: str,
    ) -> None:
        self._name = name
        self._config = config
        self._ledger = ledger
        self._controls = controls
        self._obstruction = obstruction
        self._in_transit: dict[str, int] = {}  # Asset -> minor units of all transfers between their two steps.
        self._queue: list[tuple[int, int]] = []  # A heap of (due_ns, transfer_id).
        self.open: dict[int, Transfer] = {}
        self.moves = VenueMoves(name, venue)

    def clear(self, transfer: Transfer, operator: str, now: int, out: list[Message]) -> None:
        """Nobody need say anything more."""
        if transfer.usable_ns > now:
            self.change(transfer, TransferEvent.WAS_TOO_NEW, operator, now, out)
            self.wait_until(transfer, transfer.usable_ns)
            return
        outside_ns = self._config.confirmation_of(transfer.asset) if transfer.kind is TransferKind.WITHDRAWAL else 0
        transfer.expected_ns = now + outside_ns + self._config.allowance_ns
        self.change(transfer, TransferEvent.CLEARED, operator, now, out)
        transfer.due_ns = 0
        if self.is_at_venue(transfer.debit_account):
            self._have_moved(transfer, False, now, out)
        else:
            self._take(transfer, now, out)

    def _take(self, transfer: Transfer, now: int, out: list[Message]) -> None:
        """The first step; if custody does not have it yet, a little later."""
        assert transfer.reserved is not None
        if self._ledger.short_account(transfer.reserved):
            self.wait_until(transfer, now + TRY_AGAIN_NS)
            return
        self._post(transfer, transfer.reserved, transfer.debit_movement_id, now, out)
        transfer.reserved, transfer.in_transit = None, True
        self._add_in_transit(transfer, transfer.amount_minor)
        self._go_on(transfer, now, out)

    def _go_on(self, transfer: Transfer, now: int, out: list[Message]) -> None:
        """From `transit`, to where it is to go."""
        at_ns = transfer.due_ns or now
        transfer.due_ns = 0
        transfer.stopped = self._obstruction.stops(transfer.kind) and self._obstruction.opens_ns(at_ns) != at_ns
        if transfer.stopped:
            self._hold_up(transfer, at_ns, now, out)
        elif transfer.kind is TransferKind.WITHDRAWAL:
            self.change(transfer, TransferEvent.LEFT, "", now, out)
            self.wait_until(transfer, now + self._config.confirmation_of(transfer.asset))
        elif self.is_at_venue(transfer.credit_account):
            self._have_moved(transfer, True, now, out)
        else:
            self._give(transfer, 0, now, out)

    def _hold_up(self, transfer: Transfer, at_ns: int, now: int, out: list[Message]) -> None:
        """It stays in transit, to its time if there is one; that is told as soon as it is to be."""
        opens_ns, told_ns = self._obstruction.opens_ns(at_ns), self._obstruction.told_ns()
        if opens_ns == NEVER:
            return
        if told_ns <= now:
            allowed_ns = self._config.confirmation_of(transfer.asset) + self._config.allowance_ns
            transfer.expected_ns = opens_ns + allowed_ns
            self.change(transfer, TransferEvent.DELAYED, "", now, out)
            self.wait_until(transfer, opens_ns)
        else:
            self.wait_until(transfer, min(opens_ns, told_ns))

    def _give(self, transfer: Transfer, movement_id: int, now: int, out: list[Message]) -> None:
        """The second step, and the last."""
        self._move_out_of_transit(transfer, transfer.credit_account, movement_id, now, out)
        self.end(transfer, TransferEvent.DONE, "", now, out)

    def _confirm(self, transfer: Transfer, now: int, out: list[Message]) -> None:
        """It is final outside."""
        if transfer.kind is TransferKind.WITHDRAWAL:
            self._give(transfer, 0, now, out)
        else:
            self.change(transfer, TransferEvent.CONFIRMED, "", now, out)
            self._take(transfer, now, out)

    # The venue.

    def take_answer(self, answer: MovementAnswered, now: int, out: list[Message]) -> None:
        movement = self.moves.answer(answer)
        if movement is None:
            return
        transfer = self.open[movement.transfer_id]
        refusal = answer.movement_refusal
        if refusal is not MovementRefusal.NONE:
            if movement.is_credit:
                self._move_out_of_transit(transfer, transfer.debit_account, 0, now, out)
            self.end(transfer, TransferEvent.BROKE, "", now, out, refusal)
        elif movement.is_credit:
            self._give(transfer, answer.movement_id, now, out)
        else:
            transfer.debit_movement_id = answer.movement_id
            covered_ns = self.reserve(transfer, now)
            if covered_ns > now:
                transfer.expected_ns += covered_ns - now
                self.change(transfer, TransferEvent.DELAYED, "", now, out)
                self.wait_until(transfer, covered_ns)
            else:
                self._take(transfer, now, out)
        self.moves.send(now, out)

    def _have_moved(self, transfer: Transfer, is_credit: bool, now: int, out: list[Message]) -> None:
        account = transfer.credit_account if is_credit else transfer.debit_account
        movement = Movement(transfer.transfer_id, is_credit, account, transfer.asset, transfer.amount_minor)
        self.moves.add(movement, now, out)

    # Time.

    def do_due(self, now: int, out: list[Message]) -> None:
        if self.moves.next_ns() and self.moves.next_ns() <= now:
            self.moves.send(now, out)
        while self._queue and self._queue[0][0] <= now:
            due_ns, transfer_id = heappop(self._queue)
            transfer = self.open.get(transfer_id)
            if transfer is not None and transfer.due_ns == due_ns:
                self._do(transfer, now, out)

    def _do(self, transfer: Transfer, now: int, out: list[Message]) -> None:
        if transfer.status is TransferStatus.AWAITING_APPROVAL:
            self.end(transfer, TransferEvent.TIMED_OUT, "", now, out)
        elif transfer.status is TransferStatus.HELD:
            self.clear(transfer, "", now, out)
        elif transfer.status is TransferStatus.CONFIRMING:
            self._confirm(transfer, now, out)
        elif transfer.in_transit:
            self._go_on(transfer, now, out)
        else:
            self._take(transfer, now, out)

    def next_ns(self) -> int:
        """When something is due next; 0 for never."""
        times = [at_ns for at_ns in (self._queue[0][0] if self._queue else 0, self.moves.next_ns()) if at_ns]
        return min(times, default=0)

    def thaw(self, now: int) -> None:
        """Nothing is obstructed any more: what stayed in transit goes on now."""
        for transfer in self.open.values():
            if transfer.stopped:
                self.wait_until(transfer, now)

    def wait_until(self, transfer: Transfer, due_ns: int) -> None:
        transfer.due_ns = due_ns
        heappush(self._queue, (due_ns, transfer.transfer_id))

    # What is told, and the ledger.

    def change(
        self,
        transfer: Transfer,
        event: TransferEvent,
        operator: str,
        now: int,
        out: list[Message],
        refusal: MovementRefusal = MovementRefusal.NONE,
    ) -> None:
        transfer.take(event)
        out.append(
            TransferChanged(
                custodian=self._name,
                transfer_id=transfer.transfer_id,
                request_id=transfer.request_id,
                change_number=transfer.change_count,
                transfer_status=transfer.status,
                operator=operator,
                movement_refusal=refusal,
                expected_ns=transfer.expected_ns,
                occurred_ns=now,
            )
        )

    def end(
        self,
        transfer: Transfer,
        event: TransferEvent,
        operator: str,
        now: int,
        out: list[Message],
        refusal: MovementRefusal = MovementRefusal.NONE,
    ) -> None:
        self.change(transfer, event, operator, now, out, refusal)
        assert not transfer.in_transit
        if transfer.reserved is not None:
            if event is TransferEvent.TIMED_OUT:
                self._ledger.expire(transfer.reserved)
            else:
                self._ledger.void(transfer.reserved)
            transfer.reserved = None
        if transfer.status in ENDED_WITHOUT_MOVING and transfer.kind is TransferKind.WITHDRAWAL:
            owner = self._config.owner(transfer.debit_account)
            self._controls.discount(owner, transfer.asset, transfer.transfer_id)
        del self.open[transfer.transfer_id]

    def reserve(self, transfer: Transfer, now: int) -> int:
        """Make the first step pending. Returns when all will be there that it relies on."""
        transaction = self._transaction(transfer, transfer.debit_account, TRANSIT)
        covered_ns = self._ledger.relies_until_ns(transaction)
        self._ledger.pend(transaction, now)
        transfer.reserved = transaction
        return covered_ns

    def _move_out_of_transit(
        self, transfer: Transfer, account: str, movement_id: int, now: int, out: list[Message]
    ) -> None:
        transaction = self._transaction(transfer, TRANSIT, account)
        self._ledger.pend(transaction, now)
        self._post(transfer, transaction, movement_id, now, out)
        transfer.in_transit = False
        self._add_in_transit(transfer, -transfer.amount_minor)

    def _transaction(self, transfer: Transfer, debit_account: str, credit_account: str) -> Transaction:
        posting = Posting(
            debit_account=debit_account,
            credit_account=credit_account,
            asset=transfer.asset,
            amount_minor=transfer.amount_minor,
        )
        return self._ledger.transaction((posting,))

    def _post(
        self, transfer: Transfer, transaction: Transaction, movement_id: int, now: int, out: list[Message]
    ) -> None:
        out.append(
            TransferPosted(
                custodian=self._name,
                transaction_id=self._ledger.post(transaction),
                transfer_id=transfer.transfer_id,
                movement_id=movement_id,
                postings=transaction.postings,
                occurred_ns=now,
            )
        )

    def _add_in_transit(self, transfer: Transfer, amount_minor: int) -> None:
        """What is in transit is what the open transfers have there, always."""
        asset = transfer.asset
        self._in_transit[asset] = self._in_transit.get(asset, 0) + amount_minor
        assert self._ledger.posted_minor(TRANSIT, asset) == self._in_transit[asset] >= 0

    def is_at_venue(self, account: str) -> bool:
        return self._ledger.is_customer(account)

    # State.

    def save(self) -> list[object]:
        return [[transfer.save() for transfer in self.open.values()], self.moves.save()]

    def restore(self, saved: list[object]) -> None:
        """Take over what `save` returned, once the ledger has been restored."""
        transfers, moves = saved
        self.open, self._queue, self._in_transit = {}, [], {}
        for values in cast(list[list[object]], transfers):
            transfer, is_reserved = restored(values)
            self.open[transfer.transfer_id] = transfer
            if is_reserved:
                self.reserve(transfer, 0)
            if transfer.in_transit:
                amount_minor = self._in_transit.get(transfer.asset, 0) + transfer.amount_minor
                self._in_transit[transfer.asset] = amount_minor
            if transfer.due_ns:
                heappush(self._queue, (transfer.due_ns, transfer.transfer_id))
        for asset, amount_minor in self._in_transit.items():
            assert self._ledger.posted_minor(TRANSIT, asset) == amount_minor
        self.moves.restore(cast(list[object], moves))
