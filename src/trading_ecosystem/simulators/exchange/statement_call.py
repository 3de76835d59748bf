"""Statements of an account at the venue over gRPC: amounts in minor units, times in ns."""

from asyncio import to_thread
from typing import Any, final

from trading_ecosystem.live.access import Access
from trading_ecosystem.live.door import RefusalCode, Refused
from trading_ecosystem.live.rest.parameters import LATEST_NS
from trading_ecosystem.simulators.exchange.statement_store import Statement, Statements
from trading_ecosystem.simulators.statement_routes import MOST_LINES
from trading_ecosystem.wire.exchange.v1 import exchange_pb2 as wire


@final
class StatementCall:
    def __init__(self, statements: Statements, access: Access) -> None:
        self._statements = statements
        self._access = access

    async def answer(self, request: Any, caller: str) -> Any:
        """Raises `Refused`: NOT_FOUND for an account that is not the caller's to see, INVALID for a period that ends
        before it begins, TOO_LARGE for one with more movements than one answer holds."""
        account, since_ns, until_ns = request.account, request.since_ns, request.until_ns or LATEST_NS
        if account not in self._access.sees.get(caller, frozenset()) or not self._statements.knows(account):
            raise Refused(RefusalCode.NOT_FOUND, "no such account", "account")
        if not 0 <= since_ns <= until_ns:
            raise Refused(RefusalCode.INVALID, "the period ends before it begins", "until_ns")
        found = await to_thread(self._statements.statement, account, since_ns, until_ns, MOST_LINES)
        if found is None:
            detail = f"it has more than {MOST_LINES} movements; ask for less of it"
            raise Refused(RefusalCode.TOO_LARGE, detail, "since_ns")
        return response_of(found)


def response_of(found: Statement) -> Any:
    return wire.GetStatementResponse(
        account=found.account,
        wallets=[
            wire.StatementWallet(
                wallet=wallet.value,
                asset=asset,
                opening_minor=found.opening[wallet, asset],
                closing_minor=closing_minor,
            )
            for (wallet, asset), closing_minor in found.closing.items()
        ],
        movements=[
            wire.StatementMovement(
                occurred_ns=line.occurred_ns,
                number=line.number,
                kind=line.kind.value,
                wallet=line.wallet.value,
                symbol=line.symbol,
                asset=line.asset,
                amount_minor=line.amount_minor,
            )
            for line in found.lines
        ],
    )
