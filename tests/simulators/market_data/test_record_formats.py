"""Files as venues and vendors publish them: whatever is known of their columns, the same prices come out."""

import gzip
import io
import resource
import signal
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.market_data import record_blocks, record_rows
from trading_ecosystem.simulators.market_data.record_layouts import Kind, layout_of_csv
from trading_ecosystem.simulators.market_data.recorded import Record
from trading_ecosystem.simulators.market_data.replay import load

S = 1_704_067_200  # 2024-01-01T00:00:00Z
SECOND_NS = 10**9
MINUTE_NS = 60 * SECOND_NS

KLINE_NAMES = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)


def kline(minute: int, close: str, unit: int) -> str:
    opens = (S + 60 * minute) * unit
    return f"{opens},42000.5,42100.0,41900.0,{close},12.3,{opens + 60 * unit - 1},5166.1,345,6.1,2583.0,0"


KLINES = {unit: f"{kline(0, '42010.1', unit)}\n{kline(1, '42020.2', unit)}\n" for unit in (10**3, 10**6)}
TWO_BARS = [(S * SECOND_NS, 42010.1), (S * SECOND_NS + MINUTE_NS, 42020.2)]
TWO_TRADES = [(S * SECOND_NS + 5_000_000, 42010.1), (S * SECOND_NS + 5_000_000, 42020.2)]
TRADES = "7,42010.1,0.5,21005.05,{t},True,True\n8,42020.2,0.5,21010.1,{t},False,True\n"
FUTURES_TRADES = "7,42010.1,0.5,21005.05,{t},true\n8,42020.2,0.5,21010.1,{t},false\n"
AGGREGATES = "7,42010.1,0.5,11,12,{t},True,True\n8,42020.2,0.5,13,13,{t},False,True\n"
FUTURES_AGGREGATES = "7,42010.1,0.5,11,12,{t},true\n8,42020.2,0.5,13,13,{t},false\n"
TARDIS_TRADES = (
    "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    "binance,BTCUSDT,{early},{t},7,buy,42010.1,0.5\n"
    "binance,BTCUSDT,{early},{t},8,sell,42020.2,0.5\n"
)
TARDIS_QUOTES = (
    "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n"
    "binance,BTCUSDT,{early},{t},1.5,42010.2,42010.0,2\n"
    "binance,BTCUSDT,{early},{t},1.5,42020.3,42020.1,2\n"
)
MS, US = S * 10**3 + 5, S * 10**6 + 5_000
PUBLISHED: dict[str, tuple[str, Kind, list[tuple[int, float]]]] = {
    "klines": (KLINES[10**3], Kind.BARS, TWO_BARS),
    "klines in us": (KLINES[10**6], Kind.BARS, TWO_BARS),
    "klines with names": (f"{KLINE_NAMES}\n{KLINES[10**3]}", Kind.BARS, TWO_BARS),
    "klines with a byte order mark": (f"\ufeff{KLINES[10**3]}", Kind.BARS, TWO_BARS),
    "klines with Windows line ends": (KLINES[10**3].replace("\n", "\r\n"), Kind.BARS, TWO_BARS),
    "trades": (TRADES.format(t=MS), Kind.TRADES, TWO_TRADES),
    "trades in us": (TRADES.format(t=US), Kind.TRADES, TWO_TRADES),
    "trades of futures": (FUTURES_TRADES.format(t=MS), Kind.TRADES, TWO_TRADES),
    "trades of futures with names": (
        "id,price,qty,quote_qty,time,is_buyer_maker\n" + FUTURES_TRADES.format(t=MS), Kind.TRADES, TWO_TRADES
    ),
    "aggregated trades": (AGGREGATES.format(t=US), Kind.TRADES, TWO_TRADES),
    "aggregated trades of futures": (FUTURES_AGGREGATES.format(t=MS), Kind.TRADES, TWO_TRADES),
    "aggregated trades of futures with names": (
        "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n"
        + FUTURES_AGGREGATES.format(t=MS),
        Kind.TRADES,
        TWO_TRADES,
    ),
    "Tardis trades": (TARDIS_TRADES.format(t=US, early=US - 700), Kind.TRADES, TWO_TRADES),
    "Tardis quotes": (TARDIS_QUOTES.format(t=US, early=US - 700), Kind.QUOTES, TWO_TRADES),
    "book tickers": (
        f"update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n"
        f"1,42010.0,1,42010.2,1,{MS},{MS}\n2,42020.1,1,42020.3,1,{MS},{MS}\n",
        Kind.QUOTES,
        TWO_TRADES,
    ),
    "Kraken bars": (f"{S},1,9,1,42010.1,3,4\n{S + 60},1,9,1,42020.2,3,4\n", Kind.BARS, TWO_BARS),
    "Kraken trades": (f"{S}.005,42010.1,3\n{S}.005,42020.2,3\n", Kind.TRADES, TWO_TRADES),
    "bars without volume": (f"{S},1,9,1,42010.1\n{S + 60},1,9,1,42020.2\n", Kind.BARS, TWO_BARS),
}  # fmt: skip


