"""No core ends at what another service tells it, whatever that is: it refuses, ignores or reports it, and goes on."""

import json
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from tests.poison.recording import Recorded, record

from trading_ecosystem.core import JournaledCore
from trading_ecosystem.live.codec import WireCodec
from trading_ecosystem.messages.message import Message, field_names
from trading_ecosystem.messages.runtime import Remember, Start, Wake, WakeAt
from trading_ecosystem.preparation import RunRequest, prepare
from trading_ecosystem.validation.wire_codec import validation_codec

SCENARIO = Path(__file__).parents[2] / "scenarios" / "market-crash-15pct.yaml"
INSTANCES = (
    *("market_data", "exchange", "custodian", "trading_engine.alpha", "trading_engine.beta"),
    *("risk_monitor", "test_coordinator"),
)
LARGEST, SMALLEST = (1 << 63) - 1, -(1 << 63)  # That a message can bring.
NUMBERS = st.sampled_from((0, 1, -1, 2, 1 << 31, 1 << 53, LARGEST, SMALLEST))
STEPS = st.integers(-3, 3)
WORDS = st.sampled_from(("", "nobody", "exchange", "alpha", "beta", "BTC/USD", "BTC/DOGE", "x" * 5_000, "\x00"))
MOST_CHANGED = 3  # Fields of one message.
EXAMPLES = 25
POISONED = 40  # Messages of one example.


@pytest.fixture(scope="module")
def recorded() -> dict[str, Recorded]:
    return record(prepare(RunRequest(scenario_path=SCENARIO)))


@pytest.fixture(scope="module")
def codec() -> WireCodec:
    return validation_codec()


def poisoned(data: st.DataObject, value: Any) -> Any:
    """Something else of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, Enum):
        return data.draw(st.sampled_from(list(type(value))))
    if isinstance(value, int):
        return data.draw(st.one_of(NUMBERS, STEPS.map(lambda step: min(max(value + step, SMALLEST), LARGEST))))
    if isinstance(value, str):
        return data.draw(WORDS)
    if isinstance(value, tuple):
        parts = [poisoned(data, part) if data.draw(st.booleans()) else part for part in value[:3]]
        return tuple(data.draw(st.sampled_from(([], parts, [*parts, *parts], [*reversed(parts), *value]))))
    return rebuilt(data, value) if field_names(type(value)) else value


def rebuilt(data: st.DataObject, message: Any) -> Any:
    """The same message but for a few of its fields."""
    names = field_names(type(message))
    changed = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=MOST_CHANGED, unique=True))
    values = {name: getattr(message, name) for name in names}
    return type(message)(**{**values, **{name: poisoned(data, values[name]) for name in changed}})


@pytest.mark.parametrize("name", INSTANCES)
def test_a_core_goes_on_whatever_it_is_told(name: str, recorded: dict[str, Recorded], codec: WireCodec) -> None:
    whole = recorded[name]
    kinds = {type(message): None for _, message in whole.handed if not isinstance(message, (Start, Wake))}
    choices = {kind: [each for each in whole.handed if type(each[1]) is kind] for kind in kinds}

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(st.data())
    def goes_on(data: st.DataObject) -> None:
        core, now = whole.build(), 0
        length = data.draw(st.integers(1, min(200, len(whole.handed) // 2)))
        for now, message in whole.handed[:length]:
            core.handle(message, now)
        for _ in range(data.draw(st.integers(1, POISONED)) if choices else 0):
            _, message = data.draw(st.sampled_from(choices[data.draw(st.sampled_from(list(choices)))]))
            check(core.handle(rebuilt(data, message), now), codec)
        for later, message in whole.handed[length : 2 * length]:
            check(core.handle(message, max(now, later)), codec)
        if isinstance(core, JournaledCore):
            again = whole.build()
            assert isinstance(again, JournaledCore)
            again.restore(json.loads(json.dumps(core.save())))

    goes_on()


def check(outputs: Sequence[Message], codec: WireCodec) -> None:
    """What it says can be told to others."""
    for output in outputs:
        if isinstance(output, Remember):
            json.dumps(output.value)
        elif not isinstance(output, WakeAt):
            codec.encode(output)
