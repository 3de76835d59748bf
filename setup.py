"""Compiles the hot modules with mypyc when TSE_COMPILE=1; otherwise everything stays plain Python."""

import os

from setuptools import setup

ext_modules = []
if os.environ.get("TSE_COMPILE") == "1":
    from mypyc.build import mypycify

    with open("compiled-modules.txt", encoding="utf-8") as listed:
        modules = [line.strip() for line in listed if line.strip() and not line.startswith("#")]
    ext_modules = mypycify(modules, opt_level="2", debug_level="0")

setup(ext_modules=ext_modules)
