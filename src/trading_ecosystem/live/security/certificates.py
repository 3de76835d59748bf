"""A private authority, and the certificates of service instances that it signs.

Rule 1: a certificate names one instance and lives for a day at most; nothing in it tells where it is used.
Rule 2: files are replaced whole, authorities before certificates, so that a reader at any moment can go on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.clock import SECOND_NS, Clock
from trading_ecosystem.live.security.identity import host_of, is_instance, uri_of
from trading_ecosystem.live.security.private_files import (
    AUTHORITIES,
    CERTIFICATE,
    KEY,
    private_folder,
    read_file,
    read_private,
    write_private,
)

HOUR_NS = 3600 * SECOND_NS
LIFETIME_NS = 24 * HOUR_NS
AUTHORITY_LIFETIME_NS = 30 * LIFETIME_NS
BACKDATED_NS = 300 * SECOND_NS  # For readers whose clock is a little behind.
AUTHORITY_FOLDER = "certificate-authority"  # With a hyphen: no instance has this name.


@dataclass(frozen=True, kw_only=True)
class Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)


def issue_all(
    folder: Path,
    instances: Sequence[str],
    *,
    now_ns: int | None = None,
    lifetime_ns: int = LIFETIME_NS,
    aliases: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> None:
    """Give each instance new `ca.pem`, `cert.pem` and `key.pem` in `folder/<instance>/`.

    The authority is made where there is none, and replaced before it is too old; the old one stays trusted while it
    lives. Call it again, at half the lifetime, to rotate. `now_ns` is the machine's wall time, never an accelerated
    one. `aliases`: further host names of an instance. Raises `Problem` for a name that cannot be certified.
    """
    assert 0 < lifetime_ns <= LIFETIME_NS
    check_names(instances, aliases)
    now_ns = Clock().now_ns() if now_ns is None else now_ns
    private_folder(folder)
    authority, trusted = current_authority(private_folder(folder / AUTHORITY_FOLDER), now_ns)
    homes = {instance: private_folder(folder / instance) for instance in instances}
    for place in homes.values():
        write_private(place / AUTHORITIES, trusted)
    for instance, place in homes.items():
        key, certificate = leaf(authority, instance, aliases.get(instance, ()), now_ns, lifetime_ns)
        write_private(place / KEY, key)
        write_private(place / CERTIFICATE, certificate)


def check_names(instances: Sequence[str], aliases: Mapping[str, Sequence[str]]) -> None:
    hosts: dict[str, str] = {}
    for instance in instances:
        if not is_instance(instance):
            raise Problem(f"{instance!r} cannot be the name of an instance: role or role.name, in small letters")
        for host in (host_of(instance), *aliases.get(instance, ())):
            other = hosts.setdefault(host, instance)
            if other != instance:
                raise Problem(f"the instances {other!r} and {instance!r} would have the same host name")


def current_authority(home: Path, now_ns: int) -> tuple[Authority, bytes]:
    """The authority that signs, and all that are trusted, newest first."""
    known = read_certificates(home / AUTHORITIES) if (home / AUTHORITIES).exists() else []
    trusted = [each for each in known if nanoseconds(each.not_valid_after_utc) > now_ns]
    if trusted and nanoseconds(trusted[0].not_valid_after_utc) > now_ns + LIFETIME_NS and (home / KEY).exists():
        key = read_key(home / KEY)
        if key.public_key() == trusted[0].public_key():
            return Authority(certificate=trusted[0], key=key), bundle(trusted)
    authority = new_authority(now_ns)
    trusted.insert(0, authority.certificate)
    write_private(home / AUTHORITIES, bundle(trusted))
    write_private(home / KEY, private_bytes(authority.key))
    return authority, bundle(trusted)


def new_authority(now_ns: int) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority {x509.random_serial_number():x}"[:40])])
    builder = unsigned(name, key, now_ns, AUTHORITY_LIFETIME_NS).subject_name(name)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(key_usage(signs_certificates=True), critical=True)
    return Authority(certificate=builder.sign(key, hashes.SHA256()), key=key)


def leaf(
    authority: Authority, instance: str, aliases: Sequence[str], now_ns: int, lifetime_ns: int
) -> tuple[bytes, bytes]:
    """A key and a certificate for both ends of a connection, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = [
        x509.DNSName(host_of(instance)),
        *(x509.DNSName(alias) for alias in aliases),
        x509.DNSName("localhost"),
        x509.UniformResourceIdentifier(uri_of(instance)),
    ]
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    issuer = authority.certificate.subject
    builder = unsigned(issuer, key, now_ns, lifetime_ns).subject_name(x509.Name([]))
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(key_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    certificate = builder.add_extension(identifier, critical=False).sign(authority.key, hashes.SHA256())
    return private_bytes(key), certificate.public_bytes(serialization.Encoding.PEM)


def unsigned(
    issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now_ns: int, lifetime_ns: int
) -> x509.CertificateBuilder:
    start_ns = now_ns - BACKDATED_NS
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(start_ns // SECOND_NS, UTC))
        .not_valid_after(datetime.fromtimestamp((start_ns + lifetime_ns) // SECOND_NS, UTC))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def key_usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


# PEM.


def read_certificates(path: Path) -> list[x509.Certificate]:
    data = read_file(path)
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError:
        raise Problem(f"{path}: not a certificate in PEM") from None


def read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    data = read_private(path)
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError):
        raise Problem(f"{path}: not an unencrypted private key in PEM") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Problem(f"{path}: not a key on an elliptic curve")
    return key


def private_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    encoding, layout = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, layout, serialization.NoEncryption())


def bundle(certificates: Sequence[x509.Certificate]) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def nanoseconds(at: datetime) -> int:
    return int(at.timestamp()) * SECOND_NS
