"""The market-data provider as a live service: which document it is built from, and what it says on the wire."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

from trading_ecosystem.configuration.document import Node, Section
from trading_ecosystem.configuration.instruments import OPTIONAL_REFERENCE_KEYS, REFERENCE_KEYS, read_reference
from trading_ecosystem.live.access import Access
from trading_ecosystem.live.chaos_wire import CODEC
from trading_ecosystem.live.door import RefusalCode, Refused, Told
from trading_ecosystem.live.production_wire import MARKET_DATA
from trading_ecosystem.live.rest_parts import rest_surface
from trading_ecosystem.live.service import Added, Parts, Service
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.breaking import OF_PRICES, Breaking
from trading_ecosystem.simulators.insight import audit_rest
from trading_ecosystem.simulators.market_data import config
from trading_ecosystem.simulators.market_data.config import MarketDataConfig
from trading_ecosystem.simulators.market_data.core import MarketData
from trading_ecosystem.simulators.market_data.recorded import Recorded
from trading_ecosystem.simulators.market_data.rest import rest_app
from trading_ecosystem.simulators.market_data.store import DESIGN

LARGEST_SEED = (1 << 64) - 1


def build(document: Section, instance: str) -> MarketData:
    """Raises `Problem` for whatever is wrong with the document."""
    reference = read_reference(document)
    prices = config.read(document["market_data"], reference)
    return MarketData(
        instance,
        prices,
        reference,
        document["seed"].integer(0, LARGEST_SEED),
        document["start"].instant_ns(),
        read_recorded(document.get("replay"), prices, reference),
    )


def read_recorded(node: Node | None, prices: MarketDataConfig, reference: ReferenceData) -> Recorded | None:
    if node is None:
        return None
    from trading_ecosystem.simulators.market_data import replay  # Reads Parquet: only where something is replayed.

    section = node.section(required=("files", "from", "until"), optional=("columns", "symbols"))
    columns, symbols = section.get("columns"), section.get("symbols")
    return replay.load(
        [Path(item.text()) for item in section["files"].items()],
        reference,
        columns={key: value.text() for key, value in columns.entries()} or None if columns else None,
        symbols={key: value.text() for key, value in symbols.entries()} or None if symbols else None,
        from_ns=section["from"].instant_ns(),
        until_ns=section["until"].instant_ns(),
        longest_gap_ns=prices.longest_gap_ns,
    )


BREAKING = Breaking(OF_PRICES)
QUOTES = MARKET_DATA.response_type("GetQuotes")


@final
class LatestQuotes:
    """Answers GetQuotes."""

    def __init__(self, reference: ReferenceData) -> None:
        self._known = frozenset(reference.instruments)
        self._quotes: dict[str, QuotePublished] = {}

    def hear(self, told: Sequence[Told]) -> None:
        for each in told:
            if isinstance(each.message, QuotePublished):
                self._quotes[each.message.symbol] = each.message

    async def answer(self, request: Any, caller: str) -> Any:
        """Raises `Refused` (NOT_FOUND) for an instrument that is not there."""
        wanted = list(dict.fromkeys(request.symbols)) or sorted(self._quotes)
        if not self._known.issuperset(wanted):
            raise Refused(RefusalCode.NOT_FOUND, "no such instrument", "symbols")
        return QUOTES(quotes=[CODEC.to_wire(self._quotes[symbol]) for symbol in wanted if symbol in self._quotes])


def add(parts: Parts) -> Added:
    audit, leases = BREAKING.surface(parts)
    reference = read_reference(parts.document)
    rest = rest_app(rest_surface(parts, Access()), reference, parts.engine.store.history)
    latest = LatestQuotes(reference)
    parts.engine.runner.listen(latest.hear)
    return Added(
        rest=rest,
        answers={"GetQuotes": latest.answer},
        audit=[audit],
        audit_rest=audit_rest(parts, BREAKING),
        work=[leases],
    )


SERVICE = Service(
    role="market_data",
    speech=MARKET_DATA,
    keys=(*REFERENCE_KEYS, "market_data", "start", "seed"),
    optional=(*OPTIONAL_REFERENCE_KEYS, "replay"),
    build=build,
    codec=CODEC,
    design=DESIGN,
    add=add,
    breaking=BREAKING,
)
