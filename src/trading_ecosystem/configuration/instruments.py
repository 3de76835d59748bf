"""What every service must agree on: assets, instruments, and what the accounts hold at the start.

numeraire: USD
assets:
  USD: {kind: fiat, decimals: 8}
  USDT: {kind: stablecoin, decimals: 8, issuer: Tether}
  BTC: {kind: crypto, decimals: 8}
instruments:
  BTC/USD: {tick: 0.01, lot: 0.0001}
perpetuals:                       # optional
  BTC-PERP: {index: BTC/USD, tick: 0.1, lot: 0.001, initial_margin: 5%, maintenance_margin: 2.5%,
             funding_every: 8h, funding_cap: 0.75%, interest: 0.01%}
accounts:
  alpha: {USD: 3000000, BTC: 20}
margin:                           # optional: what of that is in the account's margin wallet at the start
  alpha: {USD: 500000}
"""

import re

from trading_ecosystem.configuration.document import Node, Section
from trading_ecosystem.reference import (
    Asset,
    AssetKind,
    Instrument,
    PerpetualTerms,
    ReferenceData,
    instrument,
    perpetual,
)

REFERENCE_KEYS = ("numeraire", "assets", "instruments")
OPTIONAL_REFERENCE_KEYS = ("perpetuals",)
PERPETUAL_NAME = re.compile(r"[A-Z][A-Z0-9]*-PERP")
MARGIN_KEYS = ("initial_margin", "maintenance_margin")
FUNDING_KEYS = ("funding_every", "funding_cap", "interest")
LONGEST_FUNDING_NS = 24 * 3_600 * 10**9
SHORTEST_FUNDING_NS = 60 * 10**9
MOST_MINOR = 10**18  # Of one asset in all accounts; a message can carry nine times as much.
Balances = dict[str, dict[str, int]]  # account -> asset -> minor units


def read_reference(top: Section) -> ReferenceData:
    """From a section that has `REFERENCE_KEYS`. Raises `Problem` for whatever is wrong with it."""
    assets: dict[str, Asset] = {}
    for name, node in top["assets"].entries():
        section = node.section(required=("kind", "decimals"), optional=("issuer",))
        kind = AssetKind(section["kind"].word(AssetKind, "kind of asset"))
        issuer = section.get("issuer")
        assets[name] = Asset(name, kind, section["decimals"].integer(0, 18), issuer.text() if issuer else "")
    numeraire = top["numeraire"].word(assets, "asset")
    instruments = [read_instrument(symbol, node, assets) for symbol, node in top["instruments"].entries()]
    pairs = [pair.symbol for pair in instruments]
    perpetuals = top.get("perpetuals")
    for symbol, node in perpetuals.entries() if perpetuals else []:
        instruments.append(read_perpetual(symbol, node, pairs, assets, numeraire))
    return ReferenceData(numeraire, list(assets.values()), instruments)


def read_instrument(symbol: str, node: Node, assets: dict[str, Asset]) -> Instrument:
    section = node.section(required=("tick", "lot"))
    base, _, quote = symbol.partition("/")
    for asset in (base, quote):
        if asset not in assets:
            node.fail_word("an instrument is named BASE/QUOTE; unknown asset", asset, assets)
    try:
        return instrument(symbol, section["tick"].positive(), section["lot"].positive(), assets)
    except ValueError as problem:
        node.fail(f"tick x lot is too fine: {problem}")


def read_perpetual(symbol: str, node: Node, pairs: list[str], assets: dict[str, Asset], numeraire: str) -> Instrument:
    if PERPETUAL_NAME.fullmatch(symbol) is None:
        node.fail(f"a perpetual is named like BTC-PERP, not {symbol!r}")
    section = node.section(("index", "tick", "lot", *MARGIN_KEYS, *FUNDING_KEYS))
    initial_ppm, maintenance_ppm = (share_ppm(section[key], 100, 1_000_000) for key in MARGIN_KEYS)
    if maintenance_ppm >= initial_ppm:
        section["maintenance_margin"].fail("the maintenance margin must be below the initial margin")
    every_ns = section["funding_every"].duration_ns(SHORTEST_FUNDING_NS)
    if every_ns > LONGEST_FUNDING_NS:
        section["funding_every"].fail("the longest time between two fundings is 24h")
    cap_ppm = share_ppm(section["funding_cap"], 1, 100_000)
    interest_ppm = share_ppm(section["interest"], 0, 100_000)
    if interest_ppm > cap_ppm:
        section["interest"].fail("the interest is above the funding cap")
    index = section["index"].word(pairs, "instrument")
    if index.partition("/")[2] != numeraire:  # Nobody here could say what such a position is worth to the firm.
        section["index"].fail(f"a perpetual is settled in {numeraire}, the numeraire, and {index} is not quoted in it")
    terms = PerpetualTerms(index, initial_ppm, maintenance_ppm, every_ns, cap_ppm, interest_ppm)
    try:
        return perpetual(symbol, terms, section["tick"].positive(), section["lot"].positive(), assets)
    except ValueError as problem:
        node.fail(f"tick x lot is too fine: {problem}")


def share_ppm(node: Node, minimum_ppm: int, maximum_ppm: int) -> int:
    ppm = node.fraction_ppm()
    if not minimum_ppm <= ppm <= maximum_ppm:
        node.fail(f"{node.text()} is not between {minimum_ppm / 10_000:g}% and {maximum_ppm / 10_000:g}%")
    return ppm


def read_margin(node: Node | None, accounts: Balances, reference: ReferenceData) -> Balances:
    """What of the opening balances is in margin wallets. Raises `Problem` where an account does not have as much, or
    nothing is margined in the asset."""
    margined = unique([instrument.quote for instrument in reference.perpetuals.values()])
    margin: Balances = {}
    for account, amounts in node.entries() if node else []:
        if account not in accounts:
            amounts.fail_word("unknown account", account, accounts)
        margin[account] = {}
        for name, amount in amounts.entries():
            if name not in margined:
                amount.fail_word("no perpetual is margined in", name, margined)
            margin[account][name] = minor_of(amount, reference.assets[name])
            if margin[account][name] > accounts[account].get(name, 0):
                amount.fail(f"more than the {name} that {account} has under 'accounts'")
    return margin


def minor_of(node: Node, asset: Asset) -> int:
    try:
        return asset.to_minor(node.decimal("0", "1000000000000"))
    except ValueError as problem:
        node.fail(str(problem))


def unique(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


def read_accounts(node: Node, reference: ReferenceData) -> Balances:
    """Raises `Problem` like `read_balances`."""
    return read_balances(node.entries(), reference)


def read_balances(entries: list[tuple[str, Node]], reference: ReferenceData) -> Balances:
    """Raises `Problem` for an asset that is not known, and an amount that is finer than its minor unit or too large."""
    accounts: Balances = {}
    together = dict.fromkeys(reference.assets, 0)
    for account, balances in entries:
        accounts[account] = {}
        for name, amount in balances.entries():
            if name not in reference.assets:
                amount.fail_word("unknown asset", name, reference.assets)
            accounts[account][name] = minor_of(amount, reference.assets[name])
            together[name] += accounts[account][name]
            if together[name] > MOST_MINOR:
                amount.fail(f"all accounts together have more than {MOST_MINOR} minor units of {name}")
    return accounts
