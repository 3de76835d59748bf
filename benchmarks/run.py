"""Everything that `make bench` prints: each figure beside its peer or its limit, from this machine, now."""

import json
import os
import sys
from typing import Any

from builds import builds, fastest, run
from live_figures import show_live
from message_figures import show_messages

LIMITS_S = {"compiled": 10.0, "plain": 60.0}
LIMIT_MIB = 1024.0
SIMPY_RATIO = 20.0
LEDGER_KPS = 300
MATCHING_KPS = {"plain": 700, "compiled": 3_000}  # In a loop of the same build,
OUTSIDE_KPS = {"plain": 700, "compiled": 2_500}  # and from an interpreted one.
ORACLE_COMMANDS = 1_000_000
POSITIONS = (10, 100, 1_000, 10_000)
EVENTS = 20_000  # Of one kind in a round: more than there are positions, so that each has its turn.


def depeg(build: str, hours: int, instruments: int) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(run(build, "depeg.py", hours, instruments))
    return result


def show_kernel() -> None:
    print(f"\nKernel: the same ping-pong on SimPy (goal, compiled: ratio at least {SIMPY_RATIO:.0f})")
    for build in builds():
        print("  " + run(build, "kernel.py"), end="", flush=True)


def show_matching() -> None:
    print("\nMatching: a flow of orders for one instrument, with accounts, fees and all rules; 6,000 orders rest")
    print("  Beside it the fastest correct engine on PyPI, without accounts, fees, rules or histories")
    for build in builds():
        row = json.loads(run(build, "matching.py"))
        inside, outside = (row["commands"] / row[loop] / 1e3 for loop in ("inside_s", "outside_s"))
        print(
            f"  {build:9} {inside:6,.0f} k orders/s in its loop ({inside / MATCHING_KPS[build]:.2f} of the goal)"
            f"   {outside:6,.0f} k/s from an interpreted caller ({outside / OUTSIDE_KPS[build]:.2f} of the goal)",
            flush=True,
        )
        show_peer(row)


def show_peer(row: dict[str, Any]) -> None:
    if not row["peer"]:
        print("            Liquibook left out: it has wheels for Linux on x86_64 and Python 3.11 to 3.13 alone")
        return
    told, silent = (row["commands"] / row[name] / 1e3 for name in ("peer_told_s", "peer_silent_s"))
    inside, outside = row["peer_told_s"] / row["inside_s"], row["peer_told_s"] / row["outside_s"]
    print(
        f"            Liquibook {row['peer']}, same flow, same trades: {told:,.0f} k/s with a listener in Python,"
        f" {silent:,.0f} k/s telling nobody what it did; ratio to the first {inside:.2f} and {outside:.2f}",
        flush=True,
    )


def show_oracle() -> None:
    print("\nOracle: commands of every kind to the venue and to a slow twin of lists, one by one")
    print("  " + run(fastest(), "oracle.py", ORACLE_COMMANDS), end="", flush=True)


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


def show_monitor() -> None:
    build = fastest()
    print(f"\nThe risk monitor's core alone, {build}: what an event costs (goal: the same at any number of positions)")
    print("  positions   limits of concentration   ns/quote   of the first   ns/fill   of the first")
    for limited in (10, None):
        first: dict[str, float] = {}
        for positions in POSITIONS:
            concentrated = limited or positions
            row = json.loads(run(build, "monitor.py", positions, concentrated, EVENTS))
            first = first or row
            quote, fill = (row[event] / first[event] for event in ("quote_ns", "fill_ns"))
            print(
                f"  {positions:9,} {concentrated:25,} {row['quote_ns']:10,.0f} {quote:14.1f}"
                f" {row['fill_ns']:9,.0f} {fill:14.1f}",
                flush=True,
            )


def show_replay() -> None:
    print("\n" + run(fastest(), "replay.py"), end="", flush=True)


def main() -> None:
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    show_kernel()
    show_matching()
    show_oracle()
    show_ledger()
    show_depeg()
    show_growth()
    show_messages()
    show_monitor()
    show_replay()
    show_live()


if __name__ == "__main__":
    main()
