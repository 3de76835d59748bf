"""What no field of a command may hold, whatever surface it came by: texts that name nothing, numbers beyond all reason.

Rule 1: what is only wrong for the venue (an unknown symbol, a quantity of 0) is the venue's to reject, by name.
Rule 2: nothing that passes here can make a core's state, or a line of its journal, as large as a caller likes.
"""

import re

from trading_ecosystem.live.door import RefusalCode, Refused
from trading_ecosystem.messages.message import Addressed, Message

NAME = r"^[A-Za-z0-9._:-]{1,64}$"
MOST_STEPS = 10**15  # Ticks of a price, or lots of a quantity.
GROUNDS = r"^[^\x00-\x20\x7f][^\x00-\x1f\x7f]{0,255}$"
VISIBLE = r"^[!-~]{1,128}$"
IS_NAME = (re.compile(NAME), "1 to 64 letters, digits and ._:- are a name")
TEXTS = {
    "client_order_id": IS_NAME,
    "request_id": IS_NAME,
    "destination": IS_NAME,
    "credit_account": IS_NAME,
    "source": IS_NAME,
    "trigger_client_order_id": IS_NAME,
    "only_symbol": (re.compile(r"^([!-~]{3,64})?$"), "nothing, or 3 to 64 visible ASCII characters"),
    "symbol": (re.compile(r"^[!-~]{3,64}$"), "3 to 64 visible ASCII characters are a symbol"),
    "grounds": (
        re.compile(GROUNDS),
        "1 to 256 characters, the first no space and none of them for control, are grounds",
    ),
    "alert_id": (re.compile(VISIBLE), "1 to 128 visible ASCII characters are an id"),
}
MOST_AMOUNT = 10**18
LONGEST_NS = 30 * 86_400 * 10**9
LIMITS = {
    "price_ticks": MOST_STEPS,
    "quantity_lots": MOST_STEPS,
    "display_lots": MOST_STEPS,
    "trigger_ticks": MOST_STEPS,
    "trigger_price_ticks": MOST_STEPS,
    "trail_ppm": MOST_STEPS,
    "quote_minor": MOST_AMOUNT,
    "timeout_ns": LONGEST_NS,
}

# Found once for a kind; asking each command anew takes longer than the checks.
checked_fields: dict[type[Message], tuple[tuple[str, ...], tuple[str, ...]]] = {}


def check_fields(command: Message, instance: str) -> None:
    """Raises `Refused` (INVALID) with the name of the first field that cannot be right at this instance."""
    kind = type(command)
    checked = checked_fields.get(kind)
    if checked is None:
        checked = checked_fields[kind] = checked_of(command)
    if isinstance(command, Addressed) and command.to != instance:
        raise Refused(RefusalCode.INVALID, "this is not that instance", "to")
    texts, numbers = checked
    for field in texts:
        pattern, needed = TEXTS[field]
        text = getattr(command, field)
        if isinstance(text, str) and not pattern.fullmatch(text):
            raise Refused(RefusalCode.INVALID, needed, field)
    for field in numbers:
        if abs(getattr(command, field)) > LIMITS[field]:
            raise Refused(RefusalCode.INVALID, f"more than {LIMITS[field]}", field)


def checked_of(command: Message) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Its fields that are checked, texts and numbers: all commands of a kind have the same."""
    texts = tuple([field for field in TEXTS if hasattr(command, field)])
    return texts, tuple([field for field in LIMITS if hasattr(command, field)])
