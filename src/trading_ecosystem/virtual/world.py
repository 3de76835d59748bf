"""Runs every core on one virtual clock. The same cores, routes and seed give the same history, byte for byte.

Rule 1: time is the queue's; nothing happens between two entries.
Rule 2: a message leaves its sender when what it rests on is durable, and reaches the observer at that moment.
Rule 3: a service that stands still, or whose store does, is handed nothing; afterwards all of it, in order.
Rule 4: a message that does not arrive is counted and told to the observer; queues are bounded and storms named.
"""

from collections.abc import Sequence
from typing import Final, final

from mypy_extensions import i64

from trading_ecosystem.core import Core, JournaledCore
from trading_ecosystem.messages.audit import DeliveryLost, Envelope, LossReason
from trading_ecosystem.messages.chaos import LinkFault
from trading_ecosystem.messages.message import Addressed, Message, Private
from trading_ecosystem.messages.runtime import Remember, Start, Wake, WakeAt
from trading_ecosystem.virtual.disk import COMMIT_NS
from trading_ecosystem.virtual.network import HELD, NO_TRAIN, Link
from trading_ecosystem.virtual.queue import DueQueue
from trading_ecosystem.virtual.service import Departures, Service

MAXIMUM_WAITING: Final = 50_000  # Deliveries on their way to one service.
STORM_WINDOW: Final = 65_536  # Deliveries between two looks at the rate.
STORM_RATE: Final = 400_000  # Deliveries per simulated second that no healthy world reaches.
SECOND_NS: Final = 1_000_000_000
STORM_NS: Final = STORM_WINDOW * SECOND_NS // STORM_RATE
WAKE: Final = Wake()


class EventStorm(Exception):
    """Services drive each other without end. Says who and with what."""


