"""The exporter gives up nothing: not while the audit is away, not when it answers no, not across a restart."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from trading_ecosystem.live.telemetry.exporter import Exporter, jittered
from trading_ecosystem.live.telemetry.spans import SpanRecord
from trading_ecosystem.live.telemetry.spool import Spool

MakeSpan = Callable[..., SpanRecord]
OpenSpool = Callable[..., Spool]


@asynccontextmanager
async def running(exporter: Exporter) -> AsyncIterator[Exporter]:
    task = asyncio.create_task(exporter.run())
    try:
        yield exporter
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    "code",
    [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT],
    ids=lambda code: code.name,
)
def test_whatever_the_answer_it_comes_again(
    code: grpc.StatusCode, open_spool: OpenSpool, make_span: MakeSpan, make_stand_in: Callable[..., Any]
) -> None:
    async def scenario() -> None:
        spool = open_spool()
        async with make_stand_in([code, code]).serve() as audit:
            spool.write([make_span(1), make_span(2)], mark=1)
            async with running(Exporter(spool, lambda: f"127.0.0.1:{audit.port}")) as exporter:
                assert await exporter.flush(5)
            assert audit.ids == [1, 2]
            assert (exporter.sent, exporter.trouble) == (2, "")

    asyncio.run(scenario())


def test_the_audit_is_away_for_a_while(
    open_spool: OpenSpool, make_span: MakeSpan, make_stand_in: Callable[..., Any]
) -> None:
    async def scenario() -> None:
        spool = open_spool()
        audit = make_stand_in()
        where = ""
        async with running(Exporter(spool, lambda: where)) as exporter:
            spool.write([make_span(1)], mark=1)
            assert not await exporter.flush(0.1)
            assert exporter.trouble == "the address of the audit is not known"
            async with audit.serve():
                where = f"127.0.0.1:{audit.port}"
                assert await exporter.flush(5)
            spool.write([make_span(2)], mark=2)
            assert not await exporter.flush(0.3)
            assert "UNAVAILABLE" in exporter.trouble
            spool.write([make_span(3)], mark=3)
            async with audit.serve(audit.port):
                assert await exporter.flush(10)
        assert audit.ids == [1, 2, 3]

    asyncio.run(scenario())


def test_what_the_audit_will_not_have_is_counted(
    open_spool: OpenSpool, make_span: MakeSpan, make_stand_in: Callable[..., Any]
) -> None:
    async def scenario() -> None:
        spool = open_spool()
        async with make_stand_in().serve() as audit:
            audit.rejected = 1
            spool.write([make_span(1), make_span(2)], mark=1)
            async with running(Exporter(spool, lambda: f"127.0.0.1:{audit.port}")) as exporter:
                assert await exporter.flush(5)
            assert exporter.refused == 1

    asyncio.run(scenario())


def test_what_an_old_process_left_goes_first(
    open_spool: OpenSpool, make_span: MakeSpan, make_stand_in: Callable[..., Any]
) -> None:
    async def scenario() -> None:
        open_spool().write([make_span(1), make_span(2)], mark=1)
        spool = open_spool()
        spool.write([make_span(3)], mark=2)
        async with make_stand_in().serve() as audit:
            async with running(Exporter(spool, lambda: f"127.0.0.1:{audit.port}")) as exporter:
                assert await exporter.flush(5)
            assert audit.ids == [1, 2, 3]

    asyncio.run(scenario())


def test_pauses_are_spread() -> None:
    pauses = {jittered(1.0) for _ in range(50)}
    assert all(0.5 <= pause <= 1.0 for pause in pauses)
    assert len(pauses) > 10
