"""One history per seed; every effect names its cause; what is not durable does not leave; storms are named."""

from collections.abc import Callable, Sequence

import pytest

from trading_ecosystem.chance import Dice
from trading_ecosystem.core import Core, JournaledCore
from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.messages.audit import DeliveryLost, Envelope, LossReason
from trading_ecosystem.messages.chaos import (
    CrashService,
    FaultLink,
    FaultService,
    InjectionEnded,
    InjectionRefused,
    InjectionStarted,
    LinkFault,
    RestartService,
    RestoreLink,
    RestoreService,
    ServiceFault,
)
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import CancelOrder
from trading_ecosystem.messages.runtime import Plain, Remember, Start, Wake, WakeAt
from trading_ecosystem.virtual.disk import COMMIT_NS
from trading_ecosystem.virtual.injector import Injector
from trading_ecosystem.virtual.network import Link
from trading_ecosystem.virtual.service import Service
from trading_ecosystem.virtual.world import STORM_WINDOW, EventStorm, World

SECOND = 1_000_000_000
LATENCY = 1_000_000


class Venue(JournaledCore):
    """Counts cancels and says the count as the session of a heartbeat."""

    def __init__(self) -> None:
        self.count = 0

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        if isinstance(message, CancelOrder):
            self.count += 1
            return [VenueHeartbeat(venue="exchange", session=self.count, occurred_ns=now)]
        return []

    def save(self) -> Plain:
        return {"count": self.count}

    def restore(self, state: Plain) -> None:
        assert isinstance(state, dict)
        self.count = state["count"]


class Desk(Core):
    """Cancels once a second; remembers how often, and what it heard."""

    def __init__(self) -> None:
        self.count = 0
        self.heard: list[int] = []
        self.starts: list[object] = []

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        if isinstance(message, Start):
            self.starts.append(message.memory)
            return [WakeAt(now + SECOND)]
        if isinstance(message, Wake):
            self.count += 1
            memory = Remember(key="count", value=self.count)
            return [memory, CancelOrder("exchange", "alpha", str(self.count)), WakeAt(now + SECOND)]
        assert isinstance(message, VenueHeartbeat)
        self.heard.append(message.session)
        return []


class Observer(Core):
    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.losses: list[DeliveryLost] = []

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        if isinstance(message, Envelope):
            self.envelopes.append(message)
        else:
            assert isinstance(message, DeliveryLost)
            self.losses.append(message)
        return []


def make(builders: dict[str, Callable[[], Core]] | None = None, latency_ns: int = LATENCY) -> tuple[World, Observer]:
    builders = builders or {"exchange": Venue, "trading_engine.alpha": Desk}
    injector = Injector(1, list(builders), list(builders))
    services = [Service(name, build) for name, build in builders.items()]
    services.append(Service("injector", lambda: injector))
    names = [service.name for service in services]
    links = [Link(latency_ns, 0, Dice(1, f"{a}>{b}")) for a in names for b in names]
    observer = Observer()
    audience: dict[type, list[int]] = {VenueHeartbeat: [1]}
    world = World(services, audience, {}, links, observer, 0)
    injector.attach(world)
    return world, observer


def inject(world: World, message: Message) -> None:
    """From outside, at once."""
    at = [service.name for service in world.services].index("injector")
    world.push(world.now, at, Envelope(0, 0, 0, "", world.now, message))


def crash(world: World, name: str = "exchange", torn_bytes: int = 0) -> None:
    inject(world, CrashService(to="injector", injection_id=name, service=name, torn_bytes=torn_bytes))


def restart(world: World, name: str = "exchange") -> None:
    inject(world, RestartService(to="injector", injection_id=name, service=name))


def core_of(world: World, name: str) -> Core:
    return next(service.core for service in world.services if service.name == name)


def test_the_same_world_has_the_same_history() -> None:
    histories = []
    for _ in range(2):
        world, observer = make()
        world.run(20 * SECOND)
        histories.append(repr(observer.envelopes))
    assert histories[0] == histories[1]
    assert "VenueHeartbeat" in histories[0]


