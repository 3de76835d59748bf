"""Random commands of every kind, to the venue and to its slow and obvious twin. Prints the digests of what both say.

Argument: how many commands. By turns crowds are hasty or patient, rich or poor, and in markets that halt or do not.
"""

import sys
from hashlib import sha256
from time import perf_counter

from tests.simulators.exchange.conftest import REFERENCE, SILENT
from tests.simulators.exchange.crowd import ACCOUNTS, Crowd
from tests.simulators.exchange.twin import Rules, Twin, spoken

from trading_ecosystem.simulators.exchange.config import ExchangeConfig
from trading_ecosystem.simulators.exchange.core import Exchange
from trading_ecosystem.simulators.exchange.rules import BandRule, MarketRules

PER_CROWD = 10_000
MAKER_FEE, TAKER_FEE = 1_000, 30_000
POOR = {"ann": {"USD": 6_000, "BTC": 400}, "bob": {"USD": 4_000, "ETH": 300}, "cid": {"USD": 300, "BTC": 20}}
RICH = {name: {"USD": 1_000_000, "BTC": 100_000, "ETH": 100_000} for name in ACCOUNTS}


def rules_of(seed: int) -> Rules:
    if seed % 5 == 4:
        return Rules(range_ppm=45_000, band_ppm=25_000, over=90, halt=20, auction=40)
    return Rules(minimum_notional=150, largest=11, range_ppm=45_000) if seed % 3 == 0 else Rules()


def accounts_of(seed: int) -> dict[str, dict[str, int]]:
    return POOR if seed % 4 == 0 else RICH


def venue(seed: int) -> Exchange:
    limits = rules_of(seed)
    band = BandRule(width_ppm=limits.band_ppm, over_ns=limits.over, halt_ns=limits.halt, auction_ns=limits.auction)
    rules = MarketRules(
        minimum_notional_minor=limits.minimum_notional,
        largest_lots=limits.largest,
        price_range_ppm=limits.range_ppm,
        band=band if limits.band_ppm else None,
    )
    config = ExchangeConfig(
        maker_fee_ppm=MAKER_FEE,
        taker_fee_ppm=TAKER_FEE,
        heartbeat_ns=1_000,
        liquidity=SILENT,
        rules=dict.fromkeys(REFERENCE.instruments, rules),
    )
    return Exchange("venue", config, REFERENCE, accounts_of(seed), seed)


def main() -> None:
    count = int(sys.argv[1])
    said, expected = sha256(), sha256()
    begun, deepest, words, auctions = perf_counter(), 0, 0, 0
    for seed in range(count // PER_CROWD):
        exchange = venue(seed)
        twin = Twin(accounts_of(seed), MAKER_FEE, TAKER_FEE, rules=rules_of(seed))
        crowd = Crowd(seed, rare=40 if seed % 5 == 4 else 0, patient=seed % 2 == 1)
        for now, command in crowd.commands(PER_CROWD):
            found = [line for answer in exchange.handle(command, now) for line in spoken(answer)]
            wanted = twin.handle(command, now)
            said.update(repr(found).encode())
            expected.update(repr(wanted).encode())
            words += len(wanted)
            deepest = max(deepest, len(twin.resting))
        auctions += twin.auction_trades
    equal = said.digest() == expected.digest()
    print(
        f"{count:,} commands, {words:,} answers, up to {deepest} orders in the books, {auctions:,} trades in auctions,"
        f" {perf_counter() - begun:.0f} s:"
        f" venue {said.hexdigest()[:16]}, twin {expected.hexdigest()[:16]}, {'equal' if equal else 'DIFFERENT'}"
    )
    sys.exit(not equal)


if __name__ == "__main__":
    main()
