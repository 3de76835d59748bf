"""What was injected, as the correlator saw it: command, receipt, first effect, end; and what each can explain.

Rule 1: only what has a receipt was injected, and it explains nothing that is older than its command.
Rule 2: an injection that has ended goes on explaining for as long as its effect lasts.
"""

from collections.abc import Callable
from typing import final

from trading_ecosystem.messages.chaos import (
    ApplyPricePath,
    CrashService,
    FaultCustody,
    FaultFeed,
    FaultLink,
    FaultService,
    FaultVenue,
    FeedFault,
    InjectionEnded,
    InjectionStarted,
    LinkFault,
    PathAnchor,
    RestorePricePath,
    ScaleVolatility,
    VenueFault,
)
from trading_ecosystem.reference import Instrument, ReferenceData
from trading_ecosystem.validation.audit_correlator.causation import Lane
from trading_ecosystem.validation.results import ChainLink

NO_PRICE_PPM = -1_000_000  # A quote that is off by so much is at or below zero.
RECOVERY_NS = 60_000_000_000  # How long after a restart or a heal what follows is still put down to the fault.
UNMARKED = ("QuotePublished", "BookTopChanged", "VenueHeartbeat", "MarkPriceChanged", "Wake")

OF_BOTH_WAYS = (LinkFault.RESET, LinkFault.REFUSE, LinkFault.LOSE_ANSWERS)  # What breaks a connection.

# What a venue tells of accounts is not so, or custody's books and what the venue told do not agree.
MISREPORTS = (
    *(VenueFault.LOST_REPORTS, VenueFault.DUPLICATE_REPORTS),
    *(VenueFault.STALE_BALANCES, VenueFault.PHANTOM_CREDIT),
)

OfServices = CrashService | FaultService | FaultCustody | FaultVenue
Command = ApplyPricePath | FaultFeed | FaultLink | ScaleVolatility | OfServices
Holds = Callable[[str], bool]


