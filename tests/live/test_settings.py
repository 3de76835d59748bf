"""A process is told what it is by a file, and by its environment where that says otherwise."""

from pathlib import Path

import pytest

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.settings import LogLevel, Profile, Settings, load_settings

LEAST = """\
instance: trading_engine.alpha
document: document.yaml
registry: http://127.0.0.1:1
store: "memory:"
data: data
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.yaml"


def loaded(file: Path, text: str, **environment: str) -> Settings:
    file.write_text(text)
    return load_settings(file, environment)


def test_the_least_that_is_needed_leaves_the_rest_on_loopback_and_the_audit_off(file: Path) -> None:
    settings = loaded(file, LEAST)
    assert (settings.instance, settings.role) == ("trading_engine.alpha", "trading_engine")
    assert (settings.grpc, settings.rest, settings.audit) == ("127.0.0.1:0", "127.0.0.1:0", "")
    assert (settings.profile, settings.log_level) == (Profile.SIMULATION, LogLevel.INFO)
    assert (settings.tls, settings.tokens, settings.expose) == (None, None, False)


@pytest.mark.parametrize(
    ("key", "value", "attribute", "wanted"),
    [
        ("TSE_INSTANCE", "exchange", "instance", "exchange"),
        ("TSE_STORE", "postgresql://somewhere/else", "store", "postgresql://somewhere/else"),
        ("TSE_PROFILE", "production", "profile", Profile.PRODUCTION),
        ("TSE_LOG_LEVEL", "error", "log_level", LogLevel.ERROR),
        ("TSE_GRPC", "127.0.0.1:7001", "grpc", "127.0.0.1:7001"),
        ("TSE_TLS", "certificates", "tls", Path("certificates")),
        ("TSE_EXPOSE", "true", "expose", True),
        (
            "TSE_ALERTMANAGER",
            "https://alerts.example:9093/prefix",
            "alertmanager",
            "https://alerts.example:9093/prefix",
        ),
        ("OTHER_STORE", "sqlite:///x", "store", "memory:"),
    ],
)
def test_the_environment_counts_more_than_the_file(
    file: Path, key: str, value: str, attribute: str, wanted: object
) -> None:
    assert getattr(loaded(file, LEAST, **{key: value}), attribute) == wanted


@pytest.mark.parametrize("key", ["instance", "document", "registry", "store", "data"])
def test_what_is_needed_may_come_from_either_and_is_missed_by_both_its_names(file: Path, key: str) -> None:
    text = "".join(line for line in LEAST.splitlines(keepends=True) if not line.startswith(f"{key}:"))
    assert getattr(loaded(file, text, **{f"TSE_{key.upper()}": "given"}), key) in ("given", Path("given"))
    with pytest.raises(Problem, match=rf"'{key}' is missing \(or TSE_{key.upper()} in the environment\)"):
        loaded(file, text)


@pytest.mark.parametrize(
    ("text", "environment", "said"),
    [
        (LEAST + "profil: production\n", {}, "profil"),
        (LEAST + "profile: staging\n", {}, "settings.yaml:6.*profile"),
        (LEAST, {"TSE_PROFILE": "staging"}, "environment TSE_PROFILE"),
        (LEAST + "log_level: loud\n", {}, "log level"),
        (LEAST + "expose: perhaps\n", {}, "settings.yaml:6"),
        (LEAST + "store: [a]\n", {}, "store"),
        (LEAST + "webhook: example.org/alerts\n", {}, "settings.yaml:6.*'example.org/alerts' is not an http:// or"),
        (LEAST, {"TSE_ALERTMANAGER": "ftp://example.org"}, "environment TSE_ALERTMANAGER.*is not an http:// or"),
        (LEAST, {"TSE_ALERTMANAGER": "http://"}, "environment TSE_ALERTMANAGER"),
        (LEAST, {"TSE_WEBHOOK": "http://a:b/"}, "environment TSE_WEBHOOK"),
    ],
)
def test_a_problem_names_the_place_it_comes_from(file: Path, text: str, environment: dict[str, str], said: str) -> None:
    with pytest.raises(Problem, match=said):
        loaded(file, text, **environment)
