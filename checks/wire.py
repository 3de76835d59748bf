"""Keeps the wire true to `proto/`: generated code, API pages, and what was released before.

Rule 1: what is committed is what `proto/` gives, byte for byte; `--write` writes it anew.
Rule 2: what was released (`proto/released.binpb`) never breaks; `--release` releases what is there now.
"""

import argparse
import filecmp
import importlib.resources
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROTO = ROOT / "proto"
RELEASED = PROTO / "released.binpb"
CODE = Path("src/trading_ecosystem/wire")
PAGES = Path("docs/api")
BUF = "1.75.0"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "trading-ecosystem" / f"buf-{BUF}"


def generate(target: Path) -> None:
    """Write code and pages under `target`, laid out like the repository."""
    (target / "src").mkdir(parents=True)
    names = ("mypy", "mypy_grpc")
    plugins = [f"--plugin=protoc-gen-{name}={Path(sys.executable).parent / f'protoc-gen-{name}'}" for name in names]
    outputs = [f"--{kind}_out={target / 'src'}" for kind in ("python", "grpc_python")]
    outputs += [f"--{name}_out=quiet:{target / 'src'}" for name in names]
    protoc(*plugins, *outputs)
    packages = [target / CODE, *(folder for folder in (target / CODE).rglob("*") if folder.is_dir())]
    for package in packages:
        (package / "__init__.py").touch()
    with tempfile.NamedTemporaryFile(suffix=".binpb") as image:
        protoc("--include_source_info", f"--descriptor_set_out={image.name}")
        subprocess.run([sys.executable, ROOT / PAGES / "generate.py", image.name, target / PAGES], check=True)


def protoc(*options: str) -> None:
    common = importlib.resources.files("grpc_tools") / "_proto"
    sources = [str(path.relative_to(PROTO)) for path in sorted(PROTO.rglob("*.proto"))]
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO}", f"-I{common}", *options, *sources]
    subprocess.run(command, check=True)


def differences(made: Path) -> list[str]:
    """Generated files that are missing, differ, or come from no proto any more."""
    names = {
        path.relative_to(made) for folder in (CODE, PAGES) for path in (made / folder).rglob("*") if path.is_file()
    }
    kept = {path.relative_to(ROOT) for path in generated_files()}
    wrong = [name for name in names & kept if not filecmp.cmp(made / name, ROOT / name, shallow=False)]
    return sorted(str(name) for name in (names ^ kept) | set(wrong))


def generated_files() -> list[Path]:
    code = [path for path in (ROOT / CODE).rglob("*.py*") if path.suffix in (".py", ".pyi")]
    return code + list((ROOT / PAGES).glob("*.md"))


def write(made: Path) -> None:
    for path in generated_files():
        path.unlink()
    for folder in (CODE, PAGES):
        shutil.copytree(made / folder, ROOT / folder, dirs_exist_ok=True)


def buf() -> str | None:
    """The path of buf, installed by npm into a cache on first use; None where there is no npm or no registry."""
    program = CACHE / "node_modules" / ".bin" / "buf"
    if program.exists():
        return str(program)
    if shutil.which("npm") is None:
        return None
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(CACHE), f"@bufbuild/buf@{BUF}"]
    done = subprocess.run(command, check=False, capture_output=True)
    return str(program) if done.returncode == 0 and program.exists() else None


def check_with_buf() -> list[str]:
    program = buf()
    if program is None:
        print("skipped: buf lint, buf format and buf breaking (npm or its registry cannot be reached)")
        return ["buf is needed where CI=true"] if os.environ.get("CI") == "true" else []
    steps = {
        "buf lint": ["lint", str(PROTO)],
        "buf format": ["format", "--diff", "--exit-code", str(PROTO)],
        "buf breaking": ["breaking", str(PROTO), "--against", str(RELEASED)],
    }
    return [name for name, options in steps.items() if subprocess.run([program, *options], check=False).returncode]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write generated code and pages anew")
    parser.add_argument("--release", action="store_true", help="what is in proto/ now must never break from here on")
    options = parser.parse_args()
    if options.release:
        protoc("--include_imports", f"--descriptor_set_out={RELEASED}")
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made"
        generate(made)
        if options.write:
            write(made)
        stale = differences(made)
    problems = [f"{name} is not what proto/ gives: run checks/wire.py --write" for name in stale]
    problems += check_with_buf()
    for problem in problems:
        print(problem)
    print(f"{len(generated_files())} generated files compared, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
