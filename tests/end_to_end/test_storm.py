"""Services that bury one of their own in messages are stopped and named; the run is INVALID, a verdict on nobody."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

Tse = Callable[..., "CompletedProcess[str]"]
# A thousand rounds of quotes a second, and a link on which each of them takes ten.
SLOW_LINK = ("two-desks.yaml", "{from: [market_data], to: [risk_monitor], latency: 10ms", "latency: 10s")
STORM = "event storm: 50001 messages wait for risk_monitor, the last a QuotePublished from market_data"


def test_a_storm_is_invalid_and_names_who_drowns(ran: Callable[..., Path], tse: Tse) -> None:
    name, old, latency = SLOW_LINK
    folder = ran("--set", "quotes_every=1ms", edits=((name, old, old.replace("latency: 10ms", latency)),))
    assert (folder / "code").read_text() == "3"
    lines = (folder / "stderr").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("∅ INVALID") and lines[1].strip().startswith(STORM)
    assert not [line for line in lines if "Traceback" in line]
    found = json.loads((folder / "stdout").read_text(encoding="utf-8"))
    assert found["verdict"] == "INVALID" and found["reasons"][0] == STORM
    assert 8.0 < found["simulated_s"] < 9.0
    done = tse("verify", str(folder / "out" / "usdt-cliff-9m"))
    assert done.returncode == 0 and found["digest"] in done.stderr