@final
class AppliedInjection:
    """`reach`: the symbols whose quotes are not what they would be, crosses included; empty for other injections."""

    __slots__ = (
        "command",
        "command_id",
        "command_ns",
        "effect",
        "effect_until_ns",
        "ended_ns",
        "reach",
        "receipt",
        "receipt_id",
    )

    def __init__(self, command: Command, command_id: int, command_ns: int, reach: tuple[str, ...]) -> None:
        self.command = command
        self.command_id = command_id
        self.command_ns = command_ns
        self.reach = reach
        self.receipt: InjectionStarted | None = None
        self.receipt_id = 0
        self.ended_ns: int | None = None
        self.effect_until_ns = 0  # Known from the undo command or the end on.
        self.effect: ChainLink | None = None  # The first message that shows it.

    def lasted(self, from_ns: int, to_ns: int) -> bool:
        """Whether any of the span was under the injection or its effect."""
        if self.receipt is None or self.receipt.occurred_ns > to_ns:
            return False
        return self.ended_ns is None or from_ns <= self.effect_until_ns

    def marks(self, message_id: int, sent_ns: int, lane: Lane, recipient: str) -> bool:
        """Whether a message, on its way to `recipient`, bears this injection's mark.

        A shape of prices and a fault of the feed mark quotes. A fault of a service or a link marks all but prices and
        timers, which are as true as without it; a wick marks the venue's own.
        """
        if message_id <= self.command_id or not self.lasted(sent_ns, sent_ns):
            return False
        if isinstance(self.command, ApplyPricePath | FaultFeed | ScaleVolatility):
            return lane.sender == self.command.to and lane.subject in self.reach
        if isinstance(self.command, FaultVenue) and self.command.venue_fault is VenueFault.WICK and is_top(lane):
            return lane.sender == self.command.to and lane.subject in (self.command.symbols or (lane.subject,))
        if lane.type_name in UNMARKED:
            return False
        if isinstance(self.command, FaultCustody | FaultVenue):
            return lane.sender == self.command.to
        if isinstance(self.command, CrashService | FaultService):
            return lane.sender == self.command.service
        return named(lane.sender, self.command.senders) and named(recipient, self.command.recipients)

    def silences(self, sender: str, recipient: str, symbols: tuple[str, ...] = ()) -> bool:
        """Whether `recipient` may hear nothing of `sender`, or no price of `symbols`, because of this injection."""
        command = self.command
        if isinstance(command, FaultFeed):
            hides = command.feed_fault is not FeedFault.BAD_PRINT or command.by_ppm <= NO_PRICE_PPM
            return hides and sender == command.to and any([symbol in command.symbols for symbol in symbols])
        if isinstance(command, CrashService | FaultService):
            return command.service in (sender, recipient)
        if isinstance(command, FaultVenue):
            return command.venue_fault is VenueFault.OUTAGE and sender == command.to
        if not isinstance(command, FaultLink) or command.fault is LinkFault.DUPLICATE:
            return False
        if named(sender, command.senders) and named(recipient, command.recipients):
            return True
        back = named(sender, command.recipients) and named(recipient, command.senders)
        return back and command.fault in OF_BOTH_WAYS

    def is_frozen(self) -> bool:
        return isinstance(self.command, FaultFeed) and self.command.feed_fault is FeedFault.FROZEN

    def words(self) -> str:
        """What was ordered, for people."""
        if isinstance(self.command, ApplyPricePath):
            return f"price path on {', '.join(self.command.symbols)}"
        if isinstance(self.command, ScaleVolatility):
            return f"returns of {', '.join(self.command.symbols)} times {self.command.factor_ppm / 1e6:g}"
        if isinstance(self.command, FaultFeed):
            return f"{self.command.feed_fault.value} of {', '.join(self.command.symbols)}"
        if isinstance(self.command, CrashService):
            return f"crash of {self.command.service}"
        if isinstance(self.command, FaultService):
            return f"{self.command.service_fault.value} of {self.command.service}"
        if isinstance(self.command, FaultCustody):
            return f"{self.command.custody_fault.value} of {self.command.to}"
        if isinstance(self.command, FaultVenue):
            return f"{self.command.venue_fault.value} of {self.command.to}"
        senders, recipients = ", ".join(self.command.senders), ", ".join(self.command.recipients)
        return f"{self.command.fault.value} from {senders} to {recipients}"