def zipped(path: Path, text: str) -> Path:
    packed = path.with_name(f"{path.name}.zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{path.name}.csv", text)
    return packed


def gzipped(path: Path, text: str) -> Path:
    packed = path.with_name(f"{path.name}.csv.gz")
    packed.write_bytes(gzip.compress(text.encode()))
    return packed


def plainly(path: Path, text: str) -> Path:
    file = path.with_name(f"{path.name}.csv")
    file.write_bytes(text.encode())
    return file


def moments(record: Record) -> list[tuple[int, float]]:
    return [row for piece in record.source.pieces() for row in zip(piece.times_ns, piece.prices, strict=True)]


@pytest.mark.parametrize("packed", [plainly, zipped, gzipped])
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_files_are_read_as_they_are(
    tmp_path: Path, reference: ReferenceData, name: str, packed: Callable[[Path, str], Path]
) -> None:
    text, kind, expected = PUBLISHED[name]
    path = packed(tmp_path / "BTCUSDT-1m-2024-01-01", text)
    record = load([path], reference).records["BTC/USDT"]
    assert layout_of_csv(path, {}).kind is kind
    assert record.bar_ns == (MINUTE_NS if kind is Kind.BARS else 0)
    found = moments(record)
    assert [at_ns for at_ns, _ in found] == [at_ns for at_ns, _ in expected]
    assert [price for _, price in found] == pytest.approx([price for _, price in expected], rel=1e-9)


def test_notes_say_what_was_read(tmp_path: Path, reference: ReferenceData) -> None:
    trades = plainly(tmp_path / "BTCUSDT-trades", f"time,price\n{S},1\n{S + 90},2\n{S + 100},3\n")
    quotes = plainly(tmp_path / "ethusdt-quotes", f"time,bid,ask\n{S}.1,1,2\n{S}.2,2,2\n")
    assert load([trades, quotes], reference).notes == [
        "BTC/USDT: BTCUSDT-trades.csv, 3 trades; the longest silence 1m30s",
        "ETH/USDT: ethusdt-quotes.csv, 2 quotes",
    ]


def test_files_whose_names_differ_by_a_date_are_one_record(tmp_path: Path, reference: ReferenceData) -> None:
    for day in range(3):
        plainly(
            tmp_path / f"BTCUSDT-1m-2024-01-0{day + 1}",
            f"{kline(2 * day, '10', 10**3)}\n{kline(2 * day + 1, '11', 10**3)}\n",
        )
    recorded = load([tmp_path], reference)
    expected = [(S * SECOND_NS + minute * MINUTE_NS, 10.0 + minute % 2) for minute in range(6)]
    assert moments(recorded.records["BTC/USDT"]) == expected
    assert recorded.notes == [
        "BTC/USDT: 3 files from BTCUSDT-1m-2024-01-01.csv to BTCUSDT-1m-2024-01-03.csv, 6 bars of 1m"
    ]
    start_ns = S * SECOND_NS + 3 * MINUTE_NS
    part = load([tmp_path], reference, from_ns=start_ns, until_ns=start_ns + MINUTE_NS)
    assert moments(part.records["BTC/USDT"]) == expected[3:5]


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        (
            kline(1, "11", 10**3),
            "BTCUSDT-1m-2024-02.csv: row 1: it begins at 2024-01-01T00:01:00Z, before BTCUSDT-1m-2024",
        ),
        (
            TRADES.format(t=MS + 10**6).strip(),
            "BTCUSDT-1m-2024-02.csv: its rows are trades, those of BTCUSDT-1m-2024-01.csv",
        ),
        (
            kline(600, "11", 10**3),
            "BTCUSDT-1m-2024-01.csv: row 3: the record has no bar for 9h57m after the bar of 2024",
        ),
        ("nonsense", "BTCUSDT-1m-2024-02.csv: no column for time"),
    ],
)
def test_files_that_do_not_follow_each_other_are_refused(
    tmp_path: Path, reference: ReferenceData, second: str, problem: str
) -> None:
    plainly(tmp_path / "BTCUSDT-1m-2024-01", "\n".join(kline(minute, "10", 10**3) for minute in range(3)) + "\n")
    plainly(tmp_path / "BTCUSDT-1m-2024-02", f"{second}\n")
    with pytest.raises(Problem) as caught:
        load([tmp_path], reference)
    assert problem in str(caught.value)


