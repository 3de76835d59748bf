"""A copy of the registry and the configuration in Valkey (or Redis), from which a new registry process starts.

Rule 1: memory decides; the copy is written whole again every second, so that a flushed Valkey heals by itself.
Rule 2: a parameter is in the copy before its setter is told so; while Valkey is away, setting one is refused.
Rule 3: Valkey away stops nothing else: services come and go, and health says that the copy is behind.
"""

import asyncio
import json
import logging
from dataclasses import asdict
from typing import final

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from trading_ecosystem.live.discovery.configuration import Configuration, Parameter
from trading_ecosystem.live.discovery.registration import from_plain, to_plain
from trading_ecosystem.live.discovery.registry import Registry
from trading_ecosystem.live.door import RefusalCode, Refused

SERVICE, PARAMETER, VERSION = "registry:service:", "registry:parameter:", "registry:version"
PERIOD_S = 1.0
TIMEOUT_S = 1.0
AWAY = (RedisError, OSError)

log = logging.getLogger(__name__)


@final
class Mirror:
    """`trouble` is why the copy is behind, empty when it is not. `unreadable` counts entries that were not ours."""

    def __init__(self, url: str, registry: Registry, configuration: Configuration) -> None:
        self.trouble = ""
        self.unreadable = 0
        self._registry, self._configuration = registry, configuration
        self._written: set[str] = set()
        self._valkey: Redis = Redis.from_url(
            url,
            decode_responses=True,
            encoding_errors="replace",
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),
        )

    async def load(self) -> None:
        """Take over what an earlier process left. Valkey away or entries of another hand: without them."""
        try:
            services = await self._read(SERVICE)
            parameters = await self._read(PARAMETER)
            version = await self._valkey.get(VERSION)
        except AWAY as error:
            self._tell(error)
            return
        for text in services.values():
            self._take_service(text)
        self._configuration.restore(
            int(version) if version and str(version).isdecimal() else 0,
            [parameter for text in parameters.values() if (parameter := self._parameter(text))],
        )

    async def run(self) -> None:
        """Copy every second, until cancelled."""
        while True:
            await self.copy()
            await asyncio.sleep(PERIOD_S)

    async def copy(self) -> None:
        """Write everything once."""
        entries = {PARAMETER + parameter.name: parameter_text(parameter) for parameter in self._configuration.all()}
        services = {SERVICE + each.instance: json.dumps(to_plain(each)) for each in self._registry.all()}
        gone = self._written - entries.keys() - services.keys()
        self._written |= entries.keys() | services.keys()
        try:
            async with self._valkey.pipeline() as pipeline:
                self._fill(pipeline, entries, services, gone)
                await pipeline.execute()
        except AWAY as error:
            self._tell(error)
            return
        self._written -= gone
        self._tell(None)

    def _fill(self, pipeline: Pipeline, entries: dict[str, str], services: dict[str, str], gone: set[str]) -> None:
        pipeline.set(VERSION, str(self._configuration.version))
        for key, text in entries.items():
            pipeline.set(key, text)
        for key, text in services.items():
            pipeline.set(key, text, px=self._registry.lifetime_ns // 1_000_000)
        if gone:
            pipeline.delete(*sorted(gone))

    async def keep(self, parameter: Parameter) -> None:
        """Write a parameter that is about to be set. Raises `Refused` (NOT_SERVING): it shall not be set."""
        self._written.add(PARAMETER + parameter.name)
        try:
            async with self._valkey.pipeline() as pipeline:
                pipeline.set(VERSION, str(parameter.version))
                pipeline.set(PARAMETER + parameter.name, parameter_text(parameter))
                await pipeline.execute()
        except AWAY as error:
            self._refuse(error)

    async def erase(self, name: str) -> None:
        """As `keep`, for a parameter that is about to be removed."""
        try:
            await self._valkey.delete(PARAMETER + name)
        except AWAY as error:
            self._refuse(error)

    async def close(self) -> None:
        await self._valkey.aclose()

    def _refuse(self, error: Exception) -> None:
        self._tell(error)
        raise Refused(RefusalCode.NOT_SERVING, "the store of the configuration is away; nothing was changed") from error

    async def _read(self, prefix: str) -> dict[str, str]:
        keys = sorted([key async for key in self._valkey.scan_iter(match=f"{prefix}*", count=1_000)])
        texts = await self._valkey.mget(keys) if keys else []
        return {str(key): str(text) for key, text in zip(keys, texts, strict=True) if text is not None}

    def _take_service(self, text: str) -> None:
        try:
            self._registry.register(from_plain(json.loads(text)))
        except (ValueError, RecursionError):
            self._skip("a service")

    def _parameter(self, text: str) -> Parameter | None:
        try:
            match json.loads(text):
                case {"name": str(name), "value": str(value), "version": int(version), "changed_ns": int(changed_ns)}:
                    return Parameter(name=name, value=value, version=version, changed_ns=changed_ns)
        except (ValueError, RecursionError):
            pass
        self._skip("a parameter")
        return None

    def _skip(self, what: str) -> None:
        self.unreadable += 1
        log.warning("the entry of %s in Valkey is not one of ours; it is left out", what)

    def _tell(self, error: Exception | None) -> None:
        """Say it once when Valkey goes away, and once when it is back."""
        trouble = "" if error is None else type(error).__name__
        if bool(trouble) != bool(self.trouble):
            log.warning("the copy in Valkey is %s", f"behind: {error}" if trouble else "whole again")
        self.trouble = trouble


def parameter_text(parameter: Parameter) -> str:
    return json.dumps(asdict(parameter))
