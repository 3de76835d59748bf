"""A risk officer's file is read exactly, and each mistake in it is one line that says what would be right."""

from pathlib import Path

import pytest
from tests.production.risk_monitor.conftest import ONE, TWO

from trading_ecosystem.configuration.document import Problem, parse_document
from trading_ecosystem.production.risk_monitor.config import Limits, read
from trading_ecosystem.production.risk_monitor.levels import Level, Levels
from trading_ecosystem.production.risk_monitor.rules.alert_escalation import Patience
from trading_ecosystem.reference import ReferenceData

TEXT = (Path(__file__).parents[3] / "worlds" / "two-desks-limits.yaml").read_text(encoding="utf-8")
SECOND = 1_000_000_000

MISTAKES = [
    ("warning: {at: 50,", "warning: {at: 0,", "position_limit.BTC.warning.at: 0 is not above zero"),
    ("warning: {at: 50,", "warning: {at: -50,", "is not above zero"),
    ("warning: {at: 50,", "warning: {at: 0.000000001,", "is finer than the smallest unit of BTC"),
    ("warning: {at: 50,", "warning: {at: 50%,", "'50%' is not a number"),
    ("warning: {at: 50,", "warning: {", "the key 'at' is missing"),
    ("critical: {at: 60, resolves: 55}", "critical: {at: 50}", "must be above the warning level"),
    ("resolves: 45}", "resolves: 51}", "cannot resolve above the level at which it fires"),
    ("resolves: 45}", "resolve: 45}", "unknown key 'resolve'; did you mean 'resolves'?"),
    ("  BTC:\n    warning: {at: 50", "  BTCC:\n    warning: {at: 50", "unknown asset 'BTCC'; did you mean 'BTC'?"),
    ("warning: {at: 3.5%", "warning: {at: 3.5", "is not a share such as 15%"),
    ("warning: {at: 3.5%", "warning: {at: -3.5%", "is not above 0% and below 100%"),
    ("critical: {at: 4.5%", "critical: {at: 100%", "is not above 0% and below 100%"),
    ("    Tether:\n", "    Teher:\n", "unknown issuer 'Teher'; did you mean 'Tether'?"),
    ("  assets:\n    BTC:\n", "  assets:\n    USD:\n", "unknown asset 'USD'"),
    ("peg_deviation:\n  USDT:\n", "peg_deviation:\n  BTC:\n", "unknown stablecoin 'BTC'"),
    ("for: 60s, resolves: 35bps", "for: 60, resolves: 35bps", "'60' is not a duration"),
    ("peg_deviation:\n", "peg_deviations:\n", "unknown key 'peg_deviations'; did you mean 'peg_deviation'?"),
    ("venue_down: {critical: 10s}", "", "the key 'venue_down' is missing"),
    ("venue_down: {critical: 10s}", "venue_down: {}", "a warning or a critical level is expected here"),
    ("venue_down: {critical: 10s}", "venue_down: {critical: 0s}", "the shortest time allowed is 1s"),
    ("{warning: 10s, critical: 60s}", "{warning: 10s, critical: 10s}", "must be above the warning level"),
    ("report_every: 60s", "report_every: 0s", "report_every: the shortest time allowed is 1s"),
]


def test_the_limits_of_the_world_are_exact(limits: Limits) -> None:
    assert limits.levels("position_limit")["BTC"].warning == Level(at=5 * 10**9, for_ns=0, resolves=4_500_000_000)
    assert limits.levels("pnl_drawdown")["firm"].critical == Level(at=45_000, for_ns=0, resolves=35_000)
    delta = limits.levels("delta_exposure")["firm"]
    assert delta.warning == Level(at=5_000_000 * 10**8, for_ns=0, resolves=4_750_000 * 10**8)
    assert limits.levels("peg_deviation")["USDT"].critical == Level(at=10_000, for_ns=60 * SECOND, resolves=8_000)
    assert limits.levels("venue_down")["exchange"] == Levels(
        warning=None, critical=Level(at=10 * SECOND, for_ns=0, resolves=10 * SECOND)
    )
    assert limits.fires_at_most_every_ns == 600 * SECOND


