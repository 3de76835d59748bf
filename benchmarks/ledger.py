"""The ledger beside a bare dictionary: the same transfers, made pending and posted, in the same run.

The dictionary adds and subtracts and does nothing else: no pending amounts, no check, no identity, no totals.
"""

import gc
import time

from trading_ecosystem.messages.custody import Posting
from trading_ecosystem.simulators.custodian.ledger import Ledger
from trading_ecosystem.virtual.queue import COMPILED

ACCOUNTS = 100
ASSETS = ("USD", "BTC", "ETH")
TRANSFERS = 200_000
ROUNDS = 5
NAMES = [f"account-{number}" for number in range(ACCOUNTS)]
OPENING = {name: dict.fromkeys(ASSETS, 1_000_000_000) for name in NAMES}


def transfers() -> list[Posting]:
    return [
        Posting(
            debit_account=NAMES[number % ACCOUNTS],
            credit_account=NAMES[(number * 7 + 1) % ACCOUNTS],
            asset=ASSETS[number % len(ASSETS)],
            amount_minor=1 + number % 9,
        )
        for number in range(TRANSFERS)
        if number % ACCOUNTS != (number * 7 + 1) % ACCOUNTS
    ]


def ledger_rate(postings: list[Posting]) -> float:
    """Transfers made pending and posted, per second."""
    ledger = Ledger(OPENING)
    gc.disable()
    began = time.perf_counter()
    for posting in postings:
        transaction = ledger.transaction((posting,))
        ledger.pend(transaction, 1)
        ledger.post(transaction)
    elapsed = time.perf_counter() - began
    gc.enable()
    return len(postings) / elapsed


def bare_rate(postings: list[Posting]) -> float:
    balances = {(name, asset): amount for name, amounts in OPENING.items() for asset, amount in amounts.items()}
    gc.disable()
    began = time.perf_counter()
    for posting in postings:
        balances[posting.debit_account, posting.asset] -= posting.amount_minor
        balances[posting.credit_account, posting.asset] += posting.amount_minor
    elapsed = time.perf_counter() - began
    gc.enable()
    return len(postings) / elapsed


def main() -> None:
    """Print both rates, best of some rounds taken in turn, and their ratio."""
    postings = transfers()
    ours, bare = 0.0, 0.0
    for _ in range(ROUNDS):
        ours = max(ours, ledger_rate(postings))
        bare = max(bare, bare_rate(postings))
    build = "compiled" if COMPILED else "plain"
    figures = f"{ours / 1e3:6.0f} k transfers/s    bare dictionary {bare / 1e3:6.0f} k    ratio {ours / bare:4.2f}"
    print(f"{build:9}  {figures}", flush=True)


if __name__ == "__main__":
    main()
