"""Certificates: one instance each, a day at most, for their owner's eyes alone."""

import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.security.certificates import (
    AUTHORITY_FOLDER,
    AUTHORITY_LIFETIME_NS,
    HOUR_NS,
    LIFETIME_NS,
    issue_all,
    nanoseconds,
)
from trading_ecosystem.live.security.credentials import read_credentials
from trading_ecosystem.live.security.handshakes import revision

NAMES = ["exchange", "trading_engine.alpha"]
FILES = ("ca.pem", "cert.pem", "key.pem")


def certificate_of(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_every_file_is_its_owners_alone(tmp_path: Path) -> None:
    issue_all(tmp_path / "certificates", NAMES)
    paths = sorted((tmp_path / "certificates").rglob("*"))
    assert len(paths) == 3 + 2 * 3 + 2  # Three folders; an authority has no third file.
    for path in [tmp_path / "certificates", *paths]:
        assert mode(path) == (0o700 if path.is_dir() else 0o600), path


def test_a_folder_that_was_open_is_closed(tmp_path: Path) -> None:
    (tmp_path / "exchange").mkdir(mode=0o755)
    issue_all(tmp_path, ["exchange"])
    assert mode(tmp_path / "exchange") == 0o700


def test_a_certificate_names_its_instance_and_nothing_else(tmp_path: Path) -> None:
    issue_all(tmp_path, NAMES)
    certificate = certificate_of(tmp_path / "trading_engine.alpha")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    assert uris == ["spiffe://trading-ecosystem/trading_engine/trading_engine.alpha"]
    assert names.get_values_for_type(x509.DNSName) == ["trading-engine.alpha", "localhost"]
    assert len(list(names)) == 3
    assert list(certificate.subject) == []
    text = certificate.public_bytes(serialization.Encoding.DER)
    for word in (b"simul", b"scenario", b"test", b"chaos"):
        assert word not in text.lower()


def test_it_lives_a_day_at_most_and_cannot_sign(tmp_path: Path) -> None:
    issue_all(tmp_path, NAMES)
    certificate = certificate_of(tmp_path / "exchange")
    lived_ns = nanoseconds(certificate.not_valid_after_utc) - nanoseconds(certificate.not_valid_before_utc)
    assert 0 < lived_ns <= LIFETIME_NS
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    with pytest.raises(AssertionError):
        issue_all(tmp_path, NAMES, lifetime_ns=LIFETIME_NS + 1)


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["Exchange"], "'Exchange' cannot be the name of an instance"),
        (["../exchange"], "cannot be the name of an instance"),
        (["exchange/x"], "cannot be the name of an instance"),
        (["exchange."], "cannot be the name of an instance"),
        ([""], "cannot be the name of an instance"),
        (["exchange.a_b", "exchange.a-b"], "would have the same host name"),
    ],
)
def test_names_that_cannot_be_certified(tmp_path: Path, names: list[str], problem: str) -> None:
    with pytest.raises(Problem, match=problem):
        issue_all(tmp_path / "certificates", names)
    assert not (tmp_path / "certificates").exists()


def test_issuing_again_rotates_leaves_and_keeps_the_authority(tmp_path: Path) -> None:
    issue_all(tmp_path, NAMES)
    before = read_credentials(tmp_path / "exchange")
    authority = (tmp_path / AUTHORITY_FOLDER / "ca.pem").read_bytes()
    seen = revision(tmp_path / "exchange")
    issue_all(tmp_path, NAMES)
    after = read_credentials(tmp_path / "exchange")
    assert after.key != before.key and after.certificate != before.certificate
    assert after.authorities == before.authorities == authority
    assert revision(tmp_path / "exchange") != seen


def test_an_old_authority_is_replaced_and_trusted_while_it_lives(tmp_path: Path) -> None:
    now_ns = Clock().now_ns()
    issue_all(tmp_path, NAMES, now_ns=now_ns - AUTHORITY_LIFETIME_NS + 2 * HOUR_NS)
    old = (tmp_path / "exchange" / "ca.pem").read_bytes()
    issue_all(tmp_path, NAMES)
    both = read_credentials(tmp_path / "exchange").authorities
    assert both.endswith(old) and both.count(b"BEGIN CERTIFICATE") == 2
    issue_all(tmp_path, NAMES, now_ns=now_ns + HOUR_NS)
    assert read_credentials(tmp_path / "exchange").authorities == both
    issue_all(tmp_path, NAMES, now_ns=now_ns + 3 * HOUR_NS)
    assert read_credentials(tmp_path / "exchange").authorities == both.removesuffix(old)


