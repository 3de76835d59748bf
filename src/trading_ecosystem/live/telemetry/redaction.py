"""Takes secrets out of what is told, logged or kept.

Rule 1: a value is hidden for its own look or for the name it goes by; the name itself stays.
Rule 2: better one value hidden too many than one secret kept: what is hidden says so.
"""

import re
from typing import final

HIDDEN = "[redacted]"
SECRET_NAMES = re.compile(
    r"(?:^|[._\-\s])(?:passwords?|passwd|passphrase|secrets?|tokens?|api[._\-]?keys?|private[._\-]?keys?|authorization|"
    r"credentials?|cookies?|signatures?)(?:$|[._\-\s])",
    re.IGNORECASE,
)
SECRET_VALUES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"
    r"|\b(?:Bearer|Basic)\s+[A-Za-z0-9+/_.~=\-]{8,}"
    r"|\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*"
    r"|\bAKIA[0-9A-Z]{16}\b"
    r"|\btse_[A-Za-z0-9_\-]{43}"  # A token of our own surfaces.
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
    r"|\b(?:password|passwd|secret|token|api[_\-]?key)\s*[=:]\s*[^\s,;&\"']+",
    re.IGNORECASE | re.DOTALL,
)


@final
class Redaction:
    """`known` are secrets of this deployment, at least eight characters each, to be hidden wherever they stand."""

    def __init__(self, known: tuple[str, ...] = ()) -> None:
        short = [secret for secret in known if len(secret) < 8]
        assert not short, f"{len(short)} known secrets are too short to be told from other text"
        self._known = known
        self.hidden = 0

    def value(self, name: str, text: str) -> str:
        """The text under this name, without its secrets."""
        if text and SECRET_NAMES.search(name):
            self.hidden += 1
            return HIDDEN
        return self.text(text)

    def text(self, text: str) -> str:
        cleaned, found = SECRET_VALUES.subn(HIDDEN, text)
        self.hidden += found
        for secret in self._known:
            if secret in cleaned:
                self.hidden += cleaned.count(secret)
                cleaned = cleaned.replace(secret, HIDDEN)
        return cleaned
