"""What a world says of mean reversion, besides how large positions may be (`sizing_config.py`).

kind: mean_reversion
window: 1h            # Of the moving average and its standard deviation; whole samples.
entry: 1.25           # Standard deviations from the average at which a position is opened,
exit: 0.5             # and nearer than which it is closed.
"""

from dataclasses import dataclass
from typing import final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.production.trading_engine.config import Limits
from trading_ecosystem.production.trading_engine.strategies.sizing_config import (
    SIZING_KEYS,
    SizingConfig,
    read_sizing,
    samples_in,
)
from trading_ecosystem.reference import ReferenceData


@final
@dataclass(frozen=True, kw_only=True)
class MeanReversionConfig:
    """`window` counts samples; `entry_milli` and `exit_milli` are thousandths of a standard deviation."""

    sizing: SizingConfig
    window: int
    entry_milli: int
    exit_milli: int

    @property
    def symbols(self) -> tuple[str, ...]:
        return self.sizing.symbols


def read(node: Node, reference: ReferenceData, limits: Limits) -> MeanReversionConfig:
    section = node.section(required=(*SIZING_KEYS, "window", "entry", "exit"))
    sizing = read_sizing(section, reference, limits)
    entry_milli, exit_milli = score_milli(section["entry"]), score_milli(section["exit"])
    if exit_milli >= entry_milli:
        section["exit"].fail("is not below 'entry': what is opened would be closed at once")
    window = samples_in(section["window"], sizing.sample_ns)
    if entry_milli**2 >= (window - 1) * 1_000_000:
        section["entry"].fail(f"no price can be so far from an average of {window} samples of which it is one")
    return MeanReversionConfig(
        sizing=sizing,
        window=window,
        entry_milli=entry_milli,
        exit_milli=exit_milli,
    )


def score_milli(node: Node) -> int:
    milli = node.decimal("0", "10") * 1_000
    if milli % 1:
        node.fail("is finer than a thousandth")
    return int(milli)
