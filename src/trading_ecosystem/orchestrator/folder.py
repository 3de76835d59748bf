"""The folder of a running ecosystem: what is in it, who holds it, and how it is emptied.

    state.json        who runs here: process, addresses, terms
    control.sock      where `tse status` and `tse down` ask
    supervisor.log    what the supervisor said
    lock              held by the kernel for the supervisor as long as it lives
    operator/         the tokens of the person who runs it
    injector/         what was injected, until the audit has it
    certificates/     of the authority of this run and of each instance, where they speak TLS
    services/INSTANCE/  settings, documents, log, tokens and data of one service: its working folder

Rule 1: only what is named here is ever removed; whatever else is put into the folder stays.
Rule 2: nobody but its owner may look into it.
"""

import fcntl
import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import final

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.pace import PULSE
from trading_ecosystem.live.security.private_files import private_folder, write_private
from trading_ecosystem.orchestrator.terms import RunOrder
from trading_ecosystem.validation.result_files import from_plain, to_plain

FILE_MODE = 0o600
STATE, CONTROL, SUPERVISOR_LOG, LOCK = "state.json", "control.sock", "supervisor.log", "lock"
CLOCK = "clock"
TERMS = "terms.json"  # Of the next run, for the supervisor to read.
SERVICES, CERTIFICATES, OPERATOR, INJECTOR = "services", "certificates", "operator", "injector"
LOG, DATA, TOKENS = "log.txt", "data", "tokens"  # In the folder of a service.
OWN_FILES = (STATE, CONTROL, SUPERVISOR_LOG, TERMS, CLOCK)
OWN_FOLDERS = (SERVICES, CERTIFICATES, OPERATOR, INJECTOR)


@dataclass(frozen=True, kw_only=True)
class RunState:
    """What `state.json` says."""

    pid: int
    registry: str
    world: str
    seed: int
    speed: int
    profile: str


class Occupancy(StrEnum):
    EMPTY = "empty"
    LIVE = "live"
    STALE = "stale"  # A supervisor has died here and left its things, or did not come up.


class Held(Exception):
    """Another supervisor holds the folder."""


@final
class RunFolder:
    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._held: int | None = None  # The open lock file.

    # What is where.

    def service(self, instance: str) -> Path:
        return self.path / SERVICES / instance

    def log(self, instance: str) -> Path:
        return self.service(instance) / LOG

    @property
    def operator(self) -> Path:
        return self.path / OPERATOR

    @property
    def clock(self) -> Path:
        """The file of the time that all follow."""
        return self.path / CLOCK

    def pulse(self, instance: str) -> Path:
        return self.service(instance) / DATA / PULSE

    @property
    def injector(self) -> Path:
        return self.path / INJECTOR

    @property
    def certificates(self) -> Path:
        return self.path / CERTIFICATES

    @property
    def supervisor_log(self) -> Path:
        return self.path / SUPERVISOR_LOG

    def instances(self) -> list[str]:
        """Whoever has a folder here, in alphabetical order."""
        services = self.path / SERVICES
        return sorted(path.name for path in services.iterdir()) if services.is_dir() else []

    # Who holds it.

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder, or take over what a supervisor left that is dead. Raises `Held`, and `Problem`."""
        self._held = self._lock()
        try:
            self._empty()
            yield
        finally:
            os.close(self._held)
            self._held = None

    def is_ours(self) -> bool:
        """Whether the folder that is held is still the one at its path: it may have been removed, and made anew."""
        return self._held is not None and self._is_lock(self._held)

    def _is_lock(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), os.stat(self.path / LOCK))
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _lock(self) -> int:
        while True:
            self._make()
            lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, FILE_MODE)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_lock(lock):
                    return lock  # Else the one before has removed the folder in the meantime: make another.
            except BlockingIOError:
                os.close(lock)
                raise Held from None
            os.close(lock)

    def _make(self) -> None:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except FileExistsError:
            raise Problem(f"{self.path}: is a file, not a folder") from None
        except OSError as error:
            raise Problem(f"{self.path}: {error.strerror or error}") from None
        for name in (*OWN_FILES, *OWN_FOLDERS):
            if (self.path / name).exists() and not (self.path / LOCK).exists():
                raise Problem(f"{self.path}: holds {name!r} of somebody else; name another folder")

    def occupancy(self) -> Occupancy:
        if not (self.path / LOCK).exists():
            return Occupancy.EMPTY
        try:
            self.connect().close()
        except Problem:
            return Occupancy.STALE
        return Occupancy.LIVE

    # What it holds.

    def write_state(self, state: RunState) -> None:
        write_private(self.path / STATE, json.dumps(asdict(state), indent=2).encode())

    def read_state(self) -> RunState | None:
        """None while a supervisor is about to come up."""
        try:
            return RunState(**json.loads((self.path / STATE).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def write_terms(self, order: RunOrder) -> None:
        """For the supervisor that is up here, which reads it when it is asked to."""
        write_private(self.path / TERMS, json.dumps(to_plain(order)).encode())

    def read_terms(self) -> RunOrder:
        """Raises `Problem` where nobody has written any."""
        try:
            return from_plain(RunOrder, json.loads((self.path / TERMS).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise Problem(f"{self.path / TERMS}: no terms of a run can be read: {error}") from None

    def clear_services(self) -> None:
        """Take away all that the services kept."""
        for path in (self.path / SERVICES, self.injector):
            if path.exists():
                shutil.rmtree(path)

    def make_service(self, instance: str, files: dict[str, str]) -> Path:
        """The working folder of an instance, with these files in it."""
        private_folder(self.path / SERVICES)
        folder = private_folder(self.service(instance))
        private_folder(folder / DATA)
        private_folder(folder / TOKENS)
        for name, text in files.items():
            write_private(folder / name, text.encode())
        return folder

    def remove(self) -> None:
        """Remove all that is ours, and the folder itself if nothing else is in it. For whoever holds it."""
        if not self.is_ours():
            return
        self._empty()
        (self.path / LOCK).unlink(missing_ok=True)
        with suppress(OSError):  # Somebody keeps something in it.
            self.path.rmdir()

    def _empty(self) -> None:
        for name in OWN_FILES:
            (self.path / name).unlink(missing_ok=True)
        for name in OWN_FOLDERS:
            if (self.path / name).exists():
                shutil.rmtree(self.path / name)

    # The control socket. Its path may be longer than an address of a socket, so it is named by way of its folder.

    def listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with self._short_path() as path:
            listener.bind(path)
            os.chmod(path, FILE_MODE)
        listener.listen()
        listener.setblocking(False)
        return listener

    def connect(self) -> socket.socket:
        """Raises `Problem` where nobody listens."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with self._short_path() as path:
                connection.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            raise Problem(f"{self.path}: nothing is up here") from None
        return connection

    @contextmanager
    def _short_path(self) -> Iterator[str]:
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{folder}/{CONTROL}"
        finally:
            os.close(folder)
