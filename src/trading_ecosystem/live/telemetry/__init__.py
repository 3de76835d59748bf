"""What a live service tells of itself: every message as a span, its figures, and its log."""
