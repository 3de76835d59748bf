"""What a venue has said of positions and margin, checked as it comes against the trades that it told.

Rule 1: a position is the sum of an account's trades and deleveragings.
Rule 2: a wallet changes by what is said to have been realised, funded, paid, moved or covered. Since one message may
    change several positions of an account, that is looked at when the moment is over.
Rule 3: what a venue settles of profits is what was said to have been gained since it did so last.
Rule 4: where a venue told wrongly on purpose, what it says next of a position, a wallet or a profit is believed once.
"""

from typing import final

from trading_ecosystem.messages.books import ProfitSettled
from trading_ecosystem.messages.orders import AccountEvent, Side, TradeExecuted
from trading_ecosystem.messages.perpetuals import LossCovered, MarginMoved, PositionChanged, PositionDeleveraged
from trading_ecosystem.validation.audit_correlator.invariants import Findings, Invariant

Wallet = tuple[str, str]  # Account and asset.


@final
class MarginRecord:
    """Of one venue. `margined`: the asset in which each perpetual is settled."""

    __slots__ = ("_age", "_ages", "_explained", "_gained", "_is_doubted", "_lots", "_margined", "_since_ns", "_told")

    def __init__(self, margined: dict[str, str]) -> None:
        self._margined = margined
        self._lots: dict[tuple[str, str], int] = {}  # By account and symbol.
        self._told: dict[Wallet, int] = {}  # What was said to be in a wallet last,
        self._explained: dict[Wallet, int] = {}  # and what that should be; both from the first time that it was said.
        self._gained: dict[Wallet, int] = {}  # Since that was settled last.
        self._since_ns: dict[Wallet, int] = {}  # When either changed, until it has been looked at.
        self._is_doubted = False
        self._age = 0  # Counts how often it was doubted,
        self._ages: dict[tuple[str, str], int] = {}  # and which of these times what was told last belongs to.

    def doubt(self) -> None:
        """From now on something is not told, or told wrongly."""
        self._is_doubted = True
        self._age += 1

    def trust_again(self) -> None:
        if self._is_doubted:
            self._is_doubted = False
            self._age += 1

    def _is_news(self, account: str, of: str) -> bool:
        """Whether this is the first word of something since there was doubt about it."""
        is_news = self._is_doubted or self._ages.get((account, of), 0) != self._age
        self._ages[account, of] = self._age
        return is_news

    def on_trade(self, trade: TradeExecuted) -> None:
        self._trade(trade.buyer_account, trade.symbol, trade.quantity_lots)
        self._trade(trade.seller_account, trade.symbol, -trade.quantity_lots)

    def _trade(self, account: str, symbol: str, lots: int) -> None:
        self._lots[account, symbol] = self._lots.get((account, symbol), 0) + lots

    def on_account_event(self, event: AccountEvent, findings: Findings) -> None:
        self._look(event.account, event.occurred_ns, findings)
        if isinstance(event, PositionChanged):
            self._on_position(event, findings)
        elif isinstance(event, PositionDeleveraged):
            self._trade(event.account, event.symbol, event.quantity_lots * (1 if event.side == Side.BUY else -1))
        elif isinstance(event, MarginMoved):
            self._explain((event.account, event.asset), event.amount_minor, event.wallet_minor, event.occurred_ns)
        elif isinstance(event, LossCovered):
            wallet = event.account, event.asset
            told_minor = self._told.get(wallet, 0) + event.amount_minor
            self._gain(wallet, event.amount_minor)
            self._explain(wallet, event.amount_minor, told_minor, event.occurred_ns)
        elif isinstance(event, ProfitSettled):
            self._on_profit(event, findings)

    def _on_profit(self, event: ProfitSettled, findings: Findings) -> None:
        gained_minor = self._gained.pop((event.account, event.asset), 0)
        if event.amount_minor != gained_minor and not self._is_news(event.account, f"profit {event.asset}"):
            detail = f"{event.account} settles {event.amount_minor} of {event.asset}, and gained {gained_minor}"
            findings.add(Invariant.PROFIT_IS_EXPLAINED, detail)

    def _gain(self, wallet: Wallet, amount_minor: int) -> None:
        self._gained[wallet] = self._gained.get(wallet, 0) + amount_minor

    def _on_position(self, event: PositionChanged, findings: Findings) -> None:
        traded_lots = self._lots.get((event.account, event.symbol), 0)
        if self._is_news(event.account, event.symbol):
            self._lots[event.account, event.symbol] = event.position_lots
        elif event.position_lots != traded_lots:
            detail = f"{event.account} has {event.position_lots} lots of {event.symbol}, and traded {traded_lots}"
            findings.add(Invariant.POSITION_IS_TRADES, detail)
        if event.symbol in self._margined:
            gained_minor = event.realised_minor + event.funding_minor - event.fee_minor
            wallet = event.account, self._margined[event.symbol]
            self._gain(wallet, gained_minor)
            self._explain(wallet, gained_minor, event.wallet_minor, event.occurred_ns)

    def _explain(self, wallet: Wallet, change_minor: int, told_minor: int, ns: int) -> None:
        if self._is_news(*wallet):
            self._explained.pop(wallet, None)
            self._since_ns[wallet] = ns
        elif wallet in self._explained:
            self._explained[wallet] += change_minor
            self._since_ns[wallet] = ns
        elif wallet not in self._since_ns:
            self._since_ns[wallet] = ns
        self._told[wallet] = told_minor

    def _look(self, account: str, now: int, findings: Findings) -> None:
        """At the wallets of an account whose last moment is over."""
        for wallet, since_ns in list(self._since_ns.items()):
            if wallet[0] == account and since_ns < now:
                self._settle(wallet, findings)

    def _settle(self, wallet: Wallet, findings: Findings) -> None:
        del self._since_ns[wallet]
        told_minor = self._told[wallet]
        explained_minor = self._explained.get(wallet, told_minor)
        if explained_minor != told_minor:
            detail = f"{wallet[0]} has {told_minor} of {wallet[1]} as margin, where {explained_minor} is explained"
            findings.add(Invariant.WALLET_IS_EXPLAINED, detail)
        self._explained[wallet] = told_minor

    def finish(self, findings: Findings) -> None:
        for wallet in list(self._since_ns):
            self._settle(wallet, findings)
