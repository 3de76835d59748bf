"""What a desk knows: the markets that it watches, and its own positions.

Rule 1: a quote or book that is older than the one known is not news.
Rule 2: a single print is not a price: what is far from a fresh quote is taken when the next one says the same.
Rule 3: positions come from the venue's report, and after it from fills, each applied once.
"""

from typing import Final, final

from trading_ecosystem.messages.accounts import AccountReported
from trading_ecosystem.messages.market import BookTopChanged, MarketPhase, MarketPhaseChanged, QuotePublished
from trading_ecosystem.messages.orders import OrderFilled, Side
from trading_ecosystem.messages.perpetuals import MarginMoved, PositionChanged
from trading_ecosystem.messages.runtime import Plain, Remember
from trading_ecosystem.reference import Instrument, ReferenceData

UNTOLD_NS: Final = 30_000_000_000  # How long a market is taken to be closed, if nobody says how long it is;
LONGEST_CLOSED_NS: Final = 3_600_000_000_000  # and at most, without another word.
OPENING_KEY: Final = "opening_positions"
PPM: Final = 1_000_000
LARGEST_MOVE_PPM: Final = 50_000  # From one quote to the next, if that is to be believed at once.


@final
class Market:
    """One instrument: the provider's last quote, and the top of the venue's own book. `holding` is what trading it
    changes among the desk's positions: the base asset, or the perpetual itself."""

    __slots__ = (
        "_closed_until_ns",
        "_doubted",
        "_phase_ns",
        "_quote_age_ns",
        "book",
        "holding",
        "instrument",
        "quote",
    )

    def __init__(self, instrument: Instrument, quote_age_ns: int) -> None:
        self.instrument = instrument
        self.holding: str = instrument.base if instrument.terms is None else instrument.symbol
        self._quote_age_ns = quote_age_ns
        self._closed_until_ns = 0
        self._phase_ns = 0
        self._doubted: QuotePublished | None = None  # Waits for the next one to say the same.
        self.quote: QuotePublished | None = None
        self.book: BookTopChanged | None = None

    def take_quote(self, quote: QuotePublished) -> bool:
        """False if it is late, a repetition, or not to be believed yet."""
        known = self.quote
        if known is not None and (quote.occurred_ns <= known.occurred_ns or self._doubts(quote, known)):
            return False
        self.quote = quote
        return True

    def _doubts(self, quote: QuotePublished, known: QuotePublished) -> bool:
        doubted = self._doubted
        if not is_far(quote, known) or quote.occurred_ns >= known.occurred_ns + self._quote_age_ns:
            self._doubted = None
            return False
        if doubted is not None and quote.occurred_ns <= doubted.occurred_ns:
            return True
        self._doubted = None if doubted is not None and not is_far(quote, doubted) else quote
        return self._doubted is not None

    def take_book(self, book: BookTopChanged) -> bool:
        """False if it is late, a repetition or no book. Changes of one moment are ordered by their sequence."""
        if book.bid_ticks < 0 or book.ask_ticks < 0 or book.bid_lots < 0 or book.ask_lots < 0:
            return False
        known = self.book
        if known is not None and (
            book.occurred_ns < known.occurred_ns
            or (book.occurred_ns == known.occurred_ns and book.sequence <= known.sequence)
        ):
            return False
        self.book = book
        return True

    def take_phase(self, changed: MarketPhaseChanged, now: int) -> bool:
        """False if it is late."""
        if changed.occurred_ns < self._phase_ns:
            return False
        self._phase_ns = changed.occurred_ns
        if changed.market_phase is MarketPhase.OPEN:
            self._closed_until_ns = 0
        else:
            self.close(now, changed.until_ns)
        return True

    def close(self, now: int, until_ns: int = 0) -> None:
        """The venue takes no orders here. After a while one is tried again: the word that it does may be lost."""
        until_ns = min(until_ns, now + LONGEST_CLOSED_NS)
        self._closed_until_ns = max(until_ns, now + UNTOLD_NS)

    def forget_venue(self) -> None:
        """What the venue said of this market before it went away says nothing now."""
        self.book = None
        self._closed_until_ns = self._phase_ns = 0

    def is_open(self, now: int) -> bool:
        return now >= self._closed_until_ns

    def stale(self, now: int) -> bool:
        """No quote, or one that is as old as the limit."""
        return self.quote is None or now >= self.quote.occurred_ns + self._quote_age_ns

    def stale_ns(self) -> int:
        """When the quote at hand becomes stale."""
        return 0 if self.quote is None else self.quote.occurred_ns + self._quote_age_ns

    def crossed(self) -> bool:
        quote = self.quote
        return quote is not None and (quote.bid_ticks > quote.ask_ticks or quote.bid_ticks <= 0)

    def double_mid_ticks(self) -> int:
        """Bid plus ask of the quote, which keeps the half tick of the middle exact. 0 without a quote."""
        return 0 if self.quote is None else self.quote.bid_ticks + self.quote.ask_ticks

    def value_minor(self, base_minor: int) -> int:
        """What an amount of base is worth at the middle of the quote, in minor units of the quote asset."""
        instrument = self.instrument
        per_lot = self.double_mid_ticks() * instrument.quote_minor_per_tick_lot
        return base_minor * per_lot // (2 * instrument.base_minor_per_lot)


