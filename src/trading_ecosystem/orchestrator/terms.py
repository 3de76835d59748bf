"""On what terms a world is to run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MILLISECOND_NS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Recording:
    """Recorded prices that are replayed. `columns` and `symbols` as in a scenario's `replay`, empty for the usual.

    Of the record the part between the two times (ns since 1970) is used, and it holds these `instruments`.
    """

    files: tuple[Path, ...]
    from_ns: int
    until_ns: int
    columns: Mapping[str, str]
    symbols: Mapping[str, str]
    instruments: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """On what terms a world is to run.

    `start_ns` (ns since 1970) and `duration_ns` are simulated time; None, with no scenario: until it is stopped.
    `scenario` is the text of a scenario that has been read and checked, empty for none.
    """

    seed: int
    start_ns: int
    scenario: str = ""
    duration_ns: int | None = None
    quotes_every_ns: int | None = None
    recording: Recording | None = None

    def __post_init__(self) -> None:
        assert self.start_ns % MILLISECOND_NS == 0, "documents write times to the millisecond"
        assert (self.duration_ns is None) == (not self.scenario)


@dataclass(frozen=True, kw_only=True)
class RunOrder:
    """What an ecosystem that is up is to run next. `speed` 0: as fast as it was brought up."""

    world: Path
    terms: Terms
    speed: int
