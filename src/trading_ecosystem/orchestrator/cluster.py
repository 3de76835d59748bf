"""A deployment's folder as Kubernetes Secrets: for each holder its files, its tokens and its certificates.

Rule 1: a Secret holds what one holder has, so that a pod that mounts its own can read nothing of another's.
"""

from pathlib import Path

import yaml

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.orchestrator.deployment import label_of
from trading_ecosystem.orchestrator.folder import TOKENS, RunFolder

NAMESPACE = "trading-ecosystem"


def secrets_of(path: Path) -> str:
    """YAML for `kubectl apply`. Raises `Problem` where there is no deployment."""
    folder = RunFolder(path)
    holders = folder.instances()
    if not holders:
        raise Problem(f"{path}: there is no deployment here; `tse deploy documents` makes one")
    found: dict[str, Path] = {}
    for holder in holders:
        label, home = label_of(holder), folder.certificates / holder
        found[label] = folder.service(holder)
        found[f"{label}-{TOKENS}"] = folder.service(holder) / TOKENS
        found[f"{label}-certificates"] = home
        found |= {f"{other.name}-certificates": other for other in sorted(home.iterdir()) if other.is_dir()}
    return yaml.safe_dump_all(secret for name, place in found.items() if (secret := secret_of(name, place)))


def secret_of(name: str, place: Path) -> dict[str, object]:
    """The files of a folder, not of those in it; nothing where there are none."""
    files = {each.name: each.read_text(encoding="utf-8") for each in sorted(place.iterdir()) if each.is_file()}
    if not files:
        return {}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "type": "Opaque",
        "stringData": files,
    }
