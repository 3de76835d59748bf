"""What the REST surface of a service is made of, out of the parts of its process."""

from trading_ecosystem import __version__
from trading_ecosystem.live.access import Access
from trading_ecosystem.live.rest import surface
from trading_ecosystem.live.security.tokens import Surface, Tokens, read_tokens
from trading_ecosystem.live.service import Parts


def rest_surface(parts: Parts, access: Access, kind: Surface = Surface.REST) -> surface.Surface:
    """`kind`: whose tokens count. Raises `Problem` for a wrong file of them. Without a folder, nobody has one."""
    settings, meter = parts.settings, parts.engine.meter
    tokens = Tokens((), access) if settings.tokens is None else read_tokens(settings.tokens, kind, access)

    def observe(method: str, route: str, status: int, seconds: float) -> None:
        meter.requests.note(kind.value, f"{method} {route}", str(status), seconds)

    return surface.Surface(
        door=parts.engine.runner,
        service=settings.role,
        version=__version__,
        environment=settings.profile,
        authorise=tokens.authorise,
        observe=observe,
        metrics=meter.registry,
    )
