"""The small pieces: strict JSON, exact amounts, rates, answers that are given once."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.live.command_fields import MOST_STEPS
from trading_ecosystem.live.door import RefusalCode, Refused
from trading_ecosystem.live.rest import amounts
from trading_ecosystem.live.rest.answers import Answers
from trading_ecosystem.live.rest.json_text import DEEPEST, read_json
from trading_ecosystem.live.rest.problems import STATUSES, Trouble
from trading_ecosystem.live.rest.rates import MOST_KEYS, Bucket, Rate, Rates
from trading_ecosystem.reference import Asset, AssetKind

SECOND_NS = 1_000_000_000
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18) + 1, 10**18 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(PLAIN)
def test_plain_json_reads_as_the_standard_library_reads_it(value: object) -> None:
    text = json.dumps(value)
    assert read_json(text.encode()) == json.loads(text)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=40) | st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read_json(data)
    except Refused as refused:
        assert refused.code is RefusalCode.MALFORMED


@pytest.mark.parametrize(
    "text,fine",
    [
        ("[" * DEEPEST + "]" * DEEPEST, True),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), False),
        ("[" * 100_000, False),
        ("9" * 18, True),
        ("9" * 19, False),
        ("-" + "9" * 18, True),
        ("1e308", True),
        ("1e309", False),
        ('"\\ud83d\\ude00"', True),
        ('"\\ude00\\ud83d"', False),
        ('{"a": 1, "\\u0061": 2}', False),
    ],
)
def test_the_edges_of_strict_json(text: str, fine: bool) -> None:
    if fine:
        read_json(text)
    else:
        with pytest.raises(Refused):
            read_json(text)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, MOST_STEPS), st.sampled_from(["1", "0.01", "0.0001", "0.00000001", "0.5", "25"]))
def test_an_amount_is_read_as_it_was_written(steps: int, step: str) -> None:
    assert amounts.steps_in(f"{Decimal(step) * steps:f}", Decimal(step)) == steps


@pytest.mark.parametrize("text", ["0.015", "0.010000000000000001", "100.001"])
def test_what_is_finer_than_a_step_is_not_rounded(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a multiple of 0\.01"):
        amounts.steps_in(text, Decimal("0.01"))


@pytest.mark.parametrize(
    "minor,decimals,text",
    [
        (0, 8, "0.00000000"),
        (-1, 8, "-0.00000001"),
        (150_000_000, 8, "1.50000000"),
        (-7, 0, "-7"),
        (10**40, 18, f"1{'0' * 22}.{'0' * 18}"),
    ],
)
def test_money_is_told_exactly(minor: int, decimals: int, text: str) -> None:
    assert amounts.amount_text(minor, Asset("X", AssetKind.FIAT, decimals)) == text


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 7 * 10**18))
def test_a_moment_is_read_as_it_was_told(moment_ns: int) -> None:
    assert amounts.moment_ns(amounts.moment_text(moment_ns)) == moment_ns


@pytest.mark.parametrize("text", ["2026-02-30T00:00:00Z", "2026-03-02", "2026-03-02T00:00:00", "2026-03-02T25:00:00Z"])
def test_a_moment_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        amounts.moment_ns(text)


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = Bucket(Rate(per_second=2, burst=3), 0)
    assert [bucket.take(0) for _ in range(5)] == [0, 0, 0, 1, 1]
    assert [bucket.take(SECOND_NS // 2), bucket.take(SECOND_NS // 2)] == [0, 1]
    assert [bucket.take(100 * SECOND_NS) for _ in range(4)] == [0, 0, 0, 1]


def test_each_caller_has_a_bucket_and_memory_is_bounded() -> None:
    rates = Rates(Rate(per_second=1, burst=1))
    assert (rates.take("one"), rates.take("other")) == (0, 0)
    assert rates.take("one") == 1
    for number in range(MOST_KEYS):
        rates.take(str(number))
    assert rates.take("one") == 0, "long forgotten"


def test_every_refusal_has_its_status() -> None:
    assert set(STATUSES) == set(RefusalCode)


def test_an_answer_is_kept_for_its_key_as_long_as_there_is_room() -> None:
    done: list[str] = []

    async def ask(answers: Answers[str], key: str, content: str = "") -> str:
        async def work() -> str:
            done.append(key)
            return f"{key} {len(done)}"

        return await answers.once(key, content, work)

    async def all_of_it() -> None:
        answers: Answers[str] = Answers(most=2)
        assert [await ask(answers, key) for key in ("a", "a", "b", "a")] == ["a 1", "a 1", "b 2", "a 1"]
        await ask(answers, "c")
        assert await ask(answers, "a") == "a 4", "the oldest was forgotten"
        with pytest.raises(Trouble):
            await ask(answers, "c", "another call")

    asyncio.run(all_of_it())


def test_work_that_breaks_leaves_its_key_free() -> None:
    async def all_of_it() -> None:
        answers: Answers[Any] = Answers()

        async def break_down() -> None:
            raise RuntimeError

        async def work() -> str:
            return "done"

        with pytest.raises(RuntimeError):
            await answers.once("key", "", break_down)
        assert await answers.once("key", "", work) == "done"

    asyncio.run(all_of_it())