def test_every_effect_names_an_earlier_cause_and_its_story() -> None:
    world, observer = make()
    world.run(5 * SECOND)
    by_id = {envelope.message_id: envelope for envelope in observer.envelopes}
    heartbeats = [e for e in observer.envelopes if isinstance(e.message, VenueHeartbeat)]
    assert len(heartbeats) == 4
    for heartbeat in heartbeats:
        cancel = by_id[heartbeat.causation_id]
        assert isinstance(cancel.message, CancelOrder)
        wake = by_id[cancel.causation_id]
        assert isinstance(wake.message, Wake)
        assert heartbeat.correlation_id == cancel.correlation_id == wake.correlation_id


def test_a_message_leaves_when_it_is_durable() -> None:
    world, observer = make()
    world.run(SECOND + COMMIT_NS - 1)
    assert not [e for e in observer.envelopes if isinstance(e.message, CancelOrder)]
    world.run(SECOND + COMMIT_NS)
    assert [e for e in observer.envelopes if isinstance(e.message, CancelOrder)]
    arrival = SECOND + COMMIT_NS + LATENCY
    world.run(arrival + COMMIT_NS + LATENCY)
    desk = core_of(world, "trading_engine.alpha")
    assert isinstance(desk, Desk)
    assert desk.heard == [1]


def test_a_crash_between_handling_and_commit_loses_both_the_record_and_the_answer() -> None:
    world, observer = make()
    handled = SECOND + COMMIT_NS + LATENCY
    world.run(handled)
    crash(world, torn_bytes=9)
    world.run(handled + 2 * LATENCY)
    restart(world)
    world.run(handled + 3 * LATENCY)
    venue, desk = core_of(world, "exchange"), core_of(world, "trading_engine.alpha")
    assert isinstance(venue, Venue)
    assert isinstance(desk, Desk)
    assert venue.count == 0
    assert desk.heard == []
    assert [loss.loss_reason for loss in observer.losses] == [LossReason.SENDER_CRASHED]


def test_a_restarted_core_is_rebuilt_from_its_journal() -> None:
    world, observer = make()
    world.run(5 * SECOND + 500 * LATENCY)
    crash(world)
    world.run(7 * SECOND + 500 * LATENCY)
    assert [loss.loss_reason for loss in observer.losses] == [LossReason.RECIPIENT_DOWN] * 2
    assert world.lost == {"recipient_down": 2}
    restart(world)
    world.run(9 * SECOND + 500 * LATENCY)
    desk = core_of(world, "trading_engine.alpha")
    assert isinstance(desk, Desk)
    assert desk.heard == [1, 2, 3, 4, 5, 6, 7]


def test_a_restarted_core_gets_back_what_it_remembered_and_none_of_its_old_timers() -> None:
    world, _ = make()
    world.run(3 * SECOND + LATENCY)
    crash(world, "trading_engine.alpha")
    world.run(3 * SECOND + 2 * LATENCY)
    restart(world, "trading_engine.alpha")
    world.run(4 * SECOND + LATENCY)
    desk = core_of(world, "trading_engine.alpha")
    assert isinstance(desk, Desk)
    assert desk.starts == [{"count": 3}]
    assert desk.count == 0  # The timer set before the crash is gone.
    world.run(5 * SECOND + LATENCY)
    assert desk.count == 1


def test_what_is_held_stays_so_while_other_faults_end_and_is_doubled_once() -> None:
    world, _ = make()
    link = {"to": "injector", "senders": ("trading_engine.alpha",), "recipients": ("exchange",), "delay_ns": 0}
    faults = {"hold": LinkFault.HOLD, "double": LinkFault.DUPLICATE, **{f"d{n}": LinkFault.DELAY for n in range(9)}}
    for injection_id, fault in faults.items():
        inject(world, FaultLink(injection_id=injection_id, fault=fault, probability_ppm=1_000_000, **link))  # type: ignore[arg-type]
    world.run(3 * SECOND + 500 * LATENCY)
    for number in range(9):
        inject(world, RestoreLink(to="injector", injection_id=f"d{number}"))
    world.run(3 * SECOND + 600 * LATENCY)
    venue = core_of(world, "exchange")
    assert isinstance(venue, Venue)
    assert venue.count == 0
    inject(world, RestoreLink(to="injector", injection_id="hold"))
    world.run(3 * SECOND + 700 * LATENCY)
    assert venue.count == 6


