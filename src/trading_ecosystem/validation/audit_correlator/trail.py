"""The audit trail: one sealed line per entry, JSON Lines.

Rule 1: line 1 is `[0, header, hash]`, every other `[sequence, ns, message_id, causation_id, plane, sender, type,
[values], hash]`; the values stand in the order that the header gives for the type. Of a type that is younger than
the format, which the header does not name, they are a mapping by field.
Rule 2: sequence counts 1, 2, 3, ... without a gap, and the last entry says how many came before it and their head.
Rule 3: no floats; the same entries are the same bytes on every machine.
"""

from typing import Protocol, TextIO, final

from trading_ecosystem.messages.codec import MESSAGE_TYPES
from trading_ecosystem.messages.message import field_names, values_of
from trading_ecosystem.validation.audit_correlator import chain
from trading_ecosystem.validation.audit_correlator.blocks import BLOCK_FIELDS, BLOCK_TYPE, Block
from trading_ecosystem.validation.audit_correlator.causation import OUTSIDE, Lane
from trading_ecosystem.validation.audit_correlator.entry_text import Reader, reader_of, text_of

FORMAT = 1
YOUNGER = (  # A trail that has none of them is what it was before there were any.
    *("FaultService", "RestoreService"),
    *("FaultFeed", "RestoreFeed", "ScaleVolatility"),
    *("RequestDeposit", "RequestWithdrawal", "RequestTransfer", "ApproveTransfer", "RejectTransfer", "CancelTransfer"),
    *("AllowDestination", "DestinationAllowed", "TransferRequested", "TransferChanged", "TransferApproved"),
    *("TransferRefused", "TransferPosted", "CreditAccount", "DebitAccount", "MovementAnswered", "AccountMoved"),
    *("QueryTransfers", "TransfersReported"),
    *("SettleProfits", "ProfitsReported", "ProfitSettled", "QueryBooks", "BooksReported", "BooksCompared"),
    *("NettingSettled", "DrainAccount", "MarginRatesChanged"),
    *(
        "EngageKillSwitch",
        "LiftKillSwitch",
        "LiftRefused",
        "QueryKillSwitch",
        "KillSwitchReported",
        "KillSwitchChanged",
    ),
)
CLOSING_TYPE = "TrailClosed"
CLOSING_FIELDS = ("count", "head")


class Sink(Protocol):
    """Where the lines of a trail go."""

    def write(self, line: str) -> None:
        """Take one line, its newline included."""


@final
class FileSink:
    """To a text file that the caller opened (ASCII or UTF-8, newline="") and closes."""

    __slots__ = ("_file",)

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> None:
        self._file.write(line)


@final
class MemorySink:
    """To a list."""

    __slots__ = ("lines",)

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        self.lines.append(line)


@final
class Trail:
    """Writes the header when it is made. `facts` is plain data about the run: scenario, world, seed, start.

    Without a sink it is hashed and forgotten. Raises TypeError for facts that hold a float or what is not plain data.
    """

    __slots__ = ("_sink", "count", "head")

    def __init__(self, sink: Sink | None, facts: dict[str, object]) -> None:
        self._sink = sink
        self.count = 0
        header = {"format": FORMAT, "facts": facts, "fields": fields_by_type()}
        self.head = chain.START
        self._seal(f"[0,{text_of(header)}")

    def enter(self, lane: Lane, ns: int, message_id: int, causation_id: int, values: object) -> None:
        """Add an entry. `values` is a list or tuple of plain data and message parts."""
        self.count = count = self.count + 1
        self._seal(f"[{count},{ns},{message_id},{causation_id},{lane.prefix},{text_of(values)}")

    def _seal(self, body: str) -> None:
        self.head = head = chain.link(self.head, body.encode())
        if self._sink is not None:
            self._sink.write(chain.seal(body, head))

    def enter_block(self, block: Block, lane: Lane) -> None:
        """Add the digest of a block that is not empty, and empty it."""
        values = block.close()
        last_id, last_ns = values[4], values[6]
        assert isinstance(last_id, int) and isinstance(last_ns, int)
        self.enter(lane, last_ns, last_id, 0, values)

    def close(self, now: int) -> None:
        """Add the entry that tells a whole trail from a truncated one."""
        lane = Lane(0, CLOSING_TYPE, "", "", OUTSIDE)
        self.enter(lane, now, 0, 0, [self.count, self.head.hex()])


def reader_of_type(message_type: type) -> Reader:
    """What reads the values of a message for its entry."""
    names = field_names(message_type)
    if message_type.__name__ in YOUNGER:
        return lambda message: dict(zip(names, values_of(message), strict=True))
    return reader_of(names)


def fields_by_type() -> dict[str, list[str]]:
    """The names of all values that an entry of a type may hold, by type."""
    fields = {name: list(field_names(each)) for name, each in MESSAGE_TYPES.items() if name not in YOUNGER}
    fields[BLOCK_TYPE] = list(BLOCK_FIELDS)
    fields[CLOSING_TYPE] = list(CLOSING_FIELDS)
    return dict(sorted(fields.items()))
