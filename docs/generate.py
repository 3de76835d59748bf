"""Writes the parts of the documentation that are drawn from the code, between their markers.

.venv/bin/python docs/generate.py            # write them anew
.venv/bin/python docs/generate.py --check    # say which are out of date; exit code 1 if any is
"""

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from functools import cache
from pathlib import Path

from trading_ecosystem import routes
from trading_ecosystem.messages import accounts, chaos, custody, order_changes, orders, risk, transfers, triggers
from trading_ecosystem.messages.message import Addressed
from trading_ecosystem.production.trading_engine import orders as desk_orders
from trading_ecosystem.simulators.custodian import instructions, transfers as custody_transfers
from trading_ecosystem.simulators.exchange import order, phases
from trading_ecosystem.validation.test_coordinator import format

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "trading_ecosystem"
PLANES = {"production": routes.PRODUCTION, "simulators": routes.SIMULATORS, "validation": routes.VALIDATION}
CORES = {role: PACKAGE / plane / role / "core.py" for plane, roles in PLANES.items() for role in roles}
CORES[routes.INJECTOR] = PACKAGE / "virtual" / "injector.py"
MARKER = re.compile(r"(<!-- generated: (\S+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)

Edge = tuple[str, str]  # Sender and recipient, by role.


# Orders.


def transition_table(transitions: Iterable[tuple[tuple[Enum, Enum], Enum]]) -> str:
    """One row per pair of statuses, with every event that leads from the one to the other."""
    events: dict[tuple[Enum, Enum], list[Enum]] = {}
    for (status, event), becomes in transitions:
        events.setdefault((status, becomes), []).append(event)
    lines = ["| from | on | to |", "|---|---|---|"]
    for (status, becomes), between in events.items():
        lines.append(f"| {word(status)} | {', '.join(word(event) for event in between)} | {word(becomes)} |")
    return "\n".join(lines) + "\n"


def word(member: Enum) -> str:
    return member.name.lower().replace("_", " ")


def desk_order_states() -> str:
    return transition_table(desk_orders.CHANGES.items())


def venue_order_states() -> str:
    return transition_table(order.TRANSITIONS.items())


def market_phases() -> str:
    return transition_table(phases.TRANSITIONS.items())


def settlement_states() -> str:
    return transition_table(instructions.TRANSITIONS.items())


def transfer_states() -> str:
    return transition_table(custody_transfers.TRANSITIONS.items())


def reject_reasons() -> str:
    reasons = {"venue rejects": orders.RejectReason, "desk denies": orders.DenyReason}
    lines = ["| who | reasons, the first that applies is the one told |", "|---|---|"]
    for who, words in reasons.items():
        lines.append(f"| {who} | {', '.join(f'`{each.value}`' for each in words)} |")
    return "\n".join(lines) + "\n"


# The data flow.


def source(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def names_called(role: str) -> frozenset[str]:
    """What the source of a service calls by name. A service is a folder; the injector is one file among others."""
    core = CORES[role]
    paths = [core] if role == routes.INJECTOR else sorted(core.parent.rglob("*.py"))
    calls = [node for path in paths for node in ast.walk(source(path)) if isinstance(node, ast.Call)]
    return frozenset(call.func.id for call in calls if isinstance(call.func, ast.Name))


@cache
def names_handled(role: str) -> frozenset[str]:
    """The types that a core looks for with `isinstance`."""
    return frozenset(name for node in ast.walk(source(CORES[role])) for name in names_asked(node))


def names_asked(node: ast.AST) -> list[str]:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id != "isinstance":
        return []
    return [part.id for part in ast.walk(node.args[1]) if isinstance(part, ast.Name)]


def is_made_by(role: str, message_type: type) -> bool:
    return message_type.__name__ in names_called(role)


def is_handled_by(role: str, message_type: type) -> bool:
    return message_type.__name__ in names_handled(role)


def addressed_types() -> list[type]:
    """Commands, questions and answers between services, by name: the order of a module depends on its build."""
    modules = (orders, order_changes, triggers, accounts, custody, transfers, chaos, risk)
    found = [vars(module)[name] for module in modules for name in sorted(vars(module))]
    return [each for each in found if isinstance(each, type) and issubclass(each, Addressed) and each is not Addressed]


def edges() -> Iterator[tuple[Edge, type]]:
    """Every way of a message from a role to another, events by `routes.py` and the rest by who handles it."""
    for message_type, roles in {**routes.PUBLISHED, **routes.PRIVATE}.items():
        yield from joined(message_type, roles)
    for message_type in addressed_types():
        handlers = [role for role in CORES if is_handled_by(role, message_type)]
        yield from joined(message_type, tuple(handlers))


def joined(message_type: type, recipients: tuple[str, ...]) -> Iterator[tuple[Edge, type]]:
    for sender in CORES:
        if is_made_by(sender, message_type):
            yield from (((sender, recipient), message_type) for recipient in recipients if recipient != sender)


def data_flow() -> str:
    """Who says what to whom, as a Mermaid flow chart. What validation hears is in the table of routes."""
    names: dict[Edge, list[str]] = {}
    for edge, message_type in edges():
        if edge[1] not in routes.VALIDATION:
            names.setdefault(edge, []).append(message_type.__name__)
    lines = ["```mermaid", "flowchart LR"]
    for plane, services in PLANES.items():
        drawn = [service for service in services if service != routes.AUDIT_CORRELATOR]
        lines += [f"  subgraph {plane}", *(f"    {service}" for service in drawn), "  end"]
    lines.append(f"  {routes.INJECTOR}")
    lines += [f'  {sender} -- "{"<br>".join(labels)}" --> {to}' for (sender, to), labels in names.items()]
    return "\n".join([*lines, "```"]) + "\n"


def route_table() -> str:
    lines = ["| event | told by | heard by |", "|---|---|---|"]
    for message_type, roles in {**routes.PUBLISHED, **routes.PRIVATE}.items():
        senders = [role for role in CORES if is_made_by(role, message_type)]
        private = ", of its own accounts" if message_type in routes.PRIVATE else ""
        lines.append(f"| `{message_type.__name__}` | {', '.join(senders)} | {', '.join(roles)}{private} |")
    return "\n".join(lines) + "\n"


# The rest.


def import_contracts() -> str:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return "".join(f"- {contract['name']}.\n" for contract in settings["tool"]["importlinter"]["contracts"])


def example(name: str) -> str:
    return f"```yaml\n{(ROOT / 'docs' / 'examples' / name).read_text(encoding='utf-8')}```\n"


PARTS: dict[str, Callable[[], str]] = {
    "scenario-format": format.documentation,
    "desk-order-states": desk_order_states,
    "venue-order-states": venue_order_states,
    "settlement-states": settlement_states,
    "market-phases": market_phases,
    "transfer-states": transfer_states,
    "order-reasons": reject_reasons,
    "data-flow": data_flow,
    "routes": route_table,
    "import-contracts": import_contracts,
    "example-usdt-slips": lambda: example("usdt-slips.yaml"),
    "example-bad-print": lambda: example("bad-print.yaml"),
    "example-monitor-cut-off": lambda: example("monitor-cut-off.yaml"),
}


def pages() -> list[Path]:
    return [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").rglob("*.md"))]


def renewed(text: str) -> str:
    """The text with every generated part as the code has it now. Raises KeyError for an unknown part."""
    return MARKER.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]()}\n{found[4]}", text)


def main(arguments: list[str]) -> int:
    stale = 0
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if renewed(text) == text:
            continue
        stale += 1
        if "--check" in arguments:
            print(f"{page.relative_to(ROOT)} is out of date: .venv/bin/python docs/generate.py")
        else:
            page.write_text(renewed(text), encoding="utf-8")
            print(f"{page.relative_to(ROOT)} written")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
