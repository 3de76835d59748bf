"""What a world says about its custodian.

custodian:
  default_cycle: T+0        # T+0, T+1, T+2 or T+3
  cycles:                   # optional: instruments that settle otherwise
    BTC/USD: T+1
    ETH/USD: T+1
  same_day_delay: 10m       # T+0 settles this long after the trade
  cut_off: "06:00"          # T+1 and later settle at this time of day, UTC
  calendar: NYSE            # optional: whose holidays are no business days, besides Saturdays and Sundays
  holidays: [2026-04-03]    # optional: further ones
  partial: false            # optional: whether what a party can pay of an instruction settles before the rest
  cancel_after: 4           # optional: a fail that is so many business days old is canceled
  gap_wait: 10s             # optional: how long a trade waits for one with a lower id that is still missing
  netting: [settlements]    # optional: settlements, profits or both: what is settled net at the cut-off of a day
  compare_every: 1h         # optional: how often the venue's books are compared with these

`transfers`, which is optional too, is described in `transfer_config.py`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import final

from trading_ecosystem.configuration.document import Node, Section
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.custodian import transfer_config
from trading_ecosystem.simulators.custodian.calendar import DAY_NS
from trading_ecosystem.simulators.custodian.holiday_calendars import CALENDARS, holidays_of
from trading_ecosystem.simulators.custodian.ledger import CLEARING, INSURANCE

CYCLES = {"T+0": 0, "T+1": 1, "T+2": 2, "T+3": 3}
MINUTE_NS = 60_000_000_000
GAP_WAIT_NS = 10_000_000_000
CANCEL_AFTER = 4
OLDEST = 30  # Business days.
SETTLEMENTS, PROFITS = NETTED = ("settlements", "profits")
TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@final
@dataclass(frozen=True, kw_only=True)
class CustodianConfig:
    """When trades settle. A cycle is a number of business days; holidays are days since 1970, UTC."""

    default_cycle: int = 0
    cycles: dict[str, int] = field(default_factory=dict)  # By symbol, where not the default.
    same_day_delay_ns: int
    cut_off_ns: int  # Since midnight.
    holidays: tuple[int, ...] = ()
    partial: bool = False  # What a party can pay of an instruction settles before the rest.
    cancel_after: int = CANCEL_AFTER  # Business days since the due date.
    gap_wait_ns: int = GAP_WAIT_NS
    nets_settlements: bool = False  # Instructions that are tried at a cut-off settle by what each account owes net.
    settles_profits: bool = False  # Gains and losses in perpetuals are settled at the cut-off of each business day.
    compare_every_ns: int = 0  # How often books are compared with the venue's; 0 for never.
    transfers: transfer_config.TransferConfig = transfer_config.NOT_OFFERED

    def __post_init__(self) -> None:
        assert 0 <= self.cut_off_ns < DAY_NS
        assert self.same_day_delay_ns > 0 and self.gap_wait_ns > 0
        assert all(cycle >= 0 for cycle in (self.default_cycle, *self.cycles.values()))

    def cycle(self, symbol: str) -> int:
        return self.cycles.get(symbol, self.default_cycle)


def read(node: Node, reference: ReferenceData, masters: Mapping[str, str] | None = None) -> CustodianConfig:
    """The `custodian` section of a world. `masters`: of each sub-account. Raises `Problem`."""
    section = node.section(
        required=("default_cycle", "same_day_delay", "cut_off"),
        optional=(
            *("cycles", "calendar", "holidays", "partial", "cancel_after", "gap_wait", "transfers"),
            *("netting", "compare_every"),
        ),
    )
    netting, compare_every = read_netting(section), section.get("compare_every")
    gap_wait, cancel_after = section.get("gap_wait"), section.get("cancel_after")
    calendar, partial = section.get("calendar"), section.get("partial")
    kept = holidays_of(calendar.word(CALENDARS, "calendar")) if calendar else ()
    return CustodianConfig(
        default_cycle=read_cycle(section["default_cycle"]),
        cycles=read_cycles(section, reference),
        same_day_delay_ns=section["same_day_delay"].duration_ns(minimum_ns=1),
        cut_off_ns=read_time_of_day(section["cut_off"]),
        holidays=tuple(sorted({*kept, *read_holidays(section)})),
        partial=partial is not None and partial.flag(),
        cancel_after=CANCEL_AFTER if cancel_after is None else cancel_after.integer(0, OLDEST),
        gap_wait_ns=GAP_WAIT_NS if gap_wait is None else gap_wait.duration_ns(minimum_ns=1),
        transfers=read_transfers(section.get("transfers"), reference, masters or {}),
        nets_settlements=SETTLEMENTS in netting,
        settles_profits=PROFITS in netting,
        compare_every_ns=0 if compare_every is None else compare_every.duration_ns(minimum_ns=MINUTE_NS),
    )


def read_transfers(
    node: Node | None, reference: ReferenceData, masters: Mapping[str, str]
) -> transfer_config.TransferConfig:
    return transfer_config.NOT_OFFERED if node is None else transfer_config.read(node, reference, masters)


def check_accounts(node: Node, config: CustodianConfig, accounts: Iterable[str]) -> None:
    """Raises `Problem` for an account of a world that has the name of one of the custodian's. `node`: all of them."""
    nets = config.nets_settlements or config.settles_profits
    for name in accounts:
        if nets and name in (CLEARING, INSURANCE):
            node.fail(f"{name} is an account of the custodian itself, which nets; another name is right")


def read_netting(section: Section) -> tuple[str, ...]:
    node = section.get("netting")
    found: list[str] = []
    for item in node.items() if node else []:
        word = item.word(NETTED, "kind of netting")
        if word in found:
            item.fail(f"{word!r} is there twice")
        if word == PROFITS and "transfers" not in section:
            item.fail("profits are settled as movements of the venue, which need the section 'transfers'")
        found.append(word)
    return tuple(found)


def read_cycle(node: Node) -> int:
    return CYCLES[node.word(CYCLES, "settlement cycle")]


def read_cycles(section: Section, reference: ReferenceData) -> dict[str, int]:
    node = section.get("cycles")
    cycles: dict[str, int] = {}
    for symbol, value in node.entries() if node else []:
        if symbol not in reference.instruments:
            value.fail_word("unknown instrument", symbol, reference.instruments)
        cycles[symbol] = read_cycle(value)
    return cycles


def read_time_of_day(node: Node) -> int:
    text = node.text()
    match = TIME_OF_DAY.fullmatch(text)
    if not match:
        node.fail(f"{text!r} is not a time of day in UTC such as 16:00")
    return (int(match[1]) * 60 + int(match[2])) * MINUTE_NS


def read_holidays(section: Section) -> tuple[int, ...]:
    node = section.get("holidays")
    days: list[int] = []
    for item in node.items() if node else []:
        day = read_day(item)
        if day in days:
            item.fail(f"the holiday {item.text()} is there twice")
        days.append(day)
    return tuple(sorted(days))


def read_day(node: Node) -> int:
    text = node.text()
    try:
        day = date.fromisoformat(text) if DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        node.fail(f"{text!r} is not a date such as 2026-04-03")
    return (day - date(1970, 1, 1)).days
