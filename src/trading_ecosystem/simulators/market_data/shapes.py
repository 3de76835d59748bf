"""Shapes laid over the base process, generated or replayed, as multipliers of assets and pairs.

Rule 1: a shape multiplies what is below it and changes nothing of it; at the moment of its injection it is 1, unless
        its first point is there.
Rule 2: multipliers are multiplied in the order of the ids of their injections, whichever came first.
Rule 3: an injection id names one injection for good; the same command again changes nothing.
"""

import math
from typing import final

from trading_ecosystem.messages.chaos import (
    ApplyPricePath,
    PathAnchor,
    PathPoint,
    RestorePricePath,
    ScaleVolatility,
)
from trading_ecosystem.messages.runtime import Plain

PPM = 1e6
LARGEST_PPM = 10**12
LARGEST_FACTOR_PPM = 100_000_000
UNCHANGED_PPM = 1_000_000
SMALLEST_MULTIPLIER, LARGEST_MULTIPLIER = 1e-9, 1e9
LARGEST_LOGARITHM = 20.0  # About 5e8.
NEVER = -1


@final
class LaidPath:
    """One injection: for each place that it moves, the multipliers at its points. `held` are those at its restoring."""

    __slots__ = ("_after_ns", "_factors", "_held", "_over_ns", "_places", "_start_ns", "restored_ns")

    def __init__(self, start_ns: int, after_ns: list[int], places: list[int], factors: list[list[float]]) -> None:
        self._start_ns = start_ns
        self._after_ns = after_ns
        self._places = places
        self._factors = factors
        self.restored_ns = NEVER
        self._over_ns = 0
        self._held: list[float] = []

    def multiply(self, multipliers: list[float], at_ns: int) -> None:
        for i in range(len(self._places)):
            multipliers[self._places[i]] *= self._at(i, at_ns)

    def undo(self, now: int, over_ns: int) -> None:
        """Begin the way back to 1."""
        self._held = [self._at(i, now) for i in range(len(self._places))]
        self.restored_ns = now
        self._over_ns = over_ns

    def is_undone(self, at_ns: int) -> bool:
        return self.restored_ns != NEVER and at_ns - self.restored_ns >= self._over_ns

    def _at(self, i: int, at_ns: int) -> float:
        if self.restored_ns != NEVER:
            return between(self.restored_ns, self._held[i], self.restored_ns + self._over_ns, 1.0, at_ns)
        passed_ns = at_ns - self._start_ns
        factors = self._factors[i]
        from_ns, factor = 0, 1.0
        for k in range(len(self._after_ns)):
            to_ns = self._after_ns[k]
            if passed_ns < to_ns:
                return between(from_ns, factor, to_ns, factors[k], passed_ns)
            from_ns, factor = to_ns, factors[k]
        return factor

    def save(self) -> Plain:
        return [
            self._start_ns,
            list(self._after_ns),
            list(self._places),
            [list(factors) for factors in self._factors],
            self.restored_ns,
            self._over_ns,
            list(self._held),
        ]

    def restore(self, state: Plain) -> None:
        assert isinstance(state, list)
        self._start_ns, self._after_ns, self._places, self._factors = state[0], state[1], state[2], state[3]
        self.restored_ns, self._over_ns, self._held = state[4], state[5], state[6]


@final
class LaidVolatility:
    """One injection: the base price `first` at its injection becomes first * (now / first) ** factor.

    So each return of the base is scaled, in logarithms, by the same factor, and what it comes from is left alone:
    draws of chance or a record.
    """

    __slots__ = ("_factor", "_first", "_held", "_over_ns", "_places", "restored_ns")

    def __init__(self, places: list[int], first: list[float], factor: float) -> None:
        self._places = places
        self._first = first
        self._factor = factor
        self.restored_ns = NEVER
        self._over_ns = 0
        self._held: list[float] = []

    def multiply(self, multipliers: list[float], bases: list[float], at_ns: int) -> None:
        for i in range(len(self._places)):
            multipliers[self._places[i]] *= self._at(i, bases, at_ns)

    def undo(self, bases: list[float], now: int, over_ns: int) -> None:
        """Begin the way back to 1."""
        self._held = [self._at(i, bases, now) for i in range(len(self._places))]
        self.restored_ns = now
        self._over_ns = over_ns

    def is_undone(self, at_ns: int) -> bool:
        return self.restored_ns != NEVER and at_ns - self.restored_ns >= self._over_ns

    def _at(self, i: int, bases: list[float], at_ns: int) -> float:
        if self.restored_ns != NEVER:
            return between(self.restored_ns, self._held[i], self.restored_ns + self._over_ns, 1.0, at_ns)
        logarithm = (self._factor - 1.0) * math.log(bases[self._places[i]] / self._first[i])
        return math.exp(min(max(logarithm, -LARGEST_LOGARITHM), LARGEST_LOGARITHM))

    def save(self) -> Plain:
        return [
            list(self._places),
            list(self._first),
            self._factor,
            self.restored_ns,
            self._over_ns,
            list(self._held),
        ]

    def restore(self, state: Plain) -> None:
        assert isinstance(state, list)
        self._places, self._first, self._factor = state[0], state[1], state[2]
        self.restored_ns, self._over_ns, self._held = state[3], state[4], state[5]


