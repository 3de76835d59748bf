"""The configuration of a trading desk: one entry of a world's `desks:` list. A strategy's own keys its plug-in reads.

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
"""

from dataclasses import dataclass
from typing import Any, final

from trading_ecosystem.configuration.document import Node, Problem, Section
from trading_ecosystem.configuration.plugins import one_line
from trading_ecosystem.production.trading_engine import plugins
from trading_ecosystem.production.trading_engine.config_values import (
    MILLISECOND_NS,
    amount_minor,
    duration,
    non_empty,
    share_ppm,
    unique,
)
from trading_ecosystem.production.trading_engine.strategies.plugin import Plugin, StrategyConfig
from trading_ecosystem.reference import ReferenceData

SECOND_NS = 1_000_000_000
MOST_WITHIN = 1_000_000  # Of what is counted within a time.


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
class TreasuryConfig:
    custodian: str
    every_ns: int
    keeps: tuple[KeepConfig, ...]


@final
@dataclass(frozen=True, kw_only=True)
class StrategyPart:
    """One entry of a desk's `strategies:`: what its plug-in read, and the plug-in that builds a strategy of it."""

    kind: str
    config: StrategyConfig
    plugin: Plugin[Any]


@final
@dataclass(frozen=True, kw_only=True)
class DeskConfig:
    """One desk: its account at its venue, what it does, and what it must not do."""

    name: str
    account: str
    venue: str
    limits: Limits
    strategies: tuple[StrategyPart, ...]
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
    traded = unique([symbol for part in strategies for symbol in part.config.symbols])
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


def read_strategies(node: Node, reference: ReferenceData, limits: Limits) -> tuple[StrategyPart, ...]:
    strategies: list[StrategyPart] = []
    owned: list[str] = []
    for item in non_empty(node, "strategy"):
        strategy = read_strategy(item, reference, limits)
        moved = moved_assets(strategy.config.symbols, reference)
        for asset in moved:
            if asset in owned:
                item.fail(f"{asset} is already traded by another strategy of this desk; give it a desk of its own")
        owned.extend(moved)
        strategies.append(strategy)
    return tuple(strategies)


def read_strategy(node: Node, reference: ReferenceData, limits: Limits) -> StrategyPart:
    kinds = [value for key, value in node.entries() if key == "kind"]
    if not kinds:
        node.fail("the key 'kind' is missing")
    kind = kinds[0].text()
    plugin = plugins.find(kinds[0])
    try:
        config = plugin.read(node, reference, limits)
        symbols = tuple(config.symbols)
    except Problem:
        raise
    except Exception as error:  # Whatever a stranger's reader raises.
        node.fail(f"the reader of the strategy {kind} failed: {one_line(error)}")
    for symbol in symbols:
        if symbol not in reference.instruments:
            node.fail_word(f"the strategy {kind} asks for an unknown instrument", symbol, reference.instruments)
    return StrategyPart(kind=kind, config=config, plugin=plugin)


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
