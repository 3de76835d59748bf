"""How a venue misbehaves when it is told to: each fault begins, and ends without a trace in its books.

Rule 1: a fault never bends an account, an order or a trade: it stops markets, refuses, asks for more margin, or tells
    otherwise than it is.
Rule 2: a fault that cannot be is refused, and then nothing has changed.
"""

from typing import Final, final

from trading_ecosystem.messages.chaos import (
    FaultVenue,
    InjectionEnded,
    InjectionRefused,
    InjectionStarted,
    RestoreVenue,
    VenueFault,
)
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import CancelReason
from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.simulators.exchange.accounts import Accounts
from trading_ecosystem.simulators.exchange.auction import Auctions
from trading_ecosystem.simulators.exchange.fault_register import PPM, FaultRegister
from trading_ecosystem.simulators.exchange.liquidity import Liquidity
from trading_ecosystem.simulators.exchange.market import Market
from trading_ecosystem.simulators.exchange.matching import Matching
from trading_ecosystem.simulators.exchange.perpetuals import Perpetuals
from trading_ecosystem.simulators.exchange.reports import Reports
from trading_ecosystem.simulators.exchange.wick import Wick

LONGEST_NS: Final = 30 * 86_400_000_000_000
LARGEST_SCALE_PPM: Final = 100 * PPM
LARGEST_CREDIT_PPM: Final = PPM * PPM
NEEDS_TIME: Final = (VenueFault.HALT, VenueFault.LATENCY, VenueFault.WICK)
NEEDS_SHARE: Final = (
    *(VenueFault.REJECT, VenueFault.PARTIAL_FILLS),
    *(VenueFault.DUPLICATE_REPORTS, VenueFault.LOST_REPORTS),
)
# After these whoever was told anything has to ask anew, and a new session is how a venue says so.
ENDS_SESSION: Final = (
    *(VenueFault.OUTAGE, VenueFault.DUPLICATE_REPORTS),
    *(VenueFault.LOST_REPORTS, VenueFault.STALE_BALANCES),
)