def test_an_authority_whose_files_are_no_pair_is_replaced(tmp_path: Path) -> None:
    issue_all(tmp_path / "one", NAMES)
    issue_all(tmp_path / "two", NAMES)
    (tmp_path / "one" / AUTHORITY_FOLDER / "key.pem").write_bytes(
        (tmp_path / "two" / AUTHORITY_FOLDER / "key.pem").read_bytes()
    )
    issue_all(tmp_path / "one", NAMES)
    assert read_credentials(tmp_path / "one" / "exchange").instance == "exchange"


def test_credentials_are_read_back(tmp_path: Path) -> None:
    issue_all(tmp_path, NAMES, lifetime_ns=HOUR_NS)
    found = read_credentials(tmp_path / "trading_engine.alpha")
    assert found.instance == "trading_engine.alpha"
    assert 0 < found.expires_ns - Clock().now_ns() <= HOUR_NS
    assert found.key == (tmp_path / "trading_engine.alpha" / "key.pem").read_bytes()


def missing_file(folder: Path) -> None:
    (folder / "cert.pem").unlink()


def readable_key(folder: Path) -> None:
    (folder / "key.pem").chmod(0o644)


def key_of_the_group(folder: Path) -> None:
    (folder / "key.pem").chmod(0o640)


def key_of_another(folder: Path) -> None:
    (folder / "key.pem").write_bytes((folder.parent / "trading_engine.alpha" / "key.pem").read_bytes())


def key_of_nonsense(folder: Path) -> None:
    (folder / "key.pem").write_bytes(b"canary-5f1c")


def key_of_another_kind(folder: Path) -> None:
    encoding, layout = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key = ed25519.Ed25519PrivateKey.generate()
    (folder / "key.pem").write_bytes(key.private_bytes(encoding, layout, serialization.NoEncryption()))


def certificate_of_nonsense(folder: Path) -> None:
    (folder / "cert.pem").write_bytes(b"canary-5f1c")


def another_authority(folder: Path) -> None:
    issue_all(folder.parent / "other", NAMES)
    (folder / "ca.pem").write_bytes((folder.parent / "other" / "exchange" / "ca.pem").read_bytes())


def authority_as_leaf(folder: Path) -> None:
    authority = folder.parent / AUTHORITY_FOLDER
    (folder / "cert.pem").write_bytes((authority / "ca.pem").read_bytes())
    (folder / "key.pem").write_bytes((authority / "key.pem").read_bytes())


def expired(folder: Path) -> None:
    issue_all(folder.parent, NAMES, now_ns=Clock().now_ns() - 2 * LIFETIME_NS)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (missing_file, "No such file"),
        (readable_key, "others may read it .mode 0644.; run: chmod 600"),
        (key_of_the_group, "others may read it .mode 0640."),
        (key_of_another, "are not a pair"),
        (key_of_nonsense, "not an unencrypted private key in PEM"),
        (key_of_another_kind, "not a key on an elliptic curve"),
        (certificate_of_nonsense, "not a certificate in PEM"),
        (another_authority, "signed by none of ca.pem"),
        (authority_as_leaf, "names no instance"),
        (expired, "expired at 20"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(tmp_path: Path, spoil: object, problem: str) -> None:
    issue_all(tmp_path, NAMES)
    assert callable(spoil)
    spoil(tmp_path / "exchange")
    with pytest.raises(Problem, match=problem) as caught:
        read_credentials(tmp_path / "exchange")
    assert "\n" not in str(caught.value) and "canary" not in str(caught.value)


def test_a_key_is_not_shown_by_what_holds_it(tmp_path: Path) -> None:
    issue_all(tmp_path, NAMES)
    found = read_credentials(tmp_path / "exchange")
    assert "PRIVATE" not in repr(found) and found.key.decode().split("\n")[1] not in repr(found)
