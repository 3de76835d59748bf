"""What `tse status` tells of the time that all services share."""

import pytest

from trading_ecosystem.cli.live_status import show

HEAD: dict[str, object] = {
    "stage": "up",
    "world": "two-desks",
    "seed": 7,
    "speed": 60,
    "pace": 60,
    "waited_s": 0.0,
    "now_ns": 0,
    "registry": "here",
    "profile": "embedded",
    "up_s": 3.5,
}


@pytest.mark.parametrize("lag", [{"pace": 41}, {"waited_s": 1.5}])
def test_time_that_was_held_back_is_told(lag: dict[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    told = HEAD | lag
    show(told, [])
    line = f"time runs at {told['pace']}x just now, and has stood still for {told['waited_s']} s"
    assert line in capsys.readouterr().err


def test_time_that_runs_as_asked_is_no_news(capsys: pytest.CaptureFixture[str]) -> None:
    show(HEAD, [])
    assert "stood still" not in capsys.readouterr().err
