"""From one integer to a plan of faults, each with its undo.

Rule 1: every draw has an address (seed, name, index, lane), so a change of one fault shifts no other.
Rule 2: all faults are undone by `quiet_ns`; what a fault itself may have kept from being undone is undone again there.
"""

from dataclasses import dataclass
from typing import final

from trading_ecosystem.chance import Dice
from trading_ecosystem.messages.chaos import (
    ApplyPricePath,
    CrashService,
    FaultLink,
    LinkFault,
    PathAnchor,
    PathPoint,
    RestartService,
    RestoreLink,
    RestorePricePath,
)
from trading_ecosystem.messages.message import Message

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
INJECTOR = "injector"
MARKET_DATA = "market_data"
CRASHABLE = (
    MARKET_DATA,
    "exchange",
    "custodian",
    "trading_engine.alpha",
    "trading_engine.beta",
    "risk_monitor",
)
TALKING = (  # Links that carry what must not be lost.
    ("exchange", "custodian"),
    ("custodian", "exchange"),
    ("exchange", "trading_engine"),
    ("trading_engine", "exchange"),
    ("exchange", "risk_monitor"),
    ("risk_monitor", "exchange"),
    ("custodian", "risk_monitor"),
    ("market_data", "risk_monitor"),
    ("market_data", "exchange"),
    ("market_data", "trading_engine"),
)
Moments = tuple[tuple[str, str, int, int], ...]  # Rows of `SETS_OFF`.
ALERTED: Moments = (("AlertFired", "risk_monitor", 0, 300), ("AlertFired", "risk_monitor", 0, 30_000_000))
OF_TRADES = (
    ("exchange", "custodian"),
    ("exchange", "trading_engine.beta"),
    ("trading_engine.beta", "exchange"),
    ("exchange", "risk_monitor"),
)
FEEDS = [("market_data", "risk_monitor"), ("exchange", "risk_monitor")]
KINDS = ("crash", "price", "partition", "hold", "delay", "lose", "duplicate", "reorder")
SYMBOLS = ("BTC/USD", "ETH/USD", "BTC/USDT", "ETH/USDT", "USDT/USD", "USDC/USD")
LONGEST_DOWN = (100 * MILLISECOND, 2 * SECOND, 15 * SECOND, 120 * SECOND)
COMMIT_REACH = 6 * MILLISECOND  # After a quote's moment: when services handle and commit what it set off,
MONITOR_REACH = 30 * MILLISECOND  # the risk monitor among them.
SETS_OFF: Moments = (  # A message, whom it reaches, and within how many microseconds that is done with it.
    ("SubmitOrder", "exchange", 1_900, 4_500),
    ("CancelOrder", "exchange", 1_900, 4_500),
    ("SubmitOrder", "trading_engine.alpha", 0, 9_000),
    ("SubmitOrder", "trading_engine.beta", 0, 9_000),
    ("OrderFilled", "trading_engine.beta", 0, 6_000),
    ("OrderFilled", "risk_monitor", 9_000, 20_000),
    ("OrderFilled", "exchange", 0, 6_000),
    ("TradeExecuted", "custodian", 400, 1_500),
    ("QueryTrades", "custodian", 0, 3_000),
    ("QueryTrades", "exchange", 400, 1_500),
    ("TradesReported", "custodian", 400, 1_500),
    ("TransactionPosted", "custodian", 0, 1_000),
    ("QueryAccount", "exchange", 400, 4_500),
    ("AccountReported", "trading_engine.alpha", 0, 6_000),
    ("AccountReported", "risk_monitor", 9_000, 20_000),
    ("AlertFired", "risk_monitor", 0, 300),
    ("AlertFired", "risk_monitor", 0, 30_000_000),
    ("RiskReported", "risk_monitor", 0, 300),
    ("InjectionStarted", "market_data", 0, 1_500),
    ("HealthChanged", "exchange", 0, 5_000),
)


