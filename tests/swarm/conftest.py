"""Puts the root of the repository on the path, so that tests and `replay.py` share the swarm's modules."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
