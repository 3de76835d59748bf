"""The routes of an account's statement over REST, as JSON and as CSV: those of the venue and of the custodian.

Rule 1: a statement is whole or it is refused: nobody is handed a part that looks like all of it.
"""

import csv
import io
from asyncio import to_thread
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel

from trading_ecosystem.live.rest.access import Caller, Scope, TheCaller
from trading_ecosystem.live.rest.application import router
from trading_ecosystem.live.rest.guard import needs
from trading_ecosystem.live.rest.parameters import LATEST_NS, AccountInPath, Moment, moment_of
from trading_ecosystem.live.rest.problems import Trouble, unknown

MOST_LINES = 10_000
CSV = "text/csv"
Statement = TypeVar("Statement")
Told_co = TypeVar("Told_co", covariant=True)
Body = TypeVar("Body", bound=BaseModel)


class Statements(Protocol[Told_co]):
    def knows(self, account: str) -> bool: ...

    def statement(self, account: str, since_ns: int, until_ns: int, most: int) -> Told_co | None:
        """None where there are more lines than `most`."""


def statement_routes(
    statements: Statements[Statement],
    lines: str,
    body: type[Body],
    body_of: Callable[[Statement], Body],
    rows_of: Callable[[Body], Iterable[Iterable[object]]],
) -> APIRouter:
    """`lines`: the name of what a statement lists. `rows_of`: the table, its header first; nothing in it may be a text
    that a spreadsheet would take for a formula."""
    routes = router()

    @routes.get(
        "/accounts/{account}/statement",
        summary=f"All {lines} of an account in a period",
        response_model=body,
        **needs(Scope.READ),
    )
    async def as_json(
        account: AccountInPath, caller: TheCaller, since: Moment | None = None, until: Moment | None = None
    ) -> Body:
        return body_of(await ask(account, since, until, caller))

    @routes.get(
        "/accounts/{account}/statement.csv",
        summary="The same as a table",
        response_class=Response,
        **{**needs(Scope.READ), "responses": {**needs(Scope.READ)["responses"], 200: {"content": {CSV: {}}}}},
    )
    async def as_csv(
        account: AccountInPath, caller: TheCaller, since: Moment | None = None, until: Moment | None = None
    ) -> Response:
        table = rows_of(body_of(await ask(account, since, until, caller)))
        return Response(csv_of(table), media_type=CSV)

    async def ask(account: str, since: str | None, until: str | None, caller: Caller) -> Statement:
        caller.confine(account)
        if not statements.knows(account):
            raise unknown("account")
        since_ns, until_ns = moment_of(since, "since", 0), moment_of(until, "until", LATEST_NS)
        if since_ns > until_ns:
            raise Trouble(422, "invalid_until", "it ends before it begins", "/query/until")
        statement = await to_thread(statements.statement, account, since_ns, until_ns, MOST_LINES)
        if statement is None:
            raise Trouble(422, "too_long", f"it has more than {MOST_LINES} {lines}; ask for less of it", "/query/since")
        return statement

    return routes


def csv_of(rows: Iterable[Iterable[object]]) -> str:
    page = io.StringIO()
    csv.writer(page, lineterminator="\r\n").writerows(rows)
    return page.getvalue()
