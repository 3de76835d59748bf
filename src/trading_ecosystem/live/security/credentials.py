"""What an instance shows and trusts, and the two ends of a connection that are made of it.

Rule 1: both ends show a certificate of the private authority; there is no TLS of one side only.
Rule 2: a server takes up new certificates at the next connection; what cannot be used is told, and the old ones stay.
Rule 3: a client checks that it has reached the instance that it wanted, whatever address leads there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import grpc
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.security.certificates import (
    AUTHORITIES,
    CERTIFICATE,
    KEY,
    bundle,
    nanoseconds,
    private_bytes,
    read_certificates,
    read_key,
)
from trading_ecosystem.live.security.identity import instance_of

# gRPC reads this when it is first imported. The key on an elliptic curve rules out the one cipher of TLS 1.2
# that is left, so that only a handshake of TLS 1.3 can succeed.
HANDSHAKE_ENVIRONMENT = {"GRPC_SSL_CIPHER_SUITES": "ECDHE-RSA-AES128-GCM-SHA256"}


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """In PEM. `expires_ns` since 1970, UTC."""

    instance: str
    authorities: bytes
    certificate: bytes
    key: bytes = field(repr=False)
    expires_ns: int


def read_credentials(folder: Path) -> Credentials:
    """What is in the folder of an instance. Raises `Problem`, in one line, where it cannot be used."""
    key = read_key(folder / KEY)
    certificate = read_certificates(folder / CERTIFICATE)[0]
    authorities = read_certificates(folder / AUTHORITIES)
    if certificate.public_key() != key.public_key():
        raise Problem(f"{folder}: {CERTIFICATE} and {KEY} are not a pair")
    if not any(signed(certificate, authority) for authority in authorities):
        raise Problem(f"{folder}: {CERTIFICATE} was signed by none of {AUTHORITIES}")
    expires_ns = nanoseconds(certificate.not_valid_after_utc)
    if expires_ns <= Clock().now_ns():
        raise Problem(f"{folder}: {CERTIFICATE} expired at {certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}")
    return Credentials(
        instance=named_instance(folder, certificate),
        authorities=bundle(authorities),
        certificate=bundle([certificate]),
        key=private_bytes(key),
        expires_ns=expires_ns,
    )


def signed(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def named_instance(folder: Path, certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    instance = instance_of(uris[0]) if len(uris) == 1 else None
    if instance is None:
        raise Problem(f"{folder}: {CERTIFICATE} names no instance")
    return instance


def revision(folder: Path) -> tuple[int, ...]:
    """Another value whenever a file of the folder was replaced: a client then opens its channels anew."""
    return tuple((folder / name).stat().st_mtime_ns for name in (AUTHORITIES, CERTIFICATE, KEY))


@final
class Rotation:
    """Looks at the folder whenever a client connects. It is called on a thread of gRPC."""

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self._folder, self._tell = folder, tell
        self._revision: tuple[int, ...] = ()
        self.initial = configuration(read_credentials(folder))

    def __call__(self) -> grpc.ServerCertificateConfiguration | None:
        """New certificates, or None to stay with those that are in use."""
        try:
            found = revision(self._folder)
            if found == self._revision:
                return None
            fresh = configuration(read_credentials(self._folder))
        except (OSError, Problem) as problem:
            self._tell(str(problem))
            return None
        self._revision = found
        return fresh


def configuration(credentials: Credentials) -> grpc.ServerCertificateConfiguration:
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
    own = read_credentials(folder)
    return grpc.ssl_channel_credentials(own.authorities, own.key, own.certificate)
