"""The audit correlator: takes in every message of a run and keeps its trail, its causes and its story.

Rule 1: it hears everything and changes nothing: all that it says is what the checker found.
Rule 2: every message is in the trail exactly once, whole or in the digest of one block.
Rule 3: the trail depends on the messages and on nothing else: no hash order, no wall clock, no build.
"""

from collections.abc import Sequence
from struct import Struct
from typing import final

from trading_ecosystem.core import Core
from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.messages.audit import DeliveryLost, Envelope, InvariantViolated
from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.messages.message import Message, field_names
from trading_ecosystem.messages.runtime import Wake
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.validation.audit_correlator.blocks import (
    BLOCK_MESSAGES,
    BLOCK_NS,
    BLOCK_TYPE,
    HEARTBEAT,
    PACK_HEARTBEAT,
    PACK_PRICES,
    PACK_WAKE,
    PRICES,
    STAMP_FROM,
    STAMP_TO,
    WAKE,
    Block,
)
from trading_ecosystem.validation.audit_correlator.causation import STAMP, CausalGraph, Lane
from trading_ecosystem.validation.audit_correlator.entry_text import Reader
from trading_ecosystem.validation.audit_correlator.invariants import Checker
from trading_ecosystem.validation.audit_correlator.statistics import (
    PER_HOUR,
    DetectionLatency,
    HourlyCounts,
    Statistics,
    latency,
)
from trading_ecosystem.validation.audit_correlator.story import NOTED, Story
from trading_ecosystem.validation.audit_correlator.trail import Sink, Trail, reader_of_type
from trading_ecosystem.validation.results import ChainLink, Series, TimelineEntry

# The field that says what a message is about: the first of these that it has.
ABOUT = ("symbol", "subject", "service", "injection_id", "venue", "custodian", "recipient", "account")
ORPHAN = "A7: every cause is a message that departed"
RUNNER = "runner"  # Who tells of losses.
RECORDED = (QuotePublished, BookTopChanged, Wake, VenueHeartbeat)  # What is kept in blocks.


@final
class Form:
    """How messages of one type are entered: what they say, what they are about, and who is told of them."""

    __slots__ = ("_about", "_lanes", "_type_name", "checked", "hourly", "noted", "read")

    def __init__(self, message_type: type, hourly: HourlyCounts | None, checked: bool) -> None:
        names = field_names(message_type)
        self.read: Reader = reader_of_type(message_type)
        self.noted = message_type in NOTED
        self.hourly = hourly
        self.checked = checked
        self._type_name = message_type.__name__
        self._about = next((name for name in ABOUT if name in names), "")
        self._lanes: dict[tuple[str, str], Lane] = {}

    def lane(self, graph: CausalGraph, sender: str, message: Message) -> Lane:
        subject: str = getattr(message, self._about) if self._about else ""
        key = (sender, subject)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = graph.lane(self._type_name, sender, subject)
        return lane


