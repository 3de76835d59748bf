"""Puts the services of a plan into a virtual world: audience, owners of accounts, links, observer.

Its links have their live twin in `orchestrator/standing.py`.
"""

from collections.abc import Callable

from trading_ecosystem import routes
from trading_ecosystem.assembly import WorldPlan, desk_name
from trading_ecosystem.chance import Dice
from trading_ecosystem.core import Core
from trading_ecosystem.virtual.injector import Injector
from trading_ecosystem.virtual.network import Link
from trading_ecosystem.virtual.service import Service
from trading_ecosystem.virtual.world import World

UNSAID_NS = 500_000  # Of a link of which the world says nothing.


def build_world(
    plan: WorldPlan,
    builders: dict[str, Callable[[], Core]],
    observer: Core,
    seed: int,
) -> World:
    """A world that is ready to run. `builders`: how to build each instance but the injector, in order."""
    touchable = [name for name in builders if role(name) not in routes.VALIDATION]
    injector = Injector(seed, list(builders), touchable)
    services = [Service(name, build) for name, build in builders.items()]
    services.append(Service(routes.INJECTOR, lambda: injector))
    names = [service.name for service in services]
    world = World(
        services, audience(plan, names), owners(plan, names), links(plan, names, seed), observer, plan.start_ns
    )
    injector.attach(world)
    return world


def role(name: str) -> str:
    return name.partition(".")[0]


def audience(plan: WorldPlan, names: list[str]) -> dict[type, list[int]]:
    """Who hears each published type, by place."""
    more = dict(routes.OF_WATCHED_BOOKS) if plan.limits.watches_books else {}
    if plan.limits.about_desks:
        more |= routes.OF_WATCHED_DESKS
    return {
        message_type: [at for at, name in enumerate(names) if role(name) in (*roles, *more.get(message_type, ()))]
        for message_type, roles in routes.PUBLISHED.items()
    }


def owners(plan: WorldPlan, names: list[str]) -> dict[type, dict[str, list[int]]]:
    """Who hears each private type of each account, by place: its desk, its firm's monitor, and validation."""
    return {
        message_type: {
            account: [at for at, name in enumerate(names) if role(name) in roles and may_see(plan, name, account)]
            for account in plan.accounts
        }
        for message_type, roles in routes.PRIVATE.items()
    }


def may_see(plan: WorldPlan, name: str, account: str) -> bool:
    if role(name) == routes.TRADING_ENGINE:
        return any(desk_name(desk) == name and account in plan.seen_with([desk.account]) for desk in plan.desks)
    if role(name) == routes.RISK_MONITOR:
        return account in plan.seen_with(plan.firm_accounts)
    return True


def links(plan: WorldPlan, names: list[str], seed: int) -> list[Link]:
    """A link from each service to each; the last line of the world's network section that fits decides."""
    return [make_link(plan, sender, recipient, seed) for sender in names for recipient in names]


def make_link(plan: WorldPlan, sender: str, recipient: str, seed: int) -> Link:
    latency = plan.latency(sender, recipient)
    base_ns, jitter_ns = (latency.base_ns, latency.jitter_ns) if latency else (UNSAID_NS, 0)
    return Link(base_ns, jitter_ns, Dice(seed, f"latency.{sender}>{recipient}"))
