"""Levels: at which figure an alert fires, how long it must have been there, and below which it is over.

Rule 1: every figure is an exact integer in the unit of its rule: minor units, parts per million, nanoseconds, counts.
Rule 2: a figure is in breach at its level and above; it has recovered below `resolves`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from trading_ecosystem.configuration.document import Node, Section
from trading_ecosystem.reference import Asset

MILLION = 1_000_000
SECOND_NS = 1_000_000_000
MOST_COUNTED = 1_000_000
SHARE_UNIT = "ppm"
TIME_UNIT = "ns"
Read = Callable[[Node], int]


@dataclass(frozen=True, kw_only=True)
class Level:
    """A breach at `at` and above that lasts `for_ns` fires; the alert resolves below `resolves`."""

    at: int
    for_ns: int
    resolves: int


@dataclass(frozen=True, kw_only=True)
class Levels:
    """The two levels of one rule for one subject; at least one is there."""

    warning: Level | None
    critical: Level | None


NO_LIMIT = Levels(warning=None, critical=None)  # Of a figure that is kept and not limited.


@dataclass(frozen=True, kw_only=True)
class Ending:
    """When an alert is over: its figure has been below `resolves` for so long, and it has been up for so long."""

    resolves_after_ns: int
    fires_at_most_every_ns: int


def check_names(node: Node, known: list[str], what: str) -> None:
    for name, levels in node.entries():
        if name not in known:
            levels.fail_word(f"unknown {what}", name, known)


def read_levels(node: Node, read_figure: Read) -> Levels:
    section = node.section(required=("warning", "critical"))
    warning = read_level(section["warning"], read_figure)
    critical = read_level(section["critical"], read_figure)
    if critical.at <= warning.at:
        section["critical"].fail("the critical level must be above the warning level")
    return Levels(warning=warning, critical=critical)


def read_level(node: Node, read_figure: Read) -> Level:
    section = node.section(required=("at",), optional=("for", "resolves"))
    at = read_figure(section["at"])
    for_ns = section["for"].duration_ns() if "for" in section else 0
    resolves = read_figure(section["resolves"]) if "resolves" in section else at
    if resolves > at:
        section["resolves"].fail("an alert cannot resolve above the level at which it fires")
    return Level(at=at, for_ns=for_ns, resolves=resolves)


def read_bare(node: Node, read_figure: Read, *others: str) -> Levels:
    """Levels that are figures and nothing else, such as `warning: 10s` or `critical: 1`. `others`: keys beside them,
    which others read."""
    section = node.section(optional=("warning", "critical", *others))
    warning, critical = bare_level(section, "warning", read_figure), bare_level(section, "critical", read_figure)
    if warning is None and critical is None:
        node.fail("a warning or a critical level is expected here")
    if warning is not None and critical is not None and critical.at <= warning.at:
        section["critical"].fail("the critical level must be above the warning level")
    return Levels(warning=warning, critical=critical)


def bare_level(section: Section, severity: str, read_figure: Read) -> Level | None:
    if severity not in section:
        return None
    at = read_figure(section[severity])
    return Level(at=at, for_ns=0, resolves=at)


def read_lasting(node: Node) -> Levels:
    """Levels of a rule whose figure is there or not, such as `warning: 2s`: how long it must have been there."""
    levels = read_bare(node, read_duration)
    return Levels(warning=lasting(levels.warning), critical=lasting(levels.critical))


def lasting(level: Level | None) -> Level | None:
    return None if level is None else Level(at=1, for_ns=level.at, resolves=1)


def read_shares(node: Node) -> Levels:
    return read_levels(node, read_share)


def read_share(node: Node) -> int:
    share_ppm = node.fraction_ppm()
    if not 0 < share_ppm < MILLION:
        node.fail(f"{node.text()} is not above 0% and below 100%")
    return share_ppm


def amount_of(asset: Asset) -> Read:
    def read_amount(node: Node) -> int:
        amount = node.positive()
        try:
            return asset.to_minor(amount)
        except ValueError:
            node.fail(f"{amount} is finer than the smallest unit of {asset.name}")

    return read_amount


def read_duration(node: Node) -> int:
    return node.duration_ns(minimum_ns=SECOND_NS)


def read_count(node: Node) -> int:
    return node.integer(1, MOST_COUNTED)


def minor_unit(asset: str) -> str:
    return f"{asset} minor"
