"""What a world says of time-series momentum, besides how large positions may be (`sizing_config.py`).

kind: momentum
look_back: 2h         # Whole samples.
adjust_above: 25%     # Of the full size: a change of the position by less is left alone.
"""

from dataclasses import dataclass
from typing import final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.production.trading_engine.config import Limits
from trading_ecosystem.production.trading_engine.config_values import share_ppm
from trading_ecosystem.production.trading_engine.strategies.sizing_config import (
    SIZING_KEYS,
    SizingConfig,
    read_sizing,
    samples_in,
)
from trading_ecosystem.reference import ReferenceData


@final
@dataclass(frozen=True, kw_only=True)
class MomentumConfig:
    """`look_back` counts samples."""

    sizing: SizingConfig
    look_back: int
    adjust_ppm: int

    @property
    def symbols(self) -> tuple[str, ...]:
        return self.sizing.symbols


def read(node: Node, reference: ReferenceData, limits: Limits) -> MomentumConfig:
    section = node.section(required=(*SIZING_KEYS, "look_back", "adjust_above"))
    sizing = read_sizing(section, reference, limits)
    return MomentumConfig(
        sizing=sizing,
        look_back=samples_in(section["look_back"], sizing.sample_ns),
        adjust_ppm=share_ppm(section["adjust_above"]),
    )
