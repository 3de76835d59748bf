"""The example that drives the exchange core alone places every kind of order there is, and its tape tells of each."""

import subprocess
import sys
from pathlib import Path

import pytest

from trading_ecosystem.messages.orders import TimeInForce
from trading_ecosystem.messages.triggers import TriggerKind

pytestmark = pytest.mark.whole

EXAMPLE = "docs/examples/every_order.py"
NAMES = ["ask", "bid", "iceberg", "shy", "today", "soon", "market", "spend", "some", "all"]
NAMES += ["stop", "stop-limit", "profit", "profit-limit", "trail", "guard", "aim", "sweep", "mine"]
TERMS = ("display_lots", "post_only", "quote_minor", "SubmitPair", "AmendOrder", "CancelOrder", "CancelAllOrders")


def test_the_tape_tells_of_every_order(root: Path) -> None:
    ran = subprocess.run([sys.executable, EXAMPLE], cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    tape = [line.split() for line in ran.stdout.splitlines()]
    assert [words[3] for words in tape if words[1] == "OrderAccepted"] == NAMES
    told = {(words[1], words[3]): words[4:] for words in tape if words[1] not in ("TradeExecuted", "OrderAccepted")}
    assert told["OrderCanceled", "some"][-1] == told["OrderCanceled", "all"][-1] == "not_filled"
    assert told["OrderCanceled", "aim"][-1] == "paired"
    waited = {"stop", "stop-limit", "profit", "profit-limit", "trail", "guard"}
    assert {name for event, name in told if event == "OrderTriggered"} == waited
    with_limit = {words[3] for words in tape if words[1] == "OrderAccepted" and words[3] in waited and words[4] != "0"}
    assert with_limit == {"stop-limit", "profit-limit"}
    assert told["OrderCanceled", "profit"][-1] == "self_trade"
    assert told["OrderAmended", "soon"] == ["5986000", "8"]
    assert len([words for words in tape if words[1] == "OrderFilled" and words[3] == "iceberg"]) > 1


def test_every_kind_of_order_is_in_it(root: Path) -> None:
    text = (root / EXAMPLE).read_text(encoding="utf-8")
    lives = [each for each in TimeInForce if f"T.{each.name}" not in text]
    kinds = [each for each in TriggerKind if f"TriggerKind.{each.name}" not in text]
    terms = [each for each in TERMS if each not in text]
    assert (lives, kinds, terms) == ([], [], [])