def test_without_resolves_an_alert_resolves_below_its_level(reference: ReferenceData) -> None:
    limits = read(parse_document("limits.yaml", TEXT.replace("{at: 50, resolves: 45}", "{at: 50}")), reference, ONE)
    assert limits.levels("position_limit")["BTC"].warning == Level(at=5_000_000_000, for_ns=0, resolves=5_000_000_000)


@pytest.mark.parametrize(("right", "wrong", "said"), MISTAKES, ids=[said for _, _, said in MISTAKES])
def test_a_mistake_is_one_line_with_its_place(reference: ReferenceData, right: str, wrong: str, said: str) -> None:
    assert right in TEXT
    with pytest.raises(Problem) as caught:
        read(parse_document("limits.yaml", TEXT.replace(right, wrong, 1)), reference, ONE)
    problem = str(caught.value)
    assert said in problem
    assert problem.startswith("limits.yaml:") and "\n" not in problem


MORE = """
price_collar: {critical: 1}
max_order_value: {warning: 1, critical: 3}
repeated_execution: {warning: 40}
systemic_venue: {critical: 2}
alert_escalation: {unacknowledged: 15m, acknowledged: 1d}
own_heartbeat: {critical: 10s}
basis_divergence:
  BTC/USDT: {warning: {at: 0.5%}, critical: {at: 1%, for: 5s}}
accounts:
  alpha:
    position_limit: {BTC: {warning: {at: 25}, critical: {at: 30}}}
    pnl_drawdown: {warning: {at: 3%}, critical: {at: 4%, resolves: 3%}}
strategies:
  making: {accounts: [alpha], pnl_drawdown: {warning: {at: 2%}, critical: {at: 2.5%}}}
  cash: {accounts: [beta]}
desks:
  majors:
    accounts: [beta, alpha]
    position_limit: {BTC: {warning: {at: 40}, critical: {at: 45}}}
    delta_exposure: {warning: {at: 4000000}, critical: {at: 5000000}}
"""
OF_VENUES = "concentration:\n  venues: {exchange.north: {warning: {at: 50%}, critical: {at: 60%}}}"
WRONG = [
    ("price_collar: {critical: 1}", "price_collar: {critical: 0}", "price_collar.critical"),
    ("price_collar: {critical: 1}", "price_collar: {}", "a warning or a critical level is expected here"),
    ("critical: 3", "critical: 1", "the critical level must be above the warning level"),
    ("{warning: 40}", "{warning: 40s}", "repeated_execution.warning"),
    ("{critical: 2}", "{critical: 3}", "3 venues of 2"),
    ("{critical: 2}", "{critical: 1}", "1 venues of 2"),
    ("{critical: 2}", "{critical: 2, kill: 1}", "systemic_venue.kill"),
    ("{critical: 2}", "{warning: 2, kill: true}", "without a critical level nothing is ever stopped"),
    ("  BTC/USDT: {warning", "  USDT/USD: {warning", "unknown perpetual or cross 'USDT/USD'"),
    ("unacknowledged: 15m, ", "", "the key 'unacknowledged' is missing"),
    ("15m", "15ms", "alert_escalation.unacknowledged"),
    ("  alpha:", "  alfa:", "unknown account 'alfa'"),
    ("position_limit: {BTC:", "position_limit: {XBT:", "unknown asset 'XBT'"),
    ("critical: {at: 4%, resolves: 3%}", "critical: {at: 2%}", "the critical level must be above the warning level"),
    ("    pnl_drawdown:", "    margin_buffer:", "margin_buffer"),
    ("exchange.north", "exchange.west", "unknown venue 'exchange.west'"),
    ("[beta, alpha]", "[beta, alfa]", "desks.majors.accounts.1: unknown account 'alfa'; did you mean 'alpha'?"),
    ("[beta, alpha]", "[beta, beta]", "desks.majors.accounts.1: beta is in majors already"),
    ("[beta, alpha]", "[]", "desks.majors.accounts: there is no account in it"),
    ("[beta, alpha]", "beta", "desks.majors.accounts: a list is expected here"),
    ("    accounts: [beta, alpha]\n", "", "desks.majors: the key 'accounts' is missing"),
    ("desks:", "teams:", "unknown key 'teams'"),
    ("desks:", "desk:", "unknown key 'desk'; did you mean 'desks'?"),
    ("  majors:", "  making:", "desks.making: 'making' is the name of a strategy already"),
    ("  majors:", "  alpha:", "desks.alpha: 'alpha' is the name of an account already"),
    ("  majors:", "  BTC:", "desks.BTC: 'BTC' is the name of an asset already"),
    ("  majors:", "  Tether:", "'Tether' is the name of an issuer already"),
    ("  majors:", "  exchange.south:", "'exchange.south' is the name of a venue already"),
    ("  majors:", "  firm:", "'firm' is the name of a subject of other alerts already"),
    ("  majors:", '  "majors:BTC":', "'majors:BTC' is not a name of up to 40 letters"),
    ("  majors:", "  -majors:", "'-majors' is not a name of up to 40 letters"),
    ("  majors:", "  müller:", "'müller' is not a name of up to 40 letters"),
    ("  majors:", f"  {'m' * 41}:", "is not a name of up to 40 letters"),
    ("  cash: {accounts: [beta]}", "  making: {accounts: [beta]}", "making"),
    (
        "  cash: {accounts: [beta]}",
        "  cash: {accounts: [alpha]}",
        "cash.accounts.0: alpha is in making already",
    ),
    ("[beta, alpha]", "[beta]", "strategies.making: its accounts do not lie within one desk"),
    ("cash: {accounts: [beta]}", "cash: {accounts: [beta], peg_deviation: {}}", "unknown key 'peg_deviation'"),
    ("critical: {at: 45}", "critical: {at: 39}", "the critical level must be above the warning level"),
]


