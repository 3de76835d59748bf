"""Builds HTML in which text can never become markup.

Rule 1: every string is escaped, unless it is `Markup`, which only this module makes.
Rule 2: what is stored in a script is JSON whose every `<`, `>` and `&` is written as an escape.
"""

import json
from html import escape
from typing import final

VOID = ("meta", "br", "hr", "col")


@final
class Markup(str):
    """HTML that is safe to put into a page as it is."""

    __slots__ = ()


Child = str | Markup | None


def tag(name: str, /, *children: Child, **attributes: str | bool) -> Markup:
    """An element. A trailing underscore of an attribute is dropped, others become hyphens; False leaves it out."""
    opening = f"<{name}{''.join(written(key, value) for key, value in attributes.items())}>"
    if name in VOID:
        return Markup(opening)
    return Markup(f"{opening}{join(*children)}</{name}>")


def join(*children: Child) -> Markup:
    return Markup("".join(child if isinstance(child, Markup) else escape(child) for child in children if child))


def written(key: str, value: str | bool) -> str:
    name = key.rstrip("_").replace("_", "-")
    if isinstance(value, bool):
        return f" {name}" if value else ""
    return f' {name}="{escape(value)}"'


def table(caption: str, headers: tuple[str, ...], rows: list[tuple[Child, ...]], class_: str = "") -> Markup:
    """A table whose first column names the row; each cell carries its header for narrow screens."""
    head = tag("thead", tag("tr", *(tag("th", header, scope="col") for header in headers)))
    body = tag("tbody", *(table_row(headers, cells) for cells in rows))
    return tag("table", tag("caption", caption), head, body, class_=class_ or False)


def table_row(headers: tuple[str, ...], cells: tuple[Child, ...]) -> Markup:
    pairs = list(zip(headers, cells, strict=True))
    first = tag("th", pairs[0][1], scope="row", data_label=headers[0])
    return tag("tr", first, *(tag("td", cell, data_label=header) for header, cell in pairs[1:]))


def folded(summary: Child, *children: Child, **attributes: str | bool) -> Markup:
    """Shown on demand."""
    return tag("details", tag("summary", summary), *children, **attributes)


def section(anchor: str, title: str, *children: Child) -> Markup:
    return tag("section", tag("h2", title), *children, id=anchor)


def script_json(value: object) -> str:
    """JSON that is safe between script tags."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def raw(text: str) -> Markup:
    """Text that this package ships (style, script), or that `script_json` made."""
    lower = text.lower()
    assert "</script" not in lower and "</style" not in lower
    return Markup(text)
