"""What a package registers so that a world can name its strategy: how to read its configuration, how to build it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.production.trading_engine.desk import Desk
from trading_ecosystem.production.trading_engine.strategies.strategy import Strategy
from trading_ecosystem.reference import ReferenceData

if TYPE_CHECKING:
    from trading_ecosystem.production.trading_engine.config import Limits


class StrategyConfig(Protocol):
    """What a strategy was told to do. It trades in the instruments that `symbols` names, and in no others."""

    @property
    def symbols(self) -> tuple[str, ...]: ...


C = TypeVar("C", bound=StrategyConfig)


@final
@dataclass(frozen=True)
class Plugin(Generic[C]):
    """`read` takes one entry of a desk's `strategies:`, the key `kind` included, and raises `Problem` for whatever is
    wrong with it. `build` makes the strategy, anew at each start of the desk."""

    read: Callable[[Node, ReferenceData, "Limits"], C]
    build: Callable[[C, Desk], Strategy]
