"""The hash chain over an audit trail: what each line of the file is sealed with. Standard library only.

Rule 1: h(0) = SHA-256(0x00 + header), h(i) = SHA-256(0x00 + h(i-1) + body of line i), where a body is all of a line
before the comma that precedes its hash.
Rule 2: a line is its body, its hash in lowercase hex and one newline; nothing else, so that no bit of it is free.
"""

from hashlib import sha256

LEAF = b"\x00"  # Tells an entry from an inner node, should the entries ever become leaves of a tree.
START = b""  # What comes before the header.
OPENED = sha256(LEAF)  # Copied for every entry, which is quicker than a new one.
SEAL_LENGTH = 69  # Of `,"<64 hex digits>"]` and the newline.
HEX_DIGITS = b"0123456789abcdef"


def link(head: bytes, body: bytes) -> bytes:
    """The head of the chain after `body`, when it was `head` before: 32 bytes."""
    opened = OPENED.copy()
    opened.update(head + body)
    return opened.digest()


def seal(body: str, head: bytes) -> str:
    """The whole line for a body, which is a JSON array without its end; `head` is the chain's after it."""
    return f'{body},"{head.hex()}"]\n'


def unseal(line: bytes) -> tuple[bytes, bytes] | None:
    """Body and stated head of a line; None where the line does not end in a seal."""
    end = len(line) - SEAL_LENGTH
    if end < 0 or line[end : end + 2] != b',"' or not line.endswith(b'"]\n'):
        return None
    digits = line[end + 2 : -3]
    if digits.strip(HEX_DIGITS):
        return None
    return line[:end], bytes.fromhex(digits.decode())