@final
@dataclass(frozen=True, kw_only=True)
class Step:
    """A command of the plan, given to `to` from outside, `at_ns` after the start."""

    at_ns: int
    command: Message


@final
@dataclass(frozen=True, kw_only=True)
class Ambush:
    """A crash of `service`, `after_ns` the `nth` message of a type departed, for `lasts_ns`."""

    type_name: str
    nth: int
    service: str
    after_ns: int
    lasts_ns: int
    torn_bytes: int


@final
@dataclass(frozen=True, kw_only=True)
class FaultPlan:
    """Times are after the start: faults until `quiet_ns`, then nothing until `end_ns`."""

    seed: int
    steps: tuple[Step, ...]
    ambushes: tuple[Ambush, ...]
    quiet_ns: int
    end_ns: int

    @property
    def moves_prices(self) -> bool:
        return any(isinstance(step.command, ApplyPricePath) for step in self.steps)

    def crashes(self, service: str) -> bool:
        ambushed = any(ambush.service == service for ambush in self.ambushes)
        crashes = [step.command.service for step in self.steps if isinstance(step.command, CrashService)]
        return ambushed or service in crashes

    def without_faults(self) -> "FaultPlan":
        return FaultPlan(seed=self.seed, steps=(), ambushes=(), quiet_ns=self.quiet_ns, end_ns=self.end_ns)


def plan_of(seed: int) -> FaultPlan:
    """10 to 18 simulated minutes, sometimes up to 30, with 1 to 16 faults and up to 3 ambushes.

    A run has some kinds of fault and not the others: what one fault breaks, another may hide. Of four seeds one loses
    messages of one link until the quiet, so that no later message tells of the last, and one kills the risk monitor
    while its alerts fire.
    """
    dice = Dice(seed, "swarm")
    longest = 20 if dice.below(8, 0) == 0 else 8
    quiet_ns = (3 + dice.below(longest, 1)) * MINUTE
    kinds = [KINDS[place] for place in chosen(dice, len(KINDS), 20)]
    links = [TALKING[place] for place in chosen(dice, len(TALKING), 30)]
    steps: list[Step] = []
    faults = 1 + dice.below(16, 2)
    ambushes = [ambush(seed, number, SETS_OFF) for number in range(dice.below(4, 3))] if "crash" in kinds else []
    if seed % 4 == 1:
        kinds, links = ["price", LinkFault.PARTITION.value], FEEDS
        ambushes = [ambush(seed, number, ALERTED) for number in range(3)]
    elif seed % 4 == 3:
        faults, ambushes = 0, []
        steps += losing_link(dice, quiet_ns)
    for number in range(faults):
        of_fault = Dice(seed, f"swarm.fault.{number}")
        kind = kinds[of_fault.below(len(kinds), 0)]
        if kind == "crash":
            steps += crashes(of_fault, f"{number}", quiet_ns)
        elif kind == "price":
            steps += price_path(of_fault, f"{number}", quiet_ns)
        else:
            steps += network_fault(of_fault, LinkFault(kind), links, f"{number}", quiet_ns)
    repeated = [
        Step(at_ns=quiet_ns + 5 * SECOND, command=step.command)
        for step in steps
        if isinstance(step.command, RestorePricePath)
    ]
    steps = sorted([*steps, *repeated], key=moment)
    return FaultPlan(
        seed=seed, steps=tuple(steps), ambushes=tuple(ambushes), quiet_ns=quiet_ns, end_ns=quiet_ns + 7 * MINUTE
    )


def moment(step: Step) -> int:
    return step.at_ns


def chosen(dice: Dice, count: int, lane: int) -> list[int]:
    """The places of a quarter of so many, or of all; the first is there every other time."""
    some = [place for place in range(count) if dice.below(4 if place else 2, place, lane) == 0]
    return some or list(range(count))


# Crashes.


