"""Messages to protobuf and back, by field name. One codec for the wire and the journal.

Rule 1: a type of message has one protobuf type, the one of the same name; which types there are, the caller says.
Rule 2: what cannot be read is refused with its reason and the name of its field; nothing is guessed.
Rule 3: a command with a field that nobody here knows is refused, for it asks for more than would be done;
  an event may have such fields, for its sender may be newer.
"""

from collections.abc import Iterator, Sequence
from enum import Enum
from functools import partial
from types import ModuleType
from typing import Any, TypeVar, final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message as ProtoMessage
from google.protobuf.message_factory import GetMessageClass

from trading_ecosystem.live.codec_fields import (
    MEMORY,
    Convert,
    Pair,
    flat_field,
    numbers_of,
    read_enum,
    read_memory,
    read_parts,
    wire_name,
    within,
    write_memory,
    write_parts,
)
from trading_ecosystem.live.door import Header, RefusalCode, Refused, Told
from trading_ecosystem.live.flat import Field, Reader
from trading_ecosystem.messages.message import Message, field_names
from trading_ecosystem.wire.common.v1 import common_pb2

Proto = TypeVar("Proto", bound=ProtoMessage)

NOBODY = Header(message_id=0, correlation_id=0)  # The header of what nobody gave one.
CODES = numbers_of(RefusalCode, common_pb2.RefusalCode.DESCRIPTOR)
CONTENT = "Content"  # The protobuf type that holds a message of any kind.


@final
class WireCodec:
    """Knows the messages of `messages` that have a protobuf type in `wire`, both given as modules."""

    def __init__(self, wire: Sequence[ModuleType], messages: Sequence[ModuleType]) -> None:
        self._types = {name: kind for module in messages for name, kind in types_in(module)}
        self._pairs: dict[str, Pair] = {}
        for descriptor in descriptors_in(wire):
            if descriptor.name in self._types:
                self._pair(descriptor)
        self._by_type = {pair.message_type: pair for pair in self._pairs.values()}
        self._by_proto = {pair.proto_type: pair for pair in self._pairs.values()}
        self._envelopes = {GetMessageClass(each): self._fields(each) for each in descriptors_in(wire) if each.oneofs}

    # Messages.

    def to_wire(self, message: Message) -> ProtoMessage:
        """Raises `Refused` (INVALID) for a number beyond 64 bits and for text that is no Unicode."""
        return self._by_type[type(message)].to_wire(message)

    def from_wire(self, proto: ProtoMessage) -> Message:
        """Raises `Refused` (INVALID) for an enum that is not set or unknown, with the path of the field."""
        message: Message = self._by_proto[type(proto)].from_wire(proto)
        return message

    # Journals: bytes beside the name of their type.

    def encode(self, message: Message) -> tuple[str, bytes]:
        pair = self._by_type[type(message)]
        return pair.message_type.__name__, pair.encode(message)

    def decode(self, type_name: str, data: bytes) -> Message:
        """Raises `Refused`: MALFORMED for bytes that are not of this type or no such type, INVALID like `from_wire`."""
        pair = self._pairs.get(type_name)
        if pair is None or not issubclass(pair.message_type, Message):
            raise Refused(RefusalCode.MALFORMED, f"no message is called {type_name}")
        message: Message = pair.from_wire(parse(pair.proto_type, data))
        return message

    # Events, in the envelope of the service that publishes them.

    def wrap_event(self, envelope: type[Proto], message: Message, header: Header = NOBODY, sequence: int = 0) -> Proto:
        """`sequence` is 0 in the answer to a call."""
        field = self._envelopes[envelope][type(message)]
        event = envelope(sequence=sequence, **{field: self.to_wire(message)})
        put_header(event, header)
        return event

    def unwrap_event(self, event: Any) -> Told:
        """Raises `Refused` (INVALID) for an event of a kind that is not known here, or is not set."""
        told = self._content(event, "event")
        return Told(sequence=event.sequence, header=header_from_wire(event.header), message=told)

    # Commands, in the envelope of the service that they are for, or in the request of their own call.

    def wrap_command(self, envelope: type[Proto], message: Message, header: Header = NOBODY) -> Proto:
        field = self._envelopes[envelope][type(message)]
        command = envelope(**{field: self.to_wire(message)})
        put_header(command, header)
        return command

    def unwrap_command(self, command: Any) -> tuple[Header, Message]:
        """Raises `Refused` (INVALID) where none is set, or a field is that is not known here."""
        refuse_unknown_fields(command)
        return header_from_wire(command.header), self._content(command, "command")

    def unwrap_request(self, request: Any) -> Message:
        """Raises `Refused` like `unwrap_command`."""
        refuse_unknown_fields(request)
        if not request.HasField("command"):
            raise Refused(RefusalCode.INVALID, "is not set", "command")
        return self.from_wire(request.command)

    def _content(self, envelope: ProtoMessage, oneof: str) -> Message:
        field = envelope.WhichOneof(oneof)
        if field is None:
            raise Refused(RefusalCode.INVALID, "is not set, or of a kind that is not known here", oneof)
        return self.from_wire(getattr(envelope, field))

    # Tables, made once.

    def _pair(self, descriptor: Descriptor) -> Pair:
        """The pair of this protobuf type; those of its parts are made on the way."""
        if descriptor.name not in self._pairs:
            message_type = self._types[descriptor.name]
            outward: list[tuple[int, Convert]] = []
            inward: list[tuple[int, Convert]] = []
            for place, name in enumerate(field_names(message_type)):
                both = self._converts(name, descriptor.fields_by_name[wire_name(name, descriptor.fields_by_name)])
                if both is not None:
                    outward.append((place, both[0]))
                    inward.append((place, both[1]))
            pair = self._pairs[descriptor.name] = Pair(message_type, GetMessageClass(descriptor), outward, inward)
            flat = self._flat_fields(descriptor)
            if flat is not None:
                pair.be_flat(flat)
        return self._pairs[descriptor.name]

    def reader(self, descriptor: Descriptor) -> Reader | None:
        """What reads messages of this type without the library; None where that cannot be."""
        pair = self._pairs.get(descriptor.name)
        fields = None if pair is None else self._flat_fields(descriptor)
        return None if pair is None or fields is None else pair.reader(fields)

    def _flat_fields(self, descriptor: Descriptor) -> list[Field] | None:
        """In the order of the message's own fields; None where one of them is not flat."""
        fields: list[Field] = []
        for name in field_names(self._types[descriptor.name]):
            field = descriptor.fields_by_name[wire_name(name, descriptor.fields_by_name)]
            enum = self._types[field.enum_type.name] if field.enum_type is not None else None
            assert enum is None or issubclass(enum, Enum), f"{enum.__name__} is no enum"
            flat = flat_field(name, field, enum)
            if flat is None:
                return None
            fields.append(flat)
        return fields

    def _converts(self, name: str, field: FieldDescriptor) -> tuple[Convert, Convert] | None:
        """What a field turns into, outward and inward; None where it is the same on both sides."""
        if field.enum_type is not None:
            enum = self._types[field.enum_type.name]
            assert issubclass(enum, Enum), f"{enum.__name__} is no enum"
            numbers = numbers_of(enum, field.enum_type)
            return numbers.__getitem__, read_enum(name, numbers)
        if field.message_type is None:
            if name == MEMORY:
                return write_memory, read_memory
            return (tuple, tuple) if field.is_repeated else None
        if field.message_type.name == CONTENT:
            return self._content_converts(name, GetMessageClass(field.message_type))
        pair = self._pair(field.message_type)
        return write_parts(name, pair), read_parts(name, pair)

    def _content_converts(self, name: str, content: type[ProtoMessage]) -> tuple[Convert, Convert]:
        def write(message: Message) -> ProtoMessage:
            type_name, body = self.encode(message)
            return content(type_name=type_name, body=body)

        def read(given: Any) -> Message:
            return self.decode(given.type_name, given.body)

        return partial(within, name, write), partial(within, name, read)

    def _fields(self, envelope: Descriptor) -> dict[type, str]:
        """The field of each type of message in the oneof of an envelope."""
        fields = [field for oneof in envelope.oneofs for field in oneof.fields]
        names = {field.message_type.name: field.name for field in fields if field.message_type is not None}
        return {self._pairs[name].message_type: field for name, field in names.items() if name in self._pairs}