# What is wrong in them.

BAD = {
    "a crossed quote": (f"time,bid,ask\n{S},1,2\n{S},3,2\n", ":3: row 2: bid 3.0 is above ask 2.0, a crossed quote"),
    "two units": (
        f"{S * 1000},1,9,1,5\n{S * 10**6},1,9,1,5\n",
        ":2: row 2: its time is in us, but the first in ms; write all times in one unit",
    ),
    "two ways to write": (
        f"time,price\n{S},1\n2024-01-01T00:00:09Z,1\n",
        ":3: row 2: its time is in text, but the first in s; write all times in one unit",
    ),
    "two symbols": (
        f"symbol,time,price\nBTCUSDT,{S},1\nETHUSDT,{S},1\n",
        ":3: row 2: it is of 'ETHUSDT', but the first of 'BTCUSDT'; one file holds one",
    ),
    "trades out of order": (f"time,price\n{S},1\n{S - 1},1\n", ":3: row 2: 2023-12-31T23:59:59Z comes after 2024-01"),
    "a trade at nothing": (f"time,price\n{S},0\n", ":2: row 1: price 0.0 is not a price above zero"),
    "a quote without an ask": (f"time,bid,ask\n{S},1,\n", ":2: row 1: ask '' is not a number"),
    "a quote of two columns": (f"time,bid,ask\n{S},1\n", ":2: row 1: 2 values, but the first line names 3 columns"),
    "a row too long": (
        f"{S},1,9,1,5\n{S + 60},1,9,1,5,6\n",
        ":2: row 2: 6 values, but the first row has 5 columns",
    ),
    "a layout of nobody": (f"{S},1,9,1\n", ":1: 4 values and no names of columns, which is no layout of Binance"),
    "empty": ("", ":1: the file is empty"),
    "blank": ("\n\n  \n", ":1: the file is empty"),
    "names alone": ("time,price\n", ": no rows; a record has at least one"),
    "a time without end": (f"time,price\n{10**21},1\n", ":2: row 1: '1000000000000000000000' is not a time such as"),
    "a time after 2262": ("time,price\n9999-01-01T00:00:00Z,1\n", ":2: row 1: '9999-01-01T00:00:00Z' is not a time"),
    "a control character": ("time\x00,price\n1,1\n", ": not a CSV file in UTF-8 that can be read: no line of text"),
    "high below low": (f"{S},5,4,6,5\n", ":1: row 1: high 4.0 is below low 6.0"),
    "a bar twice, far into the file": (
        "".join(f"{S + 60 * at},5,6,4,5\n" for at in [*range(40_000), 39_999]),
        ":40001: row 40001: the time 2024-01-28T18:39:00Z is there twice",
    ),
    "a word, far into the file": (
        "".join(f"{S + 60 * at},5,6,4,5\n" for at in range(40_000)) + f"{S * 2},5,six,4,5\n",
        ":40001: row 40001: high 'six' is not a number",
    ),
}  # fmt: skip


@pytest.mark.parametrize("packed", [plainly, zipped])
@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, reference: ReferenceData, case: str, packed: Callable[[Path, str], Path]
) -> None:
    text, problem = BAD[case]
    path = packed(tmp_path / "BTCUSDT", text)
    with pytest.raises(Problem) as caught:
        load([path], reference)
    assert f"{path}{problem}" in str(caught.value)
    assert "\n" not in str(caught.value)


def zip_of(*names: str, text: str = KLINES[10**3]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, text)
    return held.getvalue()


