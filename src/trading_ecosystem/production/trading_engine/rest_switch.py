"""The kill switch over REST: how it stands, stopping the desk, and letting it trade again.

Rule 1: whoever holds the token is who stops the desk or lets it trade; nobody can say that they are somebody else.
Rule 2: stopping twice is stopping once; a repeated call never lifts a switch that was engaged anew in between.
"""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from trading_ecosystem.live.command_fields import GROUNDS
from trading_ecosystem.live.rest.access import Caller, Scope, TheCaller
from trading_ecosystem.live.rest.amounts import moment_text
from trading_ecosystem.live.rest.answers import Answers
from trading_ecosystem.live.rest.application import router
from trading_ecosystem.live.rest.guard import needs
from trading_ecosystem.live.rest.parameters import IdempotencyKey
from trading_ecosystem.live.rest.problems import Trouble
from trading_ecosystem.live.rest.surface import Surface
from trading_ecosystem.messages.kill_switch import (
    EngageKillSwitch,
    KillSwitchReported,
    LiftKillSwitch,
    LiftRefused,
    QueryKillSwitch,
)


class GroundsBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    grounds: str = Field(pattern=GROUNDS, description="Why, for those who read it later")


class SwitchBody(BaseModel):
    """Who touched the switch last, why and when; null while nobody ever has."""

    account: str
    engaged: bool
    operator: str | None
    grounds: str | None
    changed: str | None


def switch_routes(surface: Surface) -> APIRouter:
    routes = router()
    desk = surface.door.instance
    answers: Answers[SwitchBody] = Answers()

    @routes.get("/kill-switch", summary="How the kill switch stands", **needs(Scope.READ))
    async def stands(caller: TheCaller) -> SwitchBody:
        return await switch_body(desk, caller)

    @routes.post("/kill-switch/engage", summary="Stop the desk", **needs(Scope.TRADE))
    async def engage(body: GroundsBody, caller: TheCaller) -> SwitchBody:
        await caller.ask(EngageKillSwitch(to=desk, operator=caller.identity, grounds=body.grounds))
        return await switch_body(desk, caller)

    @routes.post("/kill-switch/lift", summary="Let the desk trade again", **needs(Scope.APPROVE))
    async def lift(body: GroundsBody, idempotency_key: IdempotencyKey, caller: TheCaller) -> SwitchBody:
        async def work() -> SwitchBody:
            for output in await caller.ask(LiftKillSwitch(to=desk, operator=caller.identity, grounds=body.grounds)):
                if isinstance(output, LiftRefused):
                    raise Trouble(409, output.lift_refusal.value, "the switch stays as it is")
            return await switch_body(desk, caller)

        return await answers.once((caller.identity, idempotency_key), body.grounds, work)

    return routes


async def switch_body(desk: str, caller: Caller) -> SwitchBody:
    told = await caller.ask_for(QueryKillSwitch(to=desk, asker=caller.identity), KillSwitchReported)
    touched = told.occurred_ns > 0
    return SwitchBody(
        account=told.account,
        engaged=told.engaged,
        operator=told.operator if touched else None,
        grounds=told.grounds if touched else None,
        changed=moment_text(told.occurred_ns) if touched else None,
    )
