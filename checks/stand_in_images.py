"""Makes images that stand in for those of compose.yaml where none can be pulled, from Debian's packages.

python checks/stand_in_images.py IMAGE...   # exit code 1, and in a line why, where one cannot be made here

Rule 1: a stand-in has the version that the name says, and no more of the image than compose.yaml asks for.
Rule 2: where packages come from is what this machine's own apt is told.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
RELEASES = ("bookworm", "trixie")
USER = 10_001
POSTGRES_ENTRY = """#!/bin/sh
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" $POSTGRES_INITDB_ARGS
  echo "CREATE DATABASE $POSTGRES_DB;" | postgres --single -D "$PGDATA" postgres
fi
exec "$@" -clisten_addresses='*'
"""
ENTRY = "/usr/local/bin/docker-entrypoint.sh"


@dataclass(frozen=True, kw_only=True)
class StandIn:
    release: str
    packages: tuple[str, ...]
    commands: tuple[str, ...] = ()  # In the image, when the packages are there.
    changes: tuple[str, ...] = ()  # Of the image's own settings, as a Dockerfile writes them.


STAND_INS = {
    "python:3.11-slim-bookworm": StandIn(
        release="bookworm",
        packages=("python3.11", "python3-pip", "python3-venv", "ca-certificates"),
        commands=("ln -s /usr/bin/python3.11 /usr/local/bin/python",),
    ),
    "postgres:17": StandIn(
        release="trixie",
        packages=("postgresql-17",),
        changes=(
            "ENV PATH=/usr/lib/postgresql/17/bin:/usr/local/bin:/usr/bin:/bin",
            'ENTRYPOINT ["docker-entrypoint.sh"]',
        ),
    ),
    "valkey/valkey:8.1": StandIn(release="trixie", packages=("valkey-server",)),
    "haproxy:3.0": StandIn(release="trixie", packages=("haproxy",)),
    "prom/prometheus:v2.53.3": StandIn(
        release="trixie", packages=("prometheus",), changes=('ENTRYPOINT ["/usr/bin/prometheus"]',)
    ),
}


def why_not(image: str) -> str:
    """Why there can be no stand-in for an image here; empty where there can."""
    if image not in STAND_INS:
        return f"{image}: cannot be pulled, and has no stand-in"
    if os.geteuid() != 0 or shutil.which("mmdebstrap") is None or not SOURCES.exists():
        return f"{image}: cannot be pulled; a stand-in needs root, Debian's mmdebstrap and {SOURCES}"
    return ""


def make(image: str) -> None:
    """Raises CalledProcessError."""
    recipe = STAND_INS[image]
    with tempfile.TemporaryDirectory() as folder:
        archive, entry = Path(folder) / "image.tar", Path(folder) / "entry"
        entry.write_text(POSTGRES_ENTRY, encoding="ascii")
        hooks = [f'upload "{entry}" {ENTRY}', f'chroot "$1" chmod 755 {ENTRY}']
        hooks += [f'chroot "$1" useradd --uid {USER} --no-create-home tse']
        hooks += [f'chroot "$1" sh -c "{command}"' for command in recipe.commands]
        subprocess.run(
            [
                *("mmdebstrap", "--quiet", "--variant=minbase", "--skip=output/dev"),
                f"--include={','.join(('passwd', *recipe.packages))}",
                *(f"--customize-hook={hook}" for hook in hooks),
                *(recipe.release, str(archive), "-"),
            ],
            input=sources(recipe.release),
            text=True,
            check=True,
        )
        changes = [part for change in recipe.changes for part in ("--change", change)]
        subprocess.run(["docker", "import", *changes, str(archive), image], check=True, stdout=subprocess.DEVNULL)


def sources(release: str) -> str:
    """This machine's own, for another release."""
    text = SOURCES.read_text(encoding="utf-8")
    for each in RELEASES:
        text = text.replace(each, release)
    return text


def main(images: Sequence[str]) -> int:
    for image in images:
        reason = why_not(image)
        if reason:
            print(reason)
            return 1
        make(image)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
