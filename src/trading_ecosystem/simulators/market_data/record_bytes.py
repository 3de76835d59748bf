"""The bytes of a file of recorded prices: as it is, or out of a gzip or a zip that holds one CSV file."""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from trading_ecosystem.configuration.document import Problem

PARQUET, GZIP, ZIP = ".parquet", ".csv.gz", ".zip"
SUFFIXES = (PARQUET, ".csv", GZIP, ZIP)
KINDS = ".parquet, .csv, .csv.gz or .zip"
PACKED = {GZIP: "gzip", ZIP: "zip"}
# What Python raises for packed bytes that are cut off, damaged, encrypted or packed in a way it does not know.
DAMAGE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError)


def suffix_of(path: Path) -> str:
    """The one of `SUFFIXES` that the file's name ends with; empty for another."""
    return next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), "")


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """The bytes of a CSV file. Raises `Problem` where they cannot be read, also while they are being read."""
    try:
        if suffix_of(path) == GZIP:
            with gzip.open(path) as packed:
                yield packed
        elif suffix_of(path) == ZIP:
            with zipfile.ZipFile(path) as archive, archive.open(only_member(path, archive)) as member:
                yield member
        else:
            with path.open("rb") as file:
                yield file
    except DAMAGE as error:
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        kind = PACKED.get(suffix_of(path))
        what = f"not a whole {kind} file of one CSV file" if kind else "cannot be read"
        raise Problem(f"{path}: {what}: {detail}") from None


def only_member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    inside = [each for each in archive.infolist() if not each.is_dir()]
    tables = [each for each in inside if each.filename.lower().endswith(".csv")]
    if len(tables) != 1:
        names = ", ".join(each.filename for each in inside[:3]) or "nothing"
        raise Problem(f"{path}: it holds {names}{', ...' if len(inside) > 3 else ''}; a zip holds one .csv file")
    return tables[0]
