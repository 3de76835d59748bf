"""From what a person types to a scenario's file: a path, or the name of a scenario that is shipped."""

from difflib import get_close_matches
from pathlib import Path

import trading_ecosystem
from trading_ecosystem.configuration.document import Problem

SUFFIX = ".yaml"


def scenario_folders() -> list[Path]:
    """Where shipped scenarios are: here, or beside the source tree that this package runs from."""
    source_tree = Path(trading_ecosystem.__file__).resolve().parents[2] / "scenarios"
    folders = [folder for folder in (Path("scenarios"), source_tree) if folder.is_dir()]
    same = len(folders) == 2 and folders[0].resolve() == source_tree
    return folders[:1] if same else folders


def shipped() -> dict[str, Path]:
    """Scenario files by name, in order; a nearer folder goes before one further away."""
    found: dict[str, Path] = {}
    for folder in scenario_folders():
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def find_scenario(word: str) -> Path:
    """The file that `word` names. Raises `Problem` with the nearest right word."""
    path = Path(word)
    if path.is_file():
        return path
    known = shipped()
    if word in known:
        return known[word]
    if path.is_dir():
        raise Problem(f"{word}: is a folder; name one scenario, or run `tse suite`")
    near = get_close_matches(path.stem, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none here'}"
    kind = "no such file" if path.suffix or len(path.parts) > 1 else "no such scenario"
    raise Problem(f"{word}: {kind}; {hint}")


def every_scenario(folder: Path | None = None) -> dict[str, Path]:
    """All scenarios of a folder, or all that are shipped. Raises `Problem` where there are none."""
    if folder is None:
        known = shipped()
        if not known:
            raise Problem("no scenarios: there is no folder 'scenarios' here with .yaml files in it")
        return known
    if not folder.is_dir():
        raise Problem(f"{folder}: no such folder")
    inside = {path.stem: path for path in sorted(folder.glob(f"*{SUFFIX}"))}
    if not inside:
        raise Problem(f"{folder}: no {SUFFIX} file in this folder")
    return inside
