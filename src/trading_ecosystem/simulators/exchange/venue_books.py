"""What a venue tells its custodian so that the books of both come out the same.

Rule 1: a profit in perpetuals is told once, as a movement in turn; the answer is kept for whoever asks again. What was
    told of a wallet is `settled_minor`: the wallet itself does not change by it.
Rule 2: what is told at once, of one asset, of everybody, of fees, of the fund and of what the venue paid in, is
    together what positions cost more than they did when it was told last.
"""

from typing import cast, final

from trading_ecosystem.messages.books import (
    BookEntry,
    BooksReported,
    Profit,
    ProfitSettled,
    ProfitsReported,
    QueryBooks,
    SettleProfits,
)
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.messages.transfers import MovementAnswered, MovementRefusal
from trading_ecosystem.simulators.exchange.accounts import FEES, Accounts
from trading_ecosystem.simulators.exchange.margin import Pool
from trading_ecosystem.simulators.exchange.matching import Matching
from trading_ecosystem.simulators.exchange.movements import Movements, content_of
from trading_ecosystem.simulators.exchange.positions import Purse

INSURANCE = "insurance"
EXTERNAL = "external"


@final
class VenueBooks:
    """`pools`: those of the perpetuals; empty where there are none."""

    __slots__ = ("_accounts", "_last", "_matching", "_movements", "_pools", "_venue")

    def __init__(
        self, venue: str, movements: Movements, accounts: Accounts, matching: Matching, pools: list[Pool]
    ) -> None:
        self._venue = venue
        self._movements = movements
        self._accounts = accounts
        self._matching = matching
        self._pools = pools
        self._last: tuple[Profit, ...] = ()  # Of the last movement, if it was one of profits.

    # Profits.

    def settle_profits(self, message: SettleProfits, now: int, out: list[Message]) -> None:
        content = content_of(message.movement_id, True, "", "", 0, 0)
        refusal = self._movements.turn_refusal(message.asker, content)
        if refusal is not MovementRefusal.NONE:
            out.append(
                MovementAnswered(
                    to=message.asker,
                    venue=self._venue,
                    movement_id=message.movement_id,
                    movement_refusal=refusal,
                    occurred_ns=now,
                )
            )
            return
        if self._movements.take_turn(content):
            self._last = tuple([each for pool in self._pools for each in take_profits(pool.purse)])
            for profit in self._last:
                self._tell(profit, message.movement_id, now, out)
        out.append(
            ProfitsReported(
                to=message.asker,
                venue=self._venue,
                movement_id=message.movement_id,
                profits=self._last,
                occurred_ns=now,
            )
        )

    def _tell(self, profit: Profit, movement_id: int, now: int, out: list[Message]) -> None:
        account = self._accounts.client(profit.account)
        if account is not None:
            out.append(
                ProfitSettled(
                    account=account.name,
                    venue=self._venue,
                    account_sequence=account.next_sequence(),
                    occurred_ns=now,
                    movement_id=movement_id,
                    asset=profit.asset,
                    amount_minor=profit.amount_minor,
                )
            )

    # Books.

    def report(self, query: QueryBooks, now: int) -> BooksReported:
        return BooksReported(
            to=query.asker,
            venue=self._venue,
            last_trade_id=self._matching.last_trade_id,
            last_movement_id=self._movements.last_id,
            entries=self.entries(),
            occurred_ns=now,
        )

    def entries(self) -> tuple[BookEntry, ...]:
        """What custody is to have: balances, and of margin wallets what was moved in or settled."""
        found: list[BookEntry] = []
        for name, account in self._accounts.by_name.items():
            for asset, funds in account.funds.items():
                amount_minor = funds.free_minor + funds.locked_minor
                for pool in self._pools:
                    if pool.purse.asset == asset:
                        wallet = pool.purse.wallets[account.number]
                        amount_minor += wallet.moved_in_minor + wallet.settled_minor
                        amount_minor += pool.purse.settled.fees_minor if name == FEES else 0
                if amount_minor:
                    found.append(BookEntry(account=name, asset=asset, amount_minor=amount_minor))
        for pool in self._pools:
            fund_minor = pool.purse.settled.fund_minor
            if fund_minor:
                found.append(BookEntry(account=INSURANCE, asset=pool.purse.asset, amount_minor=fund_minor))
        return tuple(found)

    # State.

    def save(self) -> Plain:
        """None where no profit was ever settled."""
        if not self._last and not any([pool.purse.settled.has_begun for pool in self._pools]):
            return None
        return {
            "last": [[each.account, each.asset, each.amount_minor] for each in self._last],
            "purses": [pool.purse.save_settled() for pool in self._pools],
        }

    def restore(self, state: Plain) -> None:
        self._last = ()
        if state is None:
            return
        assert isinstance(state, dict)
        self._last = tuple([profit_of(values) for values in state["last"]])
        for pool, saved in zip(self._pools, state["purses"], strict=True):
            pool.purse.restore_settled(cast(list[int], saved))


def take_profits(purse: Purse) -> list[Profit]:
    """What was gained since this was taken last, of whoever gained or lost anything."""
    settled = purse.settled
    settled.has_begun = True
    lines: list[tuple[str, int]] = [
        (EXTERNAL, settled.paid_in_minor - purse.paid_in_minor),
        (INSURANCE, purse.fund_minor - settled.fund_minor),
        (FEES, purse.fees_minor - settled.fees_minor),
    ]
    settled.paid_in_minor, settled.fund_minor = purse.paid_in_minor, purse.fund_minor
    settled.fees_minor = purse.fees_minor
    for wallet in purse.wallets:
        lines.append((wallet.account.name, wallet.amount_minor - wallet.moved_in_minor - wallet.settled_minor))
        wallet.settled_minor = wallet.amount_minor - wallet.moved_in_minor
    told = [Profit(account=name, asset=purse.asset, amount_minor=minor) for name, minor in lines if minor]
    assert sum([each.amount_minor for each in told]) == purse.costs_minor - settled.costs_minor
    settled.costs_minor = purse.costs_minor
    return told


def profit_of(values: Plain) -> Profit:
    account, asset, amount_minor = cast(list[object], values)
    return Profit(account=cast(str, account), asset=cast(str, asset), amount_minor=cast(int, amount_minor))
