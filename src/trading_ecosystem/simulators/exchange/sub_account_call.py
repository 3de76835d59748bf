"""Which sub-accounts an account has, over gRPC."""

from collections.abc import Mapping
from typing import Any, final

from trading_ecosystem.configuration.sub_accounts import sub_accounts_of
from trading_ecosystem.live.access import Access
from trading_ecosystem.live.door import RefusalCode, Refused
from trading_ecosystem.wire.exchange.v1 import exchange_pb2 as wire


@final
class SubAccountCall:
    """`masters`: of each sub-account."""

    def __init__(self, masters: Mapping[str, str], access: Access) -> None:
        self._masters = masters
        self._access = access

    async def answer(self, request: Any, caller: str) -> Any:
        """Raises `Refused`: NOT_FOUND for an account that is not the caller's to see."""
        account = request.account
        if account not in self._access.sees.get(caller, frozenset()):
            raise Refused(RefusalCode.NOT_FOUND, "no such account", "account")
        return wire.GetSubAccountsResponse(account=account, sub_accounts=sub_accounts_of(account, self._masters))