@final
class Injections:
    """All injections of a run, in the order of their commands."""

    __slots__ = ("_by_id", "_reference")

    def __init__(self, reference: ReferenceData) -> None:
        self._reference = reference
        self._by_id: dict[str, AppliedInjection] = {}

    def get(self, injection_id: str) -> AppliedInjection | None:
        return self._by_id.get(injection_id)

    def order(self, command: Command, command_id: int, command_ns: int) -> None:
        """A command departed. A repeated one changes nothing."""
        if command.injection_id not in self._by_id:
            reach = reach_of(command, self._reference)
            self._by_id[command.injection_id] = AppliedInjection(command, command_id, command_ns, reach)

    def start(self, receipt: InjectionStarted, receipt_id: int) -> AppliedInjection | None:
        """The receipt came. None where nobody ordered it or it had one already."""
        injection = self._by_id.get(receipt.injection_id)
        if injection is None or injection.receipt is not None:
            return None
        injection.receipt = receipt
        injection.receipt_id = receipt_id
        return injection

    def restore(self, command: RestorePricePath, sent_ns: int) -> None:
        injection = self._by_id.get(command.injection_id)
        if injection is not None:
            injection.effect_until_ns = sent_ns + command.over_ns

    def end(self, receipt: InjectionEnded) -> AppliedInjection | None:
        injection = self._by_id.get(receipt.injection_id)
        if injection is None:
            return None
        injection.ended_ns = receipt.occurred_ns
        linger_ns = 0 if isinstance(injection.command, ApplyPricePath | FaultFeed | ScaleVolatility) else RECOVERY_NS
        injection.effect_until_ns = max(injection.effect_until_ns, receipt.occurred_ns + linger_ns)
        return injection

    def started(self) -> list[AppliedInjection]:
        """Those with a receipt, latest command first."""
        return [injection for injection in reversed(self._by_id.values()) if injection.receipt is not None]

    def marking(self, message_id: int, sent_ns: int, lane: Lane, recipient: str) -> AppliedInjection | None:
        """The latest injection whose mark a message bears."""
        for injection in self.started():
            if injection.marks(message_id, sent_ns, lane, recipient):
                return injection
        return None

    def silencing(
        self, sender: str, recipient: str, from_ns: int, to_ns: int, symbols: tuple[str, ...] = ()
    ) -> AppliedInjection | None:
        """The latest injection that kept `recipient` from hearing `sender`, or prices of `symbols`, within the span."""
        silent = [
            injection
            for injection in self.started()
            if injection.lasted(from_ns, to_ns) and injection.silences(sender, recipient, symbols)
        ]
        loud = [injection for injection in silent if not injection.is_frozen()]  # They hide more than a frozen feed.
        return loud[0] if loud else silent[0] if silent else None

    def crashing(self, at_ns: int) -> AppliedInjection | None:
        """The latest crash at a moment, of any service."""
        for injection in self.started():
            if isinstance(injection.command, CrashService) and injection.lasted(at_ns, at_ns):
                return injection
        return None

    def disturbing(self, at_ns: int, venue: str = "") -> AppliedInjection | None:
        """The latest fault of a custodian's settlement, or of what a venue tells of fills and balances, at a moment:
        any venue, or this one."""
        for injection in self.started():
            command = injection.command
            misleads = isinstance(command, FaultVenue) and command.venue_fault in MISREPORTS
            misleads = misleads and venue in ("", command.to)
            if (misleads or isinstance(command, FaultCustody)) and injection.lasted(at_ns, at_ns):
                return injection
        return None

    def moving(self, concerns: Holds, at_ns: int) -> AppliedInjection | None:
        """The latest injection at a moment that reaches a symbol for which `concerns` is true."""
        for injection in self.started():
            if injection.lasted(at_ns, at_ns) and any(concerns(symbol) for symbol in injection.reach):
                return injection
        return None

    def awaiting(self, symbol: str) -> list[AppliedInjection]:
        """The injections into `symbol` itself that no quote of it has shown yet."""
        return [injection for injection in self.started() if injection.effect is None and lies_over(injection, symbol)]


def lies_over(injection: AppliedInjection, symbol: str) -> bool:
    command = injection.command
    if isinstance(command, FaultFeed):
        return symbol in command.symbols and command.feed_fault is not FeedFault.STALE
    return isinstance(command, ApplyPricePath | ScaleVolatility) and symbol in command.symbols


def reach_of(command: Command, reference: ReferenceData) -> tuple[str, ...]:
    if isinstance(command, FaultFeed) or (isinstance(command, ApplyPricePath) and command.anchor is PathAnchor.APART):
        return command.symbols
    return crosses(command.symbols, reference) if isinstance(command, ApplyPricePath | ScaleVolatility) else ()


def is_top(lane: Lane) -> bool:
    return lane.type_name == "BookTopChanged"


def named(instance: str, names: tuple[str, ...]) -> bool:
    """Whether an instance or its role is among the names."""
    return instance in names or instance.partition(".")[0] in names


def crosses(symbols: tuple[str, ...], reference: ReferenceData) -> tuple[str, ...]:
    """The symbols, and all instruments that have the base asset of one of them on either side."""
    moved = {instrument.base for symbol in symbols if (instrument := reference.instruments.get(symbol))}
    reached = [*symbols]
    for symbol, instrument in reference.instruments.items():
        if symbol not in symbols and moves(instrument, moved):
            reached.append(symbol)
    return tuple(reached)


def moves(instrument: Instrument, assets: set[str]) -> bool:
    return instrument.base in assets or instrument.quote in assets
