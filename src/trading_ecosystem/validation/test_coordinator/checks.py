"""What a scenario must be beyond its form: possible in time, undone in the end, and about things that exist."""

from collections.abc import Collection, Iterable, Mapping

from trading_ecosystem.configuration.scalars import duration_text
from trading_ecosystem.messages.chaos import VenueFault
from trading_ecosystem.reference import AssetKind, ReferenceData
from trading_ecosystem.validation.test_coordinator.conditions import (
    EXCHANGE,
    FIRM,
    SETTLEMENT,
    Condition,
    Quantity,
)
from trading_ecosystem.validation.test_coordinator.feed_measures import legs_of
from trading_ecosystem.validation.test_coordinator.injections import (
    DEPEG,
    UNDO_WORDS,
    FeedDisturbance,
    Injection,
    NetworkFault,
    Outflow,
    PricePath,
    RunningFault,
    ServiceCrash,
    SettlementFault,
    VenueDisturbance,
    VolatilitySpike,
)
from trading_ecosystem.validation.test_coordinator.nearness import measurable
from trading_ecosystem.validation.test_coordinator.parts import (
    AlertPattern,
    Boundary,
    Expectation,
    Recovery,
    Replay,
    Rollback,
    SteadyState,
)

JUDGES = ("test_coordinator", "audit_correlator")  # Without them nobody could say what happened.

# Times.


def check_method_times(
    method: tuple[Injection, ...], rollbacks: tuple[Rollback, ...], steady: SteadyState, duration_ns: int
) -> None:
    if steady.for_ns > duration_ns:
        steady.node.fail(f"for: longer than the scenario, which takes {duration_text(duration_ns)}")
    for step in method:
        if step.at_ns < steady.for_ns:
            over = duration_text(steady.for_ns)
            step.node.fail(f"at: comes before the steady state has been watched; {over} or later is right")
        if step.at_ns + step.length_ns > duration_ns:
            latest = duration_ns - step.length_ns
            when = f"{duration_text(latest)} or sooner" if latest >= 0 else "a longer duration"
            step.node.fail(f"at: would end after the scenario ({duration_text(duration_ns)}); {when} is right")
    for rollback in rollbacks:
        check_rollback_time(rollback, method, duration_ns)


def check_rollback_time(rollback: Rollback, method: tuple[Injection, ...], duration_ns: int) -> None:
    at_ns = duration_ns if rollback.at_ns is None else rollback.at_ns
    if at_ns > duration_ns:
        rollback.node.fail(f"at: comes after the scenario; {duration_text(duration_ns)} or sooner is right")
    for step in restored(rollback, method):
        if at_ns <= step.at_ns:
            begun = duration_text(step.at_ns)
            rollback.node.fail(f"at: comes before {step.injection_id} begins; later than {begun} is right")


def check_windows(expectations: Iterable[Expectation], steady: SteadyState, duration_ns: int) -> None:
    left_ns = duration_ns - steady.for_ns
    for expectation in expectations:
        if expectation.deadline_ns > left_ns:
            left = duration_text(left_ns)
            expectation.node.fail(
                f"within: `for` and `within` together must fit into the {left} after the steady state"
            )


def check_recovery(
    method: tuple[Injection, ...], rollbacks: tuple[Rollback, ...], recovery: Recovery | None, duration_ns: int
) -> None:
    if recovery is None or not method:
        return
    last_ns = last_undo_ns(method, rollbacks, duration_ns)
    if last_ns + recovery.within_ns > duration_ns:
        latest_ns = duration_ns - last_ns
        right = f"{duration_text(latest_ns)} or less" if latest_ns > 0 else "an earlier `at` of the rollbacks"
        recovery.node.fail(f"within: the last fault is undone at {duration_text(last_ns)}; {right} is right")


def check_replay(replay: Replay | None) -> None:
    if replay is None or replay.until_ns is None:
        return
    if replay.from_ns is None:
        replay.node.fail("until: `from` must be given with it")
    elif replay.until_ns <= replay.from_ns:
        replay.node.fail("until: must be later than `from`")


def last_undo_ns(method: tuple[Injection, ...], rollbacks: tuple[Rollback, ...], duration_ns: int) -> int:
    """When the last injection has been undone, and its price is back."""
    ends = [step.at_ns + step.for_ns for step in method if step.for_ns is not None]
    for rollback in rollbacks:
        ends.append((duration_ns if rollback.at_ns is None else rollback.at_ns) + rollback.over_ns)
    return max(ends, default=0)


# Undoing.


def restored(rollback: Rollback, method: tuple[Injection, ...]) -> list[Injection]:
    return [step for step in method if rollback.restore in (step.injection_id, step.kind)]


