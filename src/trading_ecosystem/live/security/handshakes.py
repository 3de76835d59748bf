"""The two ends of a connection over TLS, each made of what its instance shows and trusts.

Rule 1: both ends show a certificate of the private authority; there is no TLS of one side only.
Rule 2: a server takes up new certificates at the next connection; what cannot be used is told, and the old ones stay.
Rule 3: a client checks that it has reached the instance that it wanted, whatever address leads there.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, final

import grpc

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.security.private_files import AUTHORITIES, CERTIFICATE, KEY

if TYPE_CHECKING:
    from trading_ecosystem.live.security.credentials import Credentials

# gRPC reads this when it is first imported. The key on an elliptic curve rules out the one cipher of TLS 1.2
# that is left, so that only a handshake of TLS 1.3 can succeed.
HANDSHAKE_ENVIRONMENT = {"GRPC_SSL_CIPHER_SUITES": "ECDHE-RSA-AES128-GCM-SHA256"}


def read(folder: Path) -> "Credentials":
    """Loads what reads certificates here: a process without TLS need not hold it in its memory."""
    from trading_ecosystem.live.security.credentials import read_credentials

    return read_credentials(folder)


def revision(folder: Path) -> tuple[int, ...]:
    """Another value whenever a file of the folder was replaced: a client then opens its channels anew."""
    return tuple((folder / name).stat().st_mtime_ns for name in (AUTHORITIES, CERTIFICATE, KEY))


@final
class Rotation:
    """Looks at the folder whenever a client connects. It is called on a thread of gRPC."""

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self._folder, self._tell = folder, tell
        self._revision: tuple[int, ...] = ()
        self.initial = configuration(read(folder))

    def __call__(self) -> grpc.ServerCertificateConfiguration | None:
        """New certificates, or None to stay with those that are in use."""
        try:
            found = revision(self._folder)
            if found == self._revision:
                return None
            fresh = configuration(read(self._folder))
        except (OSError, Problem) as problem:
            self._tell(str(problem))
            return None
        self._revision = found
        return fresh


def configuration(credentials: "Credentials") -> grpc.ServerCertificateConfiguration:
    pair = (credentials.key, credentials.certificate)
    return grpc.ssl_server_certificate_configuration([pair], root_certificates=credentials.authorities)


def server_credentials(folder: Path, tell: Callable[[str], None]) -> grpc.ServerCredentials:
    """For a server that demands a certificate of every client. Raises `Problem` for what cannot be used at the start.

    `tell` hears, on another thread, of certificates that came later and cannot be used.
    """
    rotation = Rotation(folder, tell)
    return grpc.dynamic_ssl_server_credentials(
        rotation.initial,
        rotation,  # type: ignore[arg-type]  # It may return None, as gRPC documents and its types do not say.
        require_client_authentication=True,
    )


def channel_credentials(folder: Path) -> grpc.ChannelCredentials:
    """For a client. A channel keeps them for its life: open another when `revision` says so."""
    own = read(folder)
    return grpc.ssl_channel_credentials(own.authorities, own.key, own.certificate)
