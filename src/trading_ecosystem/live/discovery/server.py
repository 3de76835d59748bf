"""The registry and the configuration over HTTP, for one ecosystem.

Rule 1: what a caller may not see is answered like what does not exist.
Rule 2: an address is told to somebody: where faults are injected, each asker may be given its own way to a target.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, final

from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request
from prometheus_client import CollectorRegistry, Histogram
from pydantic import BeforeValidator, Field

from trading_ecosystem import __version__
from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.discovery.configuration import NAME, Configuration, Parameter
from trading_ecosystem.live.discovery.registration import INSTANCE, LATEST_EPOCH, Registration
from trading_ecosystem.live.discovery.registry import Registry, Superseded
from trading_ecosystem.live.discovery.reports import (
    Accepted,
    Announcement,
    ParameterList,
    ParameterReport,
    ServiceList,
    ServiceReport,
    Setting,
    TargetGroup,
)
from trading_ecosystem.live.discovery.tokens import Holder, Tokens
from trading_ecosystem.live.door import Header, Listener, RefusalCode, Refused
from trading_ecosystem.live.rest.access import Scope, TheCaller
from trading_ecosystem.live.rest.application import application, router
from trading_ecosystem.live.rest.guard import needs
from trading_ecosystem.live.rest.parameters import plain_digits
from trading_ecosystem.live.rest.problems import Trouble, unknown
from trading_ecosystem.live.rest.rates import Rate, Rates
from trading_ecosystem.live.rest.surface import Observe, Surface
from trading_ecosystem.messages.health import HealthStatus
from trading_ecosystem.messages.message import Message

if TYPE_CHECKING:
    from trading_ecosystem.live.discovery.mirror import Mirror

AddressFor = Callable[[str, Registration, str], Awaitable[str]]  # Asker, target, kind of address.
NAMED = "registry"
METHODS = ("GET", "HEAD", "PUT", "DELETE", "POST", "PATCH", "OPTIONS")  # A stranger may invent more.
RATE = Rate(per_second=500, burst=1_000)  # Of one caller.


def holder_of(request: Request, caller: TheCaller) -> Holder:
    tokens = request.app.state.tokens
    assert isinstance(tokens, Tokens)
    return tokens.holder(caller.token)


TheHolder = Annotated[Holder, Depends(holder_of)]
InstanceInPath = Annotated[str, Path(pattern=INSTANCE)]
NameInPath = Annotated[str, Path(pattern=NAME)]
Asker = Annotated[str, Query(pattern=INSTANCE, description="Whose way to the target; the caller's if left out")]
Role = Annotated[str, Query(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Prefix = Annotated[str, Query(pattern=r"^[a-z0-9._-]{0,255}$")]
Epoch = Annotated[int, Field(ge=1, le=LATEST_EPOCH), BeforeValidator(plain_digits), Query()]


async def own_address(asker: str, target: Registration, kind: str) -> str:
    """The direct way."""
    return target.addresses[kind]


@final
class Office:
    """The registry as the common surface sees a service: with a clock and health. There is no core to ask or hear."""

    instance = NAMED

    def __init__(self, clock: Clock, mirror: "Mirror | None") -> None:
        self.clock = clock
        self._mirror = mirror

    async def ask(self, message: Message, cause: Header | None = None) -> Sequence[Message]:
        raise Refused(RefusalCode.NOT_FOUND, "the registry takes no messages")

    def listen(self, listener: Listener) -> Callable[[], None]:
        return lambda: None

    def health(self) -> tuple[HealthStatus, str]:
        if self._mirror is not None and self._mirror.trouble:
            return HealthStatus.DEGRADED, "the copy in Valkey is behind; parameters cannot be set"
        return HealthStatus.SERVING, ""


def create_app(
    registry: Registry,
    configuration: Configuration,
    tokens: Tokens,
    *,
    metrics: CollectorRegistry | None = None,
    clock: Clock | None = None,
    planes: Mapping[str, str] | None = None,
    address_for: AddressFor = own_address,
    mirror: "Mirror | None" = None,
    environment: str = "",
) -> FastAPI:
    """The ASGI application; run it with `live.rest.serving.serve`. `planes`: role -> plane, for Prometheus.

    A `mirror` must be loaded before and run beside it. Its own figures go into `metrics`.
    """
    metrics = metrics or CollectorRegistry()

    def authorise(token: str, scope: str, account: str) -> str:
        return tokens.holder(token).name

    surface = Surface(
        door=Office(clock or Clock(), mirror),
        service=NAMED,
        version=__version__,
        environment=environment,
        authorise=authorise,
        observe=observer(metrics),
        metrics=metrics,
        rates=Rates(RATE),
    )

    made = application(
        surface,
        "Registry and configuration",
        service_routes(registry, address_for),
        target_routes(registry, planes or {}),
        configuration_routes(configuration, mirror),
    )
    made.state.tokens = tokens
    return made


def observer(metrics: CollectorRegistry) -> Observe:
    """Rate, errors and duration of every route."""
    taken = Histogram(
        "registry_request_seconds",
        "How long a call took.",
        ("method", "route", "status"),
        registry=metrics,
        buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2),
    )

    def observe(method: str, route: str, status: int, seconds: float) -> None:
        taken.labels(method if method in METHODS else "other", route, status).observe(seconds)

    return observe


# Services.


def service_routes(registry: Registry, address_for: AddressFor) -> APIRouter:
    routes = router()

    @routes.get("/services", summary="Who is there", **needs(Scope.READ))
    async def services(holder: TheHolder, role: Role | None = None, asker: Asker | None = None) -> ServiceList:
        asking = asker_of(holder, asker)
        present = registry.all() if role is None else registry.of_role(role)
        seen = [each for each in present if holder.may_see(each.instance)]
        return ServiceList(services=[await report(holder, each, asking, address_for) for each in seen])

    @routes.get("/services/{instance}", summary="Where an instance is", **needs(Scope.READ))
    async def service(holder: TheHolder, instance: InstanceInPath, asker: Asker | None = None) -> ServiceReport:
        asking = asker_of(holder, asker)
        found = registry.find(instance) if holder.may_see(instance) else None
        if found is None:
            raise unknown("service")
        return await report(holder, found, asking, address_for)

    @routes.put("/services/{instance}", summary="Say that one is there", **needs(Scope.READ))
    async def register(holder: TheHolder, instance: InstanceInPath, announcement: Announcement) -> Accepted:
        check_own(holder, instance)
        with answering():
            registry.register(
                Registration(
                    instance=instance,
                    version=announcement.version,
                    addresses=announcement.addresses.model_dump(exclude_none=True),
                    status=announcement.status,
                    epoch=announcement.epoch,
                )
            )
        return Accepted(lifetime_ns=registry.lifetime_ns)

    @routes.delete("/services/{instance}", status_code=204, summary="Say that one leaves", **needs(Scope.READ))
    async def deregister(holder: TheHolder, instance: InstanceInPath, epoch: Epoch) -> None:
        check_own(holder, instance)
        with answering():
            registry.deregister(instance, epoch)

    return routes


def check_own(holder: Holder, instance: str) -> None:
    if holder.name != instance:
        raise Refused(RefusalCode.FORBIDDEN, "this token speaks for another instance", "path.instance")


def asker_of(holder: Holder, asker: str | None) -> str:
    """Only who sees everything may ask in the name of another."""
    if asker is None or asker == holder.name:
        return holder.name
    if not holder.sees_everything:
        raise Refused(RefusalCode.FORBIDDEN, "this token speaks for another instance", "query.asker")
    return asker


@contextmanager
def answering() -> Iterator[None]:
    try:
        yield
    except Superseded as superseded:
        raise Trouble(409, "superseded", str(superseded), "/epoch") from None


async def report(holder: Holder, target: Registration, asker: str, address_for: AddressFor) -> ServiceReport:
    kinds = [kind for kind in target.addresses if not kind.startswith("audit") or holder.sees_everything]
    return ServiceReport(
        instance=target.instance,
        role=target.role,
        version=target.version,
        addresses={kind: await address_for(asker, target, kind) for kind in kinds},
        status=target.status,
        epoch=target.epoch,
    )


# Prometheus.


def target_routes(registry: Registry, planes: Mapping[str, str]) -> APIRouter:
    routes = router()

    @routes.get("/targets", summary="What Prometheus scrapes", **needs(Scope.READ))
    async def targets(holder: TheHolder) -> list[TargetGroup]:
        if not holder.sees_everything:
            raise Refused(RefusalCode.FORBIDDEN, "this token does not see every service")
        return [target(each, planes) for each in registry.all() if is_scraped(each)]

    return routes


def is_scraped(registration: Registration) -> bool:
    """A unix socket is out of Prometheus' reach."""
    return not registration.addresses.get("rest", "unix:").startswith("unix:")


