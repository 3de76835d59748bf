"""The custodian's section of a world: what it says, and one line for each mistake."""

from decimal import Decimal

import pytest

from trading_ecosystem.configuration.document import Problem, parse_document
from trading_ecosystem.configuration.scalars import instant_text
from trading_ecosystem.reference import Asset, AssetKind, ReferenceData, instrument
from trading_ecosystem.simulators.custodian.calendar import DAY_NS
from trading_ecosystem.simulators.custodian.config import (
    CustodianConfig,
    __doc__ as documentation,
    check_accounts,
    read,
)

HOUR_NS = 3_600_000_000_000
ASSETS = {
    "USD": Asset("USD", AssetKind.FIAT, 8),
    "BTC": Asset("BTC", AssetKind.CRYPTO, 8),
    "ETH": Asset("ETH", AssetKind.CRYPTO, 8),
}
SYMBOLS = ("BTC/USD", "ETH/USD")
REFERENCE = ReferenceData(
    "USD",
    list(ASSETS.values()),
    [instrument(symbol, Decimal("0.01"), Decimal("0.001"), ASSETS) for symbol in SYMBOLS],
)
SMALL = {"default_cycle": "T+0", "same_day_delay": "10m", "cut_off": "16:00"}
OF_2026 = [  # Of the New York Stock Exchange, as it publishes them.
    *("2026-01-01", "2026-01-19", "2026-02-16", "2026-04-03", "2026-05-25"),
    *("2026-06-19", "2026-07-03", "2026-09-07", "2026-11-26", "2026-12-25"),
]


def text(changes: dict[str, str]) -> str:
    return "".join(f"{key}: {value}\n" for key, value in {**SMALL, **changes}.items() if value)


def test_the_documented_section_reads() -> None:
    assert documentation is not None
    lines = [line[2:] for line in documentation.splitlines() if line.startswith("  ")]
    config = read(parse_document("world.yaml", "\n".join(lines)), REFERENCE)
    assert config.cycles == {"BTC/USD": 1, "ETH/USD": 1} and config.default_cycle == 0
    assert config.cut_off_ns == 6 * HOUR_NS and config.same_day_delay_ns == HOUR_NS // 6
    days = [instant_text(day * DAY_NS)[:10] for day in config.holidays]
    assert [day for day in days if day.startswith("2026-")] == OF_2026
    assert not config.partial and config.cancel_after == 4
    assert config.nets_settlements and not config.settles_profits and config.compare_every_ns == HOUR_NS


def test_a_kept_calendar_and_holidays_of_ones_own_add_up() -> None:
    changes = {"calendar": "ECB", "holidays": "[2026-04-03, 2026-03-02]", "partial": "true", "cancel_after": "0"}
    config = read(parse_document("world.yaml", text(changes)), REFERENCE)
    days = [instant_text(day * DAY_NS)[:10] for day in config.holidays]
    assert len(set(days)) == len(days) and days == sorted(days)
    assert [day for day in days if day.startswith("2026-0")][:4] == [
        "2026-01-01",
        "2026-03-02",
        "2026-04-03",
        "2026-04-06",
    ]
    assert config.partial and config.cancel_after == 0


def test_what_is_left_out_has_a_default() -> None:
    config = read(parse_document("world.yaml", text({})), REFERENCE)
    assert config == CustodianConfig(same_day_delay_ns=HOUR_NS // 6, cut_off_ns=16 * HOUR_NS)
    assert config.cycle("BTC/USD") == 0


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"cut_off": ""}, "world.yaml:1: the key 'cut_off' is missing"),
        ({"cutoff": "16:00"}, "unknown key 'cutoff'; did you mean 'cut_off'?"),
        ({"cut_off": "24:00"}, "world.yaml:3: cut_off: '24:00' is not a time of day in UTC such as 16:00"),
        ({"cut_off": "16h"}, "world.yaml:3: cut_off: '16h' is not a time of day in UTC such as 16:00"),
        ({"default_cycle": "T+9"}, "world.yaml:1: default_cycle: unknown settlement cycle 'T+9'; did you mean 'T+3'?"),
        ({"same_day_delay": "0s"}, "world.yaml:2: same_day_delay: the shortest time allowed is 1ns"),
        (
            {"same_day_delay": "10"},
            "world.yaml:2: same_day_delay: '10' is not a duration such as 90s, 15m, 36h or 1h30m",
        ),
        ({"gap_wait": "0s"}, "world.yaml:4: gap_wait: the shortest time allowed is 1ns"),
        ({"calendar": "NYES"}, "world.yaml:4: calendar: unknown calendar 'NYES'; did you mean 'NYSE'?"),
        ({"partial": "maybe"}, "world.yaml:4: partial: unknown flag 'maybe'; known: false, true"),
        ({"cancel_after": "31"}, "world.yaml:4: cancel_after: 31 is not between 0 and 30"),
        ({"cycles": "{BTC/USDX: T+1}"}, "unknown instrument 'BTC/USDX'; did you mean 'BTC/USD'?"),
        ({"cycles": "T+1"}, "world.yaml:4: cycles: a mapping (key: value lines) is expected here"),
        ({"holidays": "[2026-02-30]"}, "world.yaml:4: holidays.0: '2026-02-30' is not a date such as 2026-04-03"),
        ({"holidays": "[20260403]"}, "world.yaml:4: holidays.0: '20260403' is not a date such as 2026-04-03"),
        ({"holidays": "[2026-04-03, 2026-04-03]"}, "holidays.1: the holiday 2026-04-03 is there twice"),
        (
            {"netting": "[settlement]"},
            "world.yaml:4: netting.0: unknown kind of netting 'settlement'; did you mean 'settlements'?",
        ),
        ({"netting": "[settlements, settlements]"}, "netting.1: 'settlements' is there twice"),
        ({"netting": "[profits]"}, "netting.0: profits are settled as movements of the venue, which need the section"),
        ({"compare_every": "1s"}, "world.yaml:4: compare_every: the shortest time allowed is 1m"),
    ],
)
def test_each_mistake_is_one_line(changes: dict[str, str], problem: str) -> None:
    with pytest.raises(Problem) as caught:
        read(parse_document("world.yaml", text(changes)), REFERENCE)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["clearing", "insurance"])
def test_an_account_of_a_world_that_nets_has_no_name_of_the_custodians(name: str) -> None:
    accounts = parse_document("world.yaml", f"alpha: {{}}\n{name}: {{}}")
    netting = read(parse_document("world.yaml", text({"netting": "[settlements]"})), REFERENCE)
    with pytest.raises(
        Problem, match=f"{name} is an account of the custodian itself, which nets; another name is right"
    ):
        check_accounts(accounts, netting, ("alpha", name))
    check_accounts(accounts, netting, ("alpha",))
    check_accounts(accounts, read(parse_document("world.yaml", text({})), REFERENCE), ("alpha", name))
