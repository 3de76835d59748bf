"""The exchange's section of a world.

exchange:
  maker_fee: 1bps                 # of the notional, in the quote asset
  taker_fee: 4bps
  fee_tiers:                      # optional: the fees of those who traded at least so much in the 30 days before, in
    - {traded: 1000000, maker: 0.8bps, taker: 3bps}          # the numeraire; looked at each midnight, UTC
    - {traded: 10000000, maker: 0.5bps, taker: 2bps}
  heartbeat_every: 1s
  background:                     # the venue's other participants
    levels: 5                     # of the ladder, per side
    spacing: 60%                  # each level is so much further from the middle than the one before,
    growth: 50%                   # and so much larger
    follow: 50%                   # of the half spread: a move of the reference that moves the ladder
    stressed_spread: 500%         # of the calm half spread, when the storm is full
    stressed_depth: 20%           # of the calm depth
    noise: 5%                     # chance of a noise trader's order at each quote
    instruments:                  # depth of the first level and largest noise order, in base units;
                                  # mean move per quote in calm and in full storm
      BTC/USD: {half_spread: 3bps, depth: 0.5, noise: 0.2, calm: 1.5bps, storm: 6bps}
  rules:                          # optional: what the venue takes as an order; least value in quote units, largest
                                  # quantity in base units, and how far a limit may be from the reference quote's
                                  # middle, or from the last price where the venue has heard no quote
    BTC/USD: {minimum_notional: 5, largest_order: 100, price_range: 20%}
    ETH/USD: {band: {width: 10%, over: 5m, halt: 5m, auction: 1m}}
                                  # a trade further than `width` from the mean price of the last `over` does not happen:
                                  # the market is halted, has an auction, and is open again
  most_open_orders: 1000          # optional: of one account, in the books
  most_waiting_orders: 100        # optional: of one account, waiting for a price
  custodian: custodian            # optional: whose transfers come in and go out here
  dispersion: {deviation: 2bps, half_life: 60s}  # optional: how far prices here stray from the provider's
  perpetuals:                     # optional: how perpetual futures are kept; each line has a default, which is this
    mark_band: 1%                 # the furthest that the mark price may be from the index
    margin_call: 80%              # share of the equity that the maintenance margin takes up when the account is warned
    liquidation_step: 25%         # of the largest position, closed at a time
    liquidation_fee: 0.5%         # of what is closed, to the insurance fund
    insurance: {}                 # what the fund has at the start, by asset: {USD: 1000000}
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.reference import Asset, Instrument, ReferenceData
from trading_ecosystem.simulators.exchange.fees import FeeTier
from trading_ecosystem.simulators.exchange.rules import LARGEST_LOTS, BandRule, MarketRules

PPM = 1_000_000
PERCENT_PPM = 10_000
HIGHEST_FEE_PPM = 100_000
MOST_LEVELS = 20
MOST_NOISE_LOTS = 1 << 31
SHORTEST_HEARTBEAT_NS = 1_000_000
SECOND_NS = 1_000_000_000
MOST_OPEN = 1_000_000
MOST_WAITING = 10_000
LARGEST_DISPERSION_PPM = 10_000
LONGEST_HALF_LIFE_NS = 24 * 3_600 * SECOND_NS


@final
@dataclass(frozen=True, kw_only=True)
class InstrumentLiquidityConfig:
    """`calm_move_ppm` and `storm_move_ppm`: mean absolute move of the reference from quote to quote."""

    half_spread_ppm: int
    depth_lots: int
    noise_lots: int
    calm_move_ppm: int
    storm_move_ppm: int


@final
@dataclass(frozen=True, kw_only=True)
class LiquidityConfig:
    """Shares and factors in parts per million. An instrument that is not listed has no background liquidity."""

    levels: int
    spacing_ppm: int
    growth_ppm: int
    follow_ppm: int
    stressed_spread_ppm: int
    stressed_depth_ppm: int
    noise_ppm: int
    instruments: dict[str, InstrumentLiquidityConfig]


@final
@dataclass(frozen=True, kw_only=True)
class DispersionConfig:
    """Of this venue's prices around the provider's: a standard deviation, and when half of a deviation is gone."""

    deviation_ppm: int
    half_life_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class PerpetualRules:
    mark_band_ppm: int = 10_000
    margin_call_ppm: int = 800_000
    liquidation_step_ppm: int = 250_000
    liquidation_fee_ppm: int = 5_000
    insurance_minor: dict[str, int] = field(default_factory=dict)  # By asset.


@final
@dataclass(frozen=True, kw_only=True)
class ExchangeConfig:
    maker_fee_ppm: int
    taker_fee_ppm: int
    heartbeat_ns: int
    liquidity: LiquidityConfig
    rules: dict[str, MarketRules] = field(default_factory=dict)  # By symbol; without one everything goes.
    most_open_orders: int = MOST_OPEN  # Of one account,
    most_waiting_orders: int = MOST_WAITING  # and of those that wait for a price.
    fee_tiers: tuple[FeeTier, ...] = ()  # Ascending, beyond the fees above.
    custodian: str = ""  # Who may credit and debit accounts; empty for nobody.
    perpetuals: PerpetualRules = PerpetualRules()
    dispersion: DispersionConfig | None = None

    def tiers(self) -> tuple[FeeTier, ...]:
        first = FeeTier(traded_minor=0, maker_fee_ppm=self.maker_fee_ppm, taker_fee_ppm=self.taker_fee_ppm)
        return (first, *self.fee_tiers)


def read(node: Node, reference: ReferenceData) -> ExchangeConfig:
    """Raises `Problem` for whatever is wrong with the section."""
    optional = (
        *("fee_tiers", "rules", "custodian", "perpetuals"),
        *("most_open_orders", "most_waiting_orders", "dispersion"),
    )
    section = node.section(("maker_fee", "taker_fee", "heartbeat_every", "background"), optional)
    first = read_fees(section["maker_fee"], section["taker_fee"], 0)
    return ExchangeConfig(
        maker_fee_ppm=first.maker_fee_ppm,
        taker_fee_ppm=first.taker_fee_ppm,
        fee_tiers=read_tiers(section.get("fee_tiers"), first, reference),
        heartbeat_ns=section["heartbeat_every"].duration_ns(SHORTEST_HEARTBEAT_NS),
        liquidity=read_liquidity(section["background"], reference),
        rules=read_rules(section.get("rules"), reference),
        most_open_orders=read_most(section.get("most_open_orders"), MOST_OPEN),
        most_waiting_orders=read_most(section.get("most_waiting_orders"), MOST_WAITING),
        custodian=section["custodian"].text() if "custodian" in section else "",
        perpetuals=read_perpetual_rules(section.get("perpetuals"), reference),
        dispersion=read_dispersion(section["dispersion"]) if "dispersion" in section else None,
    )


def read_dispersion(node: Node) -> DispersionConfig:
    section = node.section(("deviation", "half_life"))
    half_life = section["half_life"]
    half_life_ns = half_life.duration_ns(SECOND_NS)
    if half_life_ns > LONGEST_HALF_LIFE_NS:
        half_life.fail("the longest half-life is 24h")
    return DispersionConfig(
        deviation_ppm=share(section["deviation"], 1, LARGEST_DISPERSION_PPM), half_life_ns=half_life_ns
    )


def read_fees(maker: Node, taker: Node, traded_minor: int) -> FeeTier:
    taker_fee_ppm = share(taker, 0, HIGHEST_FEE_PPM)
    maker_fee_ppm = share(maker, 0, HIGHEST_FEE_PPM)
    if maker_fee_ppm > taker_fee_ppm:
        maker.fail("the maker fee is above the taker fee, which is what a resting order sets aside")
    return FeeTier(traded_minor=traded_minor, maker_fee_ppm=maker_fee_ppm, taker_fee_ppm=taker_fee_ppm)


def read_tiers(node: Node | None, first: FeeTier, reference: ReferenceData) -> tuple[FeeTier, ...]:
    """Those beyond the first: each takes more trading than the one before, and costs no more."""
    tiers = [first]
    for child in node.items() if node else []:
        section = child.section(("traded", "maker", "taker"))
        traded_minor = minor(section["traded"], reference.assets[reference.numeraire])
        tier = read_fees(section["maker"], section["taker"], traded_minor)
        before = tiers[-1]
        if traded_minor <= before.traded_minor:
            section["traded"].fail("a tier begins above the one before it")
        for name, fee_ppm, most_ppm in (
            ("maker", tier.maker_fee_ppm, before.maker_fee_ppm),
            ("taker", tier.taker_fee_ppm, before.taker_fee_ppm),
        ):
            if fee_ppm > most_ppm:
                section[name].fail("a tier costs no more than the one before it")
        tiers.append(tier)
    return tuple(tiers[1:])


def read_most(node: Node | None, most: int) -> int:
    return most if node is None else node.integer(1, most)


def read_perpetual_rules(node: Node | None, reference: ReferenceData) -> PerpetualRules:
    usual = PerpetualRules()
    if node is None:
        return usual
    bounds = {
        "mark_band": (100, 200_000, usual.mark_band_ppm),
        "margin_call": (100_000, PPM, usual.margin_call_ppm),
        "liquidation_step": (PERCENT_PPM, PPM, usual.liquidation_step_ppm),
        "liquidation_fee": (0, HIGHEST_FEE_PPM, usual.liquidation_fee_ppm),
    }
    section = node.section((), (*bounds, "insurance"))
    shares: dict[str, int] = {}
    for name, (minimum_ppm, maximum_ppm, usual_ppm) in bounds.items():
        written = section.get(name)
        shares[f"{name}_ppm"] = usual_ppm if written is None else share(written, minimum_ppm, maximum_ppm)
    return PerpetualRules(insurance_minor=read_insurance(section.get("insurance"), reference), **shares)


def read_insurance(node: Node | None, reference: ReferenceData) -> dict[str, int]:
    margined = [instrument.quote for instrument in reference.perpetuals.values()]
    found: dict[str, int] = {}
    for asset, amount in node.entries() if node else []:
        if asset not in margined:
            amount.fail_word("no perpetual is margined in", asset, margined)
        found[asset] = minor(amount, reference.assets[asset])
    return found


def read_rules(node: Node | None, reference: ReferenceData) -> dict[str, MarketRules]:
    found: dict[str, MarketRules] = {}
    for symbol, child in node.entries() if node else []:
        if symbol not in reference.instruments:
            child.fail_word("unknown instrument", symbol, reference.instruments)
        found[symbol] = read_market_rules(child, reference.instruments[symbol], reference)
    return found


def read_market_rules(node: Node, instrument: Instrument, reference: ReferenceData) -> MarketRules:
    section = node.section((), ("minimum_notional", "largest_order", "price_range", "band"))
    least, largest, around = (section.get(name) for name in ("minimum_notional", "largest_order", "price_range"))
    return MarketRules(
        minimum_notional_minor=0 if least is None else minor(least, reference.assets[instrument.quote]),
        largest_lots=LARGEST_LOTS if largest is None else lots(largest, instrument),
        price_range_ppm=0 if around is None else share(around, PERCENT_PPM, PPM - 1),
        band=read_band(section["band"]) if "band" in section else None,
    )


def read_band(node: Node) -> BandRule:
    section = node.section(("width", "over", "halt", "auction"))
    return BandRule(
        width_ppm=share(section["width"], PERCENT_PPM // 10, PPM - 1),
        over_ns=section["over"].duration_ns(SECOND_NS),
        halt_ns=section["halt"].duration_ns(SECOND_NS),
        auction_ns=section["auction"].duration_ns(SECOND_NS),
    )


def minor(node: Node, asset: Asset) -> int:
    try:
        return asset.to_minor(node.positive())
    except ValueError as problem:
        node.fail(str(problem))


def read_liquidity(node: Node, reference: ReferenceData) -> LiquidityConfig:
    shares = ("spacing", "growth", "follow", "stressed_spread", "stressed_depth", "noise")
    section = node.section(("levels", *shares, "instruments"))
    return LiquidityConfig(
        levels=section["levels"].integer(1, MOST_LEVELS),
        spacing_ppm=share(section["spacing"], PERCENT_PPM, 10 * PPM),
        growth_ppm=share(section["growth"], 0, 10 * PPM),
        follow_ppm=share(section["follow"], PERCENT_PPM, 10 * PPM),
        stressed_spread_ppm=share(section["stressed_spread"], PPM, 100 * PPM),
        stressed_depth_ppm=share(section["stressed_depth"], PERCENT_PPM, PPM),
        noise_ppm=share(section["noise"], 0, PPM),
        instruments=read_instruments(section["instruments"], reference),
    )


def read_instruments(node: Node, reference: ReferenceData) -> dict[str, InstrumentLiquidityConfig]:
    found: dict[str, InstrumentLiquidityConfig] = {}
    for symbol, child in node.entries():
        if symbol not in reference.instruments:
            child.fail_word("unknown instrument", symbol, reference.instruments)
        found[symbol] = read_instrument(child, reference.instruments[symbol])
    return found


def read_instrument(node: Node, instrument: Instrument) -> InstrumentLiquidityConfig:
    section = node.section(("half_spread", "depth", "noise", "calm", "storm"))
    calm_move_ppm = share(section["calm"], 1, PPM)
    storm_move_ppm = share(section["storm"], 1, PPM)
    if storm_move_ppm <= calm_move_ppm:
        section["storm"].fail("the move in a storm must be above the move in calm")
    noise_lots = lots(section["noise"], instrument)
    if noise_lots > MOST_NOISE_LOTS:
        section["noise"].fail(f"more than {MOST_NOISE_LOTS} lots")
    return InstrumentLiquidityConfig(
        half_spread_ppm=share(section["half_spread"], 1, PPM // 2),
        depth_lots=lots(section["depth"], instrument),
        noise_lots=noise_lots,
        calm_move_ppm=calm_move_ppm,
        storm_move_ppm=storm_move_ppm,
    )


def share(node: Node, minimum_ppm: int, maximum_ppm: int) -> int:
    """A share between two bounds, which are included."""
    value = node.fraction_ppm()
    if not minimum_ppm <= value <= maximum_ppm:
        node.fail(f"{node.text()} is not between {percent(minimum_ppm)} and {percent(maximum_ppm)}")
    return value


def percent(ppm: int) -> str:
    return f"{Decimal(ppm) / PERCENT_PPM:f}%"


def lots(node: Node, instrument: Instrument) -> int:
    """Whole lots in an amount of base units, at least one."""
    amount = node.positive()
    whole = instrument.to_lots(amount)
    if whole < 1:
        node.fail(f"{amount} is less than one lot, which is {instrument.lot} {instrument.base}")
    return whole
