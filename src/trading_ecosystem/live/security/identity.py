"""Who calls: the instance that a certificate names.

Rule 1: over TLS only the certificate counts; what a caller says about itself is never read.
Rule 2: without TLS, which is for loopback alone, the caller says who it is: it is believed, not known.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import grpc

from trading_ecosystem.live.door import RefusalCode, Refused

TRUST_DOMAIN = "trading-ecosystem"
INSTANCE_KEY = "x-instance"  # The metadata that names the caller where there is no certificate.
TLS_VERSION = b"TLSv1.3"
INSTANCE = re.compile(r"[a-z][a-z0-9_]{0,39}(\.[a-z0-9][a-z0-9_-]{0,39})?")

Context = grpc.aio.ServicerContext[Any, Any]
Metadata = Collection[tuple[str, str | bytes]]


def is_instance(name: str) -> bool:
    """A role, or a role and a name: `exchange`, `trading_engine.alpha`."""
    return INSTANCE.fullmatch(name) is not None


def role_of(instance: str) -> str:
    return instance.partition(".")[0]


def uri_of(instance: str) -> str:
    """The SPIFFE id of an instance; the same in a test as in production."""
    return f"spiffe://{TRUST_DOMAIN}/{role_of(instance)}/{instance}"


def host_of(instance: str) -> str:
    """The name by which a client checks that it has reached this instance: letters, digits, hyphens and dots."""
    return instance.replace("_", "-")


def instance_of(uri: str) -> str | None:
    """The instance that a SPIFFE id names, or None where it is not one of ours."""
    name = uri.rpartition("/")[2]
    return name if is_instance(name) and uri == uri_of(name) else None


def identify(context: Context, metadata: Metadata | None = None) -> str:
    """The instance name of the caller; `metadata` is that of the call, if at hand. Raises `Refused` for nobody."""
    connection = context.auth_context()
    if connection.get("transport_security_type") == [b"ssl"]:
        return certified(connection)
    return claimed(context.invocation_metadata() or () if metadata is None else metadata)


def certified(connection: Mapping[str, Iterable[bytes]]) -> str:
    """The one instance that the certificate of a TLS connection names."""
    if list(connection.get("ssl_tls_version", ())) != [TLS_VERSION]:
        raise Refused(RefusalCode.UNAUTHENTICATED, "TLS 1.3 is needed")
    uris = list(connection.get("peer_uri", ()))
    instance = instance_of(uris[0].decode("ascii", "replace")) if len(uris) == 1 else None
    if instance is None:
        raise Refused(RefusalCode.FORBIDDEN, "the certificate names no instance")
    return instance


def claimed(metadata: Metadata) -> str:
    """The one instance that a caller without a certificate says it is."""
    names = [value for key, value in metadata if key == INSTANCE_KEY]
    if len(names) != 1 or not isinstance(names[0], str) or not is_instance(names[0]):
        raise Refused(RefusalCode.UNAUTHENTICATED, f"the metadata {INSTANCE_KEY} must name the caller once")
    return names[0]
