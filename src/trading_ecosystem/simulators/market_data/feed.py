"""What befalls quotes between the price and whoever hears it.

Rule 1: the stages are always in the order of `FeedFault`, whichever injection came first: a quote is frozen, then
        printed badly, then crossed, what comes of that is late, and a stale feed says nothing.
Rule 2: a quote waits here without a number and gets it as it leaves: whatever was late or lost, nothing is missing.
Rule 3: an injection id names one injection for good; the same command again changes nothing.
"""

from collections import deque
from typing import Final, final

from trading_ecosystem.messages.chaos import FaultFeed, FeedFault, RestoreFeed
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.runtime import Plain

PPM: Final = 1_000_000
LARGEST_TICKS: Final = 10**15
LARGEST_PRINT_PPM: Final = 10**9
LOWEST_PRINT_PPM: Final = -(10**7)  # From -100% on it is no price: at or below zero.
LARGEST_CROSSING_PPM: Final = 500_000
LONGEST_LAG_NS: Final = 300_000_000_000
MOST_PRINTS: Final = 1_000
NEVER: Final = (1 << 62) - 1

STAGES: Final = list(FeedFault)
CONTRADICTIONS: Final = {
    FeedFault.STALE: (FeedFault.STALE, FeedFault.FROZEN),
    FeedFault.FROZEN: (FeedFault.STALE, FeedFault.FROZEN),
    FeedFault.CROSSED: (FeedFault.CROSSED,),
}