def test_a_life_that_ended_as_it_began_leaves_no_second_start() -> None:
    world, _ = make()
    world.run(3 * SECOND)
    for _ in range(2):
        crash(world, "trading_engine.alpha")
        restart(world, "trading_engine.alpha")
    world.run(4 * SECOND)
    desk = core_of(world, "trading_engine.alpha")
    assert isinstance(desk, Desk)
    assert len(desk.starts) == 1


def test_injections_give_receipts_once_and_refusals_change_nothing() -> None:
    world, observer = make()
    crash(world)
    crash(world)
    inject(world, CrashService(to="injector", injection_id="x", service="exchange", torn_bytes=0))
    inject(world, CrashService(to="injector", injection_id="y", service="nobody", torn_bytes=0))
    restart(world)
    restart(world)
    world.run(1)
    said = [type(e.message) for e in observer.envelopes if e.sender == "injector"]
    assert said == [Start, InjectionStarted, InjectionRefused, InjectionRefused, InjectionEnded]


def link_fault(fault: LinkFault) -> FaultLink:
    return FaultLink(
        to="injector",
        injection_id="net",
        fault=fault,
        senders=("trading_engine",),
        recipients=("exchange",),
        probability_ppm=1_000_000,
        delay_ns=0,
    )


def test_a_partition_loses_aloud_and_heals() -> None:
    world, observer = make()
    inject(world, link_fault(LinkFault.PARTITION))
    world.run(3 * SECOND + 500 * LATENCY)
    assert [loss.loss_reason for loss in observer.losses] == [LossReason.PARTITION] * 3
    inject(world, RestoreLink(to="injector", injection_id="net"))
    world.run(5 * SECOND + 500 * LATENCY)
    assert len(observer.losses) == 3
    assert isinstance(core_of(world, "exchange"), Venue)


def test_what_was_held_arrives_after_the_release_in_order() -> None:
    world, _ = make()
    inject(world, link_fault(LinkFault.HOLD))
    world.run(3 * SECOND + 500 * LATENCY)
    venue = core_of(world, "exchange")
    assert isinstance(venue, Venue)
    assert venue.count == 0
    inject(world, RestoreLink(to="injector", injection_id="net"))
    world.run(3 * SECOND + 600 * LATENCY)
    assert venue.count == 3


# Standing still, slow stores and clocks that jump.


def fault(world: World, kind: ServiceFault, service: str = "exchange", by_ns: int = 0, name: str = "f") -> None:
    inject(world, FaultService(to="injector", injection_id=name, service_fault=kind, service=service, by_ns=by_ns))


def restore(world: World, name: str = "f") -> None:
    inject(world, RestoreService(to="injector", injection_id=name, service="exchange"))


def venue_and_desk(world: World) -> tuple[Venue, Desk]:
    venue, desk = core_of(world, "exchange"), core_of(world, "trading_engine.alpha")
    assert isinstance(venue, Venue)
    assert isinstance(desk, Desk)
    return venue, desk


STILL = [ServiceFault.PAUSE, ServiceFault.STORE_AWAY, ServiceFault.STORE_FULL]


@pytest.mark.parametrize("kind", STILL)
def test_who_stands_still_gets_everything_afterwards_in_order(kind: ServiceFault) -> None:
    world, observer = make()
    world.run(2 * SECOND + 500 * LATENCY)
    fault(world, kind)
    world.run(6 * SECOND + 500 * LATENCY)
    venue, desk = venue_and_desk(world)
    assert (venue.count, desk.heard) == (2, [1, 2])
    restore(world)
    world.run(6 * SECOND + 600 * LATENCY)
    assert (venue.count, desk.heard) == (6, [1, 2, 3, 4, 5, 6])
    assert observer.losses == []


