"""The guard in front of every RPC of a server: who calls, whether they may, how large, and for how long.

Rule 1: a call that is refused never reaches its handler; each refusal is counted and told.
Rule 2: the answer to a refused call says what kind of refusal it is and nothing about the service.
Rule 3: a call of one answer ends by its deadline, its own or the guard's; streams live as long as both ends do.
"""

import inspect
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias, TypeVar, final

import grpc

from trading_ecosystem.live.door import Header, RefusalCode, Refused
from trading_ecosystem.live.security.admission import Denied, Gate
from trading_ecosystem.live.security.allow_list import AllowList
from trading_ecosystem.live.security.identity import Context
from trading_ecosystem.live.security.limits import Limits, OutOfTime
from trading_ecosystem.live.security.observing import Observe, Observed, unobserved
from trading_ecosystem.live.telemetry.trace_context import cause_in

DEADLINE_SECONDS = 10.0
STATUS = {
    RefusalCode.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    RefusalCode.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    RefusalCode.TOO_LARGE: grpc.StatusCode.RESOURCE_EXHAUSTED,
    RefusalCode.DEADLINE: grpc.StatusCode.DEADLINE_EXCEEDED,
}

Request = TypeVar("Request")
Response = TypeVar("Response")
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Behaviour = Callable[[Any, Context], Any]


@dataclass(frozen=True, kw_only=True)
class Denial:
    """A call that was refused. `caller` is empty where it is not known; `cause` is what it was made under."""

    caller: str
    method: str
    code: RefusalCode
    cause: Header | None = None


@final
class Guard(grpc.aio.ServerInterceptor):
    """`secured`: the server has TLS. `denied` hears of every refusal, on the event loop; it must not wait."""

    def __init__(
        self,
        allow_list: AllowList,
        *,
        secured: bool,
        denied: Callable[[Denial], None],
        observe: Observe = unobserved,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        """`observe` hears of every call when it is over, refused ones among them."""
        self._gate, self._denied, self._observe = Gate(allow_list, secured), denied, observe
        self._limits = Limits(deadline_seconds)
        self._guarded: dict[str, tuple[Handler, Handler]] = {}
        self.refusals: Counter[RefusalCode] = Counter()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["grpc.RpcMethodHandler[Request, Response] | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "grpc.RpcMethodHandler[Request, Response] | None":
        method = handler_call_details.method
        handler = await continuation(handler_call_details)
        if handler is None:  # gRPC answers UNIMPLEMENTED.
            return None
        known = self._guarded.get(method)
        if known is None or known[0] is not handler:
            known = self._guarded[method] = (handler, self._wrap(method, handler))
        return known[1]

    # Before the call.

    def _admit(self, method: str, context: Context) -> float | None:
        """The seconds that the call has, None for no deadline of its own. Raises `Refused`, having told of it."""
        try:
            return self._gate.admit(method, context)
        except Denied as denied:
            code, cause = denied.refused.code, cause_in(denied.metadata)
            self._tell(Denial(caller=denied.caller, method=method, code=code, cause=cause))
            raise denied.refused from None

    def _tell(self, denial: Denial) -> None:
        self.refusals[denial.code] += 1
        self._denied(denial)

    # Around the call.

    def _wrap(self, method: str, handler: Handler) -> Handler:
        """A handler that admits first. Handlers are coroutines or asynchronous generators, never plain functions."""
        kind = ("stream" if handler.request_streaming else "unary", "stream" if handler.response_streaming else "unary")
        behaviour = getattr(handler, "_".join(kind))
        assert inspect.iscoroutinefunction(behaviour) or inspect.isasyncgenfunction(behaviour), method
        if kind == ("unary", "unary"):
            guarded = self._answer(method, behaviour)
        elif inspect.isasyncgenfunction(behaviour):
            guarded = self._generate(method, behaviour)
        else:
            guarded = self._run(method, behaviour)
        make = getattr(grpc, f"{'_'.join(kind)}_rpc_method_handler")
        wrapped: Handler = make(guarded, handler.request_deserializer, handler.response_serializer)
        return wrapped

    def _answer(self, method: str, behaviour: Behaviour) -> Behaviour:
        async def call(request: Any, context: Context) -> Any:
            with Observed(self._observe, method, context):
                try:
                    remaining = self._admit(method, context)
                except Refused as refused:
                    await abort(context, refused)
                if remaining is not None:
                    return await behaviour(request, context)
                try:
                    return await self._limits.within(behaviour(request, context))
                except OutOfTime:
                    await self._end_late(method, context)

        return call

    async def _end_late(self, method: str, context: Context) -> NoReturn:
        cause = cause_in(context.invocation_metadata() or ())
        self._tell(Denial(caller="", method=method, code=RefusalCode.DEADLINE, cause=cause))
        await abort(context, Refused(RefusalCode.DEADLINE, "took too long"))

    def _generate(self, method: str, behaviour: Behaviour) -> Behaviour:
        async def call(request: Any, context: Context) -> AsyncIterator[Any]:
            with Observed(self._observe, method, context):
                try:
                    self._admit(method, context)
                except Refused as refused:
                    await abort(context, refused)
                async with aclosing(behaviour(request, context)) as answers:
                    async for answer in answers:
                        yield answer

        return call

    def _run(self, method: str, behaviour: Behaviour) -> Behaviour:
        async def call(request: Any, context: Context) -> Any:
            with Observed(self._observe, method, context):
                try:
                    self._admit(method, context)
                except Refused as refused:
                    await abort(context, refused)
                return await behaviour(request, context)

        return call


async def abort(context: Context, refused: Refused) -> NoReturn:
    await context.abort(STATUS[refused.code], refused.detail)
