"""`tse deploy`: what the containers of `deploy/` are given before they start."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from trading_ecosystem.cli import terminal
from trading_ecosystem.cli.places import find_world
from trading_ecosystem.configuration.document import Problem

app = typer.Typer(help="Prepare a deployment in containers.", no_args_is_help=True)

Target = Annotated[Path, typer.Argument(metavar="DIR", help="Of the deployment; it will hold all secrets.")]
World = Annotated[str, typer.Option(metavar="WORLD", help="A world file, or the name of a shipped one.")]
Seed = Annotated[int, typer.Option(metavar="N", min=0, max=1 << 31, help="Of prices and of other traders.")]


@app.command()
def documents(folder: Target, world: World = "two-desks", seed: Seed = 7) -> None:
    """Write documents, settings, tokens, passwords and certificates into an empty folder."""
    from trading_ecosystem.orchestrator.deployment import ENVIRONMENT, write_deployment

    instances = write_deployment(folder, find_world(world), seed)
    say(f"{folder}: for {', '.join(instances)}")
    say(f"docker compose --env-file {folder / ENVIRONMENT} --file deploy/compose.yaml up --detach --wait")


@app.command()
def certificates(folder: Target) -> None:
    """Renew all certificates; do it again within a day."""
    from trading_ecosystem.orchestrator.deployment import renew_certificates

    say(f"{folder}: for a day from now on, for {', '.join(renew_certificates(folder))}")


@app.command()
def secrets(folder: Target) -> None:
    """Print a deployment as Kubernetes Secrets, for `kubectl apply --filename -`."""
    from trading_ecosystem.orchestrator.cluster import secrets_of

    sys.stdout.write(secrets_of(folder))


@app.command()
def stores(file: Annotated[Path, typer.Argument(metavar="FILE", help="Servers, and the passwords of roles.")]) -> None:
    """Make schemas and roles in the database servers. Runs as a container of its own before the services."""
    from trading_ecosystem.live.store.ports import StoreAway, StoreBroken, StoreRefused
    from trading_ecosystem.orchestrator.servers import prepare_stores

    try:
        prepare_stores(file, say)
    except (StoreAway, StoreBroken, StoreRefused) as trouble:
        raise Problem(str(trouble)) from None


def say(words: str) -> None:
    terminal.screen().print(Text(words), soft_wrap=True)
