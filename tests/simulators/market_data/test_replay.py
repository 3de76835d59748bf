"""Files of bars are read as they come, or refused with file, row and what would be right."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as arrow  # type: ignore[import-untyped]
import pytest
from pyarrow import parquet

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.configuration.scalars import instant_ns, instant_text
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.market_data.core import MarketData
from trading_ecosystem.simulators.market_data.recorded import Record
from trading_ecosystem.simulators.market_data.replay import load

MINUTE_NS = 60_000_000_000
FIRST = 1_678_485_600  # 2023-03-10T22:00:00Z
GOOD = """\
timestamp,open,high,low,close,volume
1678485600,1.0,1.01,0.99,1.0,5
1678485660,1.0,1.01,0.99,0.995,
1678485840,0.995,1.0,0.98,0.99,1
"""
HEADER, ONE, TWO, THREE = GOOD.splitlines()


def moments(record: Record) -> list[tuple[int, float]]:
    """All that is replayed of a record."""
    return [row for piece in record.source.pieces() for row in zip(piece.times_ns, piece.prices, strict=True)]


def times_of(record: Record) -> list[int]:
    return [at_ns for at_ns, _ in moments(record)]


def text_of(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def write(folder: Path, name: str, text: str = GOOD) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read_with_its_gaps_noted(tmp_path: Path, reference: ReferenceData) -> None:
    recorded = load([write(tmp_path, "kraken_usdcusd.csv")], reference)
    record = recorded.records["USDC/USD"]
    assert (record.bar_ns, record.opening) == (MINUTE_NS, 1.0)
    assert moments(record) == [
        (FIRST * 10**9 + minute * MINUTE_NS, close) for minute, close in ((0, 1.0), (1, 0.995), (4, 0.99))
    ]
    assert recorded.notes == [
        "USDC/USD: kraken_usdcusd.csv, 3 bars of 1m; gaps that hold the last price: 1, the longest 2m"
    ]


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("timestamp", [str(FIRST), str(FIRST + 60)]),
        ("ts", [str(FIRST * 1_000), str((FIRST + 60) * 1_000)]),
        ("Time", [str(FIRST * 10**6), str((FIRST + 60) * 10**6)]),
        ("open_time", [str(FIRST * 10**9), str((FIRST + 60) * 10**9)]),
        ("start", [f"{FIRST}.0", f"{FIRST + 60}.0"]),
        ("hour_utc", ["2023-03-10T22:00:00Z", "2023-03-10T22:01:00Z"]),
        ("date", ["2023-03-10 22:00:00", "2023-03-10 22:01:00"]),
        ("date", ["2023-03-10T23:00:00+01:00", "2023-03-10T23:01:00+01:00"]),
    ],
)
def test_times_are_recognised_by_name_and_size(
    tmp_path: Path, reference: ReferenceData, name: str, times: list[str]
) -> None:
    rows = [f"{time},2,3,1,2" for time in times]
    recorded = load([write(tmp_path, "btcusd.csv", text_of(f"{name},open,high,low,close", *rows))], reference)
    assert times_of(recorded.records["BTC/USD"]) == [FIRST * 10**9, (FIRST + 60) * 10**9]


@pytest.mark.parametrize(
    "times",
    [
        arrow.array([FIRST, FIRST + 60]),
        arrow.array([str(FIRST), str(FIRST + 60)]),
        arrow.array([FIRST * 10**6, (FIRST + 60) * 10**6], arrow.timestamp("us", "UTC")),
        arrow.array([FIRST * 10**9, (FIRST + 60) * 10**9], arrow.timestamp("ns")),
        arrow.array([FIRST, FIRST + 60], arrow.timestamp("s", "Europe/Berlin")),
        arrow.array([datetime.fromtimestamp(FIRST + 60 * i, UTC).isoformat() for i in (0, 1)]),
    ],
)
def test_parquet_times_of_any_type(tmp_path: Path, reference: ReferenceData, times: Any) -> None:
    path = tmp_path / "eth_usdt_1m.parquet"
    prices = {name: [1.5, 2.5] for name in ("open", "high", "low", "close")}
    parquet.write_table(arrow.table({"timestamp": times, **prices}), path)
    record = load([path], reference).records["ETH/USDT"]
    assert moments(record) == [(FIRST * 10**9, 1.5), ((FIRST + 60) * 10**9, 2.5)]


def test_columns_and_symbols_can_be_mapped(tmp_path: Path, reference: ReferenceData) -> None:
    text = text_of("t,o,h,l,last,open", f"{FIRST},2,3,1,2.5,77")
    path = write(tmp_path, "mine.csv", text)
    columns = {"time": "t", "open": "o", "high": "h", "low": "l", "close": "last"}
    record = load([path], reference, columns, {"mine.csv": "BTC/USDT"}).records["BTC/USDT"]
    assert (record.opening, moments(record), record.bar_ns) == (2.0, [(FIRST * 10**9, 2.5)], MINUTE_NS)


def test_of_two_files_the_first_by_name_is_used_and_the_rest_noted(tmp_path: Path, reference: ReferenceData) -> None:
    for name in ("kraken_btcusd.csv", "coinbase_btcusd.csv", "kraken_btcusdc.csv", "readme.txt"):
        write(tmp_path, name)
    recorded = load([tmp_path, tmp_path / "kraken_btcusd.csv"], reference)
    assert list(recorded.records) == ["BTC/USD"]
    assert recorded.notes[:2] == [
        "kraken_btcusd.csv: left out, BTC/USD is replayed from coinbase_btcusd.csv",
        "kraken_btcusdc.csv: left out, it is of no instrument of this world",
    ]
    mapped = load([tmp_path], reference, symbols={"kraken_btcusd.csv": "BTC/USD"})
    assert mapped.notes[0] == "coinbase_btcusd.csv: left out, BTC/USD is replayed from kraken_btcusd.csv"


def test_only_what_the_run_needs_is_kept_and_judged(tmp_path: Path, reference: ReferenceData) -> None:
    path = write(
        tmp_path, "usdcusd.csv", text_of(HEADER, "1600000000,1,1,1,1,", ONE, TWO, THREE, "1778485600,1,1,1,1,")
    )
    start_ns = (FIRST + 90) * 10**9
    recorded = load([path], reference, from_ns=start_ns, until_ns=start_ns + 5 * MINUTE_NS)
    assert times_of(recorded.records["USDC/USD"]) == [(FIRST + 60) * 10**9, (FIRST + 240) * 10**9]


BAD = {
    "no such column": (
        text_of(HEADER.replace("close", "last"), ONE),
        {},
        "no column for close; it has timestamp, open",
    ),
    "no time": (text_of(HEADER.replace("timestamp", "when"), ONE), {}, "no column for time; it has when, open"),
    "column twice": (text_of(HEADER.replace("volume", "open"), ONE), {}, "the column 'open' is there twice"),
    "unsorted": (
        text_of(HEADER, TWO, ONE),
        {},
        "usdcusd.csv:3: row 2: 2023-03-10T22:00:00Z comes after 2023-03-10T22:01:00Z; sort the rows by time",
    ),
    "duplicate": (text_of(HEADER, ONE, ONE), {}, "row 2: the time 2023-03-10T22:00:00Z is there twice"),
    "not a time": (text_of(HEADER, ONE.replace("1678485600", "noon")), {}, "row 1: 'noon' is not a time such as"),
    "negative time": (text_of(HEADER, "-" + ONE), {}, "row 1: '-1678485600' is not a time"),
    "NaN": (text_of(HEADER, ONE, TWO.replace("0.995", "NaN")), {}, "row 2: close nan is not a price above zero"),
    "infinite": (text_of(HEADER, ONE.replace("1.01", "inf")), {}, "row 1: high inf is not a price above zero"),
    "zero": (text_of(HEADER, ONE.replace("0.99", "0")), {}, "row 1: low 0.0 is not a price above zero"),
    "negative": (text_of(HEADER, ONE.replace("0.99", "-0.99")), {}, "row 1: low -0.99 is not a price above zero"),
    "text": (text_of(HEADER, ONE.replace("1.01", "high")), {}, "row 1: high 'high' is not a number"),
    "empty price": (text_of(HEADER, ONE.replace("1.01", "")), {}, "row 1: high '' is not a number"),
    "high below low": (text_of(HEADER, ONE.replace("1.01", "0.5")), {}, "row 1: high 0.5 is below low 0.99"),
    "short row": (text_of(HEADER, ONE, "1678485660,1.0"), {}, "usdcusd.csv:3: row 2: 2 values, but the first line"),
    "empty": ("", {}, "usdcusd.csv:1: the file is empty"),
    "header only": (text_of(HEADER), {}, "no rows; a record has at least one"),
    "quotes": (text_of(HEADER, '"1678485600'), {}, "not a CSV file in UTF-8 that can be read"),
    "mapped column": (GOOD, {"columns": {"open": "opne"}}, "no column 'opne' for open; did you mean 'open'?"),
    "mapping of nothing": (GOOD, {"columns": {"opens": "open"}}, "unknown column 'opens' to map; did you mean 'open'?"),
    "mapped file": (
        GOOD,
        {"symbols": {"usdcus.csv": "USDC/USD"}},
        "there is no such file; did you mean 'usdcusd.csv'?",
    ),
    "mapped symbol": (
        GOOD,
        {"symbols": {"usdcusd.csv": "USDC/USDD"}},
        "mapped to the unknown symbol 'USDC/USDD'; did you mean 'USDC/USD'?",
    ),
    "starts late": (
        GOOD,
        {"from_ns": (FIRST - 1) * 10**9},
        "row 1: the record begins at 2023-03-10T22:00:00Z, after the run's start at 2023-03-10T21:59:59Z; start the",
    ),
    "long gap": (
        GOOD,
        {"longest_gap_ns": MINUTE_NS},
        "row 2: the record has no bar for 2m after the bar of 2023-03-10T",
    ),
    "ends early": (
        GOOD,
        {"until_ns": (FIRST + 86_400) * 10**9},
        "row 3: the record ends for 23h55m after the bar of 2023-03-10T22:04:00Z, longer than 6h; end the run earlier",
    ),
    "begins after its end": (GOOD, {"from_ns": (FIRST + 10**6) * 10**9}, "row 3: the record ends for"),
    "starts after its end": (
        GOOD,
        {"from_ns": (FIRST + 10**6) * 10**9, "until_ns": (FIRST + 10**6 + 1) * 10**9},
        "row 3",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(tmp_path: Path, reference: ReferenceData, case: str) -> None:
    text, arguments, problem = BAD[case]
    path = write(tmp_path, "usdcusd.csv", text)
    with pytest.raises(Problem) as caught:
        load([path], reference, **arguments)  # type: ignore[arg-type]
    assert problem in str(caught.value)
    assert "usdcusd.csv" in str(caught.value) or "usdcus.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def missing(folder: Path) -> list[Path]:
    return [folder / "usdcusd.csv"]


def other_suffix(folder: Path) -> list[Path]:
    return [write(folder, "usdcusd.txt")]


def empty_folder(folder: Path) -> list[Path]:
    return [folder]


def no_instrument(folder: Path) -> list[Path]:
    return [write(folder, "xrpusd.csv")]


def two_instruments(folder: Path) -> list[Path]:
    return [write(folder, "btcusd_ethusd.csv")]


def false_parquet(folder: Path) -> list[Path]:
    return [write(folder, "btcusd.parquet")]


def null_price(folder: Path) -> list[Path]:
    path = folder / "btcusd.parquet"
    columns = {
        "ts": [FIRST, FIRST + 60],
        "open": [1.0, 1.0],
        "high": [1.0, None],
        "low": [1.0, 1.0],
        "close": [1.0, 1.0],
    }
    parquet.write_table(arrow.table(columns), path)
    return [path]


def binary_csv(folder: Path) -> list[Path]:
    path = folder / "btcusd.csv"
    path.write_bytes(b"\xff\xfe\x00\x01")
    return [path]


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (missing, "usdcusd.csv: no such file or folder"),
        (other_suffix, "usdcusd.txt: not a .parquet, .csv, .csv.gz or .zip file"),
        (empty_folder, "no .parquet, .csv, .csv.gz or .zip file in this folder"),
        (no_instrument, "xrpusd.csv: no name fits an instrument (BTC/USD, ETH/USD,"),
        (two_instruments, "the name fits BTC/USD and ETH/USD; map the file name to one of them"),
        (false_parquet, "btcusd.parquet: not a Parquet file that can be read"),
        (null_price, "btcusd.parquet: row 2: high None is not a number"),
        (binary_csv, "btcusd.csv: not a CSV file in UTF-8"),
        (lambda folder: [], "nothing to replay"),
    ],
)
def test_bad_files_are_one_line(
    tmp_path: Path, reference: ReferenceData, files: Callable[[Path], list[Path]], problem: str
) -> None:
    with pytest.raises(Problem) as caught:
        load(files(tmp_path), reference)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_files_mapped_to_one_symbol_are_refused(tmp_path: Path, reference: ReferenceData) -> None:
    for name in ("a.csv", "b.csv"):
        write(tmp_path, name)
    with pytest.raises(Problem, match=r"b\.csv: mapped to BTC/USD, and so is .*a\.csv; map one file to a symbol"):
        load([tmp_path], reference, symbols={"a.csv": "BTC/USD", "b.csv": "BTC/USD"})


# March 2023, minute by minute.

DATA = Path(os.environ.get("TSE_DATA", Path(__file__).parents[4] / "shared" / "data"))
SVB = DATA / "svb_2023"
needs_svb = pytest.mark.skipif(not SVB.is_dir(), reason=f"no recorded data in {SVB} (set TSE_DATA)")


def usdc_below(
    build: Callable[..., MarketData], feed: Any, reference: ReferenceData, start: str, ticks: int, lasting_s: int
) -> str:
    """When the first stay of the USDC/USD middle below `ticks` that lasts so long began, within 4 hours."""
    start_ns = instant_ns(start)
    until_ns = start_ns + 4 * 60 * MINUTE_NS
    recorded = load([SVB], reference, from_ns=start_ns, until_ns=until_ns)
    running = feed(build(start_ns=start_ns, recorded=recorded), start_ns)
    since_ns = 0
    for quote in running.run(until_ns - start_ns):
        if quote.symbol != "USDC/USD":
            continue
        if quote.bid_ticks + quote.ask_ticks >= 2 * ticks:
            since_ns = 0
        elif since_ns == 0:
            since_ns = quote.occurred_ns
        if since_ns and quote.occurred_ns - since_ns >= lasting_s * 1_000_000_000:
            return instant_text(since_ns)
    return "never"


@needs_svb
@pytest.mark.parametrize(
    ("start", "ticks", "lasting_s", "minute"),
    [
        ("2023-03-10T20:00:00Z", 9_950, 0, "2023-03-10T22:02"),
        ("2023-03-10T20:00:00Z", 9_950, 59, "2023-03-10T22:02"),
        ("2023-03-11T00:00:00Z", 9_900, 60, "2023-03-11T03:10"),
    ],
)
def test_usdc_breaks_when_it_did(
    build: Any, feed: Any, reference: ReferenceData, start: str, ticks: int, lasting_s: int, minute: str
) -> None:
    assert usdc_below(build, feed, reference, start, ticks, lasting_s).startswith(minute)


@needs_svb
def test_the_recorded_weeks_load_with_notes(reference: ReferenceData) -> None:
    recorded = load([SVB], reference)
    assert list(recorded.records) == ["BTC/USD", "USDT/USD", "USDC/USD"]
    assert "kraken_btcusd.parquet: left out, BTC/USD is replayed from coinbase_btcusd.parquet" in recorded.notes
    assert "kraken_btcusdc.parquet: left out, it is of no instrument of this world" in recorded.notes
    assert len(moments(recorded.records["USDC/USD"])) == 20_934


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no recorded data in {DATA} (set TSE_DATA)")
def test_hourly_records_load_too(reference: ReferenceData) -> None:
    files = [
        DATA / "btc_hourly_2018_2022" / "bitstamp_btcusd_1h.parquet",
        DATA / "usdt_depeg_2019_04" / "kraken_usdtusd_1h_20190425_27.csv",
    ]
    recorded = load(files, reference, from_ns=instant_ns("2019-04-25T18:00:00Z"))
    assert {record.bar_ns for record in recorded.records.values()} == {60 * MINUTE_NS}
    assert 0.95 < min(price for _, price in moments(recorded.records["USDT/USD"])) < 0.98