@final
class Disturbance:
    """One injection. `left`: prints to come, by symbol; `held`: bid, its lots, ask and its lots of a frozen quote."""

    __slots__ = ("command", "held", "left")

    def __init__(self, command: FaultFeed) -> None:
        self.command = command
        is_print = command.feed_fault is FeedFault.BAD_PRINT
        self.left: dict[str, int] = dict.fromkeys(command.symbols, command.prints) if is_print else {}
        self.held: dict[str, list[int]] = {}

    def apply(self, quote: QuotePublished) -> QuotePublished:
        fault = self.command.feed_fault
        if fault is FeedFault.FROZEN:
            return self._freeze(quote)
        if fault is FeedFault.BAD_PRINT:
            return self._print(quote)
        return crossed(quote, self.command.by_ppm) if fault is FeedFault.CROSSED else quote

    def _freeze(self, quote: QuotePublished) -> QuotePublished:
        held = self.held.get(quote.symbol)
        if held is None:
            self.held[quote.symbol] = [quote.bid_ticks, quote.bid_lots, quote.ask_ticks, quote.ask_lots]
            return quote
        return QuotePublished(quote.symbol, held[0], held[1], held[2], held[3], 0, quote.occurred_ns)

    def _print(self, quote: QuotePublished) -> QuotePublished:
        left = self.left.get(quote.symbol, 0)
        if left == 0:
            return quote
        self.left[quote.symbol] = left - 1
        factor_ppm = PPM + self.command.by_ppm
        if factor_ppm <= 0:
            highest = quote.bid_ticks * factor_ppm // PPM
            return requoted(quote, min(quote.ask_ticks * factor_ppm // PPM, highest - 1), highest)
        bid_ticks = min(max(1, quote.bid_ticks * factor_ppm // PPM), LARGEST_TICKS)
        ask_ticks = min(max(bid_ticks + 1, quote.ask_ticks * factor_ppm // PPM), LARGEST_TICKS + 1)
        return requoted(quote, bid_ticks, ask_ticks)

    def is_over(self) -> bool:
        """Only bad prints come to an end by themselves."""
        return self.command.feed_fault is FeedFault.BAD_PRINT and not any(self.left.values())


@final
class FeedFaults:
    """All injections into the feed, and the quotes that wait for their time."""

    __slots__ = ("_active", "_commands", "_stages", "_symbols", "_waiting")

    def __init__(self, symbols: list[str]) -> None:
        self._symbols = symbols
        self._commands: dict[str, FaultFeed] = {}
        self._active: dict[str, Disturbance] = {}
        self._stages: dict[str, list[Disturbance]] = {}
        self._waiting: dict[str, deque[tuple[int, QuotePublished]]] = {symbol: deque() for symbol in symbols}

    @property
    def active(self) -> bool:
        return bool(self._active)

    # Injections.

    def is_repeated(self, command: FaultFeed) -> bool:
        return self._commands.get(command.injection_id) == command

    def refusal(self, command: FaultFeed) -> str:
        """Why the command cannot be obeyed; empty if it can. Reasons in order of precedence."""
        if command.injection_id in self._commands:
            return f"the injection id {command.injection_id} is already active or was used before"
        return refused_symbols(command.symbols, self._symbols) or refused_amounts(command) or self._conflict(command)

    def _conflict(self, command: FaultFeed) -> str:
        """What cannot be seen beside what is there already."""
        for injection_id, other in self._active.items():
            if other.command.feed_fault not in CONTRADICTIONS.get(command.feed_fault, ()):
                continue
            for symbol in command.symbols:
                if symbol in other.command.symbols:
                    what = other.command.feed_fault.value
                    return f"{symbol} is under {what} by {injection_id}; {command.feed_fault.value} would not be seen"
        return ""

    def begin(self, command: FaultFeed) -> None:
        self._commands[command.injection_id] = command
        self._active[command.injection_id] = Disturbance(command)
        self._arrange()

    def undo(self, command: RestoreFeed) -> str:
        """The reason if that is refused. What is over already stays so."""
        if command.injection_id not in self._commands:
            return f"no injection {command.injection_id} to restore"
        if self._active.pop(command.injection_id, None) is not None:
            self._arrange()
            self._hurry()
        return ""

    def is_active(self, injection_id: str) -> bool:
        return injection_id in self._active

    def end_printed(self) -> list[str]:
        """Take away what has come to its end by itself; the ids, in the order of their injections."""
        ended = [injection_id for injection_id, each in self._active.items() if each.is_over()]
        for injection_id in ended:
            del self._active[injection_id]
        if ended:
            self._arrange()
        return ended

    def _arrange(self) -> None:
        """Rule 1."""
        self._stages = {}
        ordered = sorted(self._active.items(), key=stage)
        for symbol in self._symbols:
            self._stages[symbol] = [each for _, each in ordered if symbol in each.command.symbols]

    def is_known(self, injection_id: str) -> bool:
        return injection_id in self._commands

    # Quotes.

    def take(self, quote: QuotePublished) -> None:
        """A quote of now, without a number."""
        lag_ns = self._lag_ns(quote.symbol)
        for each in self._stages[quote.symbol]:
            quote = each.apply(quote)
        waiting = self._waiting[quote.symbol]
        due_ns = quote.occurred_ns + lag_ns
        waiting.append((max(due_ns, waiting[-1][0]) if waiting else due_ns, quote))

    def leaving(self, symbol: str, now: int) -> list[QuotePublished]:
        """What is due, in order. Of a stale feed it is lost."""
        waiting = self._waiting[symbol]
        left: list[QuotePublished] = []
        while waiting and waiting[0][0] <= now:
            left.append(waiting.popleft()[1])
        return [] if self._has(symbol, FeedFault.STALE) else left

    def next_ns(self) -> int:
        """When the next quote is due; `NEVER` if none waits."""
        return min([waiting[0][0] for waiting in self._waiting.values() if waiting], default=NEVER)

    def _hurry(self) -> None:
        """What waits for longer than it would from now on is due at once."""
        for symbol, waiting in self._waiting.items():
            if waiting:
                lag_ns = self._lag_ns(symbol)
                kept = [(min(due_ns, quote.occurred_ns + lag_ns), quote) for due_ns, quote in waiting]
                self._waiting[symbol] = deque(kept)

    def _has(self, symbol: str, fault: FeedFault) -> bool:
        return any([each.command.feed_fault is fault for each in self._stages.get(symbol, [])])

    def _lag_ns(self, symbol: str) -> int:
        """Lags of one instrument add up."""
        stages = self._stages.get(symbol, [])
        return sum([each.command.by_ns for each in stages if each.command.feed_fault is FeedFault.LAG])

    # State.

    def save(self) -> Plain:
        commands: list[Plain] = [
            [c.to, c.injection_id, c.feed_fault.value, list(c.symbols), c.by_ppm, c.by_ns, c.prints]
            for c in self._commands.values()
        ]
        active: dict[str, Plain] = {
            injection_id: [dict(each.left), {symbol: list(held) for symbol, held in each.held.items()}]
            for injection_id, each in self._active.items()
        }
        waiting: dict[str, Plain] = {
            symbol: [[d, q.bid_ticks, q.bid_lots, q.ask_ticks, q.ask_lots, q.occurred_ns] for d, q in entries]
            for symbol, entries in self._waiting.items()
            if entries
        }
        return [commands, active, waiting]

    def restore(self, state: Plain) -> None:
        assert isinstance(state, list)
        for to, injection_id, fault, symbols, by_ppm, by_ns, prints in state[0]:
            self._commands[injection_id] = FaultFeed(
                to=to,
                injection_id=injection_id,
                feed_fault=FeedFault(fault),
                symbols=tuple(symbols),
                by_ppm=by_ppm,
                by_ns=by_ns,
                prints=prints,
            )
        for injection_id, (left, held) in state[1].items():
            disturbance = Disturbance(self._commands[injection_id])
            disturbance.left = dict(left)
            disturbance.held = {symbol: list(values) for symbol, values in held.items()}
            self._active[injection_id] = disturbance
        for symbol, entries in state[2].items():
            for due_ns, bid, bid_lots, ask, ask_lots, occurred_ns in entries:
                quote = QuotePublished(symbol, bid, bid_lots, ask, ask_lots, 0, occurred_ns)
                self._waiting[symbol].append((due_ns, quote))
        self._arrange()


def stage(item: tuple[str, Disturbance]) -> tuple[int, str]:
    return STAGES.index(item[1].command.feed_fault), item[0]


def crossed(quote: QuotePublished, by_ppm: int) -> QuotePublished:
    """The bid above the ask, by one tick at least, around the same middle."""
    double_middle = quote.bid_ticks + quote.ask_ticks
    width_ticks = max(1, double_middle * by_ppm // (2 * PPM))
    ask_ticks = max(1, (double_middle - width_ticks) // 2)
    return requoted(quote, ask_ticks + width_ticks, ask_ticks)


def requoted(quote: QuotePublished, bid_ticks: int, ask_ticks: int) -> QuotePublished:
    return QuotePublished(quote.symbol, bid_ticks, quote.bid_lots, ask_ticks, quote.ask_lots, 0, quote.occurred_ns)


def refused_symbols(symbols: tuple[str, ...], known: list[str]) -> str:
    if not symbols:
        return "no symbol to disturb"
    for i, symbol in enumerate(symbols):
        if symbol not in known:
            return f"unknown symbol {symbol}; known: {', '.join(known)}"
        if symbol in symbols[:i]:
            return f"the symbol {symbol} is there twice"
    return ""


def refused_amounts(command: FaultFeed) -> str:
    fault, by_ppm = command.feed_fault, command.by_ppm
    if fault is FeedFault.BAD_PRINT and (by_ppm == 0 or not LOWEST_PRINT_PPM <= by_ppm <= LARGEST_PRINT_PPM):
        return f"a print off by {by_ppm} ppm; between {LOWEST_PRINT_PPM} and {LARGEST_PRINT_PPM}, and not 0, is right"
    if fault is FeedFault.BAD_PRINT and not 1 <= command.prints <= MOST_PRINTS:
        return f"{command.prints} prints; between 1 and {MOST_PRINTS} is right"
    if fault is FeedFault.CROSSED and not 1 <= by_ppm <= LARGEST_CROSSING_PPM:
        return f"crossed by {by_ppm} ppm; between 1 and {LARGEST_CROSSING_PPM} is right"
    if fault is FeedFault.LAG and not 1 <= command.by_ns <= LONGEST_LAG_NS:
        return f"a lag of {command.by_ns} ns; between 1 and {LONGEST_LAG_NS} is right"
    return ""