def crashes(dice: Dice, name: str, quiet_ns: int) -> list[Step]:
    shape = dice.below(4, 10)
    if shape == 0:
        return crashes_in_a_row(dice, name, quiet_ns)
    if shape == 1:
        return crashes_together(dice, name, quiet_ns)
    return one_crash(dice, name, quiet_ns)


def ambush(seed: int, number: int, moments: Moments) -> Ambush:
    dice = Dice(seed, f"swarm.ambush.{number}")
    type_name, service, least_us, most_us = moments[dice.below(len(moments), 0)]
    return Ambush(
        type_name=type_name,
        nth=1 + dice.below((2, 10, 80)[dice.below(3, 1)], 2),
        service=service,
        after_ns=(least_us + dice.below(most_us - least_us, 3)) * MICROSECOND + dice.below(MICROSECOND, 4),
        lasts_ns=down_ns(dice, 5),
        torn_bytes=dice.below(200, 6),
    )


def one_crash(dice: Dice, name: str, quiet_ns: int) -> list[Step]:
    at_ns = crash_moment(dice, quiet_ns)
    return crash(dice, name, CRASHABLE[dice.below(len(CRASHABLE), 1)], at_ns, down_ns(dice, 0), quiet_ns)


def crashes_in_a_row(dice: Dice, name: str, quiet_ns: int) -> list[Step]:
    """The same service again, from at once to five seconds after it came back."""
    service = CRASHABLE[dice.below(len(CRASHABLE), 1)]
    at_ns, steps = crash_moment(dice, quiet_ns), []
    for life in range(2 + dice.below(2, 2)):
        lasts_ns = down_ns(dice, life)
        steps += crash(dice, f"{name}.{life}", service, at_ns, lasts_ns, quiet_ns)
        at_ns += lasts_ns + duration(dice, life, (0, MILLISECOND, SECOND, 5 * SECOND), 20)
    return steps


def crashes_together(dice: Dice, name: str, quiet_ns: int) -> list[Step]:
    """Several services at the same moment; half of the time they come back at the same moment too."""
    at_ns = crash_moment(dice, quiet_ns)
    same = dice.below(2, 3) == 0
    steps: list[Step] = []
    for place, service in enumerate(CRASHABLE):
        if dice.below(2, place, 30) == 0:
            steps += crash(dice, f"{name}.{service}", service, at_ns, down_ns(dice, 0 if same else place), quiet_ns)
    return steps


