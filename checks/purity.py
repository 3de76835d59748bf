"""Reads every core as text: no clock, socket, disk, environment, chance, set iteration or swallowed error."""

import ast
import sys
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src" / "trading_ecosystem"
SERVICES = ("production", "simulators", "validation")
# Shells, by the end of their path: files, sockets and clocks are their work, so that a core needs none.
SHELLS = (
    *(
        "config.py",
        "store.py",
        "risk_monitor/plugins.py",
        "replay.py",
        "market_data/record_*.py",
        "file_symbols.py",
        "scenario.py",
        "format.py",
        "settings.py",
        "holiday_calendars.py",
    ),
    *(
        "__main__.py",
        "server.py",
        "rest.py",
        "rest_bodies.py",
        "rest_margin.py",
        "custodian/rest_*.py",
        "trading_engine/rest_switch.py",
        "risk_monitor/notify/*.py",
    ),
    *("exchange/rest_statements.py", "exchange/statement_call.py"),
    *(
        "simulators/breaking.py",
        "simulators/statement_routes.py",
        "test_coordinator/chaos_link.py",
        "test_coordinator/conductor.py",
    ),
    *("audit_correlator/process.py", "audit_correlator/receiver.py", "audit_correlator/forwarding.py"),
    "audit_correlator/intake.py",  # Tells spans apart by hashes, which live as long as its process.
    *("audit_correlator/verify.py", "audit_correlator/query.py", "validation/result_files.py"),
)
# Whatever a strategy or a rule raises ends that one, and no other.
FENCES = ("trading_engine/guard.py", "risk_monitor/fence.py")
BANNED_IMPORTS = {
    "asyncio", "datetime", "http", "io", "multiprocessing", "os", "pathlib", "pickle", "random", "secrets",
    "select", "shutil", "signal", "socket", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "uuid",
}  # fmt: skip
BROAD = ("Exception", "BaseException")
CATCHES_ALL = "catches everything"
BANNED_CALLS = {"eval", "exec", "hash", "id", "input", "open", "print"}


def is_shell(path: Path) -> bool:
    return any(path.match(shell) for shell in SHELLS)


def problems_in(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [f"{path}:{getattr(node, 'lineno', 0)}: {what}" for node in ast.walk(tree) for what in faults_of(node)]
    return [fault for fault in found if not (fault.endswith(CATCHES_ALL) and any(path.match(each) for each in FENCES))]


def faults_of(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [f"imports {a.name}" for a in node.names if a.name.split(".")[0] in BANNED_IMPORTS]
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in BANNED_IMPORTS:
        return [f"imports from {node.module}"]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BANNED_CALLS:
        return [f"calls {node.func.id}()"]
    if isinstance(node, ast.For | ast.comprehension) and is_set(node.iter):
        return ["iterates a set, whose order is not its own"]
    if isinstance(node, ast.ExceptHandler) and is_broad(node):
        return [CATCHES_ALL]
    return []


def is_set(node: ast.expr) -> bool:
    built = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("set", "frozenset")
    return built or isinstance(node, ast.Set | ast.SetComp)


def is_broad(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(each is None or (isinstance(each, ast.Name) and each.id in BROAD) for each in caught)


def main() -> int:
    files = [path for plane in SERVICES for path in sorted((SOURCE / plane).rglob("*.py")) if not is_shell(path)]
    problems = [problem for path in files for problem in problems_in(path)]
    for problem in problems:
        print(problem)
    print(f"{len(files)} files read, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