LONG = "".join(f"{S + 60 * at},5,6,4,{at % 7 + 1}\n" for at in range(30_000))
WHOLE_ZIP, WHOLE_GZIP = zip_of("a.csv", text=LONG), gzip.compress(LONG.encode())
DAMAGED = {
    "BTCUSDT.zip": {
        "cut off": (WHOLE_ZIP[: len(WHOLE_ZIP) // 2], "not a whole zip file of one CSV file"),
        "damaged inside": (WHOLE_ZIP[:900] + b"\xff" * 50 + WHOLE_ZIP[950:], "not a whole zip file of one CSV file"),
        "no zip": (b"PK not at all", "not a whole zip file of one CSV file"),
        "nothing": (b"", "not a whole zip file of one CSV file"),
        "two files": (zip_of("a.csv", "b.csv"), "it holds a.csv, b.csv; a zip holds one .csv file"),
        "no table": (zip_of("readme.txt"), "it holds readme.txt; a zip holds one .csv file"),
        "empty": (zip_of(), "it holds nothing; a zip holds one .csv file"),
    },
    "BTCUSDT.csv.gz": {
        "cut off": (WHOLE_GZIP[: len(WHOLE_GZIP) // 2], "not a whole gzip file of one CSV file"),
        "no gzip": (KLINES[10**3].encode(), "not a whole gzip file of one CSV file"),
        "damaged at its end": (WHOLE_GZIP[:-8] + b"\0" * 8, "not a whole gzip file of one CSV file"),
    },
    "BTCUSDT.csv": {
        "binary": (bytes(range(256)) * 40, "not a CSV file in UTF-8 that can be read"),
        "one endless line": (b"7" * 400_000, "not a CSV file in UTF-8 that can be read"),
        "binary further on": (
            LONG.encode() + b"\xff\xfe\x00\n",
            "BTCUSDT.csv:30001: row 30001: 1 values, but the first row has 5 columns",
        ),
    },
    "BTCUSDT.parquet": {
        "binary": (bytes(range(256)) * 40, "not a Parquet file that can be read"),
        "nothing": (b"", "not a Parquet file that can be read"),
    },
}


@pytest.mark.parametrize(("name", "case"), [(name, case) for name, cases in DAMAGED.items() for case in cases])
def test_damaged_files_are_one_line(tmp_path: Path, reference: ReferenceData, name: str, case: str) -> None:
    data, problem = DAMAGED[name][case]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(Problem) as caught:
        load([path], reference)
    assert str(path) in str(caught.value) and problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_may_change_once_it_has_been_read(tmp_path: Path, reference: ReferenceData) -> None:
    path = plainly(tmp_path / "BTCUSDT", LONG)
    record = load([path], reference).records["BTC/USDT"]
    first = moments(record)
    path.unlink()
    assert moments(record) == first and len(first) == 30_000


@pytest.mark.parametrize("packed", [plainly, zipped])
def test_of_a_long_record_what_is_used_is_kept_and_no_more(
    tmp_path: Path, reference: ReferenceData, packed: Callable[[Path, str], Path]
) -> None:
    path = packed(tmp_path / "BTCUSDT", LONG)
    whole = moments(load([path], reference).records["BTC/USDT"])
    for first, last in ((0, 1), (10, 20_000), (16_383, 16_385), (29_998, 30_000)):
        start_ns, end_ns = whole[first][0] + SECOND_NS, whole[last - 1][0]
        recorded = load([path], reference, from_ns=start_ns, until_ns=max(start_ns, end_ns))
        assert moments(recorded.records["BTC/USDT"]) == whole[first:last]


# Blocks are rows, only faster.

CELLS = st.sampled_from(
    ["1", "2", "3.5", " 2", "1e3", "nan", "inf", "-1", "0", "", "x", '"2"', str(S), str(S + 60), f"{S}000", f"{S}.5"]
)
TIMES = st.one_of(st.integers(S, S + 9).map(str), CELLS)


def read_all(read: Callable[[], Iterator[record_blocks.Block]]) -> object:
    try:
        return [
            (at_ns, *prices)
            for block in read()
            for at_ns, *prices in zip(block.times.to_pylist(), *(c.to_pylist() for c in block.prices), strict=True)
        ]
    except Problem as problem:
        return str(problem)
    except record_blocks.Doubtful:
        return None


@settings(max_examples=300, deadline=None)
@given(
    names=st.sampled_from(["time,open,high,low,close", "time,bid,ask", "time,price", "symbol,time,price"]),
    rows=st.lists(st.tuples(TIMES, *[CELLS] * 4), min_size=1, max_size=6),
    ends=st.sampled_from(["\n", "\r\n", "\n\n"]),
)
def test_blocks_never_say_other_than_rows(
    tmp_path_factory: pytest.TempPathFactory, names: str, rows: list[tuple[str, ...]], ends: str
) -> None:
    width = names.count(",") + 1
    lines = [",".join(row[:width]) for row in rows]
    path = tmp_path_factory.mktemp("rows") / "btcusd.csv"
    path.write_bytes((ends.join([names, *lines]) + ends).encode())
    try:
        layout = layout_of_csv(path, {})
    except Problem:
        return
    slow = read_all(lambda: record_blocks.row_blocks(path, layout))
    fast = read_all(lambda: record_blocks.blocks(path, layout))
    assert fast is None or fast == slow
    if isinstance(slow, list):
        assert slow == list((at_ns, *prices) for at_ns, prices in record_rows.rows(path, layout))


def test_no_room_for_the_spool_is_one_line(tmp_path: Path, reference: ReferenceData) -> None:
    path = plainly(tmp_path / "BTCUSDT", LONG)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(Problem, match=r"a replay needs 16 bytes a row there, or elsewhere with TMPDIR"):
            load([path], reference)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
