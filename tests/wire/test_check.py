"""`checks/wire.py` says what of the generated code and pages is not what `proto/` gives."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = ROOT / "docs" / "api"
CODE = "src/trading_ecosystem/wire"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The wire and what generates it, to be changed at will."""
    for folder in ("proto", CODE, "docs/api"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "checks").mkdir()
    shutil.copy(ROOT / "checks" / "wire.py", tmp_path / "checks")
    return tmp_path


def check(repository: Path, *options: str, **environment: str) -> tuple[int, str]:
    """Exit code and output, where buf is not to be had."""
    variables = {**os.environ, "PATH": "", "XDG_CACHE_HOME": str(repository / "cache"), "CI": "", **environment}
    command = [sys.executable, str(repository / "checks" / "wire.py"), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    return done.returncode, done.stdout + done.stderr


def test_what_is_committed_is_fresh_and_a_missing_buf_is_told(repository: Path) -> None:
    code, output = check(repository)
    assert (code, "skipped: buf lint, buf format and buf breaking" in output) == (0, True), output


def test_a_missing_buf_fails_a_build_server(repository: Path) -> None:
    code, output = check(repository, CI="true")
    assert (code, "buf is needed" in output) == (1, True), output


def test_what_differs_is_missing_or_left_over_is_named_and_written_anew(repository: Path) -> None:
    changed = repository / "docs/api/exchange.md"
    changed.write_text(changed.read_text() + "more\n")
    (repository / CODE / "common/v1/common_pb2.pyi").unlink()
    (repository / CODE / "exchange/v1/old_pb2.py").touch()
    proto = repository / "proto/trading_ecosystem/wire/custodian/v1/custodian.proto"
    proto.write_text(proto.read_text().replace("// Owner.", "// Whose it is."))
    code, output = check(repository)
    named = re.findall(r"^(\S+) is not what proto/ gives", output, re.MULTILINE)
    assert code == 1
    assert named == [
        "docs/api/custodian.md",
        "docs/api/exchange.md",
        f"{CODE}/common/v1/common_pb2.pyi",
        f"{CODE}/custodian/v1/custodian_pb2.pyi",
        f"{CODE}/exchange/v1/old_pb2.py",
    ]
    assert check(repository, "--write")[0] == 0
    assert not (repository / CODE / "exchange/v1/old_pb2.py").exists()
    assert "Whose it is." in (repository / "docs/api/custodian.md").read_text()


def buf() -> str:
    """The program that the check itself would use."""
    caches = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "trading-ecosystem"
    found = sorted(caches.glob("buf-*/node_modules/.bin/buf"))
    if not found:
        assert os.environ.get("CI") != "true", "buf is needed where CI=true: run checks/wire.py first"
        pytest.skip("buf is not installed: checks/wire.py installs it by npm")
    return str(found[-1])


@pytest.mark.parametrize(
    ("path", "old", "new", "complaint"),
    [
        ("exchange", "int64 order_id = 5;", "string order_id = 5;", "changed type"),
        ("exchange", "  SIDE_SELL = 2;", "  SIDE_SELL = 3;", "Previously present enum value"),
        ("custodian", "  int64 amount_minor = 4;", "  int64 amount = 4;", "changed"),
        ("common", "  // Span id.\n  fixed64 message_id = 1;\n", "", "was deleted"),
    ],
)
def test_a_change_that_breaks_what_was_released_is_found(
    repository: Path, path: str, old: str, new: str, complaint: str
) -> None:
    proto = repository / f"proto/trading_ecosystem/wire/{path}/v1/{path}.proto"
    text = proto.read_text()
    assert old in text
    proto.write_text(text.replace(old, new))
    released = ROOT / "proto" / "released.binpb"
    command = [buf(), "breaking", str(repository / "proto"), "--against", str(released)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert complaint in done.stdout


# Pages.


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.stem)
def test_a_page_has_every_name_of_its_proto_and_its_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    proto = (ROOT / f"proto/trading_ecosystem/wire/{page.stem}/v1/{page.stem}.proto").read_text(encoding="utf-8")
    for name in re.findall(r"^\s*(?:message|enum|service) (\w+)", proto, re.MULTILINE):
        assert re.search(rf"^##+ {name}$", text, re.MULTILINE), name
    for name in re.findall(r"^\s*(?:[\w.]+ )+(\w+) = \d+;", proto, re.MULTILINE):
        assert f"| `{name}` |" in text, name
    for target, heading in re.findall(r"\]\(([a-z_]*(?:\.md)?)#(\w+)\)", text):
        there = (PAGES / target).read_text(encoding="utf-8") if target else text
        assert re.search(rf"^### {heading}$", there, re.MULTILINE | re.IGNORECASE), (target, heading)
