"""What an instance shows and trusts, read from its folder.

Rule 1: what is read can be used: the key and the certificate are a pair that a known authority has signed, in its time.
"""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.security.certificates import (
    bundle,
    nanoseconds,
    private_bytes,
    read_certificates,
    read_key,
)
from trading_ecosystem.live.security.identity import instance_of
from trading_ecosystem.live.security.private_files import AUTHORITIES, CERTIFICATE, KEY


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
