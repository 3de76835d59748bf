"""The parts of the pages that are drawn from the code are as the code has them now."""

import re
from types import ModuleType

import pytest

from trading_ecosystem import routes
from trading_ecosystem.messages.codec import MESSAGE_TYPES
from trading_ecosystem.production.trading_engine import orders as desk_orders
from trading_ecosystem.simulators.exchange import order

RUNTIME = ("Start", "Wake")  # Sealed by the runner, in the name of the service that gets them.
TRAIL = ("Block", "TrailClosed")  # Entries that are no messages.


def table_after(page: str, marker: str) -> list[list[str]]:
    """The rows of a generated table, without its head."""
    text = page.partition(f"<!-- generated: {marker} -->")[2].partition("<!-- end -->")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines()][2:]


def test_no_page_is_out_of_date(generate: ModuleType, pages: dict[str, str]) -> None:
    for name, page in pages.items():
        assert generate.renewed(page) == page, f"{name}: run .venv/bin/python docs/generate.py"


def test_a_changed_table_is_noticed(generate: ModuleType, pages: dict[str, str]) -> None:
    page = pages["docs/life-of-an-order.md"]
    bent = page.replace("| open | fill rest | filled |", "| open | fill rest | canceled |")
    assert bent != page
    assert generate.renewed(bent) == page


def test_every_part_is_used_and_every_marker_is_whole(generate: ModuleType, pages: dict[str, str]) -> None:
    begun = [name for page in pages.values() for name in re.findall(r"<!-- generated: (\S+) -->", page)]
    assert set(begun) == set(generate.PARTS)
    assert sum(page.count("<!-- end -->") for page in pages.values()) == len(begun)
    with pytest.raises(KeyError):
        generate.renewed("<!-- generated: nothing -->\n<!-- end -->")


@pytest.mark.parametrize(
    ("marker", "statuses", "events", "transitions"),
    [
        ("desk-order-states", desk_orders.OrderStatus, desk_orders.OrderEvent, desk_orders.CHANGES),
        ("venue-order-states", order.OrderStatus, order.OrderStep, order.TRANSITIONS),
    ],
)
def test_a_table_of_states_reads_back_as_the_code(
    pages: dict[str, str], marker: str, statuses: type, events: type, transitions: dict[object, object]
) -> None:
    def member(kind: type, words: str) -> object:
        return getattr(kind, words.upper().replace(" ", "_"))

    read = {
        (member(statuses, before), member(events, event)): member(statuses, after)
        for before, on, after in table_after(pages["docs/life-of-an-order.md"], marker)
        for event in on.split(", ")
    }
    assert read == transitions


def test_the_table_of_routes_is_complete(pages: dict[str, str]) -> None:
    rows = {row[0].strip("`"): row[2] for row in table_after(pages["ARCHITECTURE.md"], "routes")}
    assert set(rows) == {each.__name__ for each in {**routes.PUBLISHED, **routes.PRIVATE}}
    for message_type, roles in {**routes.PUBLISHED, **routes.PRIVATE}.items():
        assert [word for word in rows[message_type.__name__].split(", ") if word in routes.SERVICES] == list(roles)


def test_who_tells_what_in_a_run_is_who_the_pages_say(generate: ModuleType, trail: list[object]) -> None:
    """The pages read senders off the source; a run shows them at work."""
    told = {(entry.sender.partition(".")[0], entry.type_name) for entry in trail}  # type: ignore[attr-defined]
    told |= {(entry.sender, entry.values["type"]) for entry in trail if entry.type_name == "Block"}  # type: ignore[attr-defined]
    checked = 0
    for role, name in sorted(told):
        if role in generate.CORES and name not in (*RUNTIME, *TRAIL):
            assert generate.is_made_by(role, MESSAGE_TYPES[name]), (role, name)
            checked += 1
    assert checked > 15


def test_commands_and_answers_of_a_run_are_in_the_diagram(generate: ModuleType, trail: list[object]) -> None:
    drawn = {(edge, message_type.__name__) for edge, message_type in generate.edges()}
    seen = {
        ((entry.sender.partition(".")[0], entry.values["to"].partition(".")[0]), entry.type_name)  # type: ignore[attr-defined]
        for entry in trail
        if "to" in entry.values  # type: ignore[attr-defined]
    }
    assert len(seen) > 5
    assert seen <= drawn


def test_the_contracts_are_listed(pages: dict[str, str], generate: ModuleType) -> None:
    assert generate.import_contracts().count("\n") >= 6
    assert "What ships to production knows nothing of simulation or test." in pages["ARCHITECTURE.md"]
