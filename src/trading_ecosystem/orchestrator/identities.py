"""Tokens and certificates of one run: for its services, and for the person who runs it.

Rule 1: a secret lies in the folder of its holder, and nowhere else.
"""

from trading_ecosystem import routes
from trading_ecosystem.live.security.private_files import private_folder, write_private
from trading_ecosystem.live.security.tokens import SCOPES, Surface, issue_token
from trading_ecosystem.orchestrator.folder import TOKENS, RunFolder
from trading_ecosystem.orchestrator.planes import plane_of

RENEW_EVERY_S = 12 * 3600  # Certificates live for a day.
OPERATOR = "operator"  # The person who runs it.
OBSERVER = "observer"  # Reads what a firm's own systems publish; as this the coordinator listens to production.


def issue_tokens(folder: RunFolder, instances: list[str], administrator: str) -> None:
    """Tokens of the operator: for the registry, and for the surfaces of each service."""
    own = private_folder(folder.operator)
    write_private(own / "registry.token", administrator.encode())
    for instance in instances:
        surfaces = [Surface.REST] if plane_of(instance) == "production" else [Surface.REST, Surface.AUDIT]
        for surface in surfaces:
            tokens = folder.service(instance) / TOKENS
            issue_token(tokens, surface, OPERATOR, SCOPES[surface], own / f"{instance}.{surface}.token")


def issue_certificates(folder: RunFolder, instances: list[str]) -> None:
    """New ones in place of the old, for every service and everybody else who calls one."""
    from trading_ecosystem.live.security.certificates import issue_all  # Here, because few runs speak TLS.

    issue_all(folder.certificates, [*instances, routes.INJECTOR, OPERATOR, OBSERVER])
    as_observer = folder.certificates / routes.TEST_COORDINATOR / OBSERVER
    if not as_observer.is_symlink():
        as_observer.symlink_to(folder.certificates / OBSERVER, target_is_directory=True)
