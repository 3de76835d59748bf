"""The lines of a stream and the requests of calls, as bytes: commands that are read off them, events put on them.

Rule 1: what cannot be read here is left to the library, which reads it, or refuses it with its reason.
"""

from collections.abc import Mapping
from struct import Struct
from typing import Final, final

from trading_ecosystem.live.door import Header
from trading_ecosystem.live.flat import Reader, framed, read_varint, varint
from trading_ecosystem.messages.message import Message

HEADER_TAG: Final = b"\x0a"  # Field 1 of every envelope.
SEQUENCE_TAG: Final = b"\x10"
COMMANDS_TAG: Final = 0x0A
IDS: Final = Struct("<BQBQ")
MESSAGE_ID_TAG: Final = 0x09
STORY_TAG: Final = 0x11
LIMIT: Final = 1 << 63


@final
class CommandReader:
    """`readers`: by the number of the field that a command has in its envelope."""

    __slots__ = ("_readers",)

    def __init__(self, readers: Mapping[int, Reader]) -> None:
        self._readers: dict[int, Reader] = {number << 3 | 2: reader for number, reader in readers.items()}

    def read(self, line: bytes) -> list[tuple[Message, Header]] | None:
        """All commands of a line; None where the library has to look at it."""
        commands: list[tuple[Message, Header]] = []
        at = 0
        end = len(line)
        while at < end:
            if line[at] != COMMANDS_TAG:
                return None
            length, at = read_varint(line, at + 1, end)
            if at < 0 or at + length > end:
                return None
            command = self._command(line, at, at + length)
            if command is None:
                return None
            commands.append(command)
            at += length
        return commands

    def _command(self, line: bytes, at: int, end: int) -> tuple[Message, Header] | None:
        """A header with both ids, and one message behind it."""
        if at + 2 + IDS.size > end or line[at : at + 2] != b"\x0a\x12":
            return None
        first, message_id, second, correlation_id = IDS.unpack_from(line, at + 2)
        if first != MESSAGE_ID_TAG or second != STORY_TAG or message_id >= LIMIT or correlation_id >= LIMIT:
            return None
        at += 2 + IDS.size
        reader = self._readers.get(line[at]) if at < end else None
        if reader is None:
            return None
        length, at = read_varint(line, at + 1, end)
        if at < 0 or at + length != end:
            return None
        message = reader.read(line, at, end)
        if not isinstance(message, Message):
            return None
        return message, Header(message_id=message_id, correlation_id=correlation_id)


def read_request(reader: Reader, request: bytes) -> Message | None:
    """The command of a request that has nothing else; None where the library has to look at it."""
    end = len(request)
    if not end or request[0] != COMMANDS_TAG:
        return None
    length, at = read_varint(request, 1, end)
    if at < 0 or at + length != end:
        return None
    message = reader.read(request, at, end)
    return message if isinstance(message, Message) else None


def event_line(tag: bytes, header: Header, sequence: int, body: bytes) -> bytes:
    """An event in its envelope. `tag`: of the field that the message has there."""
    return (
        HEADER_TAG + header_bytes(header) + (SEQUENCE_TAG + varint(sequence) if sequence else b"") + framed(tag, body)
    )


def header_bytes(header: Header) -> bytes:
    """With its length before it; an id that nobody gave is left out."""
    if header.message_id and header.correlation_id:
        return b"\x12" + IDS.pack(MESSAGE_ID_TAG, header.message_id, STORY_TAG, header.correlation_id)
    out = b""
    if header.message_id:
        out += IDS.pack(MESSAGE_ID_TAG, header.message_id, 0, 0)[:9]
    if header.correlation_id:
        out += IDS.pack(STORY_TAG, header.correlation_id, 0, 0)[:9]
    return varint(len(out)) + out
