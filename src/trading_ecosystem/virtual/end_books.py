"""The books of a world that has come to its end: who has what, at the venue, in custody and between them.

Rule 1: it reads what venue and custodian would write into a snapshot, and nothing that anybody reported.
Rule 2: what is not the same in both is named for what it is; what has no name is a difference.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

from trading_ecosystem import routes
from trading_ecosystem.assembly import WorldPlan
from trading_ecosystem.core import JournaledCore
from trading_ecosystem.virtual.world import World

OWN = ("fees", "insurance", "clearing")
Line = tuple[str, str]  # Account and asset.
Amounts = dict[Line, int]  # Minor units.


@final
@dataclass(frozen=True, kw_only=True)
class BookLine:
    """Of one account and asset, in minor units.

    `at_venue` = `posted` + `pending` + `unsettled_profit` + `difference`.
    """

    account: str
    asset: str
    at_venue: int
    posted: int
    pending: int  # What instructions and reserved transfers will bring in (+) or take out (-).
    unsettled_profit: int  # Gained in perpetuals since that was settled last.

    @property
    def difference(self) -> int:
        return self.at_venue - self.posted - self.pending - self.unsettled_profit


@final
@dataclass(frozen=True, kw_only=True)
class AssetLine:
    """Of one asset, in minor units, over all accounts. The ledger's own sum is zero: what came in is owed outside."""

    asset: str
    at_venue: int  # Balances, margin wallets, fees and the fund, less what positions cost.
    in_custody: int  # Posted for all of these.
    between: int  # What the sum of `BookLine`s names.
    vaults: int
    in_transit: int
    outside: int
    difference: int  # Of all lines, each without its sign.

    @property
    def ledger_sum(self) -> int:
        return self.in_custody + self.vaults + self.in_transit + self.outside


def book_lines(world: World, plan: WorldPlan) -> list[BookLine]:
    venue, custodian = saved(world, routes.EXCHANGE), saved(world, routes.CUSTODIAN)
    balances, gains = at_venue(venue, plan)
    posted: dict[str, dict[str, int]] = custodian["ledger"]["posted"]
    pending = pending_of(custodian)
    names = dict.fromkeys([*plan.accounts, *venue["accounts"], *OWN])
    lines: list[BookLine] = []
    for account in names:
        for asset in plan.reference.assets:
            line = (account, asset)
            found = BookLine(
                account=account,
                asset=asset,
                at_venue=balances.get(line, 0),
                posted=posted.get(account, {}).get(asset, 0),
                pending=pending.get(line, 0),
                unsettled_profit=gains.get(line, 0),
            )
            if found.at_venue or found.posted or found.pending:
                lines.append(found)
    return lines


def asset_lines(world: World, plan: WorldPlan) -> list[AssetLine]:
    lines = book_lines(world, plan)
    posted = saved(world, routes.CUSTODIAN)["ledger"]["posted"]
    found: list[AssetLine] = []
    for asset in plan.reference.assets:
        of_asset = [line for line in lines if line.asset == asset]
        found.append(
            AssetLine(
                asset=asset,
                at_venue=sum(line.at_venue for line in of_asset),
                in_custody=sum(line.posted for line in of_asset),
                between=sum(line.pending + line.unsettled_profit for line in of_asset),
                vaults=sum(posted[vault].get(asset, 0) for vault in plan.custodian.transfers.vaults),
                in_transit=posted.get("transit", {}).get(asset, 0),
                outside=posted["external"].get(asset, 0),
                difference=sum(abs(line.difference) for line in of_asset),
            )
        )
    return found


def saved(world: World, name: str) -> Any:
    (service,) = [each for each in world.services if each.name == name]
    assert isinstance(service.core, JournaledCore)
    return service.core.save()


def at_venue(state: Any, plan: WorldPlan) -> tuple[Amounts, Amounts]:
    """What everybody has there, and what of it was gained in perpetuals and not settled yet."""
    amounts: Amounts = {}
    gains: Amounts = {}
    names = list(state["accounts"])
    for name, account in state["accounts"].items():
        for asset, (free_minor, locked_minor) in account["funds"].items():
            add(amounts, (name, asset), free_minor + locked_minor)
    for asset, purse, told, costs_minor in purses(state, plan):
        _, told_costs, told_fees, told_fund, _, *told_wallets = told
        for name, (wallet_minor, moved_in_minor, _), told_minor in zip(
            names, purse["wallets"], told_wallets, strict=True
        ):
            add(amounts, (name, asset), wallet_minor)
            add(gains, (name, asset), wallet_minor - moved_in_minor - told_minor)
        own = (
            ("fees", purse["fees_minor"], told_fees),
            ("insurance", purse["fund_minor"], told_fund),
            ("clearing", -costs_minor, -told_costs),
        )
        for name, minor, told_minor in own:
            add(amounts, (name, asset), minor)
            add(gains, (name, asset), minor - told_minor)
    return amounts, gains


def purses(state: Any, plan: WorldPlan) -> Iterator[tuple[str, Any, list[int], int]]:
    """Each with its asset, what of it was settled, and what all positions in it cost."""
    if state["perpetuals"] is None:
        return
    assets = list(dict.fromkeys(each.quote for each in plan.reference.perpetuals.values()))
    settled = state.get("books", {"purses": []})["purses"]
    for place, (asset, purse) in enumerate(zip(assets, state["perpetuals"]["purses"], strict=True)):
        nothing = [0] * (5 + len(purse["wallets"]))
        costs_minor = sum(
            position[1]
            for symbol, contract in state["perpetuals"]["contracts"].items()
            if plan.reference.perpetuals[symbol].quote == asset
            for position in contract["positions"]
        )
        yield asset, purse, settled[place] if settled else nothing, costs_minor


def pending_of(state: Any) -> Amounts:
    """What instructions that are not over, and transfers whose first step is reserved, will do."""
    pending: Amounts = {}
    for instruction in state["desk"][1]:
        for debit, credit, asset, amount_minor in instruction[-1]:
            add(pending, (debit, asset), -amount_minor)
            add(pending, (credit, asset), amount_minor)
    for transfer in state["transfers"][3][0]:
        debit_account, asset, amount_minor, is_reserved = transfer[4], transfer[7], transfer[8], transfer[16]
        if is_reserved:
            add(pending, (debit_account, asset), -amount_minor)
    return pending


def add(amounts: Amounts, line: Line, minor: int) -> None:
    amounts[line] = amounts.get(line, 0) + minor
