"""Files that hold secrets: written for their owner alone, and not read when others may read them too."""

import os
import stat
import tempfile
from pathlib import Path

from trading_ecosystem.configuration.document import Problem

AUTHORITIES, CERTIFICATE, KEY = "ca.pem", "cert.pem", "key.pem"  # In PEM, in the folder of an instance.


def private_folder(path: Path) -> Path:
    """Make the folder, or take away what others may do in it."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)
    return path


def write_private(path: Path, data: bytes) -> None:
    """Replace a file as a whole; `mkstemp` makes it readable by its owner alone from the first byte on."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read_private(path: Path) -> bytes:
    """Raises `Problem` for a secret that others may read; one that belongs to root may be read by its group."""
    data = read_file(path)
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    by_group = found.st_uid == 0 and os.geteuid() != 0
    if mode & (0o027 if by_group else 0o077):
        raise Problem(f"{path}: others may read it (mode {mode:04o}); run: chmod 600 {path}")
    return data


def read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Problem(f"{path}: {error.strerror or error}") from None
