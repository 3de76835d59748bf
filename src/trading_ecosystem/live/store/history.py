"""What the histories of all services share: a message becomes a row whose columns are named like its fields.

Rule 1: a row is inserted once, by its key; what comes later about the same thing is an update that may come twice.
Rule 2: questions come in pages: what follows `after`, at most `limit` of it, in the order of the ids.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import ClauseElement, Connection, Dialect, Table
from sqlalchemy.sql.compiler import SQLCompiler

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


def write_all(connection: Connection, statement: ClauseElement, rows: Iterable[Mapping[str, object]]) -> None:
    """The statement once for each row, if there is any. All rows have the same keys.

    The driver is handed what it needs and no more: for thousands of small rows the rest would cost more than the write.
    """
    parameters = list(rows)
    if not parameters:
        return
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(parameters[0]))
    assert isinstance(compiled, SQLCompiler) and compiled.positiontup is not None
    constants = {name: value for name, value in compiled.params.items() if name not in parameters[0]}
    converts = [(name, processor_of(compiled, name, connection.dialect)) for name in compiled.positiontup]
    values = [
        tuple([row[name] if convert is None else convert(row[name]) for name, convert in converts])
        for row in (parameters if not constants else [{**constants, **row} for row in parameters])
    ]
    connection.exec_driver_sql(str(compiled), values)


def processor_of(compiled: SQLCompiler, name: str, dialect: Dialect) -> Callable[[object], object] | None:
    """What makes of a value what the driver takes; None where it takes the value itself."""
    return compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)
