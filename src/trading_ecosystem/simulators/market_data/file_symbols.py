"""Which file holds which symbol: by its name, or as mapped."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path

from trading_ecosystem.configuration.document import Problem


def assign(
    files: Sequence[Path], symbols: Sequence[str], mapped: Mapping[str, str]
) -> tuple[dict[str, Path], list[str]]:
    """A file for each symbol that has one, in the order of `symbols`, and notes on the files left out.

    Raises `Problem` where the mapping names what is not there, or no file fits any symbol.
    """
    refuse_mapping(files, symbols, mapped)
    chosen: dict[str, Path] = {}
    notes: list[str] = []
    for path in sorted(files, key=lambda file: file.name not in mapped):  # Mapped ones first, else as they come.
        symbol = mapped.get(path.name) or recognised(path, symbols)
        if symbol is None:
            notes.append(f"{path.name}: left out, it is of no instrument of this world")
        elif symbol in chosen:
            refuse_second(path, chosen[symbol], symbol, mapped)
            notes.append(f"{path.name}: left out, {symbol} is replayed from {chosen[symbol].name}")
        else:
            chosen[symbol] = path
    if not chosen:
        names = ", ".join(path.name for path in files)
        raise Problem(f"{names}: no name fits an instrument ({', '.join(symbols)}); map the file name to a symbol")
    return {symbol: chosen[symbol] for symbol in symbols if symbol in chosen}, notes


def recognised(path: Path, symbols: Sequence[str]) -> str | None:
    """The symbol whose base and quote stand in the file's name, as one word or as two in a row."""
    words = re.split(r"[^a-z0-9]+", path.stem.lower())
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
