"""Everything that `make bench` prints: each figure beside its peer or its limit, from this machine, now."""

import json
import os
import sys
from typing import Any

from builds import builds, fastest, run
from live_figures import show_live

LIMITS_S = {"compiled": 10.0, "plain": 60.0}
LIMIT_MIB = 1024.0
SIMPY_RATIO = 20.0
LEDGER_KPS = 300


def depeg(build: str, hours: int, instruments: int) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(run(build, "depeg.py", hours, instruments))
    return result


def show_kernel() -> None:
    print(f"\nKernel: the same ping-pong on SimPy (goal, compiled: ratio at least {SIMPY_RATIO:.0f})")
    for build in builds():
        print("  " + run(build, "kernel.py"), end="", flush=True)


def show_ledger() -> None:
    print(f"\nLedger: transfers made pending and posted (goal, compiled: at least {LEDGER_KPS} k a second)")
    for build in builds():
        print("  " + run(build, "ledger.py"), end="", flush=True)


def show_depeg() -> None:
    print("\nThe 36-hour USDT depeg, 40 simulated hours, a quote per second on 6 instruments, two desks")
    for build in builds():
        row = depeg(build, 40, 6)
        limit = LIMITS_S[build]
        print(
            f"  {build:9} {row['wall_s']:6.1f} s of {limit:.0f} allowed ({row['wall_s'] / limit:4.0%})"
            f"   {row['peak_mib']:5.0f} MiB of {LIMIT_MIB:.0f}   {row['quotes']:,} quotes   {row['trades']:,} trades"
            f"   {row['messages'] / row['wall_s'] / 1e3:,.0f} k messages/s   {row['verdict']}   {row['digest'][:12]}",
            flush=True,
        )


def show_growth() -> None:
    build = fastest()
    print(f"\nGrowth, {build}: what a message costs should stay level in hours and not grow with instruments")
    print("     hours  instruments   wall s     quotes    messages  us/quote  us/message   MiB")
    for hours, instruments in ((5, 6), (10, 6), (20, 6), (40, 6), (5, 12), (5, 24), (5, 48)):
        row = depeg(build, hours, instruments)
        quote_us, message_us = (row["wall_s"] / row[count] * 1e6 for count in ("quotes", "messages"))
        print(
            f"  {hours:8} {instruments:12} {row['wall_s']:8.2f} {row['quotes']:10,} {row['messages']:11,}"
            f" {quote_us:9.2f} {message_us:11.2f} {row['peak_mib']:5.0f}",
            flush=True,
        )


def main() -> None:
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    show_kernel()
    show_ledger()
    show_depeg()
    show_growth()
    show_live()


if __name__ == "__main__":
    main()
