"""What the pages point at is there: files, headings, classes, words."""

import ast
import re
from enum import Enum
from os.path import normpath
from pathlib import Path

import pytest

from trading_ecosystem.configuration.document import read_document
from trading_ecosystem.messages import codec
from trading_ecosystem.messages.codec import MESSAGE_TYPES
from trading_ecosystem.messages.message import field_names
from trading_ecosystem.orchestrator import documents, folder as run_folder, launch
from trading_ecosystem.production.risk_monitor.plugins import BUILT_IN, REQUIRED

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`([^`\n]+)`")
CLASS = re.compile(r"[A-Z][a-z]+[A-Za-z]*")
LARGEST_PICTURE = 400_000
KEPT = "Kept for what is not built"
OF_A_RUN = (*run_folder.OWN_FILES, *run_folder.OWN_FOLDERS, run_folder.LOCK)
OF_A_SERVICE = (launch.SETTINGS, documents.DOCUMENT, run_folder.LOG, run_folder.DATA, run_folder.TOKENS)
SUFFIXES = (".py", ".yaml", ".md", ".txt", ".toml", "/")

STYLE_WORDS = """
SubmitOrder CancelOrder OrderAccepted OrderRejected OrderDenied OrderCanceled OrderExpired OrderFilled
TradeExecuted fill BUY SELL GTC IOC FOK DAY GTD post_only reduce_only client_order_id order_id leaves_quantity_lots
cumulative_quantity_lots maker taker best_bid best_ask depth price_level quote trade bar tick occurred_ns received_ns
account asset transfer debit_account credit_account pending posted voided holding position instruction matched settled
failed trade_date settlement_date settlement_cycle delivery_versus_payment reconciliation break
scenario steady_state probe tolerance action method rollbacks blast_radius abort_condition
partition heal hold release crash restart delay restore
rule alert inactive firing resolved labels annotations fingerprint severity
correlation_id causation_id message_id detected missed false_alarm detection_latency
"""


def slug(heading: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(page: str) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", FENCED.sub("", page), re.MULTILINE)}


def words_in_code(page: str) -> list[str]:
    return CODE.findall(FENCED.sub("", page))


# Links and files.


def test_every_link_leads_somewhere(pages: dict[str, str], root: Path) -> None:
    for name, page in pages.items():
        for target in LINK.findall(FENCED.sub("", page)):
            assert "://" not in target, f"{name} leads outside: {target}"
            path, _, anchor = target.partition("#")
            there = (root / name).parent / path if path else root / name
            assert there.exists(), f"{name} leads to {target}"
            if anchor:
                assert anchor in anchors(there.read_text(encoding="utf-8")), f"{name} leads to {target}"


def made_by(page: str) -> set[str]:
    """The files that a page lets its reader write or copy."""
    copied = [line.split() for line in re.findall(r"^\$ cp (.+) \.$", page, re.MULTILINE)]
    written = re.findall(r"Put this into `([\w.-]+)`:$", page, re.MULTILINE)
    return {*written, *(Path(word).name for words in copied for word in words)}


def test_every_file_that_a_page_names_is_there(pages: dict[str, str], root: Path) -> None:
    package = root / "src" / "trading_ecosystem"
    names = {path.name for path in package.rglob("*.py")} | {*OF_A_RUN, *OF_A_SERVICE}
    for name, page in pages.items():
        known = names | made_by(page)
        for word in words_in_code(page):
            if not word.endswith(SUFFIXES) or not re.fullmatch(r"[\w./-]+", word) or word.startswith("out/"):
                continue
            assert (root / word).exists() or (package / word).exists() or word in known, f"{name} names {word}"


def test_the_page_on_live_mode_shows_all_that_lies_in_the_folder_of_a_run(pages: dict[str, str]) -> None:
    named = set(words_in_code(pages["docs/live.md"].partition("## Where things lie")[2].partition("\n## ")[0]))
    assert {*OF_A_RUN, *OF_A_SERVICE} - {run_folder.TERMS, run_folder.INJECTOR, run_folder.TOKENS} <= named


def test_the_map_shows_every_part_of_the_package(pages: dict[str, str], root: Path) -> None:
    shown = pages["ARCHITECTURE.md"].partition("## Where things are")[2]
    for path in sorted((root / "src" / "trading_ecosystem").iterdir()):
        if path.name.startswith("__") or path.suffix not in ("", ".py"):
            continue
        assert (f"{path.name}/`" if path.is_dir() else f"{path.name}`") in shown, path.name


def test_every_decision_is_numbered_and_linked(pages: dict[str, str], root: Path) -> None:
    files = sorted((root / "docs" / "decisions").iterdir())
    for number, path in enumerate(files, start=1):
        assert path.name.startswith(f"{number:04}-")
        page = path.read_text(encoding="utf-8")
        assert page.startswith(f"# {number}. ")
        assert [f"**{part}.**" in page for part in ("Choice", "Why", "Cost")][:2] == [True, True]
        assert f"docs/decisions/{path.name}" in pages["README.md"]


def pages_behind(name: str, page: str) -> set[str]:
    """The paths from the root that a page links to."""
    targets = {target.partition("#")[0] for target in LINK.findall(FENCED.sub("", page))}
    return {normpath(Path(name).parent / target) for target in targets if target}


def test_every_page_is_reached_from_the_readme(pages: dict[str, str]) -> None:
    reached: set[str] = set()
    new = {"README.md"}
    while new:
        reached |= new
        new = {target for name in new for target in pages_behind(name, pages[name])} & set(pages) - reached
    assert set(pages) == reached


def test_pictures_are_pictures_and_small(root: Path) -> None:
    pictures = sorted((root / "docs" / "images").iterdir())
    assert pictures
    for path in pictures:
        data = path.read_bytes()
        assert data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) < LARGEST_PICTURE, path.name


# Names of the code.


def test_every_class_that_a_page_names_is_in_the_code(pages: dict[str, str], root: Path) -> None:
    classes = {
        node.name
        for path in (root / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    protos = [path.read_text(encoding="utf-8") for path in (root / "proto").rglob("*.proto")]
    called = {
        name for text in protos for name in re.findall(r"^ *(?:message|enum|service|rpc) (\w+)", text, re.MULTILINE)
    }
    assert len(called) > 50
    for name, page in pages.items():
        told = page.partition(f"## {KEPT}")[0]
        assert {word for word in words_in_code(told) if CLASS.fullmatch(word)} <= classes | called, name


def test_the_life_of_an_order_names_messages(pages: dict[str, str]) -> None:
    named = {word for word in words_in_code(pages["docs/life-of-an-order.md"]) if CLASS.fullmatch(word)}
    assert len(named) > 10
    assert named <= set(MESSAGE_TYPES)


@pytest.mark.parametrize("word", STYLE_WORDS.split())
def test_the_glossary_has_the_word(pages: dict[str, str], word: str) -> None:
    page = pages["docs/glossary.md"]
    plain = word.replace("_", " ")
    assert re.search(rf"(?<!\w)({word}|{plain})(?!\w)", page, re.IGNORECASE), word


def test_words_that_are_kept_are_not_used_yet(pages: dict[str, str]) -> None:
    kept = {word for word in words_in_code(pages["docs/glossary.md"].partition(f"## {KEPT}")[2]) if word.strip()}
    used = set(MESSAGE_TYPES) | {name for each in MESSAGE_TYPES.values() for name in field_names(each)}
    kinds: list[type[Enum]] = list(codec.ENUMS.values())
    used |= {member.name for kind in kinds for member in kind}
    assert len(kept) > 8
    assert kept & used == set()


def test_the_page_on_limits_has_every_rule_and_repeats_the_file(pages: dict[str, str], root: Path) -> None:
    page = pages["docs/limits.md"]
    limits = root / "worlds" / "two-desks-limits.yaml"
    for rule in BUILT_IN:
        assert f"`{rule}`" in page
        assert rule not in REQUIRED or rule in dict(read_document(limits).entries())
    shown = next(block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL))
    assert "\n".join(shown.splitlines()) in limits.read_text(encoding="utf-8")