@final
class AuditCorrelator(Core):
    """Hears envelopes as they depart and `DeliveryLost` facts; `facts` about the run go into the trail's header.

    `planes` names the plane of each instance. `digest` is the head of the chain in hex, final after `close`.
    """

    __slots__ = (
        "_beats",
        "_checker",
        "_checks_records",
        "_forms",
        "_graph",
        "_quotes",
        "_statistics",
        "_story",
        "_tops",
        "_trail",
        "_wakes",
        "digest",
        "name",
    )

    def __init__(
        self,
        name: str,
        sink: Sink | None,
        facts: dict[str, object],
        planes: dict[str, str],
        checker: Checker,
        reference: ReferenceData,
        replayed: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.digest = ""
        self._checker = checker
        self._checks_records = any([checker.is_checked(each) for each in RECORDED])
        self._trail = Trail(sink, facts)
        self._graph = CausalGraph(planes)
        self._forms: dict[type, Form] = {}
        self._quotes: dict[str, Block] = {}  # By symbol.
        self._tops: dict[str, dict[str, Block]] = {}  # By venue and symbol.
        self._beats: dict[str, Block] = {}  # By venue.
        self._wakes: dict[str, Block] = {}  # By sender.
        self._story = Story(self._graph, self._quotes, reference, replayed)
        self._statistics = Statistics()

    # Taking in.

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        """What the checker finds in an envelope; nothing for anything else."""
        if not isinstance(message, Envelope):
            if isinstance(message, DeliveryLost):
                self._lose(message)
            return ()
        told = message.message
        if isinstance(told, QuotePublished):
            self._take_quote(message, told)
        elif isinstance(told, Wake):
            self._take_wake(message)
        elif isinstance(told, BookTopChanged):
            self._take_top(message, told)
        elif isinstance(told, VenueHeartbeat):
            self._take_beat(message, told)
        else:
            return self._take_whole(message, told)
        return self._checker.observe(message) if self._checks_records else ()

    def _take_quote(self, envelope: Envelope, quote: QuotePublished) -> None:
        block = self._quotes.get(quote.symbol)
        if block is None or block.sender != envelope.sender:
            block = self._block(self._quotes, "QuotePublished", envelope.sender, quote.symbol, PRICES)
            block.watched = self._story.awaits(quote.symbol)
        record = PACK_PRICES(
            envelope.message_id,
            envelope.causation_id,
            envelope.sent_ns,
            quote.bid_ticks,
            quote.bid_lots,
            quote.ask_ticks,
            quote.ask_lots,
            quote.sequence,
            quote.occurred_ns,
        )
        self._take_record(envelope, record, block)
        if block.watched:
            self._story.show_effect(envelope, quote, block)

    def _take_top(self, envelope: Envelope, top: BookTopChanged) -> None:
        tops = self._tops.get(top.venue)
        if tops is None:
            tops = self._tops[top.venue] = {}
        block = tops.get(top.symbol)
        if block is None or block.sender != envelope.sender:
            block = self._block(tops, "BookTopChanged", envelope.sender, top.symbol, PRICES)
        record = PACK_PRICES(
            envelope.message_id,
            envelope.causation_id,
            envelope.sent_ns,
            top.bid_ticks,
            top.bid_lots,
            top.ask_ticks,
            top.ask_lots,
            top.sequence,
            top.occurred_ns,
        )
        self._take_record(envelope, record, block)

    def _take_wake(self, envelope: Envelope) -> None:
        block = self._wakes.get(envelope.sender)
        if block is None:
            block = self._block(self._wakes, "Wake", envelope.sender, envelope.sender, WAKE)
        record = PACK_WAKE(envelope.message_id, envelope.causation_id, envelope.sent_ns)
        self._take_record(envelope, record, block)

    def _take_beat(self, envelope: Envelope, beat: VenueHeartbeat) -> None:
        block = self._beats.get(beat.venue)
        if block is None or block.sender != envelope.sender:
            block = self._block(self._beats, "VenueHeartbeat", envelope.sender, beat.venue, HEARTBEAT)
        record = PACK_HEARTBEAT(
            envelope.message_id, envelope.causation_id, envelope.sent_ns, beat.session, beat.occurred_ns
        )
        self._take_record(envelope, record, block)

    def _take_record(self, envelope: Envelope, record: bytes, block: Block) -> None:
        stamp = record[STAMP_FROM:STAMP_TO]
        self._graph.record(envelope.message_id, envelope.causation_id, stamp, block.lane)
        if envelope.sent_ns >= block.ends_ns or len(block.records) == BLOCK_MESSAGES:
            self._turn(block, envelope.sent_ns)
        block.records.append(record)

    def _take_whole(self, envelope: Envelope, message: Message) -> Sequence[Message]:
        form = self._form(message)
        lane = form.lane(self._graph, envelope.sender, message)
        message_id, causation_id, sent_ns = envelope.message_id, envelope.causation_id, envelope.sent_ns
        self._graph.record(message_id, causation_id, STAMP.pack(causation_id, sent_ns), lane)
        self._trail.enter(lane, sent_ns, message_id, causation_id, form.read(message))
        if form.hourly is not None:
            form.hourly.add(sent_ns)
        if form.noted:
            self._story.note(envelope, message)
        return self._checker.observe(envelope) if form.checked else ()

    def _form(self, message: Message) -> Form:
        message_type = type(message)
        form = self._forms.get(message_type)
        if form is None:
            name = message_type.__name__
            hourly = self._statistics.hourly[name] if name in PER_HOUR else None
            form = self._forms[message_type] = Form(message_type, hourly, self._checker.is_checked(message_type))
        return form

    def _block(self, blocks: dict[str, Block], type_name: str, sender: str, subject: str, record: Struct) -> Block:
        """A new block in the place of what there was; a subject that changes hands closes the block of the old."""
        old = blocks.get(subject)
        if old is not None:
            self._close_block(old)
        block = blocks[subject] = Block(self._graph.lane(type_name, sender, subject), record)
        return block

    def _turn(self, block: Block, sent_ns: int) -> None:
        self._close_block(block)
        block.ends_ns = sent_ns + BLOCK_NS

    def _close_block(self, block: Block) -> None:
        if block.records:
            self._trail.enter_block(block, self._graph.lane(BLOCK_TYPE, block.sender, ""))

    def _lose(self, fact: DeliveryLost) -> None:
        form = self._form(fact)
        lane = form.lane(self._graph, RUNNER, fact)
        lane.count += 1
        self._trail.enter(lane, fact.occurred_ns, 0, fact.message_id, form.read(fact))
        self._statistics.lose(fact)
        self._story.lose(fact)

    # Closing, and what there is to read.

    def close(self, now: int) -> list[InvariantViolated]:
        """Finish the trail. Returns what only the whole run could show, which no envelope will carry."""
        for blocks in (self._quotes, *self._tops.values(), self._beats, self._wakes):
            for block in blocks.values():
                self._close_block(block)
        findings = [*self._checker.finish(now), *self._orphans(now)]
        for finding in findings:
            form = self._form(finding)
            lane = form.lane(self._graph, self.name, finding)
            lane.count += 1
            self._trail.enter(lane, now, 0, finding.message_id, form.read(finding))
            self._story.find(finding, now)
        self._trail.close(now)
        self.digest = self._trail.head.hex()
        return findings

    def _orphans(self, now: int) -> list[InvariantViolated]:
        orphans = self._graph.orphans
        if not orphans:
            return []
        detail = f"{len(orphans)} messages have a cause that never departed, the first is {orphans[0]}"
        return [InvariantViolated(invariant=ORPHAN, detail=detail, message_id=orphans[0], occurred_ns=now)]

    @property
    def entries(self) -> int:
        """Lines of the trail so far, without the header."""
        return self._trail.count

    def explain(self, alert_id: str) -> tuple[ChainLink, ...]:
        """From the injection, or from the market's own root, to the alert. Raises KeyError for an unknown alert."""
        return self._story.explanations[alert_id].chain

    def chains(self) -> dict[str, tuple[ChainLink, ...]]:
        """The chain of each alert, by alert id, in the order in which they fired."""
        return {alert_id: explanation.chain for alert_id, explanation in self._story.explanations.items()}

    def latencies(self) -> tuple[DetectionLatency, ...]:
        """One per alert, in the order in which they fired."""
        return tuple(latency(explanation) for explanation in self._story.explanations.values())

    def timeline(self) -> tuple[TimelineEntry, ...]:
        return self._story.timeline.entries()

    def counts(self) -> dict[str, int]:
        """Messages by type; `DeliveryLost` counts deliveries."""
        counts: dict[str, int] = {}
        for lane in self._graph.lanes:
            if lane.count:
                counts[lane.type_name] = counts.get(lane.type_name, 0) + lane.count
        return dict(sorted(counts.items()))

    def losses(self) -> dict[str, int]:
        """Deliveries lost, by reason."""
        return dict(sorted(self._statistics.losses.items()))

    def series(self) -> tuple[Series, ...]:
        """Orders and settlements per hour."""
        return self._statistics.series()

    def figures(self) -> dict[str, int]:
        """What was checked, as the checker counts it."""
        return self._checker.figures()
