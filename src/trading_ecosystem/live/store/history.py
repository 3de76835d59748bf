"""What the histories of all services share: a message becomes a row whose columns are named like its fields.

Rule 1: a row is inserted once, by its key; what comes later about the same thing is an update that may come twice.
Rule 2: questions come in pages: what follows `after`, at most `limit` of it, in the order of the ids.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import Connection, Executable, Table

from trading_ecosystem.live.store.tables import insert_new
from trading_ecosystem.messages.message import Message, field_names, values_of

MessageType = TypeVar("MessageType", bound=Message)


def row_of(message: Message) -> dict[str, object]:
    return dict(zip(field_names(type(message)), values_of(message), strict=True))


def of_type(messages: Sequence[Message], message_type: type[MessageType]) -> list[MessageType]:
    return [message for message in messages if isinstance(message, message_type)]


def insert_all(connection: Connection, dialect: str, table: Table, rows: Iterable[Mapping[str, object]]) -> None:
    """Those whose key is not there yet."""
    write_all(connection, insert_new(dialect, table), rows)


def write_all(connection: Connection, statement: Executable, rows: Iterable[Mapping[str, object]]) -> None:
    """The statement once for each row, if there is any."""
    parameters = [dict(row) for row in rows]
    if parameters:
        connection.execute(statement, parameters)
