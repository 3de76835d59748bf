"""Puts the root of the repository on the path: tests and `checks/planes.py` share the modules of this folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