def test_a_timer_of_who_stands_still_comes_late_and_the_next_one_counts_from_there() -> None:
    world, _ = make()
    world.run(2 * SECOND + 500 * LATENCY)
    fault(world, ServiceFault.PAUSE, "trading_engine.alpha")
    world.run(6 * SECOND + 500 * LATENCY)
    _, desk = venue_and_desk(world)
    assert desk.count == 2
    restore(world)
    world.run(6 * SECOND + 600 * LATENCY)
    assert desk.count == 3
    world.run(7 * SECOND + 499 * LATENCY)
    assert desk.count == 3
    world.run(7 * SECOND + 600 * LATENCY)
    assert desk.count == 4


@pytest.mark.parametrize("kind", STILL)
def test_what_was_handled_but_not_durable_leaves_when_the_service_goes_on(kind: ServiceFault) -> None:
    world, _ = make()
    handled = SECOND + COMMIT_NS + LATENCY
    world.run(handled)
    fault(world, kind)
    world.run(handled + 50 * LATENCY)
    venue, desk = venue_and_desk(world)
    assert (venue.count, desk.heard) == (1, [])
    restore(world)
    world.run(handled + 52 * LATENCY)
    assert desk.heard == [1]


@pytest.mark.parametrize("kind", STILL)
def test_a_crash_of_who_stands_still_loses_what_was_not_durable_and_what_waited(kind: ServiceFault) -> None:
    world, observer = make()
    world.run(SECOND + COMMIT_NS + LATENCY)
    fault(world, kind)
    world.run(2 * SECOND + 500 * LATENCY)
    crash(world)
    world.run(2 * SECOND + 501 * LATENCY)
    reasons = [loss.loss_reason for loss in observer.losses]
    assert reasons == [LossReason.SENDER_CRASHED, LossReason.RECIPIENT_DOWN]
    restart(world)
    restore(world)
    world.run(3 * SECOND + 500 * LATENCY)
    venue, desk = venue_and_desk(world)
    assert (venue.count, desk.heard) == (1, [1])


def test_a_new_life_is_not_paused_but_its_store_is_still_away() -> None:
    world, _ = make()
    fault(world, ServiceFault.PAUSE, name="pause")
    crash(world)
    restart(world)
    world.run(SECOND + 500 * LATENCY)
    assert venue_and_desk(world)[0].count == 1
    restore(world, "pause")
    fault(world, ServiceFault.STORE_AWAY, name="away")
    crash(world)
    restart(world)
    world.run(2 * SECOND + 500 * LATENCY)
    assert venue_and_desk(world)[0].count == 1
    restore(world, "away")
    world.run(2 * SECOND + 600 * LATENCY)
    assert venue_and_desk(world)[0].count == 2


def test_a_service_goes_on_when_the_last_of_its_faults_ends() -> None:
    world, _ = make()
    fault(world, ServiceFault.PAUSE, name="pause")
    fault(world, ServiceFault.STORE_AWAY, name="away")
    world.run(SECOND + 500 * LATENCY)
    restore(world, "pause")
    world.run(SECOND + 600 * LATENCY)
    assert venue_and_desk(world)[0].count == 0
    restore(world, "away")
    world.run(SECOND + 700 * LATENCY)
    assert venue_and_desk(world)[0].count == 1


def test_a_slow_store_makes_answers_late_until_it_is_restored() -> None:
    world, _ = make()
    fault(world, ServiceFault.STORE_SLOW, by_ns=300 * LATENCY)
    fault(world, ServiceFault.STORE_SLOW, by_ns=100 * LATENCY, name="more")
    sound = SECOND + 2 * COMMIT_NS + 2 * LATENCY
    world.run(sound + 400 * LATENCY - 1)
    _, desk = venue_and_desk(world)
    assert desk.heard == []
    world.run(sound + 400 * LATENCY)
    assert desk.heard == [1]
    restore(world, "more")
    world.run(sound + SECOND + 300 * LATENCY)
    assert desk.heard == [1, 2]
    restore(world)
    world.run(sound + 2 * SECOND)
    assert desk.heard == [1, 2, 3]


