"""What one kind of service says and is told over gRPC: its RPCs, its event lines and its command lines.

Rule 1: what an RPC is made of is read from its proto file; nothing here knows a message by name.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any, final

from google.protobuf.message_factory import GetMessageClass

from trading_ecosystem.live.codec import WireCodec
from trading_ecosystem.live.door import Header, Told
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

    def read_event(self, event: Any) -> Told:
        return self.codec.unwrap_event(event)

    def command(self, message: Message, header: Header) -> Any:
        assert self._command is not None, f"{self.full_name} takes no commands"
        return self.codec.wrap_command(self._command, message, header)

    def read_command(self, command: Any) -> tuple[Message, Header]:
        header, message = self.codec.unwrap_command(command)
        return message, header


def fields_of(envelope: Any, oneof: str) -> dict[str, str]:
    """The types of message that an envelope may hold, and the field of each."""
    fields = envelope.DESCRIPTOR.oneofs_by_name[oneof].fields
    return {field.message_type.name: field.name for field in fields}


def lines(field_number: int, encoded: Sequence[bytes]) -> bytes:
    """The encoded messages as a repeated field: what a serializer would make of a message that holds them."""
    tag = field_number << 3 | 2
    assert tag < 128
    return b"".join([bytes((tag,)) + varint(len(each)) + each for each in encoded])


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)
