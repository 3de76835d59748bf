"""The provider's REST and WebSocket surface: prices now, prices then, prices as they come.

Rule 1: a price is told as it was published; nothing here makes one.
"""

from asyncio import to_thread
from collections.abc import Iterable, Sequence
from typing import final

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from trading_ecosystem.live.door import Told
from trading_ecosystem.live.rest.access import Scope
from trading_ecosystem.live.rest.amounts import moment_text, price_text, quantity_text
from trading_ecosystem.live.rest.application import application, router
from trading_ecosystem.live.rest.entrance import add_streams
from trading_ecosystem.live.rest.guard import needs
from trading_ecosystem.live.rest.parameters import (
    LATEST_NS,
    Limit,
    Moment,
    SymbolInPath,
    instrument_of,
    moment_of,
)
from trading_ecosystem.live.rest.problems import Trouble
from trading_ecosystem.live.rest.streams import Event
from trading_ecosystem.live.rest.surface import Surface
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.reference import Instrument, ReferenceData
from trading_ecosystem.simulators.market_data.store import MINUTE_NS, PriceHistory, minute_of

STREAM = "quotes."  # Followed by the symbol.


class Price(BaseModel):
    """Prices in the quote asset, sizes in the base asset."""

    symbol: str
    bid: str
    bid_size: str
    ask: str
    ask_size: str
    sequence: int
    occurred: str


class Prices(BaseModel):
    prices: list[Price]


class PricePage(BaseModel):
    """`next` is the `since` of the page that follows; null on the last."""

    prices: list[Price]
    next: str | None


@final
class Quotes:
    """The last quote of each instrument; a `Feed` of all of them."""

    def __init__(self, reference: ReferenceData) -> None:
        self._instruments = reference.instruments
        self.latest: dict[str, QuotePublished] = {}

    def hear(self, told: Sequence[Told]) -> None:
        for each in told:
            if isinstance(each.message, QuotePublished):
                self.latest[each.message.symbol] = each.message

    def account_of(self, stream: str) -> str | None:
        return "" if stream.removeprefix(STREAM) in self._instruments and stream.startswith(STREAM) else None

    def events(self, told: Told) -> Iterable[Event]:
        quote = told.message
        if isinstance(quote, QuotePublished):
            instrument = self._instruments[quote.symbol]
            yield Event(stream=f"{STREAM}{quote.symbol}", data=lambda: price_of(quote, instrument).model_dump())


def rest_app(surface: Surface, reference: ReferenceData, history: PriceHistory) -> FastAPI:
    quotes = Quotes(reference)
    surface.door.listen(quotes.hear)
    made = application(surface, "Market data", price_routes(reference, quotes, history))
    add_streams(made, surface, quotes)
    return made


def price_routes(reference: ReferenceData, quotes: Quotes, history: PriceHistory) -> APIRouter:
    routes = router()

    @routes.get("/prices", summary="The last price of every instrument", **needs(Scope.READ))
    async def prices() -> Prices:
        known = quotes.latest.values()
        return Prices(prices=[price_of(quote, reference.instruments[quote.symbol]) for quote in known])

    @routes.get("/prices/{symbol}", summary="The last price of an instrument", **needs(Scope.READ))
    async def price(symbol: SymbolInPath) -> Price:
        instrument = instrument_of(symbol, reference)
        quote = quotes.latest.get(instrument.symbol)
        if quote is None:
            raise Trouble(404, "no_price_yet", "nothing has been published since the start")
        return price_of(quote, instrument)

    @routes.get(
        "/prices/{symbol}/history", summary="Past prices, the first of each minute, oldest first", **needs(Scope.READ)
    )
    async def past(
        symbol: SymbolInPath, since: Moment | None = None, until: Moment | None = None, limit: Limit = 100
    ) -> PricePage:
        instrument = instrument_of(symbol, reference)
        from_ns, until_ns = moment_of(since, "since", 0), moment_of(until, "until", LATEST_NS)
        found = await to_thread(history.history, instrument.symbol, from_ns, until_ns, limit)
        more = moment_text(minute_of(found[-1].occurred_ns) + MINUTE_NS) if len(found) == limit else None
        return PricePage(prices=[price_of(quote, instrument) for quote in found], next=more)

    return routes


def price_of(quote: QuotePublished, instrument: Instrument) -> Price:
    return Price(
        symbol=quote.symbol,
        bid=price_text(quote.bid_ticks, instrument),
        bid_size=quantity_text(quote.bid_lots, instrument),
        ask=price_text(quote.ask_ticks, instrument),
        ask_size=quantity_text(quote.ask_lots, instrument),
        sequence=quote.sequence,
        occurred=moment_text(quote.occurred_ns),
    )
