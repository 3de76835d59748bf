"""What the kernel shows of a process: its environment, its memory, whom it is connected to; and what its files hold."""

import os
import subprocess
import sys
from pathlib import Path

ESTABLISHED = "01"
CHUNK = 1 << 24


def files_with(folder: Path, word: bytes) -> list[str]:
    """The files under the folder that hold this word, or are named so."""
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if word in os.fsencode(path.name) or (path.is_file() and word in path.read_bytes())
    ]


def environment_of(pid: int) -> bytes:
    """What it was started with: its variables and its arguments."""
    return Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()


def trouble_with_memory() -> str:
    """Why the memory of a process that was started here cannot be read, empty where it can."""
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as child:
        try:
            memory_has(child.pid, b"any")
        except OSError as trouble:
            return f"the memory of a process cannot be read here: {trouble}"
        finally:
            child.communicate()
    return ""


def memory_has(pid: int, word: bytes) -> bool:
    """Whether the word is anywhere in what the process has written into its memory, or was given there."""
    regions = [line.split() for line in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines()]
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for bounds, rights, *_ in regions:
            if rights.startswith("rw"):
                first, last = (int(bound, 16) for bound in bounds.split("-"))
                if region_has(memory.fileno(), first, last, word):
                    return True
    return False


def region_has(memory: int, first: int, last: int, word: bytes) -> bool:
    for at in range(first, last, CHUNK):
        try:
            data = os.pread(memory, min(CHUNK + len(word), last - at), at)
        except OSError:  # It was given back meanwhile.
            return False
        if word in data:
            return True
    return False


def peers_of(pid: int) -> set[int]:
    """The ports at the other end of its TCP connections."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(os.readlink(descriptor))
        except FileNotFoundError:  # It was closed meanwhile.
            continue
    peers: set[int] = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            _, _, remote, state, *rest = line.split()
            if state == ESTABLISHED and f"socket:[{rest[5]}]" in sockets:
                peers.add(int(remote.rpartition(":")[2], 16))
    return peers
