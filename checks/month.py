"""Runs a simulated month with all that can happen to money in it, and sees that none of it is lost.

Prints, for each asset, what is at the venue, in custody and between them, and ends with 1 on any difference, on a
ledger that does not come to zero, or on another verdict than PASS. `--accounts` prints every account, too.
"""

import argparse
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from trading_ecosystem.preparation import RunRequest, prepare
from trading_ecosystem.validation.results import Verdict
from trading_ecosystem.virtual.end_books import AssetLine, BookLine, asset_lines, book_lines
from trading_ecosystem.virtual.run import Ended, execute

MONTH = Path(__file__).parent.parent / "docs" / "examples" / "money" / "one-month.yaml"
OF_ASSETS = ("asset", "at the venue", "in custody", "between", "difference", "vaults", "transit", "outside", "sum")
OF_ACCOUNTS = ("account", "asset", "at the venue", "in custody", "to settle", "profit since", "difference")
TOLD = (
    *("trades", "settlements instructed", "settlements posted", "settlements failed", "netting sets settled"),
    *("instructions netted", "transfers completed", "books compared", "books that differed"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", nargs="?", type=Path, default=MONTH)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--accounts", action="store_true", help="print every account, too")
    asked = parser.parse_args()
    prepared = prepare(RunRequest(scenario_path=asked.scenario, seed=asked.seed, with_twin=False))
    ended = execute(prepared, None, None)
    decimals = {name: asset.decimals for name, asset in prepared.plan.reference.assets.items()}
    print(summary(prepared.scenario.name, prepared.seed, ended))
    if asked.accounts:
        print(table(OF_ACCOUNTS, [account_row(line, decimals) for line in book_lines(ended.world, prepared.plan)]))
    lines = asset_lines(ended.world, prepared.plan)
    print(table(OF_ASSETS, [asset_row(line, decimals) for line in lines]))
    wrong = [line.asset for line in lines if line.difference or line.ledger_sum]
    for reason in ended.judgement.reasons:
        print(reason)
    print(
        f"{ended.judgement.verdict.value}; "
        + (f"not reconciled: {', '.join(wrong)}" if wrong else "reconciled to zero")
    )
    return int(bool(wrong) or ended.judgement.verdict is not Verdict.PASS)


def summary(name: str, seed: int, ended: Ended) -> str:
    counts = {**ended.audit.figures(), **ended.coordinator.counts()}
    told = ", ".join(f"{counts[name]} {name}" for name in TOLD if counts.get(name))
    liquidations = ended.audit.counts().get("PositionLiquidated", 0)
    fundings = ended.audit.counts().get("FundingSettled", 0)
    return f"{name}, seed {seed}, {ended.wall_s:.0f} s: {told}, {fundings} fundings, {liquidations} liquidations\n"


def asset_row(line: AssetLine, decimals: dict[str, int]) -> tuple[str, ...]:
    minor = (line.at_venue, line.in_custody, line.between, line.difference)
    rest = (line.vaults, line.in_transit, line.outside, line.ledger_sum)
    return (line.asset, *[amount(each, decimals[line.asset]) for each in (*minor, *rest)])


def account_row(line: BookLine, decimals: dict[str, int]) -> tuple[str, ...]:
    minor = (line.at_venue, line.posted, line.pending, line.unsettled_profit, line.difference)
    return (line.account, line.asset, *[amount(each, decimals[line.asset]) for each in minor])


def amount(minor: int, decimals: int) -> str:
    """Exact, with thousands."""
    whole = f"{Decimal(minor).scaleb(-decimals):,f}"
    return whole.rstrip("0").rstrip(".") if "." in whole else whole


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    texts = [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (head, *rows)
    ]
    return "\n".join(texts) + "\n"


if __name__ == "__main__":
    sys.exit(main())