def crash_moment(dice: Dice, quiet_ns: int) -> int:
    """Any moment; or, half of the time, within a few milliseconds of quotes, among what they set off."""
    second = 2 + dice.below(quiet_ns // SECOND - 4, 4)
    if dice.below(2, 5) == 0:
        return second * SECOND + dice.below(COMMIT_REACH if dice.below(2, 9) else MONITOR_REACH, 6)
    return second * SECOND + dice.below(SECOND, 6)


def down_ns(dice: Dice, index: int) -> int:
    return max(duration(dice, index, LONGEST_DOWN, 10), 1)


def duration(dice: Dice, index: int, longest: tuple[int, ...], lane: int) -> int:
    """Up to one of these lengths."""
    bound = longest[dice.below(len(longest), index, lane)]
    return int(bound * dice.uniform(index, lane + 1))


def crash(dice: Dice, name: str, service: str, at_ns: int, lasts_ns: int, quiet_ns: int) -> list[Step]:
    at_ns = min(at_ns, quiet_ns - SECOND)
    injection_id = f"crash.{name}"
    torn_bytes = dice.below(400, at_ns & 0xFFFF, 7) if dice.below(2, 8) else 0
    began = CrashService(to=INJECTOR, injection_id=injection_id, service=service, torn_bytes=torn_bytes)
    ended = RestartService(to=INJECTOR, injection_id=injection_id, service=service)
    return [
        Step(at_ns=at_ns, command=began),
        Step(at_ns=min(at_ns + lasts_ns, quiet_ns), command=ended),
    ]


# The network.


def network_fault(dice: Dice, kind: LinkFault, links: list[tuple[str, str]], name: str, quiet_ns: int) -> list[Step]:
    at_ns = SECOND + dice.below(quiet_ns // MILLISECOND - 2_000, 2) * MILLISECOND
    lasts_ns = 200 * MILLISECOND + duration(dice, 3, (2 * SECOND, 15 * SECOND, 90 * SECOND, 20 * MINUTE), 10)
    until_ns = min(at_ns + lasts_ns, quiet_ns)
    senders, recipients = members(dice, 40), members(dice, 50)
    if dice.below(4, 8):
        sender, recipient = links[dice.below(len(links), 9)]
        senders, recipients = (sender,), (recipient,)
    began = FaultLink(
        to=INJECTOR,
        injection_id=f"network.{name}",
        fault=kind,
        senders=senders,
        recipients=recipients,
        probability_ppm=20_000 + dice.below(700_000, 4),
        delay_ns=MILLISECOND + duration(dice, 5, (10 * MILLISECOND, 500 * MILLISECOND, 5 * SECOND), 20),
    )
    ended = RestoreLink(to=INJECTOR, injection_id=f"network.{name}")
    return [Step(at_ns=at_ns, command=began), Step(at_ns=until_ns, command=ended)]


def losing_link(dice: Dice, quiet_ns: int) -> list[Step]:
    """One link on the way of an order or a trade loses messages until the quiet."""
    sender, recipient = OF_TRADES[dice.below(len(OF_TRADES), 40)]
    began = FaultLink(
        to=INJECTOR,
        injection_id="losing",
        fault=LinkFault.LOSE,
        senders=(sender,),
        recipients=(recipient,),
        probability_ppm=50_000 + dice.below(600_000, 41),
        delay_ns=0,
    )
    ended = RestoreLink(to=INJECTOR, injection_id="losing")
    return [Step(at_ns=SECOND, command=began), Step(at_ns=quiet_ns - dice.below(SECOND, 42), command=ended)]


def members(dice: Dice, lane: int) -> tuple[str, ...]:
    """One service, or about half of them, or all."""
    shape = dice.below(4, 6, lane)
    if shape == 0:
        return CRASHABLE
    if shape == 1:
        some = tuple(name for place, name in enumerate(CRASHABLE) if dice.below(2, place, lane + 1))
        return some or CRASHABLE
    return (CRASHABLE[dice.below(len(CRASHABLE), 7, lane)],)


# Prices.


def price_path(dice: Dice, name: str, quiet_ns: int) -> list[Step]:
    """A drift, a crash or a zigzag of one to three instruments, by up to 20%; stablecoins by up to 5%."""
    at_ns = SECOND + dice.below(quiet_ns // MILLISECOND - 2_000, 2) * MILLISECOND
    symbols = SYMBOLS[dice.below(len(SYMBOLS), 3) :][: 1 + dice.below(3, 4)]
    reach_ppm = 50_000 if any(symbol.startswith("USD") for symbol in symbols) else 200_000
    points = [PathPoint(after_ns=0, value_ppm=1_000_000)]
    for turn in range(1 + dice.below(4, 5)):
        after_ns = points[-1].after_ns + MILLISECOND + duration(dice, turn, (SECOND, 10 * SECOND, MINUTE), 10)
        points.append(
            PathPoint(after_ns=after_ns, value_ppm=1_000_000 - reach_ppm + dice.below(2 * reach_ppm, turn, 6))
        )
    began = ApplyPricePath(
        to=MARKET_DATA,
        injection_id=f"price.{name}",
        symbols=symbols,
        anchor=PathAnchor.RELATIVE,
        points=tuple(points),
    )
    until_ns = min(at_ns + 2 * points[-1].after_ns + SECOND, quiet_ns)
    ended = RestorePricePath(
        to=MARKET_DATA, injection_id=f"price.{name}", over_ns=duration(dice, 7, (1, 20 * SECOND), 20)
    )
    return [Step(at_ns=at_ns, command=began), Step(at_ns=until_ns, command=ended)]
