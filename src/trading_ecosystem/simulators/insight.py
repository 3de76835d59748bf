"""The audit API of a simulator: what its core holds, what it was given last, and what is being done to it.

Rule 1: it is there where the settings name an address for it, and never in production.
"""

import json
from collections.abc import Sequence

from fastapi import FastAPI

from trading_ecosystem.core import JournaledCore
from trading_ecosystem.live.access import Access
from trading_ecosystem.live.engine import Engine
from trading_ecosystem.live.inputs import unpack
from trading_ecosystem.live.production_wire import CODEC
from trading_ecosystem.live.rest.audit import Insight, JournalEntry, audit_app
from trading_ecosystem.live.rest_parts import rest_surface
from trading_ecosystem.live.security.tokens import Surface
from trading_ecosystem.live.service import Parts
from trading_ecosystem.messages.codec import to_plain
from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.simulators.breaking import Breaking


def audit_rest(parts: Parts, breaking: Breaking) -> FastAPI | None:
    """Raises `Problem` in the production profile, and for a wrong file of tokens."""
    if not parts.settings.audit_rest:
        return None
    engine = parts.engine
    insight = Insight(
        state=lambda: state_of(engine), journal=lambda limit: last_inputs(engine, limit), faults=breaking.active
    )
    return audit_app(rest_surface(parts, Access(), Surface.AUDIT), parts.settings.profile, insight)


def state_of(engine: Engine) -> Plain:
    """What would be saved now: of a core without a journal, what it has asked to be remembered."""
    if isinstance(engine.core, JournaledCore):
        return engine.core.save()
    return {key: json.loads(text) for key, text in engine.store.memory.recall().items()}


def last_inputs(engine: Engine, limit: int) -> Sequence[JournalEntry]:
    """The newest ones that are durable, newest last. A record holds one input or more."""
    journal = engine.store.journal
    entries = [
        JournalEntry(
            sequence=record.sequence,
            handled_ns=each.now_ns,
            kind=each.kind,
            values=to_plain(CODEC.decode(each.kind, each.body)),
        )
        for record in journal.read(max(0, journal.last_sequence() - limit))
        for each in unpack(record.payload)
    ]
    return entries[-limit:]
