"""What one kind of service says and is told over gRPC: its RPCs, its event lines and its command lines.

Rule 1: what an RPC is made of is read from its proto file; nothing here knows a message by name.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any, final

from google.protobuf.message_factory import GetMessageClass

from trading_ecosystem.live.codec import NOBODY, WireCodec, parse
from trading_ecosystem.live.door import Header, Told
from trading_ecosystem.live.flat import Reader, framed, varint
from trading_ecosystem.live.flat_lines import CommandReader, event_line, read_request
from trading_ecosystem.messages.message import Message


@final
class Speech:
    """`name` is the service's in its proto file without `Service`, such as Exchange."""

    def __init__(self, module: ModuleType, name: str, codec: WireCodec) -> None:
        self.codec = codec
        self.service = module.DESCRIPTOR.services_by_name[f"{name}Service"]
        self.full_name: str = self.service.full_name
        self.methods = {method.name: method for method in self.service.methods}
        self._event: type[Any] = getattr(module, f"{name}Event")
        self._event_fields = fields_of(self._event, "event")
        self._command: type[Any] | None = getattr(module, f"{name}Command", None)
        self._command_fields = fields_of(self._command, "command") if self._command else {}
        self.event_types = frozenset(self._event_fields)
        self._event_tags = {kind: varint(number << 3 | 2) for kind, number in numbers_of(self._event, "event").items()}
        self._answer_numbers = self._numbers_of_answers()
        self._reader = self._command_reader()
        self._request_readers = self._readers_of_requests()

    def path(self, method: str) -> str:
        return f"/{self.full_name}/{method}"

    def request_type(self, method: str) -> type[Any]:
        return GetMessageClass(self.methods[method].input_type)

    def response_type(self, method: str) -> type[Any]:
        return GetMessageClass(self.methods[method].output_type)

    def says(self, kind: type[Message]) -> bool:
        return kind.__name__ in self._event_fields

    def takes(self, kind: type[Message]) -> bool:
        return kind.__name__ in self._command_fields

    @property
    def takes_commands(self) -> bool:
        return "StreamCommands" in self.methods

    # Events and commands, in the envelopes of this service.

    def event(self, message: Message, header: Header, sequence: int) -> Any:
        return self.codec.wrap_event(self._event, message, header, sequence)

    def event_bytes(self, message: Message, header: Header, sequence: int, body: bytes | None = None) -> bytes:
        """The same, encoded. `body`: the bytes of the message, where they are there already."""
        kind = type(message).__name__
        if body is None:
            kind, body = self.codec.encode(message)
        return event_line(self._event_tags[kind], header, sequence, body)

    def answer(self, method: str, outputs: Sequence[Message]) -> bytes:
        """The response to a call, with those of the outputs that are events of this service."""
        events = [self.event_bytes(output, NOBODY, 0) for output in outputs if self.says(type(output))]
        return lines(self._answer_numbers[method], events)

    def read_event(self, event: Any) -> Told:
        return self.codec.unwrap_event(event)

    def command(self, message: Message, header: Header) -> Any:
        assert self._command is not None, f"{self.full_name} takes no commands"
        return self.codec.wrap_command(self._command, message, header)

    def read_command(self, command: Any) -> tuple[Message, Header]:
        header, message = self.codec.unwrap_command(command)
        return message, header

    def read_line(self, line: bytes) -> list[tuple[Message, Header]] | None:
        """All commands of a line; None where not all of them can be read in passing."""
        return self._reader.read(line)

    def read_request(self, method: str, request: bytes) -> Message:
        """The command of a call. Raises `Refused` like `unwrap_request`, and MALFORMED for what is no request."""
        reader = self._request_readers.get(method)
        command = None if reader is None else read_request(reader, request)
        return self.codec.unwrap_request(parse(self.request_type(method), request)) if command is None else command

    def _numbers_of_answers(self) -> dict[str, int]:
        """By method: the field of its response that has the events."""
        fields = {name: method.output_type.fields_by_name.get("events") for name, method in self.methods.items()}
        return {name: field.number for name, field in fields.items() if field is not None}

    def _readers_of_requests(self) -> dict[str, Reader]:
        """By method; none for those whose requests the library must read."""
        readers: dict[str, Reader] = {}
        for name, method in self.methods.items():
            command = method.input_type.fields_by_name.get("command")
            reader = self.codec.reader(command.message_type) if command is not None and command.number == 1 else None
            if reader is not None:
                readers[name] = reader
        return readers

    def _command_reader(self) -> CommandReader:
        readers: dict[int, Reader] = {}
        for field in self._command.DESCRIPTOR.oneofs_by_name["command"].fields if self._command else ():
            reader = self.codec.reader(field.message_type)
            if reader is not None:
                readers[field.number] = reader
        return CommandReader(readers)


def numbers_of(envelope: Any, oneof: str) -> dict[str, int]:
    """The types of message that an envelope may hold, and the number of the field of each."""
    return {field.message_type.name: field.number for field in envelope.DESCRIPTOR.oneofs_by_name[oneof].fields}


def fields_of(envelope: Any, oneof: str) -> dict[str, str]:
    """The types of message that an envelope may hold, and the field of each."""
    fields = envelope.DESCRIPTOR.oneofs_by_name[oneof].fields
    return {field.message_type.name: field.name for field in fields}


def lines(field_number: int, encoded: Sequence[bytes]) -> bytes:
    """The encoded messages as a repeated field: what a serializer would make of a message that holds them."""
    tag = varint(field_number << 3 | 2)
    return b"".join([framed(tag, each) for each in encoded])
