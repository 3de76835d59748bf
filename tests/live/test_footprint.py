"""What a service on a file, without TLS, does not need, it does not hold in its memory."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from importlib import import_module
from pathlib import Path
from trading_ecosystem.live.store.opening import open_store

for name in (
    *("simulators.market_data", "simulators.exchange", "simulators.custodian"),
    *("production.trading_engine", "production.risk_monitor"),
    *("validation.test_coordinator", "validation.audit_correlator"),
):
    service = f"trading_ecosystem.{name}"
    import_module(f"{service}.process" if name.endswith("audit_correlator") else f"{service}.server")
    role = name.rpartition(".")[2]
    design = import_module(f"{service}.store").DESIGN
    store = open_store(f"sqlite:///{Path(sys.argv[1], role)}", role, design)
    store.memory.remember([("a", "b")])
    store.close()
print(*sorted({each.partition(".")[0] for each in sys.modules}))
"""


def test_what_others_need_is_not_loaded(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert {"sqlalchemy", "grpc", "fastapi"} <= loaded
    assert not loaded & {"alembic", "cryptography", "psycopg", "pyarrow", "plotly", "redis", "rich", "typer"}