@final
class PricePaths:
    """All injections into prices. `multipliers` has a place for each asset and, after those, one for each pair.

    `bases` has the same places: what the base process or the record says there.
    """

    __slots__ = ("_assets", "_commands", "_laid", "_moves", "_numeraire", "_own", "_scaled", "_scalings", "multipliers")

    def __init__(self, moves: dict[str, int], numeraire: str, assets: int) -> None:
        """`moves` gives for each symbol the place that a path over it moves; the first `assets` places are assets."""
        self._moves = moves
        self._own = {symbol: place for place, symbol in enumerate(moves, start=assets)}
        self._numeraire = numeraire
        self._assets = assets
        self._commands: dict[str, ApplyPricePath] = {}
        self._scalings: dict[str, ScaleVolatility] = {}
        self._laid: dict[str, LaidPath] = {}
        self._scaled: dict[str, LaidVolatility] = {}
        self.multipliers = [1.0] * (assets + len(moves))

    @property
    def active(self) -> bool:
        return bool(self._laid) or bool(self._scaled)

    def is_repeated(self, command: ApplyPricePath | ScaleVolatility) -> bool:
        if isinstance(command, ScaleVolatility):
            return self._scalings.get(command.injection_id) == command
        return self._commands.get(command.injection_id) == command

    def refusal(self, command: ApplyPricePath | ScaleVolatility) -> str:
        """Why the command cannot be obeyed; empty if it can. Reasons in order of precedence."""
        if self.is_known(command.injection_id):
            return f"the injection id {command.injection_id} is already active or was used before"
        if not command.symbols:
            return "no symbol to move"
        for i, symbol in enumerate(command.symbols):
            if symbol not in self._moves:
                return f"unknown symbol {symbol}; known: {', '.join(self._moves)}"
            if symbol in command.symbols[:i]:
                return f"the symbol {symbol} is there twice"
        if isinstance(command, ScaleVolatility):
            return refused_factor(command.factor_ppm)
        if command.anchor is PathAnchor.APART:
            return refused_points(command.points)
        return self._entangled(command) or refused_points(command.points)

    def is_known(self, injection_id: str) -> bool:
        return injection_id in self._commands or injection_id in self._scalings

    def _entangled(self, command: ApplyPricePath) -> str:
        """A pair named beside an asset of it: clear only where the pair would do the same as its base."""
        for symbol in command.symbols:
            base, _, quote = symbol.partition("/")
            if quote == self._numeraire:
                continue
            if f"{quote}/{self._numeraire}" in command.symbols:
                return f"{symbol} moves against {quote}/{self._numeraire}; inject one of them separately"
            if command.anchor is PathAnchor.ABSOLUTE and f"{base}/{self._numeraire}" in command.symbols:
                return f"{symbol} moves with {base}/{self._numeraire}; inject one of them separately"
        return ""

    def lay(self, command: ApplyPricePath, prices: list[float], now: int) -> None:
        """Lay a path over the symbols of a command, whose prices now are given in the same order."""
        places: list[int] = []
        factors: list[list[float]] = []
        for i, symbol in enumerate(command.symbols):
            base = symbol.partition("/")[0]
            apart = command.anchor is PathAnchor.APART
            if not apart and self._moves[symbol] >= self._assets and f"{base}/{self._numeraire}" in command.symbols:
                continue  # The pair goes where its base goes.
            unit = prices[i] if command.anchor is PathAnchor.ABSOLUTE else 1.0
            places.append(self._own[symbol] if apart else self._moves[symbol])
            factors.append([point.value_ppm / PPM / unit for point in command.points])
        self._commands[command.injection_id] = command
        after_ns = [point.after_ns for point in command.points]
        self._laid[command.injection_id] = LaidPath(now, after_ns, places, factors)

    def scale(self, command: ScaleVolatility, bases: list[float]) -> None:
        """Scale the returns of the symbols of a command, from the base prices of now on."""
        places = [self._moves[symbol] for symbol in command.symbols]
        self._scalings[command.injection_id] = command
        first = [bases[place] for place in places]
        self._scaled[command.injection_id] = LaidVolatility(places, first, command.factor_ppm / PPM)

    def undo(self, command: RestorePricePath, bases: list[float], now: int) -> str:
        """Begin to restore; the reason if that is refused. What is restored already stays so."""
        if not self.is_known(command.injection_id):
            return f"no injection {command.injection_id} to restore"
        if command.over_ns < 0:
            return "the time to restore is negative"
        path = self._laid.get(command.injection_id)
        if path is not None and path.restored_ns == NEVER:
            path.undo(now, command.over_ns)
        scaled = self._scaled.get(command.injection_id)
        if scaled is not None and scaled.restored_ns == NEVER:
            scaled.undo(bases, now, command.over_ns)
        return ""

    def end_undone(self, at_ns: int) -> list[str]:
        """Take away the shapes that are back at 1; their ids: first paths, in the order in which they were laid."""
        ended = [injection_id for injection_id, path in self._laid.items() if path.is_undone(at_ns)]
        for injection_id in ended:
            del self._laid[injection_id]
        calmed = [injection_id for injection_id, scaled in self._scaled.items() if scaled.is_undone(at_ns)]
        for injection_id in calmed:
            del self._scaled[injection_id]
        return ended + calmed

    def multiply(self, at_ns: int, bases: list[float]) -> None:
        """Bring `multipliers` to this moment."""
        multipliers = self.multipliers
        for i in range(len(multipliers)):
            multipliers[i] = 1.0
        for injection_id in sorted(self._laid):
            self._laid[injection_id].multiply(multipliers, at_ns)
        for injection_id in sorted(self._scaled):
            self._scaled[injection_id].multiply(multipliers, bases, at_ns)
        for i in range(len(multipliers)):
            multipliers[i] = min(max(multipliers[i], SMALLEST_MULTIPLIER), LARGEST_MULTIPLIER)

    def save(self) -> Plain:
        commands = [
            [c.to, c.injection_id, list(c.symbols), c.anchor.value, [[p.after_ns, p.value_ppm] for p in c.points]]
            for c in self._commands.values()
        ]
        scalings: list[Plain] = [[s.to, s.injection_id, list(s.symbols), s.factor_ppm] for s in self._scalings.values()]
        laid: dict[str, Plain] = {injection_id: path.save() for injection_id, path in self._laid.items()}
        scaled: dict[str, Plain] = {injection_id: each.save() for injection_id, each in self._scaled.items()}
        return [commands, laid, scalings, scaled]

    def restore(self, state: Plain) -> None:
        assert isinstance(state, list)
        for to, injection_id, symbols, anchor, points in state[0]:
            self._commands[injection_id] = ApplyPricePath(
                to=to,
                injection_id=injection_id,
                symbols=tuple(symbols),
                anchor=PathAnchor(anchor),
                points=tuple(PathPoint(after_ns=after, value_ppm=value) for after, value in points),
            )
        for injection_id, saved in state[1].items():
            path = LaidPath(0, [], [], [])
            path.restore(saved)
            self._laid[injection_id] = path
        for to, injection_id, symbols, factor_ppm in state[2]:
            self._scalings[injection_id] = ScaleVolatility(
                to=to, injection_id=injection_id, symbols=tuple(symbols), factor_ppm=factor_ppm
            )
        for injection_id, saved in state[3].items():
            scaled = LaidVolatility([], [], 1.0)
            scaled.restore(saved)
            self._scaled[injection_id] = scaled


def refused_factor(factor_ppm: int) -> str:
    if factor_ppm == UNCHANGED_PPM or not 0 <= factor_ppm <= LARGEST_FACTOR_PPM:
        return f"a factor of {factor_ppm} ppm; between 0 and {LARGEST_FACTOR_PPM}, and not {UNCHANGED_PPM}, is right"
    return ""


def refused_points(points: tuple[PathPoint, ...]) -> str:
    if not points:
        return "a path without points"
    after_ns = 0
    for point in points:
        if point.after_ns < after_ns:
            return "the points are not in order of time from the injection on"
        if not 0 < point.value_ppm <= LARGEST_PPM:
            return f"the value {point.value_ppm} ppm is not between 1 and {LARGEST_PPM}"
        after_ns = point.after_ns
    return ""


def between(from_ns: int, first: float, to_ns: int, last: float, at_ns: int) -> float:
    """Linear from `first` to `last`; before and after, the nearer of them."""
    if at_ns >= to_ns:
        return last
    if at_ns <= from_ns:
        return first
    return first + (last - first) * ((at_ns - from_ns) / (to_ns - from_ns))
