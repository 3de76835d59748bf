"""Which ecosystem a command means, and of which world it is made."""

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

import trading_ecosystem
from trading_ecosystem.configuration.document import Problem

FOLDER = Path(".tse")
Folder = Annotated[Path, typer.Option(metavar="DIR", envvar="TSE_FOLDER", help="Of the running ecosystem.")]


def find_world(word: str) -> Path:
    """The file that `word` names: a path, or the name of a world in `worlds` here or beside the source tree."""
    path = Path(word)
    if path.is_file():
        return path
    source_tree = Path(trading_ecosystem.__file__).resolve().parents[2]
    known: dict[str, Path] = {}
    for folder in (Path("worlds"), source_tree / "worlds"):
        for each in sorted(folder.glob("*.yaml")):
            if not each.stem.endswith("-limits"):
                known.setdefault(each.stem, each)
    if word in known:
        return known[word]
    near = get_close_matches(path.stem, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known)) or 'none here'}"
    raise Problem(f"{word}: no such world; {hint}")
