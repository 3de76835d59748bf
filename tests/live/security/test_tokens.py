"""Bearer tokens: one credential for each surface, known to its holder alone."""

import hmac
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.access import Access
from trading_ecosystem.live.door import RefusalCode, Refused
from trading_ecosystem.live.rest import access as rest_access
from trading_ecosystem.live.security.tokens import (
    SCOPES,
    Holder,
    Scope,
    Surface,
    Tokens,
    digest,
    issue_token,
    read_token,
    read_tokens,
)

ACCESS = Access(
    sees={"operator.anna": frozenset({"alpha", "beta"}), "trading_engine.alpha": frozenset({"alpha"})},
    trades={"trading_engine.alpha": frozenset({"alpha"})},
)


class Issued:
    """A folder with the tokens of three holders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.anna = self.issue(Surface.REST, "operator.anna", Scope.READ, Scope.ACKNOWLEDGE)
        self.desk = self.issue(Surface.REST, "trading_engine.alpha", Scope.READ, Scope.TRADE)
        self.auditor = self.issue(Surface.AUDIT, "operator.anna", Scope.AUDIT)

    def issue(self, surface: Surface, name: str, *scopes: Scope) -> str:
        file = self.folder / f"{surface}.{name}.token"
        issue_token(self.folder, surface, name, scopes, file)
        return read_token(file)

    def tokens(self, surface: Surface) -> Tokens:
        return read_tokens(self.folder, surface, ACCESS)


@pytest.fixture
def issued(tmp_path: Path) -> Issued:
    return Issued(tmp_path / "tokens")


def outcome(tokens: Tokens, token: str, scope: str, account: str) -> str:
    try:
        return tokens.authorise(token, scope, account)
    except Refused as refused:
        return refused.code


UNKNOWN, FORBIDDEN, ELSEWHERE = RefusalCode.UNAUTHENTICATED, RefusalCode.FORBIDDEN, RefusalCode.NOT_FOUND
ANNA, DESK = "operator.anna", "trading_engine.alpha"


@pytest.mark.parametrize(
    ("surface", "holder", "account", "expected"),
    [
        (Surface.REST, "anna", "", {"read": ANNA, "trade": FORBIDDEN, "acknowledge": ANNA, "audit": FORBIDDEN}),
        (Surface.REST, "anna", "beta", {"read": ANNA, "trade": FORBIDDEN, "acknowledge": ANNA}),
        (Surface.REST, "anna", "gamma", {"read": ELSEWHERE, "trade": FORBIDDEN, "acknowledge": ELSEWHERE}),
        (Surface.REST, "desk", "", {"read": DESK, "trade": DESK, "acknowledge": FORBIDDEN, "audit": FORBIDDEN}),
        (Surface.REST, "desk", "alpha", {"read": DESK, "trade": DESK}),
        (Surface.REST, "desk", "beta", {"read": ELSEWHERE, "trade": ELSEWHERE}),
        (Surface.REST, "auditor", "", {scope.value: UNKNOWN for scope in Scope}),
        (Surface.AUDIT, "auditor", "", {"audit": ANNA, "read": FORBIDDEN, "trade": FORBIDDEN}),
        (Surface.AUDIT, "anna", "", {scope.value: UNKNOWN for scope in Scope}),
        (Surface.AUDIT, "desk", "", {scope.value: UNKNOWN for scope in Scope}),
    ],
)
def test_who_may_do_what(issued: Issued, surface: Surface, holder: str, account: str, expected: dict[str, str]) -> None:
    tokens, token = issued.tokens(surface), getattr(issued, holder)
    assert {scope: outcome(tokens, token, scope, account) for scope in expected} == expected


@given(strategies.text(max_size=60))
@settings(max_examples=50)
def test_no_other_text_is_a_token(text: str) -> None:
    assert outcome(Tokens([], ACCESS), text, "read", "") == UNKNOWN


def test_each_single_change_of_a_token_is_noticed(issued: Issued) -> None:
    tokens = issued.tokens(Surface.REST)
    for at, letter in enumerate(issued.desk):
        changed = issued.desk[:at] + ("a" if letter != "a" else "b") + issued.desk[at + 1 :]
        assert outcome(tokens, changed, "read", "") == UNKNOWN
    for wrong in (issued.desk[:-1], issued.desk + "a", issued.desk.upper(), " " + issued.desk, ""):
        assert outcome(tokens, wrong, "read", "") == UNKNOWN


def test_the_service_has_digests_alone_and_every_file_is_its_owners(issued: Issued) -> None:
    table = (issued.folder / "rest.yaml").read_text()
    assert issued.anna not in table and issued.desk not in table and "sha256" in table
    for path in issued.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(issued.folder.stat().st_mode) == 0o700
    assert len({issued.anna, issued.desk, issued.auditor}) == 3


def test_a_new_token_replaces_the_holders_old_one(issued: Issued) -> None:
    fresh = issued.issue(Surface.REST, "operator.anna", Scope.READ)
    tokens = issued.tokens(Surface.REST)
    assert outcome(tokens, issued.anna, "read", "") == UNKNOWN
    assert outcome(tokens, fresh, "read", "") == ANNA
    assert outcome(tokens, fresh, "acknowledge", "") == FORBIDDEN
    assert outcome(tokens, issued.desk, "read", "") == DESK


@pytest.mark.parametrize("surface", Surface)
@pytest.mark.parametrize("scope", Scope)
def test_a_scope_of_another_surface_cannot_be_given(issued: Issued, surface: Surface, scope: Scope) -> None:
    if scope in SCOPES[surface]:
        assert issued.issue(surface, "operator.bob", scope)
        return
    with pytest.raises(Problem, match=f"the scope {scope} is not one of the surface {surface}"):
        issued.issue(surface, "operator.bob", scope)


def test_the_scopes_are_those_that_the_surfaces_ask_for() -> None:
    assert {scope.value for scope in Scope} == {scope.value for scope in rest_access.Scope}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("operator: {sha256: canary-5f1c, scopes: [read]}", "64 digits of a SHA-256"),
        ("operator: {scopes: [read]}", "the key 'sha256' is missing"),
        (f"operator: {{sha256: {'0' * 64}, scopes: [reed]}}", "did you mean 'read'"),
        (f"operator: {{sha256: {'0' * 64}, scopes: [audit]}}", "unknown scope 'audit'"),
        (f"operator: {{sha256: {'0' * 64}, scopes: [read], admin: true}}", "unknown key 'admin'"),
        ("- operator", "a mapping"),
        ("", "the file is empty"),
    ],
)
def test_a_wrong_table_is_said_in_one_line(issued: Issued, line: str, problem: str) -> None:
    path = issued.folder / "rest.yaml"
    path.write_text(line)
    with pytest.raises(Problem, match=problem) as caught:
        issued.tokens(Surface.REST)
    assert str(caught.value).startswith(str(path)) and "canary" not in str(caught.value)


@pytest.mark.parametrize("name", ["rest.yaml", "rest.operator.anna.token"])
def test_files_that_others_may_read_are_refused(issued: Issued, name: str) -> None:
    path = issued.folder / name
    path.chmod(0o604)
    with pytest.raises(Problem, match=r"others may read it .mode 0604.; run: chmod 600"):
        issued.tokens(Surface.REST) if name.endswith("yaml") else read_token(path)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"rest\.yaml: No such file"):
        read_tokens(tmp_path, Surface.REST, ACCESS)


@pytest.mark.parametrize("name", ["", "Anna", "../anna", "a b"])
def test_names_that_hold_no_token(issued: Issued, name: str) -> None:
    with pytest.raises(Problem, match="cannot hold a token"):
        issue_token(issued.folder, Surface.REST, name, [Scope.READ], issued.folder / "x.token")


def test_no_answer_shows_a_token(issued: Issued) -> None:
    tokens = issued.tokens(Surface.REST)
    for token, scope, account in (
        (issued.anna + "x", "read", ""),
        (issued.anna, "trade", ""),
        (issued.desk, "read", "beta"),
    ):
        with pytest.raises(Refused) as caught:
            tokens.authorise(token, scope, account)
        assert issued.anna not in repr(caught.value) and issued.desk not in repr(caught.value)
    assert issued.desk not in repr(tokens)


class Sealed(bytes):
    """A digest that nothing but a comparison in constant time may look at."""

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared byte by byte")

    __hash__ = None  # type: ignore[assignment]


class Comparisons:
    """Stands for `hmac`: compares as that does, and keeps what was compared."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str]] = []

    def compare_digest(self, presented: bytes, expected: bytes) -> bool:
        self.made.append((presented.hex(), expected.hex()))
        return hmac.compare_digest(presented, expected)


@pytest.mark.parametrize("token", ["first", "last", "lasu", "another", ""])
def test_whatever_token_comes_is_compared_in_constant_time_with_all(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known, nearly right or unknown: the time cannot say which, for the same is done."""
    comparisons = Comparisons()
    monkeypatch.setattr("trading_ecosystem.live.security.tokens.hmac", comparisons)
    names = ("first", "middle", "last")
    holders = {name: Holder(name=name, scopes=frozenset({Scope.READ})) for name in names}
    tokens = Tokens([(Sealed(digest(name)), holder) for name, holder in holders.items()], ACCESS)
    assert outcome(tokens, token, "read", "") == (token if token in holders else UNKNOWN)
    assert comparisons.made == [(digest(token).hex(), digest(name).hex()) for name in names]
