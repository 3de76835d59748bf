"""A process that behaves to its supervisor like a service: reads its settings, registers, heartbeats, ends when told.

How it misbehaves stands in `misbehave.json` beside its folder of settings, by instance.
"""

import json
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import yaml

settings = yaml.safe_load(Path(sys.argv[sys.argv.index("--config") + 1]).read_text(encoding="utf-8"))
instance, registry = settings["instance"], settings["registry"]
token = (Path(settings["tokens"]) / "registry").read_text(encoding="ascii")
assert Path(settings["document"]).is_file() and Path(settings["data"]).is_dir()
wishes = Path("../../misbehave.json")
misbehaviour = json.loads(wishes.read_text(encoding="utf-8")).get(instance, "") if wishes.exists() else ""
epoch = time.time_ns() // 1_000
ended = threading.Event()


def ask(method: str, path: str, body: object = None) -> Any:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{registry}/api/v1{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.loads(answer.read() or b"null")


def say(status: str) -> None:
    body = {"version": "1", "addresses": {"grpc": "127.0.0.1:1"}, "status": status, "epoch": epoch}
    ask("PUT", f"/services/{instance}", body)


signal.signal(signal.SIGTERM, signal.SIG_IGN if misbehaviour == "deaf" else lambda number, frame: ended.set())
print(f"{instance} starts", flush=True)
say("starting")
if misbehaviour == "crash":
    sys.exit("the disk is gone")
if misbehaviour == "silent":
    print("waits for what never comes", flush=True)
    ended.wait()
clock = ask("GET", "/configuration/clock")
print(f"clock {clock['value']}", flush=True)
say("ready")
while not ended.wait(2):
    say("ready")
ask("DELETE", f"/services/{instance}?epoch={epoch}")
print(f"{instance} ends", flush=True)