class Clocked(Core):
    """Wakes once a second and keeps what its clock told, and what it had asked for."""

    def __init__(self) -> None:
        self.told: list[int] = []
        self.asked = 0

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        if isinstance(message, Wake):
            assert now >= self.asked, "a timer came early"
            assert now >= max(self.told, default=0), "the clock went back"
            self.told.append(now)
        self.asked = now + SECOND
        return [WakeAt(self.asked)]


def test_a_clock_jumps_ahead_and_stands_still_when_it_is_put_right() -> None:
    world, _ = make({"trading_engine.alpha": Clocked})
    clocked = core_of(world, "trading_engine.alpha")
    assert isinstance(clocked, Clocked)
    world.run(2 * SECOND + 500 * LATENCY)
    fault(world, ServiceFault.CLOCK_JUMP, "trading_engine.alpha", by_ns=10 * SECOND)
    world.run(5 * SECOND + 500 * LATENCY)
    assert clocked.told == [SECOND, 2 * SECOND, 13 * SECOND, 14 * SECOND, 15 * SECOND]
    restore(world)
    world.run(15 * SECOND + 500 * LATENCY)
    assert clocked.told[5:] == []  # Until time has caught up with the timer that it had asked for.
    world.run(17 * SECOND)
    assert clocked.told[5:] == [16 * SECOND, 17 * SECOND]


def test_a_journaled_core_is_rebuilt_with_the_times_that_its_clock_told() -> None:
    world, observer = make()
    fault(world, ServiceFault.CLOCK_JUMP, by_ns=100 * SECOND)
    world.run(2 * SECOND + 500 * LATENCY)
    crash(world)
    restart(world)
    world.run(3 * SECOND + 500 * LATENCY)
    beats = [e.message.occurred_ns for e in observer.envelopes if isinstance(e.message, VenueHeartbeat)]
    assert [beat // SECOND for beat in beats] == [101, 102, 103]
    assert venue_and_desk(world)[1].heard == [1, 2, 3]


def test_what_has_no_meaning_here_is_refused_by_name() -> None:
    world, observer = make()
    fault(world, ServiceFault.STORE_AWAY, "trading_engine.alpha", name="a")
    fault(world, ServiceFault.PAUSE, "nobody", name="b")
    fault(world, ServiceFault.PAUSE, name="c")
    fault(world, ServiceFault.PAUSE, name="d")
    inject(world, link_fault(LinkFault.RESET))
    world.run(1)
    details = [e.message.detail for e in observer.envelopes if isinstance(e.message, InjectionRefused)]
    assert details == [
        "trading_engine.alpha keeps no journal, so nothing of it waits for its store",
        "nobody cannot be touched here",
        "exchange stands still already",
        "network.reset is of connections, and virtual time has messages alone",
    ]


class Echo(Core):
    """Answers every message with two."""

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        return [CancelOrder("exchange", "a", "b"), CancelOrder("exchange", "a", "c")]


class Ping(Core):
    def handle(self, message: Message, now: int) -> Sequence[Message]:
        return [CancelOrder("exchange", "a", "b")]


def test_a_growing_storm_is_named_by_its_queue() -> None:
    world, _ = make({"exchange": Echo, "trading_engine.alpha": Desk})
    with pytest.raises(EventStorm, match="messages wait for exchange, the last a CancelOrder from exchange"):
        world.run(SECOND)


def test_a_steady_storm_is_named_by_its_rate() -> None:
    world, _ = make({"exchange": Ping, "trading_engine.alpha": Desk}, latency_ns=1_000)
    with pytest.raises(EventStorm, match=r"65536 messages within 0\.06\d simulated seconds; the last a CancelOrder"):
        world.run(SECOND)


class Sleepy(Core):
    def handle(self, message: Message, now: int) -> Sequence[Message]:
        return [WakeAt(now + SECOND)] if isinstance(message, Start | Wake) else []


def test_a_quiet_world_is_no_storm_however_long_it_takes() -> None:
    """A window of deliveries may take a day: its length times the rate is more than 64 bits hold."""
    world, _ = make({"exchange": Sleepy, "trading_engine.alpha": Sleepy})
    world.run(10 * 3600 * SECOND)
    assert world.delivered > STORM_WINDOW
