"""Which sub-accounts an account has, over REST. Each has balances, orders and trades of its own, at the same routes."""

from collections.abc import Mapping

from fastapi import APIRouter
from pydantic import BaseModel

from trading_ecosystem.configuration.sub_accounts import sub_accounts_of
from trading_ecosystem.live.rest.access import Scope, TheCaller
from trading_ecosystem.live.rest.application import router
from trading_ecosystem.live.rest.guard import needs
from trading_ecosystem.live.rest.parameters import AccountInPath
from trading_ecosystem.live.rest.problems import unknown


class SubAccountsBody(BaseModel):
    """None where `account` is no master; whose sub-account it is itself, it is not told."""

    account: str
    sub_accounts: list[str]


def sub_account_routes(masters: Mapping[str, str], accounts: frozenset[str]) -> APIRouter:
    """`masters`: of each sub-account. `accounts`: all that the venue keeps."""
    routes = router()

    @routes.get("/accounts/{account}/sub-accounts", summary="The sub-accounts of an account", **needs(Scope.READ))
    async def sub_accounts(account: AccountInPath, caller: TheCaller) -> SubAccountsBody:
        caller.confine(account)
        if account not in accounts:
            raise unknown("account")
        return SubAccountsBody(account=account, sub_accounts=sub_accounts_of(account, masters))

    return routes