def is_far(quote: QuotePublished, known: QuotePublished) -> bool:
    """Whether both are prices, and their middles further apart than prices move from quote to quote."""
    double_mid, known_double_mid = quote.bid_ticks + quote.ask_ticks, known.bid_ticks + known.ask_ticks
    if abs(double_mid - known_double_mid) * PPM <= known_double_mid * LARGEST_MOVE_PPM:
        return False
    return 0 < quote.bid_ticks <= quote.ask_ticks and 0 < known.bid_ticks <= known.ask_ticks


@final
class Positions:
    """Amounts of each asset in minor units, free and locked together. A position in one of the `perpetuals` has an
    amount of its own, by the symbol, in minor units of the base asset: below 0 for a short one.

    The opening positions are those of the first report that the desk ever got; they survive its restarts,
    and a strategy is flat where it holds them.
    """

    __slots__ = ("_opening", "_perpetuals", "_totals")

    def __init__(self, perpetuals: dict[str, Instrument] | None = None) -> None:
        self._perpetuals = perpetuals or {}
        self._totals: dict[str, int] = {}
        self._opening: dict[str, int] | None = None

    def resume(self, remembered: Plain) -> None:
        assert isinstance(remembered, dict)
        self._opening = {str(asset): int(amount) for asset, amount in remembered.items()}

    def totals(self) -> dict[str, int]:
        return dict(self._totals)

    def total_minor(self, asset: str) -> int:
        return self._totals.get(asset, 0)

    def excess_minor(self, asset: str) -> int:
        """How much more than at the opening; negative for less."""
        opening = 0 if self._opening is None else self._opening.get(asset, 0)
        return self._totals.get(asset, 0) - opening

    def report(self, message: AccountReported) -> Remember | None:
        """Take the venue's word for everything. The first report ever is to be remembered."""
        self._totals = {balance.asset: balance.free_minor + balance.locked_minor for balance in message.balances}
        for position in message.positions:
            self._hold(position.symbol, position.position_lots)
        if self._opening is not None:
            return None
        self._opening = dict(self._totals)
        return Remember(key=OPENING_KEY, value=dict(self._totals))

    def fill(self, fill: OrderFilled, instrument: Instrument) -> None:
        base_minor = instrument.base_minor(fill.quantity_lots)
        quote_minor = instrument.notional_minor(fill.price_ticks, fill.quantity_lots)
        sign = 1 if fill.side is Side.BUY else -1
        if instrument.terms is not None:
            self._add(instrument.symbol, sign * base_minor)
            return
        self._add(instrument.base, sign * base_minor)
        self._add(instrument.quote, -sign * quote_minor - fill.fee_minor)

    def move(self, asset: str, amount_minor: int) -> Remember | None:
        """Brought in (+) or taken out (-): a strategy that was flat is flat afterwards."""
        self._add(asset, amount_minor)
        if self._opening is None:
            return None
        self._opening[asset] = self._opening.get(asset, 0) + amount_minor
        return Remember(key=OPENING_KEY, value=dict(self._opening))

    def change(self, event: PositionChanged | MarginMoved) -> None:
        """What the venue says of a position is the truth; margin leaves the balance that it was moved out of."""
        if isinstance(event, MarginMoved):
            self._add(event.asset, -event.amount_minor)
        else:
            self._hold(event.symbol, event.position_lots)

    def _hold(self, symbol: str, lots: int) -> None:
        if symbol in self._perpetuals:
            self._totals[symbol] = self._perpetuals[symbol].base_minor(lots)

    def _add(self, asset: str, amount_minor: int) -> None:
        self._totals[asset] = self._totals.get(asset, 0) + amount_minor


@final
class Desk:
    """The knowledge that the strategies and the checks of a desk share."""

    __slots__ = ("markets", "numeraire", "positions", "reference")

    def __init__(self, reference: ReferenceData, symbols: tuple[str, ...], quote_age_ns: int) -> None:
        self.reference = reference
        self.numeraire = reference.numeraire
        self.markets = {symbol: Market(reference.instruments[symbol], quote_age_ns) for symbol in symbols}
        self.positions = Positions(reference.perpetuals)

    def conversion(self, asset: str) -> Market | None:
        """The market that values an asset; None for the numeraire itself."""
        return None if asset == self.numeraire else self.markets[f"{asset}/{self.numeraire}"]

    def forget_books(self) -> None:
        """What the venue's books were before it went away says nothing now."""
        for market in self.markets.values():
            market.forget_venue()
