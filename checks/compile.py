"""Builds the compiled package into .compiled/, beside the editable install that stays plain Python."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = ROOT / ".compiled"


def compiler() -> str | None:
    return next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)


def main() -> int:
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir()
    if compiler() is None:
        print("no C compiler: everything runs as plain Python, several times slower")
        (TARGET / "pure").touch()
        return 0
    print("== compiling the hot modules (a minute or so)", flush=True)
    began = time.monotonic()
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-build-isolation", "--target", str(TARGET), str(ROOT)]
    done = subprocess.run(
        command, env={**os.environ, "TSE_COMPILE": "1", "TSE_COMPILE_ALSO": "benchmarks/players.py"}, check=False
    )
    shutil.rmtree(ROOT / "build", ignore_errors=True)
    if done.returncode:
        return done.returncode
    print(f"   compiled in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
