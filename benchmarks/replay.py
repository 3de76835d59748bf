"""What recorded prices cost: rows a second from a file to the price in the core's hands, and whether memory grows.

.venv/bin/python benchmarks/replay.py                  # half a million and two million bars, CSV, zip and Parquet
.venv/bin/python benchmarks/replay.py --rows 4000000

Each figure is of a process of its own. Beside it: a bare `csv.reader`, which makes texts and no number of the same
rows, and a bare pyarrow stream of the same columns, which checks nothing and hands nothing to Python.
"""

import argparse
import csv
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from pyarrow import csv as arrow_csv, float64, int64, parquet  # type: ignore[import-untyped]

from trading_ecosystem.reference import Asset, AssetKind, ReferenceData, instrument
from trading_ecosystem.simulators.market_data.recorded import Track
from trading_ecosystem.simulators.market_data.replay import load

GOAL = 1_000_000  # Rows a second.
FIRST_MS = 1_640_995_200_000  # 2022-01-01T00:00:00Z
MINUTE_NS = 60_000_000_000
ROUNDS = 3
WAYS = ("csv", "zip", "parquet")
NAMES = [f"c{place}" for place in range(12)]
TYPES = {"c0": int64(), **{f"c{place}": float64() for place in range(1, 5)}}


def write_klines(path: Path, rows: int) -> None:
    """Bars as Binance publishes them."""
    with path.open("w", encoding="ascii") as file:
        for row in range(rows):
            opens, price = FIRST_MS + 60_000 * row, 4_000_000 + row * 7_919 % 90_000
            bar = f"{price / 100:.2f},{price / 100 + 9:.2f},{price / 100 - 9:.2f},{price / 100 + 1:.2f}"
            file.write(f"{opens},{bar},12.34567,{opens + 59_999},518518.81400,345,6.17283,259259.40700,0\n")


def pack(path: Path, way: str) -> Path:
    if way == "zip":
        packed = path.with_suffix(".zip")
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(path, path.name)
        return packed
    if way == "parquet":
        packed = path.with_suffix(".parquet")
        table = arrow_csv.read_csv(path, arrow_csv.ReadOptions(column_names=NAMES))
        names = ["open_time", "open", "high", "low", "close", *NAMES[5:]]
        parquet.write_table(table.rename_columns(names), packed, row_group_size=131_072)
        return packed
    return path


# What is measured.


def replayed(path: Path) -> int:
    """Gone through, checked, and walked by the core's own track, a bar at a step."""
    assets = {"BTC": Asset("BTC", AssetKind.CRYPTO, 8), "USDT": Asset("USDT", AssetKind.STABLECOIN, 8)}
    pair = instrument("BTC/USDT", Decimal("0.01"), Decimal("0.0001"), assets)
    record = load([path], ReferenceData("USDT", list(assets.values()), [pair])).records["BTC/USDT"]
    track = Track(record, MINUTE_NS)
    start_ns, changes, before = FIRST_MS * 1_000_000, 0, 0.0
    rows = int(path.stem.split("-")[-1])
    for row in range(rows):
        price = track.price(start_ns + row * MINUTE_NS)
        changes += price != before
        before = price
    assert changes == rows, "every bar has a price of its own"
    return rows


def bare_reader(path: Path) -> int:
    with path.open(encoding="ascii", newline="") as file:
        return sum(1 for _ in csv.reader(file))


def bare_arrow(path: Path) -> int:
    options = arrow_csv.ConvertOptions(include_columns=list(TYPES), column_types=TYPES)
    with arrow_csv.open_csv(path, arrow_csv.ReadOptions(column_names=NAMES), convert_options=options) as reader:
        return sum(batch.num_rows for batch in reader)


MEASURED: dict[str, Callable[[Path], int]] = {"replay": replayed, "csv.reader": bare_reader, "pyarrow": bare_arrow}


def measure(what: str, path: Path) -> tuple[float, float, float]:
    """Rows a second of the clock and of a processor, the best of some rounds, and the peak of memory in MiB."""
    best, best_worked, peak = 0.0, 0.0, 0.0
    for _ in range(ROUNDS):
        done = subprocess.run(
            [sys.executable, __file__, "--measure", what, str(path)], capture_output=True, text=True, check=True
        )
        rate, worked, mib = map(float, done.stdout.split())
        best, best_worked, peak = max(best, rate), max(best_worked, worked), max(peak, mib)
    return best, best_worked, peak


def measure_here(what: str, path: Path) -> None:
    began, worked = time.perf_counter(), time.process_time()
    rows = MEASURED[what](path)
    elapsed, worked = time.perf_counter() - began, time.process_time() - worked
    print(rows / elapsed, rows / worked, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def show(rows: int, folder: Path) -> None:
    path = folder / f"BTCUSDT-1m-{rows}.csv"
    write_klines(path, rows)
    print(f"\n{rows:,} bars, {path.stat().st_size / 1e6:,.0f} MB of CSV")
    peers = {what: measure(what, path) for what in ("csv.reader", "pyarrow")}
    print("                      M rows/s   a CPU second   of csv.reader   of pyarrow   peak MiB")
    for what in [*peers, *WAYS]:
        rate, worked, mib = peers.get(what) or measure("replay", pack(path, what))
        ratios = [f"{rate / peer[0]:12.2f}" for peer in peers.values()]
        name = what if what in peers else f"replay, {what}"
        print(f"  {name:18} {rate / 1e6:9.2f} {worked / 1e6:14.2f} {'  '.join(ratios)} {mib:10.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[500_000, 2_000_000])
    parser.add_argument("--measure", nargs=2, metavar=("WHAT", "FILE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure_here(given.measure[0], Path(given.measure[1]))
        return
    print(f"Recorded bars, read twice: checked before the run, then replayed (goal {GOAL / 1e6:.0f} M rows/s)")
    with tempfile.TemporaryDirectory() as folder:
        for rows in given.rows:
            show(rows, Path(folder))


if __name__ == "__main__":
    main()