def target(registration: Registration, planes: Mapping[str, str]) -> TargetGroup:
    labels = {
        "instance": registration.instance,
        "role": registration.role,
        "plane": planes.get(registration.role, ""),
    }
    return TargetGroup(targets=[registration.addresses["rest"]], labels=labels)


# Configuration.


def configuration_routes(configuration: Configuration, mirror: "Mirror | None") -> APIRouter:
    routes = router()
    changing = asyncio.Lock()  # One change is safe in the mirror before the next is drafted.

    @routes.get("/configuration", summary="Parameters by the beginning of their names", **needs(Scope.READ))
    async def parameters(holder: TheHolder, prefix: Prefix = "") -> ParameterList:
        seen = [parameter for parameter in configuration.all(prefix) if holder.may_see(parameter.name)]
        return ParameterList(parameters=[parameter_report(each) for each in seen])

    @routes.get("/configuration/{name}", summary="One parameter", **needs(Scope.READ))
    async def parameter(holder: TheHolder, name: NameInPath) -> ParameterReport:
        found = configuration.get(name) if holder.may_see(name) else None
        if found is None:
            raise unknown("parameter")
        return parameter_report(found)

    @routes.put("/configuration/{name}", summary="Set a parameter", **needs(Scope.READ))
    async def put(holder: TheHolder, name: NameInPath, setting: Setting) -> ParameterReport:
        check_administrator(holder)
        async with changing:
            drafted = configuration.draft(name, setting.value)
            if mirror is not None:
                await mirror.keep(drafted)
            configuration.take(drafted)
        return parameter_report(drafted)

    @routes.delete("/configuration/{name}", status_code=204, summary="Take a parameter away", **needs(Scope.READ))
    async def delete(holder: TheHolder, name: NameInPath) -> None:
        check_administrator(holder)
        async with changing:
            if mirror is not None:
                await mirror.erase(name)
            configuration.remove(name)

    return routes


def check_administrator(holder: Holder) -> None:
    if not holder.administrator:
        raise Refused(RefusalCode.FORBIDDEN, "only an administrator changes parameters")


def parameter_report(parameter: Parameter) -> ParameterReport:
    return ParameterReport(
        name=parameter.name, value=parameter.value, version=parameter.version, changed_ns=parameter.changed_ns
    )
