"""Messages in Python and in `proto/` are the same, by name, each in one place."""

import re
from enum import Enum
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from trading_ecosystem.live.codec_fields import wire_name
from trading_ecosystem.live.door import RefusalCode
from trading_ecosystem.messages import codec
from trading_ecosystem.messages.message import field_names
from trading_ecosystem.wire.audit_correlator.v1 import audit_correlator_pb2
from trading_ecosystem.wire.common.v1 import common_pb2
from trading_ecosystem.wire.custodian.v1 import custodian_pb2
from trading_ecosystem.wire.exchange.v1 import exchange_pb2
from trading_ecosystem.wire.market_data.v1 import market_data_pb2
from trading_ecosystem.wire.risk_monitor.v1 import risk_monitor_pb2
from trading_ecosystem.wire.test_coordinator.v1 import test_coordinator_pb2
from trading_ecosystem.wire.trading_engine.v1 import trading_engine_pb2

OUTSIDE_AND_PRODUCTION = (market_data_pb2, exchange_pb2, custodian_pb2, trading_engine_pb2, risk_monitor_pb2)
VALIDATION = (test_coordinator_pb2, audit_correlator_pb2)
WIRE = (common_pb2, *OUTSIDE_AND_PRODUCTION, *VALIDATION)
PROTO = Path(__file__).parent.parent.parent / "proto"
STAYS_INSIDE = {"WakeAt", "Remember"}
# What only the wire has: envelopes, requests, responses.
ONLY_THERE = re.compile(r"Header|Refusal|Content|Statement\w+|\w+(Event|Command|Request|Response)")
ONLY_THERE_ENUMS = {"RunStage", "AlertRule"}  # The latter until all who had it are gone.

SPOKEN: dict[str, type] = {name: kind for name, kind in codec.MESSAGE_TYPES.items() if name not in STAYS_INSIDE}
SPOKEN |= {part.__name__: part for part in codec.PARTS.values()}
ENUMS: dict[str, type[Enum]] = {enum.__name__: enum for enum in codec.ENUMS.values()} | {"RefusalCode": RefusalCode}


@cache
def described() -> dict[str, list[Descriptor]]:
    found: dict[str, list[Descriptor]] = {}
    for module in WIRE:
        for name, descriptor in module.DESCRIPTOR.message_types_by_name.items():
            found.setdefault(name, []).append(descriptor)
    return found


def enums() -> list[EnumDescriptor]:
    return [enum for module in WIRE for enum in module.DESCRIPTOR.enum_types_by_name.values()]


@pytest.mark.parametrize("name", sorted(SPOKEN))
def test_a_message_is_in_one_proto_with_the_same_fields(name: str) -> None:
    (descriptor,) = described()[name]
    kept = [field.name for field in descriptor.fields if not field.GetOptions().deprecated]
    assert sorted(kept) == sorted(wire_name(each, descriptor.fields_by_name) for each in field_names(SPOKEN[name]))


def test_no_proto_has_a_message_that_nobody_says() -> None:
    others = set(described()) - set(SPOKEN)
    assert {name for name in others if not ONLY_THERE.fullmatch(name)} == set()


@pytest.mark.parametrize("enum", enums(), ids=lambda enum: enum.name)
def test_an_enum_has_the_same_members_behind_its_prefix(enum: EnumDescriptor) -> None:
    prefix = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", enum.name).upper() + "_"
    names = [value.name for value in enum.values]
    assert names[0] == f"{prefix}UNSPECIFIED" and enum.values[0].number == 0
    if enum.name not in ONLY_THERE_ENUMS:
        assert [name.removeprefix(prefix) for name in names[1:]] == [
            member.name for member in ENUMS[enum.name] if member.name != "UNSPECIFIED"
        ]


def test_every_enum_is_there_once() -> None:
    assert sorted(enum.name for enum in enums()) == sorted({*ENUMS, *ONLY_THERE_ENUMS})


@pytest.mark.parametrize("name", sorted(SPOKEN))
def test_a_field_holds_the_enum_or_part_of_its_name(name: str) -> None:
    (descriptor,) = described()[name]
    for field in [each for each in descriptor.fields if not each.GetOptions().deprecated]:
        if field.enum_type is not None:
            assert field.enum_type.name == codec.ENUMS[field.name].__name__
        elif field.message_type is not None and field.message_type.name != "Content":
            assert field.message_type.name == codec.PARTS[field.name].__name__
            assert field.is_repeated
        else:
            assert field.is_repeated == (field.name in codec.TEXTS)


def test_integers_of_messages_are_int64() -> None:
    """Signed, 64 bits: what an envelope or a refusal counts may be unsigned, what a message says is not."""
    odd = [
        f"{name}.{field.name}"
        for name in SPOKEN
        for field in described()[name][0].fields
        if field.cpp_type in (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32)
        or (field.cpp_type == FieldDescriptor.CPPTYPE_UINT64)
        or field.cpp_type in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)
    ]
    assert odd == []


def imports(module: ModuleType) -> set[str]:
    """The files of the wire that this one stands on, directly or not."""
    direct = {each.name: each for each in module.DESCRIPTOR.dependencies}
    return set(direct).union(*({further.name for further in each.dependencies} for each in direct.values()))


@pytest.mark.parametrize("module", OUTSIDE_AND_PRODUCTION, ids=lambda module: module.__name__.rsplit(".", 1)[1])
def test_production_and_simulators_stand_on_the_common_proto_alone(module: ModuleType) -> None:
    assert imports(module) == {"trading_ecosystem/wire/common/v1/common.proto"}


@pytest.mark.parametrize("module", OUTSIDE_AND_PRODUCTION, ids=lambda module: module.__name__.rsplit(".", 1)[1])
def test_production_and_simulators_have_no_word_of_the_test(module: ModuleType) -> None:
    text = (PROTO / module.DESCRIPTOR.name).read_text(encoding="utf-8").lower()
    assert [word for word in ("chaos", "inject", "scenario", "simulat", "lease", "audit") if word in text] == []


@pytest.mark.parametrize("module", [*OUTSIDE_AND_PRODUCTION, *VALIDATION], ids=lambda module: module.__name__)
def test_every_service_tells_its_health(module: ModuleType) -> None:
    role = module.__name__.rsplit(".", 1)[1].removesuffix("_pb2").title().replace("_", "")
    event = module.DESCRIPTOR.message_types_by_name[f"{role}Event"]
    assert event.oneofs_by_name["event"].fields[-1].message_type.name == "HealthChanged"
    assert "Subscribe" in module.DESCRIPTOR.services_by_name[f"{role}Service"].methods_by_name


@pytest.mark.parametrize("module", OUTSIDE_AND_PRODUCTION, ids=lambda module: module.__name__.rsplit(".", 1)[1])
def test_every_command_has_a_call_of_its_own_and_a_stream(module: ModuleType) -> None:
    role = module.__name__.rsplit(".", 1)[1].removesuffix("_pb2").title().replace("_", "")
    calls = module.DESCRIPTOR.services_by_name[f"{role}Service"].methods_by_name
    command = module.DESCRIPTOR.message_types_by_name.get(f"{role}Command")
    commands = [field.message_type.name for field in command.oneofs_by_name["command"].fields] if command else []
    assert ("StreamCommands" in calls) == bool(commands)
    for name in commands:
        assert calls[name].input_type.fields_by_name["command"].message_type.name == name
        assert calls[name].output_type.fields_by_name["events"].message_type.name == f"{role}Event"
