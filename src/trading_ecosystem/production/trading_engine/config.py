"""The configuration of a trading desk: one entry of a world's `desks:` list.

desks:
  - name: alpha
    account: alpha
    venue: exchange
    limits:
      order_value: 250000                               # Largest order, in the numeraire.
      position: {BTC: 30, ETH: 600, USDT: 2000000}      # Largest holding that an order may lead to, per asset.
      price_collar: 3%                                  # Furthest price from the provider's quote.
      quote_age: 10s                                    # An older quote is stale.
      orders_per_minute: 120
      orders_per_second: 20                             # Optional, as are the next two.
      duplicates: {most: 3, within: 10s}                # So many of the same side, price and quantity may leave.
      kill_switch: {denials: 20, within: 10s}           # More held back for coming too often stop the desk.
    strategies:
      - kind: market_maker
        instruments:
          BTC/USD: {size: 0.5, maximum: 5, half_spread: 10bps, skew: 5bps, requote: 8bps}
          ETH/USD: {size: 10, maximum: 100, half_spread: 10bps, skew: 5bps, requote: 9bps}
          USDT/USD: {size: 50000, maximum: 500000, half_spread: 3bps, skew: 2bps, requote: 2bps}

  - name: beta
    account: beta
    venue: exchange
    limits:
      order_value: 250000
      position: {BTC: 25, ETH: 500, USDT: 3000000}
      price_collar: 3%
      quote_age: 10s
      orders_per_minute: 120
    strategies:
      - kind: arbitrage
        taker_fee: 2bps                                 # What the venue takes of each leg.
        threshold: 3bps                                 # Profit after fees below which it does nothing.
        slippage: 20bps                                 # How far beyond the book a hedge may go.
        cooldown: 10s
        hedge_above: 500                                # Uneven positions worth less are left alone.
        triangles:
          - {direct: BTC/USD, cross: BTC/USDT, bridge: USDT/USD, size: 0.5}
          - {direct: ETH/USD, cross: ETH/USDT, bridge: USDT/USD, size: 10}
    treasury:                                           # Optional: what it keeps at the venue, by transfers.
      custodian: custodian
      every: 10m
      keep:                                             # Up to `most` at a time; what is too much goes to the bank,
        USD: {floor: 100000, keep: 200000, ceiling: 300000, most: 50000, vault: beta.vault, bank: bank.beta}

A third kind trades a pair against its perpetual; `position` then also has a limit for the perpetual, long or short:

      - kind: basis
        open_above: 20bps                               # Of the perpetual over the pair, both legs taken at once,
        close_below: 2bps                               # and where the same two legs are taken back.
        slippage: 20bps
        cooldown: 10s
        hedge_above: 500                                # Legs that differ by less are left alone.
        legs:
          - {spot: BTC/USD, perpetual: BTC-PERP, size: 0.5, maximum: 10}

A fourth kind is a class of somebody else's:

      - kind: plug_in
        class: firm.strategies:Momentum
        instruments: [BTC/USD]                          # All that it trades or hears of.
        settings: {}                                    # What it makes of these is its own affair.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import final

from trading_ecosystem.configuration.document import Node, Section
from trading_ecosystem.production.trading_engine.config_values import (
    LARGEST_SHARE_PPM,
    MILLISECOND_NS,
    amount_minor,
    duration,
    lots,
    non_empty,
    share_ppm,
    unique,
)
from trading_ecosystem.production.trading_engine.desk import Desk
from trading_ecosystem.production.trading_engine.strategies.strategy import Strategy
from trading_ecosystem.reference import ReferenceData

SECOND_NS = 1_000_000_000
MOST_WITHIN = 1_000_000  # Of what is counted within a time.
KINDS = ("arbitrage", "basis", "market_maker", "plug_in")


@final
@dataclass(frozen=True, kw_only=True)
class DuplicatesConfig:
    """At most `most` orders that are alike leave within `within_ns`."""

    most: int
    within_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class KillConfig:
    """More than `denials` orders held back for their rate or likeness within `within_ns` engage the kill switch."""

    denials: int
    within_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class Limits:
    """What no order may exceed. Values in minor units of the numeraire, positions in those of the asset."""

    order_value_minor: int
    position_minor: dict[str, int]
    price_collar_ppm: int
    quote_age_ns: int
    orders_per_minute: int
    orders_per_second: int = 0  # 0: no limit.
    duplicates: DuplicatesConfig | None = None
    kill: KillConfig | None = None


@final
@dataclass(frozen=True, kw_only=True)
class QuotingConfig:
    """How one instrument is quoted; all shares are of its price.

    `maximum_minor` is how far the position may go from its opening, either way, and there the quotes are shifted by
    `skew_ppm`. `requote_ppm` is the move of the middle that asks for new quotes.
    """

    symbol: str
    size_lots: int
    maximum_minor: int
    half_spread_ppm: int
    skew_ppm: int
    requote_ppm: int


@final
@dataclass(frozen=True, kw_only=True)
class MarketMakerConfig:
    """`interval_ns` is the shortest time between quotes of an instrument, `retry_ns` after a refusal."""

    instruments: tuple[QuotingConfig, ...]
    interval_ns: int
    retry_ns: int

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(quoting.symbol for quoting in self.instruments)


@final
@dataclass(frozen=True, kw_only=True)
class TriangleConfig:
    """`direct` is BASE/NUMERAIRE, `cross` BASE/OTHER, `bridge` OTHER/NUMERAIRE; `size_minor` of BASE at most."""

    direct: str
    cross: str
    bridge: str
    size_minor: int


@final
@dataclass(frozen=True, kw_only=True)
class ArbitrageConfig:
    triangles: tuple[TriangleConfig, ...]
    taker_fee_ppm: int
    threshold_ppm: int
    slippage_ppm: int
    cooldown_ns: int
    hedge_above_minor: int  # In the numeraire.

    @property
    def symbols(self) -> tuple[str, ...]:
        return unique([s for t in self.triangles for s in (t.direct, t.cross, t.bridge)])


@final
@dataclass(frozen=True, kw_only=True)
class KeepConfig:
    """Below the floor, `keep` is made up from the vault; above the ceiling, what is above `keep` goes to the bank.

    Without a bank (empty) it goes to the vault. Minor units, at most `most_minor` at a time.
    """

    asset: str
    floor_minor: int
    keep_minor: int
    ceiling_minor: int
    most_minor: int
    vault: str
    bank: str


@final
@dataclass(frozen=True, kw_only=True)
class BasisLegsConfig:
    """Amounts of the base asset: of one round, and of all that is open, at most."""

    spot: str
    perpetual: str
    size_minor: int
    maximum_minor: int


@final
@dataclass(frozen=True, kw_only=True)
class TreasuryConfig:
    custodian: str
    every_ns: int
    keeps: tuple[KeepConfig, ...]


@final
@dataclass(frozen=True, kw_only=True)
class BasisConfig:
    legs: tuple[BasisLegsConfig, ...]
    open_ppm: int
    close_ppm: int
    slippage_ppm: int
    cooldown_ns: int
    hedge_above_minor: int  # In the numeraire.

    @property
    def symbols(self) -> tuple[str, ...]:
        return unique([symbol for legs in self.legs for symbol in (legs.spot, legs.perpetual)])


@final
@dataclass(frozen=True, kw_only=True)
class PlugInConfig:
    build: Callable[[Desk], Strategy]
    symbols: tuple[str, ...]


StrategyConfig = MarketMakerConfig | ArbitrageConfig | BasisConfig | PlugInConfig


@final
@dataclass(frozen=True, kw_only=True)
class DeskConfig:
    """One desk: its account at its venue, what it does, and what it must not do."""

    name: str
    account: str
    venue: str
    limits: Limits
    strategies: tuple[StrategyConfig, ...]
    symbols: tuple[str, ...]  # All that it trades or needs to value what it trades.
    heartbeat_timeout_ns: int
    acknowledgment_timeout_ns: int
    retry_ns: int
    treasury: TreasuryConfig | None = None


def read(node: Node, reference: ReferenceData) -> DeskConfig:
    """Read one entry of `desks:`. Raises `Problem` for whatever is wrong with it."""
    section = node.section(
        required=("name", "account", "venue", "limits", "strategies"),
        optional=("heartbeat_timeout", "acknowledgment_timeout", "retry", "treasury"),
    )
    treasury = section.get("treasury")
    limits = read_limits(section["limits"], reference)
    strategies = read_strategies(section["strategies"], reference, limits)
    traded = unique([symbol for strategy in strategies for symbol in strategy.symbols])
    for asset in moved_assets(traded, reference):
        if asset not in limits.position_minor:
            section["limits"].fail(f"no position limit for {asset}, which the desk trades")
    return DeskConfig(
        name=section["name"].text(),
        account=section["account"].text(),
        venue=section["venue"].text(),
        limits=limits,
        strategies=strategies,
        symbols=unique([*traded, *conversions(section, traded, reference)]),
        heartbeat_timeout_ns=duration(section, "heartbeat_timeout", 10 * SECOND_NS),
        acknowledgment_timeout_ns=duration(section, "acknowledgment_timeout", 5 * SECOND_NS),
        retry_ns=duration(section, "retry", 3 * SECOND_NS),
        treasury=None if treasury is None else read_treasury(treasury, reference),
    )


def read_treasury(node: Node, reference: ReferenceData) -> TreasuryConfig:
    section = node.section(required=("custodian", "every", "keep"))
    keeps: list[KeepConfig] = []
    for asset, child in section["keep"].entries():
        if asset not in reference.assets:
            child.fail_word("unknown asset", asset, reference.assets)
        keeps.append(read_keep(child, asset, reference))
    return TreasuryConfig(
        custodian=section["custodian"].text(),
        every_ns=section["every"].duration_ns(SECOND_NS),
        keeps=tuple(keeps),
    )


def read_keep(node: Node, asset: str, reference: ReferenceData) -> KeepConfig:
    section = node.section(required=("floor", "keep", "ceiling", "most", "vault"), optional=("bank",))
    floor_minor, keep_minor, ceiling_minor, most_minor = (
        amount_minor(section[key], asset, reference) for key in ("floor", "keep", "ceiling", "most")
    )
    if not floor_minor <= keep_minor <= ceiling_minor:
        section["keep"].fail("is not between the floor and the ceiling")
    return KeepConfig(
        asset=asset,
        floor_minor=floor_minor,
        keep_minor=keep_minor,
        ceiling_minor=ceiling_minor,
        most_minor=most_minor,
        vault=section["vault"].text(),
        bank=section["bank"].text() if "bank" in section else "",
    )


def read_limits(node: Node, reference: ReferenceData) -> Limits:
    section = node.section(
        required=("order_value", "position", "price_collar", "quote_age", "orders_per_minute"),
        optional=("orders_per_second", "duplicates", "kill_switch"),
    )
    per_second, duplicates, kill = (section.get(key) for key in ("orders_per_second", "duplicates", "kill_switch"))
    position_minor: dict[str, int] = {}
    for asset, limit in section["position"].entries():
        known = (*reference.assets, *reference.perpetuals)
        if asset not in known:
            limit.fail_word("unknown asset", asset, known)
        perpetual = reference.perpetuals.get(asset)
        position_minor[asset] = amount_minor(limit, asset if perpetual is None else perpetual.base, reference)
    return Limits(
        order_value_minor=amount_minor(section["order_value"], reference.numeraire, reference),
        position_minor=position_minor,
        price_collar_ppm=share_ppm(section["price_collar"]),
        quote_age_ns=section["quote_age"].duration_ns(MILLISECOND_NS),
        orders_per_minute=section["orders_per_minute"].integer(1, 1_000_000),
        orders_per_second=0 if per_second is None else per_second.integer(1, 100_000),
        duplicates=None if duplicates is None else read_duplicates(duplicates),
        kill=None if kill is None else read_kill(kill),
    )


def read_duplicates(node: Node) -> DuplicatesConfig:
    section = node.section(required=("most", "within"))
    most = section["most"].integer(1, MOST_WITHIN)
    return DuplicatesConfig(most=most, within_ns=section["within"].duration_ns(MILLISECOND_NS))


def read_kill(node: Node) -> KillConfig:
    section = node.section(required=("denials", "within"))
    denials = section["denials"].integer(0, MOST_WITHIN)
    return KillConfig(denials=denials, within_ns=section["within"].duration_ns(MILLISECOND_NS))


def read_strategies(node: Node, reference: ReferenceData, limits: Limits) -> tuple[StrategyConfig, ...]:
    strategies: list[StrategyConfig] = []
    owned: list[str] = []
    for item in non_empty(node, "strategy"):
        strategy = read_strategy(item, reference, limits)
        for asset in moved_assets(strategy.symbols, reference):
            if asset in owned:
                item.fail(f"{asset} is already traded by another strategy of this desk; give it a desk of its own")
        owned.extend(moved_assets(strategy.symbols, reference))
        strategies.append(strategy)
    return tuple(strategies)


def read_strategy(node: Node, reference: ReferenceData, limits: Limits) -> StrategyConfig:
    kinds = [value for key, value in node.entries() if key == "kind"]
    if not kinds:
        node.fail("the key 'kind' is missing")
    kind = kinds[0].word(KINDS, "kind of strategy")
    if kind == "market_maker":
        return read_market_maker(node, reference, limits)
    if kind == "plug_in":
        return read_plug_in(node, reference)
    return read_basis(node, reference, limits) if kind == "basis" else read_arbitrage(node, reference, limits)


def read_plug_in(node: Node, reference: ReferenceData) -> PlugInConfig:
    """The class reads its own settings: `configured(settings, reference)` gives what builds it for a desk."""
    section = node.section(required=("kind", "class", "instruments", "settings"))
    symbols = [
        item.word(reference.instruments, "instrument") for item in non_empty(section["instruments"], "instrument")
    ]
    module, _, name = section["class"].text().partition(":")
    try:
        plug_in = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as problem:
        section["class"].fail(f"no such class: {problem}")
    if not (isinstance(plug_in, type) and issubclass(plug_in, Strategy) and hasattr(plug_in, "configured")):
        section["class"].fail("is no strategy that can be configured")
    return PlugInConfig(build=plug_in.configured(section["settings"], reference), symbols=unique(symbols))


def read_market_maker(node: Node, reference: ReferenceData, limits: Limits) -> MarketMakerConfig:
    section = node.section(required=("kind", "instruments"), optional=("interval", "retry"))
    entries = section["instruments"].entries()
    if not entries:
        section["instruments"].fail("at least one instrument is needed")
    return MarketMakerConfig(
        instruments=tuple(read_quoting(symbol, value, reference, limits) for symbol, value in entries),
        interval_ns=duration(section, "interval", SECOND_NS),
        retry_ns=duration(section, "retry", 30 * SECOND_NS),
    )


def read_quoting(symbol: str, node: Node, reference: ReferenceData, limits: Limits) -> QuotingConfig:
    if symbol not in reference.instruments:
        node.fail_word("unknown instrument", symbol, reference.instruments)
    instrument = reference.instruments[symbol]
    section = node.section(required=("size", "maximum", "half_spread", "skew", "requote"))
    half_spread_ppm = share_ppm(section["half_spread"])
    skew_ppm = section["skew"].fraction_ppm()
    if not 0 <= skew_ppm <= half_spread_ppm:
        section["skew"].fail(
            "a skew from zero to the half spread is expected; beyond it a quote would cross the middle"
        )
    if half_spread_ppm + skew_ppm >= limits.price_collar_ppm:
        section["half_spread"].fail("half spread and skew reach beyond the price collar: every quote would be denied")
    size_lots = lots(section["size"], instrument)
    maximum_minor = amount_minor(section["maximum"], instrument.base, reference)
    if maximum_minor < instrument.base_minor(size_lots):
        section["maximum"].fail("is smaller than the size of one quote")
    return QuotingConfig(
        symbol=symbol,
        size_lots=size_lots,
        maximum_minor=maximum_minor,
        half_spread_ppm=half_spread_ppm,
        skew_ppm=skew_ppm,
        requote_ppm=share_ppm(section["requote"]),
    )


def read_arbitrage(node: Node, reference: ReferenceData, limits: Limits) -> ArbitrageConfig:
    section = node.section(
        required=("kind", "triangles", "taker_fee", "threshold", "slippage", "cooldown", "hedge_above"),
    )
    taker_fee_ppm = section["taker_fee"].fraction_ppm()
    if not 0 <= taker_fee_ppm <= LARGEST_SHARE_PPM:
        section["taker_fee"].fail("a fee from 0% to 50% is expected")
    slippage_ppm = share_ppm(section["slippage"])
    if slippage_ppm >= limits.price_collar_ppm:
        section["slippage"].fail("is not below the price collar: every hedge would be denied")
    return ArbitrageConfig(
        triangles=tuple(read_triangle(item, reference) for item in non_empty(section["triangles"], "triangle")),
        taker_fee_ppm=taker_fee_ppm,
        threshold_ppm=share_ppm(section["threshold"]),
        slippage_ppm=slippage_ppm,
        cooldown_ns=section["cooldown"].duration_ns(MILLISECOND_NS),
        hedge_above_minor=amount_minor(section["hedge_above"], reference.numeraire, reference),
    )


def read_triangle(node: Node, reference: ReferenceData) -> TriangleConfig:
    section = node.section(required=("direct", "cross", "bridge", "size"))
    known = reference.instruments
    direct, cross, bridge = (known[section[leg].word(known, "instrument")] for leg in ("direct", "cross", "bridge"))
    if direct.quote != reference.numeraire or bridge.quote != reference.numeraire:
        node.fail(f"the direct pair and the bridge must be priced in {reference.numeraire}")
    if cross.base != direct.base or cross.quote != bridge.base:
        node.fail(f"the cross pair must be {direct.base}/{bridge.base}")
    size_minor = amount_minor(section["size"], direct.base, reference)
    if size_minor < max(direct.base_minor_per_lot, cross.base_minor_per_lot):
        section["size"].fail("is smaller than a lot")
    return TriangleConfig(direct=direct.symbol, cross=cross.symbol, bridge=bridge.symbol, size_minor=size_minor)


def read_basis(node: Node, reference: ReferenceData, limits: Limits) -> BasisConfig:
    section = node.section(
        required=("kind", "legs", "open_above", "close_below", "slippage", "cooldown", "hedge_above"),
    )
    open_ppm, close_ppm = section["open_above"].fraction_ppm(), section["close_below"].fraction_ppm()
    if not -LARGEST_SHARE_PPM <= close_ppm < open_ppm <= LARGEST_SHARE_PPM:
        section["close_below"].fail("is not below 'open_above': what is opened would be closed at once")
    slippage_ppm = share_ppm(section["slippage"])
    if slippage_ppm >= limits.price_collar_ppm:
        section["slippage"].fail("is not below the price collar: every hedge would be denied")
    return BasisConfig(
        legs=tuple(read_basis_legs(item, reference) for item in non_empty(section["legs"], "pair of legs")),
        open_ppm=open_ppm,
        close_ppm=close_ppm,
        slippage_ppm=slippage_ppm,
        cooldown_ns=section["cooldown"].duration_ns(MILLISECOND_NS),
        hedge_above_minor=amount_minor(section["hedge_above"], reference.numeraire, reference),
    )


def read_basis_legs(node: Node, reference: ReferenceData) -> BasisLegsConfig:
    section = node.section(required=("spot", "perpetual", "size", "maximum"))
    spot = reference.instruments[section["spot"].word(reference.instruments, "instrument")]
    perpetual = reference.perpetuals[section["perpetual"].word(reference.perpetuals, "perpetual")]
    if perpetual.terms is None or perpetual.terms.index != spot.symbol or spot.quote != reference.numeraire:
        node.fail(f"{perpetual.symbol} is no perpetual of {spot.symbol}, priced in {reference.numeraire}")
    size_minor, maximum_minor = (amount_minor(section[key], spot.base, reference) for key in ("size", "maximum"))
    if size_minor < max(spot.base_minor_per_lot, perpetual.base_minor_per_lot):
        section["size"].fail("is smaller than a lot")
    if maximum_minor < size_minor:
        section["maximum"].fail("is smaller than the size of one round")
    return BasisLegsConfig(
        spot=spot.symbol, perpetual=perpetual.symbol, size_minor=size_minor, maximum_minor=maximum_minor
    )


def conversions(section: Section, symbols: tuple[str, ...], reference: ReferenceData) -> list[str]:
    """The instruments that value the quote assets of what is traded."""
    needed: list[str] = []
    for symbol in symbols:
        quote = reference.instruments[symbol].quote
        if quote == reference.numeraire:
            continue
        conversion = f"{quote}/{reference.numeraire}"
        if conversion not in reference.instruments:
            section["strategies"].fail(
                f"{symbol} needs the instrument {conversion} to be valued in {reference.numeraire}"
            )
        needed.append(conversion)
    return needed


def moved_assets(symbols: tuple[str, ...], reference: ReferenceData) -> tuple[str, ...]:
    """The assets other than the numeraire whose positions trading these instruments changes, and the perpetuals."""
    moved: list[str] = []
    for symbol in symbols:
        instrument = reference.instruments[symbol]
        moved += [symbol] if instrument.terms is not None else [instrument.base, instrument.quote]
    return unique([asset for asset in moved if asset != reference.numeraire])
