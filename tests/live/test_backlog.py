"""When a snapshot is due."""

import pytest

from trading_ecosystem.live.backlog import FEWEST_INPUTS, MOST_INPUTS, Backlog

FRAME_BYTES = 100


def after(inputs: int, snapshot_bytes: int) -> Backlog:
    backlog = Backlog()
    backlog.found(snapshot_bytes)
    for _ in range(inputs):
        backlog.add(1, FRAME_BYTES)
    return backlog


def test_few_inputs_are_handled_again_and_many_never() -> None:
    assert not after(FEWEST_INPUTS - 1, 0).is_long
    assert after(FEWEST_INPUTS, 0).is_long
    assert not after(MOST_INPUTS - 1, 1 << 40).is_long
    assert after(MOST_INPUTS, 1 << 40).is_long


def test_between_them_the_journal_must_have_outgrown_the_snapshot() -> None:
    inputs = (FEWEST_INPUTS + MOST_INPUTS) // 2
    assert after(inputs, inputs * FRAME_BYTES).is_long
    assert not after(inputs, inputs * FRAME_BYTES + 1).is_long


@pytest.mark.parametrize("grows_by", [0, FRAME_BYTES // 4, FRAME_BYTES])
def test_what_all_snapshots_cost_stays_in_proportion_to_the_journal(grows_by: int) -> None:
    """`grows_by`: bytes that each input leaves in the state for ever."""
    backlog = Backlog()
    journaled = state = written = snapshots = 0
    for _ in range(200_000):
        backlog.add(1, FRAME_BYTES)
        journaled += FRAME_BYTES
        state += grows_by
        if backlog.is_long:
            assert backlog.inputs < MOST_INPUTS
            snapshots += 1
            written += state
            backlog.shorten(state)
    assert snapshots >= 3
    assert written <= journaled + state