@final
class World:
    __slots__ = (
        "_audience",
        "_held",
        "_index",
        "_links",
        "_message_id",
        "_observer",
        "_owners",
        "_queue",
        "_sequence",
        "_storm_mark",
        "_storm_mark_ns",
        "delivered",
        "lost",
        "now",
        "services",
        "start_ns",
    )

    def __init__(
        self,
        services: list[Service],
        audience: dict[type, list[int]],
        owners: dict[type, dict[str, list[int]]],
        links: list[Link],
        observer: Core,
        start_ns: int,
    ) -> None:
        """`audience`: who hears a published type; `owners`: who hears a private type of an account.

        Both name services by their place in `services`; `links[sender * n + recipient]` joins two of them.
        """
        self.services = services
        self.start_ns: i64 = start_ns
        self.now: i64 = start_ns
        self.delivered: i64 = 0
        self.lost: dict[str, int] = {}
        self._audience = audience
        self._owners = owners
        self._links = links
        self._observer = observer
        self._index: dict[str, int] = {service.name: i for i, service in enumerate(services)}
        self._queue = DueQueue()
        self._held: list[tuple[int, int, Envelope]] = []
        self._sequence: i64 = 0
        self._message_id: i64 = 0
        self._storm_mark: i64 = STORM_WINDOW  # Deliveries at which the rate is looked at.
        self._storm_mark_ns: i64 = start_ns
        for at in range(len(services)):
            self.start(at)

    # Running.

    def run(self, until_ns: i64) -> None:
        """Deliver everything due up to and including `until_ns`."""
        queue = self._queue
        services = self.services
        while True:
            due_ns: i64 = queue.next_due_ns()
            if due_ns < 0 or due_ns > until_ns:
                break
            queue.advance()
            self.now = due_ns
            at: i64 = queue.recipient
            self.arrive(at, services[at], queue.incarnation, queue.train)
        if self.now < until_ns:
            self.now = until_ns

    def arrive(self, at: i64, service: Service, incarnation: i64, train: list[Envelope]) -> None:
        """All of a train finds the service as it is now: nobody is stopped by what is handed to it."""
        first = train[0].message
        if service.stalled and service.alive:
            service.held += [(int(incarnation), envelope) for envelope in train]
        elif isinstance(first, Departures):
            if incarnation == service.incarnation:
                self.depart(at, first)
            else:
                self.withdraw(first)
        elif service.alive and incarnation == service.incarnation and not service.skewed:
            service.waiting -= len(train)
            self.deliver(at, service, train)
        else:
            service.waiting -= len(train)
            for envelope in train:
                self.arrive_amiss(at, service, incarnation, envelope)

    def arrive_amiss(self, at: i64, service: Service, incarnation: i64, envelope: Envelope) -> None:
        """At a service that is down, or in another life of it, or by a clock that was put."""
        message = envelope.message
        if not service.alive:
            self.lose(envelope, service.name, LossReason.RECIPIENT_DOWN)
        elif incarnation != service.incarnation and isinstance(message, (Wake, Start)):
            return  # A timer of a process that is gone, or its start.
        elif service.skewed and isinstance(message, Wake) and self.comes_early(service, self.now, envelope):
            return
        else:
            self.deliver(at, service, [envelope])

    def deliver(self, at: i64, service: Service, train: list[Envelope]) -> None:
        told_ns: int = self.now
        if service.skewed:
            told_ns = service.clock_ns(self.now)
        core, journaled = service.core, service.journaled
        for envelope in train:
            message = envelope.message
            if journaled:
                self.write_ahead(service, message, told_ns)
            outputs = core.handle(message, told_ns)
            if len(outputs) > 0:
                self.take_outputs(at, service, envelope, outputs)
        self.delivered += len(train)
        service.delivered += len(train)
        if self.delivered >= self._storm_mark:
            self.check_rate(service, train[0].message)

    def write_ahead(self, service: Service, message: Message, told_ns: int) -> None:
        disk = service.disk
        now: int = self.now
        if disk.wants_snapshot(now):
            core = service.core
            assert isinstance(core, JournaledCore)
            disk.keep_snapshot(core.save())
        service.durable_ns = disk.append(now, told_ns, message)

    # Sending.

    def take_outputs(self, at: i64, service: Service, cause: Envelope, outputs: Sequence[Message]) -> None:
        """Seal what a core returned. Timers start at once; what rests on the disk departs when it is durable."""
        durable_ns: i64 = self.now
        if service.journaled:
            durable_ns = service.durable_ns
        if durable_ns < service.last_departure_ns:
            durable_ns = service.last_departure_ns
        waiting: Departures | None = None
        for message in outputs:
            if isinstance(message, WakeAt):
                self.set_timer(at, service, cause, message)
            elif isinstance(message, Remember):
                waiting = waiting or Departures()
                waiting.memories.append(message)
                if durable_ns < self.now + COMMIT_NS:
                    durable_ns = self.now + COMMIT_NS
            elif durable_ns == self.now:
                self.send(at, self.seal(service, cause, message))
            else:
                waiting = waiting or Departures()
                waiting.envelopes.append(self.seal(service, cause, message))
        if waiting is not None:
            service.last_departure_ns = durable_ns
            carrier = Envelope(0, 0, 0, service.name, durable_ns, waiting)
            self._sequence += 1
            self._queue.push(durable_ns, self._sequence, at, service.incarnation, [carrier])

    def seal(self, service: Service, cause: Envelope, message: Message) -> Envelope:
        self._message_id += 1
        message_id: int = self._message_id
        correlation_id = cause.correlation_id if cause.correlation_id else message_id
        return Envelope(message_id, cause.message_id, correlation_id, service.name, self.now, message)

    def set_timer(self, at: i64, service: Service, cause: Envelope, wanted: WakeAt) -> None:
        envelope = self.seal(service, cause, WAKE)
        self._observer.handle(envelope, self.now)
        due_ns: i64 = wanted.at_ns
        if service.skewed:
            assert due_ns >= service.told_ns, (service.name, due_ns, service.told_ns)
            service.asked[envelope.message_id] = wanted.at_ns
            due_ns = max(due_ns - service.offset_ns, self.now)
        assert due_ns >= self.now, (service.name, due_ns, self.now)
        self.push(due_ns, at, envelope)

    def comes_early(self, service: Service, due_ns: i64, envelope: Envelope) -> bool:
        """Whether the service's clock, having been put back, is not there yet. Then the timer is set anew."""
        asked_ns: i64 = service.asked.pop(envelope.message_id, int(due_ns))
        if service.clock_ns(self.now) >= asked_ns:
            return False
        service.asked[envelope.message_id] = int(asked_ns)
        self.push(asked_ns - service.offset_ns, self._index[service.name], envelope)
        return True

    def depart(self, at: i64, departures: Departures) -> None:
        service = self.services[at]
        for memory in departures.memories:
            service.disk.remember(memory.key, memory.value)
        for envelope in departures.envelopes:
            self.send(at, envelope)

    def send(self, at: i64, envelope: Envelope) -> None:
        findings = self._observer.handle(envelope, self.now)
        self.route(at, envelope)
        if len(findings) > 0:
            self.report_findings(envelope, findings)

    def report_findings(self, cause: Envelope, findings: Sequence[Message]) -> None:
        """What the observer finds is sent like any event, from the audit correlator."""
        at = self._index["audit_correlator"]
        self.take_outputs(at, self.services[at], cause, findings)

    def route(self, sender: i64, envelope: Envelope) -> None:
        message = envelope.message
        if isinstance(message, Addressed):
            assert message.to in self._index, f"{envelope.sender} sends to unknown {message.to}: {message}"
            self.transmit(sender, self._index[message.to], envelope)
            return
        if isinstance(message, Private):
            recipients = self._owners[type(message)].get(message.account)
        else:
            recipients = self._audience.get(type(message))
        if recipients is not None:
            for recipient in recipients:
                self.transmit(sender, recipient, envelope)

    def transmit(self, sender: i64, recipient: i64, envelope: Envelope) -> None:
        """Over a sound link, together with what arrives at the same moment."""
        now: i64 = self.now
        link = self._links[sender * len(self.services) + recipient]
        if link.impairments:
            self.transmit_impaired(link, sender, recipient, envelope)
            return
        due_ns: i64 = link.due_ns(now, now - self.start_ns)
        service = self.services[recipient]
        if due_ns == link.train_due_ns and due_ns > now and link.train_incarnation == service.incarnation:
            service.waiting += 1
            link.train.append(envelope)
            if service.waiting > MAXIMUM_WAITING:
                raise growing_storm(service, envelope)
            return
        link.train_due_ns, link.train_incarnation = due_ns, service.incarnation
        link.train = self.push(due_ns, recipient, envelope)

    def transmit_impaired(self, link: Link, sender: i64, recipient: i64, envelope: Envelope) -> None:
        link.train_due_ns = NO_TRAIN
        fates = link.fates_ns(self.now, self.now - self.start_ns)
        if not fates:
            self.lose(envelope, self.services[recipient].name, link.loss_reason())
        for due_ns in fates:
            if due_ns == HELD:
                self._held.append((int(sender), int(recipient), envelope))
            else:
                self.push(due_ns, recipient, envelope)

    def push(self, due_ns: i64, recipient: i64, envelope: Envelope) -> list[Envelope]:
        """Returns the new train, which one more may join."""
        service, train = self.services[recipient], [envelope]
        service.waiting += 1
        if service.waiting > MAXIMUM_WAITING:
            raise growing_storm(service, envelope)
        self._sequence += 1
        self._queue.push(due_ns, self._sequence, recipient, service.incarnation, train)
        return train

    def check_rate(self, service: Service, message: Message) -> None:
        elapsed_ns: i64 = self.now - self._storm_mark_ns
        self._storm_mark_ns = self.now
        self._storm_mark = self.delivered + STORM_WINDOW
        if elapsed_ns < STORM_NS:
            raise EventStorm(
                f"event storm: {STORM_WINDOW} messages within {elapsed_ns / SECOND_NS:.3f} simulated seconds; "
                f"the last a {type(message).__name__} for {service.name}"
            )

    # Losses.

    def lose(self, envelope: Envelope, recipient: str, reason: LossReason) -> None:
        if isinstance(envelope.message, Wake):
            return  # A timer of a process that is gone.
        self.lost[reason.value] = self.lost.get(reason.value, 0) + 1
        now = int(self.now)
        loss = DeliveryLost(message_id=envelope.message_id, recipient=recipient, loss_reason=reason, occurred_ns=now)
        self._observer.handle(loss, now)

    def withdraw(self, departures: Departures) -> None:
        """What a crashed service had handled but not made durable never left it."""
        for envelope in departures.envelopes:
            self.lose(envelope, "", LossReason.SENDER_CRASHED)

    # Faults: crash and restart, stall and go on, shift of a clock, hold and release.

    def start(self, at: int) -> None:
        """Hand a core its `Start`, from outside."""
        service = self.services[at]
        memory = {} if service.journaled else service.disk.memory()
        self._message_id += 1
        message_id = int(self._message_id)
        envelope = Envelope(message_id, 0, message_id, service.name, int(self.now), Start(memory=memory))
        self._observer.handle(envelope, int(self.now))
        self.push(self.now, at, envelope)

    def crash(self, name: str, torn_bytes: int) -> int:
        """Kill an instance. Returns how many journal records its disk lost."""
        service = self.services[self._index[name]]
        assert service.alive
        service.alive = False
        service.incarnation += 1
        self.hand_over(service)
        return service.disk.crash(int(self.now), torn_bytes)

    def restart(self, name: str) -> None:
        """Start a crashed instance: a new core, rebuilt from its disk."""
        at = self._index[name]
        service = self.services[at]
        assert not service.alive
        core = service.build()
        if isinstance(core, JournaledCore):
            snapshot, records = service.disk.recover()
            if snapshot is not None:
                core.restore(snapshot)
            for now, message in records:
                core.handle(message, now)
        service.core = core
        service.alive = True
        service.last_departure_ns = self.now
        self.start(at)

    def is_alive(self, name: str) -> bool:
        return self.services[self._index[name]].alive

    def keeps_journal(self, name: str) -> bool:
        return self.services[self._index[name]].journaled

    def stall(self, name: str, injection_id: str) -> None:
        """Let an instance stand still, or what it cannot do without, until every such injection has ended."""
        service = self.services[self._index[name]]
        if not service.stalls:
            service.disk.stall(int(self.now))
        service.stalls.append(injection_id)
        service.stalled = True

    def go_on(self, name: str, injection_id: str) -> None:
        """Undo `stall`; one that has ended is passed over."""
        service = self.services[self._index[name]]
        if injection_id not in service.stalls:
            return
        service.stalls.remove(injection_id)
        if not service.stalls:
            service.stalled = False
            service.disk.resume(int(self.now))
            self.hand_over(service)

    def hand_over(self, service: Service) -> None:
        """What was held comes now, in the order in which it would have come."""
        held, service.held = service.held, []
        at = self._index[service.name]
        for incarnation, envelope in held:
            self._sequence += 1
            self._queue.push(self.now, self._sequence, at, incarnation, [envelope])

    def slow_commits(self, name: str, by_ns: int) -> None:
        """From now on, a commit takes so much longer than on a sound disk."""
        self.services[self._index[name]].disk.commit_ns = COMMIT_NS + by_ns

    def shift_clock(self, name: str, offset_ns: int) -> None:
        """From now on, an instance's clock tells so much more than the world's, and never less than it told."""
        service = self.services[self._index[name]]
        if not service.skewed:
            service.told_ns = self.now
        service.clock_ns(self.now)
        service.skewed = True
        service.offset_ns = offset_ns

    def link(self, sender: str, recipient: str) -> Link:
        return self._links[self._index[sender] * len(self.services) + self._index[recipient]]

    def release_held(self) -> None:
        """Send on what was held on links that hold no longer."""
        held, self._held = self._held, []
        for sender, recipient, envelope in held:
            if self._links[sender * len(self.services) + recipient].has(LinkFault.HOLD):
                self._held.append((sender, recipient, envelope))
            else:
                self.transmit(sender, recipient, envelope)


def growing_storm(service: Service, last: Envelope) -> EventStorm:
    return EventStorm(
        f"event storm: {service.waiting} messages wait for {service.name}, "
        f"the last a {type(last.message).__name__} from {last.sender}"
    )