def check_words(
    method: tuple[Injection, ...], rollbacks: tuple[Rollback, ...], conditions: Iterable[Condition]
) -> None:
    """Ids that are named must be there, and every fault must have just one undo."""
    ids = [step.injection_id for step in method]
    for rollback in rollbacks:
        if not restored(rollback, method):
            known = sorted({*ids, *(step.kind for step in method)}) or list(UNDO_WORDS)
            rollback.node.fail_word("restore: no such injection in the method:", rollback.restore, known)
    for condition in conditions:
        of_injections = condition.quantity in (Quantity.INJECTED, Quantity.STRUCK)
        if of_injections and condition.subject not in ids and condition.node:
            what = condition.quantity.value
            condition.node.fail_word(f"{what}: no such injection in the method:", condition.subject, ids)
    for step in method:
        undoing = [rollback for rollback in rollbacks if step in restored(rollback, method)]
        check_undone(step, len(undoing))


def check_undone(step: Injection, rollbacks: int) -> None:
    if step.for_ns is None and not rollbacks:
        step.node.fail(
            f"{step.injection_id} is never undone ({UNDO_WORDS[step.kind]}); give it `for`, or a rollback "
            f"with `restore: {step.injection_id}`"
        )
    if rollbacks + (step.for_ns is not None) > 1:
        step.node.fail(f"{step.injection_id} is undone twice; one `for` or one rollback is right")


def check_contradictions(expectations: Iterable[Expectation], forbidden: Iterable[AlertPattern]) -> None:
    for pattern in forbidden:
        for expectation in expectations:
            if covers(pattern, expectation):
                pattern.node.fail(f"forbids {pattern.text}, which is expected as well")


def covers(pattern: AlertPattern, expectation: Expectation) -> bool:
    return (
        pattern.rule in (None, expectation.rule)
        and pattern.subject in (None, expectation.subject)
        and pattern.severity in (None, expectation.severity)
    )


def check_boundary(boundary: Boundary | None, expectations: Iterable[Expectation]) -> None:
    if boundary is None:
        return
    expected = list(expectations)
    if not expected:
        boundary.node.fail("no alert is expected, so there is no limit to stay under")
    names = sorted({each.rule for each in expected})
    for rule in boundary.of:
        if rule not in names:
            boundary.node.fail(f"of: no alert {rule!r} is expected; expected: {', '.join(names)}")
    owed = [each for each in expected if not boundary.of or each.rule in boundary.of]
    if not all(measurable(limit) for limit in ([boundary.limit] if boundary.limit else [each.when for each in owed])):
        boundary.node.fail("how near a price alone comes is not told; name a `limit`, such as a deviation")
    for key, value in (*boundary.under, *boundary.over):
        if key.partition(".")[0] == "boundary":
            value.fail("a boundary has no boundary of its own")


# The world.


def check_world(
    method: Iterable[Injection],
    conditions: Iterable[Condition],
    patterns: Iterable[AlertPattern],
    reference: ReferenceData,
    instances: Collection[str],
    accounts: Collection[str],
    rules: Mapping[str, Collection[str]],
) -> None:
    """`rules`: what each rule of the firm can be about."""
    for step in method:
        check_target(step, reference, instances)
        if isinstance(step, VenueDisturbance | Outflow) and step.account and step.account not in accounts:
            step.node.fail_word("account: not of the firm:", step.account, accounts)
    known = known_subjects(reference, instances, accounts)
    for condition in conditions:
        choices = known.get(condition.quantity)
        if choices is not None and condition.subject not in choices and condition.node:
            condition.node.fail_word(f"{condition.quantity.value}: unknown", condition.subject, choices)
        check_accounts(condition, accounts)
    for pattern in patterns:
        check_pattern(pattern, rules)


def check_accounts(condition: Condition, known: Collection[str]) -> None:
    for place, account in enumerate(condition.accounts):
        if condition.node and account not in known:
            condition.node.fail_word("accounts: not of the firm:", account, known)
        if condition.node and account in condition.accounts[:place]:
            condition.node.fail(f"accounts: {account} is named twice")


def check_pattern(pattern: AlertPattern, rules: Mapping[str, Collection[str]]) -> None:
    if pattern.rule is None:
        return
    if pattern.rule not in rules:
        pattern.node.fail_word("alert: the limits of this world have no rule", pattern.rule, rules)
    if pattern.subject is not None and pattern.subject not in rules[pattern.rule]:
        pattern.node.fail_word(f"subject: {pattern.rule} is never about", pattern.subject, rules[pattern.rule])


def check_target(step: Injection, reference: ReferenceData, instances: Collection[str]) -> None:
    if isinstance(step, PricePath | VolatilitySpike | FeedDisturbance):
        check_symbols(step, step.symbols, reference)
    elif isinstance(step, ServiceCrash | RunningFault):
        if isinstance(step, RunningFault) and role(step.service) in JUDGES:
            step.node.fail(f"service: {step.service} judges the scenario; it can be killed by it, but not touched")
        if step.service not in instances:
            step.node.fail_word("unknown service", step.service, instances)
    elif isinstance(step, SettlementFault | Outflow):
        custodians = [name for name in instances if role(name) == "custodian"]
        if step.custodian not in custodians:
            step.node.fail_word("unknown custodian", step.custodian, custodians)
        if isinstance(step, Outflow) and step.asset not in reference.assets:
            step.node.fail_word("asset: unknown", step.asset, reference.assets)
    elif isinstance(step, VenueDisturbance):
        check_venue(step, reference, instances)
    elif isinstance(step, NetworkFault):
        check_link(step, instances)