def types_in(module: ModuleType) -> Iterator[tuple[str, type]]:
    """The classes that a module defines itself, by name."""
    for name, value in vars(module).items():
        if isinstance(value, type) and value.__module__ == module.__name__:
            yield name, value


def descriptors_in(wire: Sequence[ModuleType]) -> list[Descriptor]:
    return [descriptor for module in wire for descriptor in module.DESCRIPTOR.message_types_by_name.values()]


def parse(proto_type: type[Proto], data: bytes) -> Proto:
    """Raises `Refused` (MALFORMED) for bytes that are not of this type."""
    try:
        return proto_type.FromString(data)
    except DecodeError as problem:
        raise Refused(RefusalCode.MALFORMED, f"no {proto_type.DESCRIPTOR.name}: {problem}") from None


def refuse_unknown_fields(proto: ProtoMessage) -> None:
    """Raises `Refused` (INVALID) where it or a part of it has one. It has none afterwards."""
    size = proto.ByteSize()
    proto.DiscardUnknownFields()
    if proto.ByteSize() != size:
        raise Refused(RefusalCode.INVALID, f"{proto.DESCRIPTOR.name} has fields that are not known here")


def put_header(envelope: Any, header: Header) -> None:
    target = envelope.header
    target.message_id, target.correlation_id = header.message_id, header.correlation_id


def header_from_wire(header: common_pb2.Header) -> Header:
    """Raises `Refused` (INVALID) for an id that is not below 2**63."""
    if header.message_id >= 1 << 63 or header.correlation_id >= 1 << 63:
        raise Refused(RefusalCode.INVALID, "is not below 2^63", "header")
    return Header(message_id=header.message_id, correlation_id=header.correlation_id)


def refusal_to_wire(command_index: int, refused: Refused) -> common_pb2.Refusal:
    """`command_index`: which command of its line was refused."""
    code: Any = CODES[refused.code]
    return common_pb2.Refusal(command_index=command_index, code=code, detail=refused.detail, field=refused.field)
