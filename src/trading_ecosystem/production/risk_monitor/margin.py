"""What an account has at the venue for perpetual futures: margin wallets and positions.

Rule 1: what the venue says of a wallet or a position is the truth; a change of it counts once, in the account's order.
Rule 2: the custodian knows only what was moved, and what was settled of profits: wallets less what they gained or lost
since belong to the balances there.
"""

from typing import final

from trading_ecosystem.messages.accounts import AccountReported
from trading_ecosystem.messages.books import ProfitSettled
from trading_ecosystem.messages.perpetuals import LossCovered, MarginMoved, PositionChanged

FLAT = (0, 0)


@final
class Margin:
    """Of one account. `wallets` and `moved_in` are by asset, `positions` (lots and cost) by symbol."""

    __slots__ = ("moved_in", "positions", "wallets")

    def __init__(self) -> None:
        self.wallets: dict[str, int] = {}
        self.moved_in: dict[str, int] = {}
        self.positions: dict[str, tuple[int, int]] = {}

    def take(self, report: AccountReported) -> None:
        self.wallets = {margin.asset: margin.wallet_minor for margin in report.margins}
        self.moved_in = {margin.asset: margin.moved_in_minor for margin in report.margins}
        self.positions = held_by(report)

    def differs(self, report: AccountReported) -> bool:
        """Whether the report says something else than what is known."""
        wallets = {margin.asset: margin.wallet_minor for margin in report.margins}
        known = {symbol: position for symbol, position in self.positions.items() if position[0]}
        return wallets != self.wallets or held_by(report) != known

    def move(self, event: MarginMoved) -> None:
        self.wallets[event.asset] = event.wallet_minor
        self.moved_in[event.asset] = self.moved_in.get(event.asset, 0) + event.amount_minor

    def settle(self, event: ProfitSettled) -> None:
        """Custody has so much more of the wallet, or less, which is as it was."""
        self.moved_in[event.asset] = self.moved_in.get(event.asset, 0) + event.amount_minor

    def change(self, event: PositionChanged, asset: str) -> None:
        self.positions[event.symbol] = (event.position_lots, event.cost_minor)
        self.wallets[asset] = event.wallet_minor

    def cover(self, event: LossCovered) -> None:
        self.wallets[event.asset] = self.wallets.get(event.asset, 0) + event.amount_minor

    def add_moved_in(self, amounts: dict[str, int]) -> None:
        """To balances: what custody holds of an account is both."""
        for asset, moved_minor in self.moved_in.items():
            amounts[asset] = amounts.get(asset, 0) + moved_minor


def held_by(report: AccountReported) -> dict[str, tuple[int, int]]:
    return {each.symbol: (each.position_lots, each.cost_minor) for each in report.positions if each.position_lots}
