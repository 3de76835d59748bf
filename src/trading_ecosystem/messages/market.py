"""What is said about prices. All prices are in ticks, all quantities in lots, of the instrument."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

from mypy_extensions import mypyc_attr

from trading_ecosystem.messages.message import Published


class MarketPhase(StrEnum):
    OPEN = "open"  # Orders meet as they come.
    HALTED = "halted"  # Nothing is traded and no order is taken; what rests can be canceled.
    AUCTION = "auction"  # Orders are collected, to be traded all at once and at one price.


class PhaseReason(StrEnum):
    OUT_OF_BAND = "out_of_band"  # A trade would have been too far from the prices before it.
    VENUE_HALT = "venue_halt"  # The venue halted the market.
    HALT_OVER = "halt_over"
    AUCTION_OVER = "auction_over"
    VENUE_BACK = "venue_back"  # Nothing changed: the venue was away, and says how things are.


@final
@mypyc_attr(acyclic=True)
class QuotePublished(Published):
    """The market-data provider's best bid and ask of one instrument.

    `sequence` counts 1, 2, 3, ... per instrument; `occurred_ns` is the venue clock.
    """

    __slots__ = (
        "ask_lots",
        "ask_ticks",
        "bid_lots",
        "bid_ticks",
        "occurred_ns",
        "sequence",
        "symbol",
    )
    __match_args__: Final = (
        "symbol",
        "bid_ticks",
        "bid_lots",
        "ask_ticks",
        "ask_lots",
        "sequence",
        "occurred_ns",
    )

    def __init__(
        self,
        symbol: str,
        bid_ticks: int,
        bid_lots: int,
        ask_ticks: int,
        ask_lots: int,
        sequence: int,
        occurred_ns: int,
    ) -> None:
        self.symbol = symbol
        self.bid_ticks = bid_ticks
        self.bid_lots = bid_lots
        self.ask_ticks = ask_ticks
        self.ask_lots = ask_lots
        self.sequence = sequence
        self.occurred_ns = occurred_ns


def at_prices(quote: QuotePublished, bid_ticks: int, ask_ticks: int) -> QuotePublished:
    """The same quote at other prices."""
    return QuotePublished(
        quote.symbol, bid_ticks, quote.bid_lots, ask_ticks, quote.ask_lots, quote.sequence, quote.occurred_ns
    )


@final
@mypyc_attr(free_list_len=1, acyclic=True)
class BookTopChanged(Published):
    """Best bid and ask of one venue's own book. An empty side is 0 ticks and 0 lots."""

    __slots__ = (
        "ask_lots",
        "ask_ticks",
        "bid_lots",
        "bid_ticks",
        "occurred_ns",
        "sequence",
        "symbol",
        "venue",
    )
    __match_args__: Final = (
        "venue",
        "symbol",
        "bid_ticks",
        "bid_lots",
        "ask_ticks",
        "ask_lots",
        "sequence",
        "occurred_ns",
    )

    def __init__(
        self,
        venue: str,
        symbol: str,
        bid_ticks: int,
        bid_lots: int,
        ask_ticks: int,
        ask_lots: int,
        sequence: int,
        occurred_ns: int,
    ) -> None:
        self.venue = venue
        self.symbol = symbol
        self.bid_ticks = bid_ticks
        self.bid_lots = bid_lots
        self.ask_ticks = ask_ticks
        self.ask_lots = ask_lots
        self.sequence = sequence
        self.occurred_ns = occurred_ns


@final
@dataclass(frozen=True, kw_only=True)
class MarketPhaseChanged(Published):
    """A market of a venue is in another phase, until `until_ns`; 0: nobody can say until when."""

    venue: str
    symbol: str
    market_phase: MarketPhase
    phase_reason: PhaseReason
    until_ns: int
    occurred_ns: int
