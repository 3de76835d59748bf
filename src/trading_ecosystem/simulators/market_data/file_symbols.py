"""Which file holds which symbol: by its name, or as mapped."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path

from trading_ecosystem.configuration.document import Problem

DATE = re.compile(r"(?<!\d)\d{4}-?\d{2}(-?\d{2})?(?!\d)")


def assign(
    files: Sequence[Path], symbols: Sequence[str], mapped: Mapping[str, str]
) -> tuple[dict[str, list[Path]], list[str]]:
    """The files of each symbol that has any, in the order of `symbols`, and notes on the files left out.

    Files whose names differ by a date are parts of one record. Raises `Problem` where the mapping names what is not
    there, or no file fits any symbol.
    """
    refuse_mapping(files, symbols, mapped)
    chosen: dict[str, list[Path]] = {}
    notes: list[str] = []
    for path in sorted(files, key=lambda file: file.name not in mapped):  # Mapped ones first, else as they come.
        symbol = mapped.get(path.name) or recognised(path, symbols)
        if symbol is None:
            notes.append(f"{path.name}: left out, it is of no instrument of this world")
        elif symbol not in chosen:
            chosen[symbol] = [path]
        elif undated(path) == undated(chosen[symbol][0]):
            chosen[symbol].append(path)
        else:
            refuse_second(path, chosen[symbol][0], symbol, mapped)
            notes.append(f"{path.name}: left out, {symbol} is replayed from {chosen[symbol][0].name}")
    if not chosen:
        names = ", ".join(path.name for path in files)
        raise Problem(f"{names}: no name fits an instrument ({', '.join(symbols)}); map the file name to a symbol")
    return {symbol: chosen[symbol] for symbol in symbols if symbol in chosen}, notes


def undated(path: Path) -> str:
    """The name without its date; a name without one is its own. The folder counts too."""
    return str(path.parent / DATE.sub("DATE", path.name))


def recognised(path: Path, symbols: Sequence[str]) -> str | None:
    """The symbol whose base and quote stand in the file's name, as one word or as two in a row."""
    words = re.split(r"[^a-z0-9]+", path.name.lower())
    words += [first + second for first, second in pairwise(words)]
    found = [symbol for symbol in symbols if symbol.replace("/", "").lower() in words]
    if len(found) > 1:
        raise Problem(f"{path}: the name fits {' and '.join(found)}; map the file name to one of them")
    return found[0] if found else None


def refuse_mapping(files: Sequence[Path], symbols: Sequence[str], mapped: Mapping[str, str]) -> None:
    names = [path.name for path in files]
    for name, symbol in mapped.items():
        if name not in names:
            raise Problem(f"{name}: mapped to {symbol}, but there is no such file; {nearest(name, names)}")
        if symbol not in symbols:
            raise Problem(f"{name}: mapped to the unknown symbol {symbol!r}; {nearest(symbol, symbols)}")


def refuse_second(path: Path, first: Path, symbol: str, mapped: Mapping[str, str]) -> None:
    if path.name in mapped:
        raise Problem(f"{path}: mapped to {symbol}, and so is {first}; map one file to a symbol")


def nearest(word: str, choices: Sequence[str]) -> str:
    near = get_close_matches(word, choices, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(choices)}"
