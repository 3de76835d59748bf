"""A trading ecosystem in a box: broken on purpose, judged with proof."""

__version__ = "0.1.0"
