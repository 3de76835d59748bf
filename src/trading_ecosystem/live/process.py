"""The process of one service: reads what it is, recovers, opens its surfaces, announces itself, and ends in order.

Rule 1: it is ready when its core is rebuilt, its surfaces are open and it hears those whom it listens to.
Rule 2: whatever is wrong with its settings is said in one line before anything is opened.
"""

import argparse
import asyncio
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NoReturn

from trading_ecosystem import __version__
from trading_ecosystem.configuration.document import Problem, Section, read_document
from trading_ecosystem.endless_calls import endless_calls_ended
from trading_ecosystem.live.clock import SECOND_NS, Clock, Tempo
from trading_ecosystem.live.neighbours import Neighbours
from trading_ecosystem.live.pace import PULSE, Pulse, lag_of
from trading_ecosystem.live.security.handshakes import channel_credentials
from trading_ecosystem.live.security.profile import refuse_hooks
from trading_ecosystem.live.settings import Profile, Settings, load_settings
from trading_ecosystem.live.store.ports import Damaged, StoreAway, StoreBroken, StoreRefused
from trading_ecosystem.live.telemetry.lines import Log
from trading_ecosystem.live.telemetry.logs import LogOutlet, set_up_logs
from trading_ecosystem.live.telemetry.redaction import Redaction
from trading_ecosystem.live.telemetry.spans import service_resource

BAD_INPUT, DAMAGED, AWAY, BROKEN = 2, 65, 69, 74  # As sysexits.h has them, but for the first.
GARBAGE = (50_000, 20, 50)  # New objects between two collections, and how many of those before an older one.

log = Log(__name__)

Run = Callable[[Settings, Section, Neighbours, Clock, asyncio.Event], Awaitable[None]]


def main(run: Run, keys: tuple[str, ...], optional: tuple[str, ...] = ()) -> NoReturn:
    """Be the process of a service whose document has these keys. `run` returns after its end was asked for."""
    parser = argparse.ArgumentParser(description="One service of a trading ecosystem.")
    parser.add_argument("--config", metavar="FILE", type=Path, required=True, help="Its settings.")
    path = parser.parse_args().config
    try:
        settings = load_settings(path)
        document = read_document(settings.document).section(keys, optional)
        with endless_calls_ended():
            asyncio.run(live(run, settings, document))
    except (Problem, StoreRefused) as problem:
        leave(BAD_INPUT, problem)
    except Damaged as damaged:
        leave(DAMAGED, damaged)
    except StoreAway as away:
        leave(AWAY, away)
    except StoreBroken as broken:
        leave(BROKEN, broken)
    sys.exit(0)


def collect_seldom() -> None:
    """What is there now stays, and is not looked through again, which would stop the service for tens of milliseconds.

    Of what comes later, counted references free nearly all.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


def leave(code: int, problem: Exception) -> NoReturn:
    print(problem, file=sys.stderr)
    sys.exit(code)


async def live(run: Run, settings: Settings, document: Section) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, ended.set)
    neighbours = Neighbours(settings, superseded=lambda reason: leave_now(reason, ended))
    try:
        tempo = await neighbours.tempo()
        clock = Clock(tempo)
        set_up_logs(settings.instance, settings.log_level, clock, sys.stderr, Redaction(()), outlet_of(settings))
        refuse_hooks(
            production=settings.profile is Profile.PRODUCTION,
            audit=settings.audit,
            environment=os.environ,
        )
        beating = asyncio.create_task(beat(settings.data, tempo)) if tempo is not None and tempo.pace else None
        await run(settings, document, neighbours, clock, ended)
        if beating is not None:
            beating.cancel()
    finally:
        await neighbours.close()


def outlet_of(settings: Settings) -> LogOutlet | None:
    """The way of warnings to where traces go too; none where traces go nowhere."""
    if not settings.telemetry:
        return None
    credentials = channel_credentials(settings.tls) if settings.tls else None
    return LogOutlet(service_resource(settings.instance, __version__), settings.telemetry, credentials)


async def beat(data: Path, tempo: Tempo) -> None:
    """Show that this process is awake, where accelerated time waits for those who are not."""
    pulse = Pulse(data / PULSE)
    while True:
        pulse.beat()
        await asyncio.sleep(lag_of(tempo.speed) / 4 / SECOND_NS)


def leave_now(reason: str, ended: asyncio.Event) -> None:
    log.error("another process has this one's name; ending", reason=reason)
    ended.set()
