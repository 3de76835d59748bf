"""What every service must agree on: assets, instruments, and what the accounts hold at the start.

numeraire: USD
assets:
  USD: {kind: fiat, decimals: 8}
  USDT: {kind: stablecoin, decimals: 8, issuer: Tether}
  BTC: {kind: crypto, decimals: 8}
instruments:
  BTC/USD: {tick: 0.01, lot: 0.0001}
accounts:
  alpha: {USD: 3000000, BTC: 20}
"""

from trading_ecosystem.configuration.document import Node, Section
from trading_ecosystem.reference import Asset, AssetKind, Instrument, ReferenceData, instrument

REFERENCE_KEYS = ("numeraire", "assets", "instruments")
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


def read_accounts(node: Node, reference: ReferenceData) -> Balances:
    """Raises `Problem` for an asset that is not known, and an amount that is finer than its minor unit or too large."""
    accounts: Balances = {}
    together = dict.fromkeys(reference.assets, 0)
    for account, balances in node.entries():
        accounts[account] = {}
        for name, amount in balances.entries():
            if name not in reference.assets:
                amount.fail_word("unknown asset", name, reference.assets)
            units = amount.decimal("0", "1000000000000")
            try:
                accounts[account][name] = reference.assets[name].to_minor(units)
            except ValueError as problem:
                amount.fail(str(problem))
            together[name] += accounts[account][name]
            if together[name] > MOST_MINOR:
                amount.fail(f"all accounts together have more than {MOST_MINOR} minor units of {name}")
    return accounts
