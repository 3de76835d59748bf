"""Compiles the hot modules with mypyc when TSE_COMPILE=1; otherwise everything stays plain Python.

TSE_COMPILE_ALSO names further files, such as the players of a benchmark.
"""

import os
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext


class ParallelBuild(build_ext):
    """Runs the C compiler on all cores."""

    def build_extensions(self) -> None:
        compile_all, compile_one = self.compiler.compile, self.compiler._compile
        pending: list[Future[None]] = []

        def compile_and_wait(*arguments: Any, **options: Any) -> Any:
            objects = compile_all(*arguments, **options)
            while pending:
                pending.pop().result()
            return objects

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            self.compiler._compile = lambda *arguments: pending.append(pool.submit(compile_one, *arguments))
            self.compiler.compile = compile_and_wait
            super().build_extensions()


def extensions() -> list[Extension]:
    only_described = {"egg_info", "dist_info"} & set(sys.argv)  # The installer asks for metadata before it builds.
    if os.environ.get("TSE_COMPILE") != "1" or only_described:
        return []
    from mypyc.build import mypycify

    with open("compiled-modules.txt", encoding="utf-8") as listed:
        modules = [line.strip() for line in listed if line.strip() and not line.startswith("#")]
    modules += os.environ.get("TSE_COMPILE_ALSO", "").split()
    built: list[Extension] = mypycify(modules, opt_level="2", debug_level="0", multi_file=True)
    for extension in built:
        extension.extra_compile_args.append("-ffp-contract=off")  # Round as plain Python does.
        extension.extra_compile_args.append("-fvisibility=hidden")  # Call within the library directly.
    return built


setup(ext_modules=extensions(), cmdclass={"build_ext": ParallelBuild})