def more() -> str:
    return TEXT.replace("concentration:", OF_VENUES, 1) + MORE


def test_the_limits_of_parts_and_of_people(reference: ReferenceData) -> None:
    limits = read(parse_document("limits.yaml", more()), reference, TWO)
    assert limits.about_desks and "systemic_venue" in limits.rules
    patience = limits.entry("alert_escalation")
    assert isinstance(patience, Patience) and patience.acknowledged_ns == 24 * 3_600 * SECOND
    assert limits.levels("max_order_value")["beta"].critical == Level(at=3, for_ns=0, resolves=3)
    north = limits.levels("concentration")["exchange.north"]
    assert north.critical == Level(at=600_000, for_ns=0, resolves=600_000)
    assert limits.levels("own_heartbeat")["risk_monitor"].critical == Level(
        at=10 * SECOND, for_ns=0, resolves=10 * SECOND
    )
    assert not limits.kills("systemic_venue")
    cross = limits.levels("basis_divergence")["BTC/USDT"]
    assert cross.critical == Level(at=10_000, for_ns=5 * SECOND, resolves=10_000)
    own, making, cash, majors = limits.groups
    assert (own.kind, own.name, own.accounts) == ("account", "alpha", ("alpha",))
    bought = own.entries["position_limit"].levels["alpha:BTC"]
    assert bought.critical == Level(at=30 * 10**8, for_ns=0, resolves=30 * 10**8)
    assert list(own.entries) == ["position_limit", "pnl_drawdown"]
    assert (making.kind, making.name, making.accounts) == ("strategy", "making", ("alpha",))
    assert (cash.kind, cash.name, cash.entries) == ("strategy", "cash", {})
    assert (majors.kind, majors.name, majors.accounts) == ("desk", "majors", ("beta", "alpha"))
    assert majors.entries["position_limit"].subjects == ("majors:BTC",)
    assert majors.entries["delta_exposure"].subjects == ("majors",)
    subjects = limits.subjects()
    assert {"firm", "alpha", "making"} <= set(subjects["pnl_drawdown"])
    assert "position_limit:majors:BTC" in subjects["alert_escalation"]


@pytest.mark.parametrize(("right", "wrong", "said"), WRONG, ids=[said for _, _, said in WRONG])
def test_a_mistake_there_is_one_line_too(reference: ReferenceData, right: str, wrong: str, said: str) -> None:
    before, found, after = more().rpartition(right)
    assert found
    with pytest.raises(Problem) as caught:
        read(parse_document("limits.yaml", before + wrong + after), reference, TWO)
    problem = str(caught.value)
    assert said in problem
    assert problem.startswith("limits.yaml:") and "\n" not in problem


def test_one_venue_has_no_systemic_trouble(reference: ReferenceData) -> None:
    with pytest.raises(Problem, match="the firm has accounts at one venue only"):
        read(parse_document("limits.yaml", TEXT + "systemic_venue: {critical: 2}\n"), reference, ONE)