@final
class VenueFaults:
    """`unanswered`: what came while the venue was dark, and was not taken."""

    __slots__ = (
        "_accounts",
        "_auctions",
        "_liquidity",
        "_matching",
        "_perpetuals",
        "_venue",
        "_wick",
        "register",
        "reports",
        "unanswered",
    )

    def __init__(
        self,
        venue: str,
        register: FaultRegister,
        accounts: Accounts,
        matching: Matching,
        auctions: Auctions,
        liquidity: dict[str, Liquidity],
        perpetuals: Perpetuals | None,
    ) -> None:
        self._venue = venue
        self._accounts = accounts
        self._matching = matching
        self._auctions = auctions
        self._liquidity = liquidity
        self._perpetuals = perpetuals
        self.register = register
        self.reports = Reports(accounts, register)
        self._wick = Wick()
        self.unanswered = 0

    @property
    def is_dark(self) -> bool:
        return self.register.get(VenueFault.OUTAGE) is not None

    # Begin.

    def begin(self, command: FaultVenue, now: int, out: list[Message]) -> bool:
        """False for a command that changes nothing: one that is refused, or comes again."""
        if self.register.knows(command):
            return False
        refusal = self._refusal(command)
        if refusal:
            out.append(InjectionRefused(injection_id=command.injection_id, detail=refusal, occurred_ns=now))
            return False
        self.register.begin(command)
        out.append(
            InjectionStarted(
                injection_id=command.injection_id,
                kind=command.venue_fault.value,
                target=self._venue,
                subjects=command.symbols or (command.only_account or self._venue,),
                occurred_ns=now,
            )
        )
        self._apply(command, now, out)
        return True

    def _refusal(self, command: FaultVenue) -> str:
        fault, known = command.venue_fault, self.register.get(command.venue_fault)
        if known is not None:
            return f"{fault.value} is in force already, by {known.injection_id}"
        if self.register.find(command.injection_id) is not None:
            return f"{command.injection_id} is the name of another fault in force"
        if fault is VenueFault.PHANTOM_CREDIT:
            return self._credit_refusal(command)
        for symbol in command.symbols:
            if symbol not in self._matching.markets:
                return f"the venue has no market {symbol}"
        if command.only_account and self._accounts.client(command.only_account) is None:
            return f"the venue has no participant {command.only_account}"
        if fault in NEEDS_TIME and not 0 < command.by_ns <= LONGEST_NS:
            return f"{fault.value} needs a time above 0 and up to 30 days"
        if fault in NEEDS_SHARE and not 0 < command.share_ppm <= PPM:
            return f"{fault.value} needs a share above nothing and up to all"
        return self._scale_refusal(command)

    def _scale_refusal(self, command: FaultVenue) -> str:
        if command.venue_fault is VenueFault.SPREAD:
            return self._spread_refusal(command)
        if command.venue_fault is VenueFault.MARGIN_RATES:
            return self._rates_refusal(command)
        return self._wick_refusal(command) if command.venue_fault is VenueFault.WICK else ""

    def _credit_refusal(self, command: FaultVenue) -> str:
        for asset in command.symbols:
            if asset not in self._accounts.totals:
                return f"the venue has no asset {asset}"
        if command.only_account and self._accounts.client(command.only_account) is None:
            return f"the venue has no participant {command.only_account}"
        is_more = PPM < command.share_ppm <= LARGEST_CREDIT_PPM
        return "" if is_more else "a phantom credit is more than there is, and up to a million times"

    def _wick_refusal(self, command: FaultVenue) -> str:
        if not 0 < command.share_ppm <= LARGEST_SCALE_PPM or command.share_ppm == PPM:
            return "a wick goes to another price, above nothing and up to a hundred times what it was"
        return "" if self._scaled(command) else "nothing is quoted there by the background"

    def _rates_refusal(self, command: FaultVenue) -> str:
        if not 0 < command.share_ppm <= LARGEST_SCALE_PPM or command.share_ppm == PPM:
            return "margin rates are above nothing and up to a hundred times what they were, and not what they were"
        margined = [] if self._perpetuals is None else self._perpetuals.named(command.symbols)
        if not margined or len(margined) < len(command.symbols):
            return "no margin is needed there"
        highest_ppm = max([contract.initial_ppm for contract in margined]) * command.share_ppm // PPM
        return "" if highest_ppm <= PPM else "nobody can be asked for more than the whole of a position"

    def _spread_refusal(self, command: FaultVenue) -> str:
        for scale_ppm in (command.spread_ppm, command.share_ppm):
            if not 0 < scale_ppm <= LARGEST_SCALE_PPM:
                return "a spread and a depth are above nothing and up to a hundred times what they were"
        if not self._scaled(command):
            return "nothing is quoted there by the background"
        return ""

    def _apply(self, command: FaultVenue, now: int, out: list[Message]) -> None:
        fault = command.venue_fault
        if fault is VenueFault.OUTAGE:
            self.unanswered = 0
            self.register.strike(command)
        elif fault is VenueFault.HALT:
            for market in self._markets(command):
                self._auctions.hold(market, command.injection_id, command.by_ns, now, out)
            self.register.strike(command)
        elif fault is VenueFault.SPREAD:
            for liquidity in self._scaled(command):
                liquidity.scale(command.spread_ppm, command.share_ppm)
        elif fault is VenueFault.PARTIAL_FILLS:
            for market in self._markets(command):
                market.largest_part_ppm, market.parted = command.share_ppm, False
        elif fault is VenueFault.STALE_BALANCES:
            self.reports.remember_balances()
        elif fault is VenueFault.WICK:
            self._wick.begun_ns = now
        self._ask_margin(command, command.share_ppm, now, out)

    def _ask_margin(self, command: FaultVenue, times_ppm: int, now: int, out: list[Message]) -> None:
        """Nothing but for a fault of margin rates."""
        if command.venue_fault is VenueFault.MARGIN_RATES and self._perpetuals is not None:
            self._perpetuals.multiply_rates(command.symbols, times_ppm, now, out)
            self.register.strike(command)

    # End.

    def end(self, command: RestoreVenue, now: int, out: list[Message]) -> FaultVenue | None:
        """The fault that is over now; None where there is none of this name."""
        begun = self.register.find(command.injection_id)
        if begun is None:
            return None
        self.register.end(begun)
        self._take_back(begun, now, out)
        out.append(InjectionEnded(injection_id=begun.injection_id, occurred_ns=now))
        return begun

    def _take_back(self, begun: FaultVenue, now: int, out: list[Message]) -> None:
        fault = begun.venue_fault
        if fault is VenueFault.HALT:
            for market in self._markets(begun):
                self._auctions.let_go(market, now, out)
        elif fault is VenueFault.SPREAD:
            for liquidity in self._scaled(begun):
                liquidity.scale(PPM, PPM)
        elif fault is VenueFault.PARTIAL_FILLS:
            for market in self._markets(begun):
                market.largest_part_ppm = 0
        elif fault is VenueFault.STALE_BALANCES:
            self.reports.forget_balances()
        elif fault is VenueFault.OUTAGE and begun.cancels:
            self._empty_books(now, out)
        self._ask_margin(begun, PPM, now, out)

    def _empty_books(self, now: int, out: list[Message]) -> None:
        for account in self._accounts.by_name.values():
            for client_order_id in self._matching.names_of(account, []):
                self._matching.cancel_by_name(account, client_order_id, CancelReason.VENUE_OUTAGE, now, out)

    # While it lasts.

    def told(self, said: list[Message], now: int) -> list[Message]:
        """What leaves, with the word of the faults that have had their first effect."""
        self._look_for_effects()
        leaves = self.reports.told(said, now)
        leaves.extend(self.register.take_struck(now))
        return leaves

    def moved(self, quote: QuotePublished) -> QuotePublished:
        """What the venue's own participants think the price is."""
        command = None if self.register.is_empty else self.register.get(VenueFault.WICK)
        if command is None or quote.bid_ticks <= 0:
            return quote
        own = self._wick.moved(quote, command)
        if own.bid_ticks != quote.bid_ticks:
            self.register.strike(command)
        return own

    def _look_for_effects(self) -> None:
        parts, spread = self.register.get(VenueFault.PARTIAL_FILLS), self.register.get(VenueFault.SPREAD)
        if parts is not None and any([market.parted for market in self._markets(parts)]):
            self.register.strike(parts)
        if spread is not None and any([liquidity.is_scaled for liquidity in self._scaled(spread)]):
            self.register.strike(spread)

    # What a fault is of.

    def _markets(self, command: FaultVenue) -> list[Market]:
        markets = self._matching.markets
        return [markets[symbol] for symbol in command.symbols] if command.symbols else list(markets.values())

    def _scaled(self, command: FaultVenue) -> list[Liquidity]:
        quoted = [self._liquidity.get(market.symbol) for market in self._markets(command)]
        return [liquidity for liquidity in quoted if liquidity is not None]

    # State.

    def save(self) -> Plain:
        return {
            "register": self.register.save(),
            "reports": self.reports.save(),
            "unanswered": self.unanswered,
            "wick": self._wick.begun_ns,
        }

    def restore(self, state: Plain) -> None:
        assert isinstance(state, dict)
        self.register.restore(state["register"])
        self.reports.restore(state["reports"])
        self.unanswered = state["unanswered"]
        self._wick.begun_ns = state.get("wick", 0)
        rates = self.register.get(VenueFault.MARGIN_RATES)
        if rates is not None and self._perpetuals is not None:
            for contract in self._perpetuals.named(rates.symbols):
                contract.multiply_rates(rates.share_ppm)
