"""The answers to calls that must have one effect however often they are repeated.

Rule 1: a repeated call gets the first answer again, be it a problem; another call under the same key is refused, and
so is one that is repeated while the first is still being worked on.
Rule 2: a call that failed for a passing reason (5xx) leaves no answer, and may be made again.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from trading_ecosystem.live.door import Refused
from trading_ecosystem.live.rest.problems import Trouble, trouble_of

Answer = TypeVar("Answer")
MOST_ANSWERS = 10_000


class Answers(Generic[Answer]):
    """The last `most` of them. What is older is for the core to know again."""

    def __init__(self, most: int = MOST_ANSWERS) -> None:
        self._most = most
        self._known: OrderedDict[Hashable, tuple[object, Answer | Trouble]] = OrderedDict()
        self._underway: dict[Hashable, object] = {}

    async def once(self, key: Hashable, content: object, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """What `work` returns, or returned when this was asked first. Raises `Trouble`."""
        if key in self._known:
            known, answer = self._known[key]
            self._refuse_other(known, content)
            if isinstance(answer, Trouble):
                raise answer
            return answer
        if key in self._underway:
            self._refuse_other(self._underway[key], content)
            raise Trouble(409, "still_running", "the same call is still being worked on")
        self._underway[key] = content
        try:
            return await self._work(key, content, work)
        finally:
            del self._underway[key]

    async def _work(self, key: Hashable, content: object, work: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            answer = await work()
        except Refused as refused:
            raise trouble_of(refused) from refused
        except Trouble as trouble:
            if trouble.status < 500:
                self._keep(key, content, trouble)
            raise
        self._keep(key, content, answer)
        return answer

    def _keep(self, key: Hashable, content: object, answer: Answer | Trouble) -> None:
        self._known[key] = (content, answer)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def _refuse_other(self, known: object, content: object) -> None:
        if known != content:
            raise Trouble(422, "key_reused", "this key was used before, for another call")