def check_venue(step: VenueDisturbance, reference: ReferenceData, instances: Collection[str]) -> None:
    venues = venues_of(instances)
    if step.venue not in venues:
        if len(venues) > 1 and step.venue == EXCHANGE:
            step.node.fail(f"venue: this world has several; one of {', '.join(venues)} is right")
        step.node.fail_word("unknown venue", step.venue, venues)
    place = step.venue.partition(".")[2]
    if step.account and place and not step.account.startswith(f"{place}."):
        step.node.fail(f"account: {step.account} does not lie at {step.venue}")
    if step.kind == VenueFault.PHANTOM_CREDIT:
        for asset in step.symbols:
            if asset not in reference.assets:
                step.node.fail_word("asset: unknown", asset, reference.assets)
        return
    if step.kind == VenueFault.MARGIN_RATES:
        check_margined(step, reference)
    check_symbols(step, step.symbols, reference)


def check_margined(step: VenueDisturbance, reference: ReferenceData) -> None:
    if not reference.perpetuals:
        step.node.fail("there are no perpetuals in this world")
    for symbol in step.symbols:
        if symbol not in reference.perpetuals:
            step.node.fail_word("instruments: no perpetual:", symbol, reference.perpetuals)


def check_symbols(step: Injection, symbols: tuple[str, ...], reference: ReferenceData) -> None:
    for symbol in symbols:
        if symbol not in reference.instruments:
            step.node.fail_word("unknown instrument", symbol, reference.instruments)
    if step.kind == DEPEG and not is_peg(symbols[0], reference):
        step.node.fail(f"instrument: {symbols[0]} is no stablecoin's price in {reference.numeraire}")


def is_peg(symbol: str, reference: ReferenceData) -> bool:
    instrument = reference.instruments[symbol]
    stable = reference.assets[instrument.base].kind is AssetKind.STABLECOIN
    return stable and instrument.quote == reference.numeraire


def check_link(step: NetworkFault, instances: Collection[str]) -> None:
    names = {*instances, *(role(instance) for instance in instances)}
    for name in (*step.senders, *step.recipients):
        if name not in names:
            step.node.fail_word("unknown service", name, names)
    senders = [name for name in instances if name in step.senders or role(name) in step.senders]
    recipients = [name for name in instances if name in step.recipients or role(name) in step.recipients]
    if senders == recipients and len(senders) == 1:
        step.node.fail(f"no link joins {senders[0]} to itself")


def role(instance: str) -> str:
    return instance.partition(".")[0]


def venues_of(instances: Collection[str]) -> list[str]:
    return [name for name in instances if role(name) == EXCHANGE]


def books_of(reference: ReferenceData, instances: Collection[str]) -> list[str]:
    return [f"{venue}:{symbol}" for venue in venues_of(instances) for symbol in reference.instruments]


def known_subjects(
    reference: ReferenceData, instances: Collection[str], accounts: Collection[str]
) -> dict[Quantity, list[str]]:
    """What a quantity can be of, in this world."""
    assets, symbols = reference.assets, list(reference.instruments)
    issuers = [asset.issuer for asset in assets.values() if asset.issuer]
    stable = [name for name, asset in assets.items() if asset.kind is AssetKind.STABLECOIN]
    return {
        Quantity.PRICE: symbols,
        Quantity.AGE: symbols,
        Quantity.UNCHANGED: symbols,
        Quantity.CROSSED: symbols,
        Quantity.HALTED: symbols,
        Quantity.LAG: symbols,
        Quantity.VOLATILITY: symbols,
        Quantity.DIVERGENCE: [symbol for symbol in symbols if legs_of(symbol, reference) is not None],
        Quantity.DEVIATION: [name for name in stable if f"{name}/{reference.numeraire}" in reference.instruments],
        Quantity.DRAWDOWN: [FIRM],
        Quantity.DELTA: [FIRM],
        Quantity.CONCENTRATION: [*assets, *issuers, SETTLEMENT],
        Quantity.POSITION: list(assets),
        Quantity.OVERDUE: list(accounts),
        Quantity.TRANSFER_OVERDUE: list(accounts),
        Quantity.MARGIN: list(accounts) if reference.perpetuals else [],
        Quantity.SILENCE: venues_of(instances),
        Quantity.ORDERS: list(accounts),
        Quantity.DENIED: list(accounts),
        Quantity.KILLED: list(accounts),
        Quantity.FUNDING: [FIRM] if reference.perpetuals else [],
        Quantity.APART: books_of(reference, instances),
    }
