"""`tse timeline`: what a trail says about an order, an account, an alert, and what led to it."""

import os
import sys
from collections.abc import Iterable
from typing import Annotated

import typer

from trading_ecosystem.cli.verify import Trail, trail_of
from trading_ecosystem.configuration.document import Problem

Text = str | None
Order = Annotated[Text, typer.Option(metavar="ID", help="Of the venue, or of the client.")]
Account = Annotated[Text, typer.Option(metavar="NAME", help="An account.")]
Instrument = Annotated[Text, typer.Option(metavar="SYMBOL", help="An instrument, such as BTC/USD.")]
Service = Annotated[Text, typer.Option(metavar="NAME", help="Who said it or was told: a role or an instance.")]
Alert = Annotated[Text, typer.Option(metavar="ALERT", help="A rule, RULE:SUBJECT, or the id of one alert.")]
Kind = Annotated[Text, typer.Option(metavar="MESSAGE", help="A kind of message, such as OrderFilled.")]
From = Annotated[Text, typer.Option("--from", metavar="TIME", help="From this time, or so long after the start.")]
Until = Annotated[Text, typer.Option(metavar="TIME", help="Up to this time, or so long after the start.")]
CausesOf = Annotated[int | None, typer.Option("--causes", metavar="N", min=1, help="Entry N and what led to it.")]
ByCause = Annotated[bool, typer.Option("--by-cause", help="Each injection with the alerts under it.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def timeline(
    trail: Trail,
    order: Order = None,
    account: Account = None,
    instrument: Instrument = None,
    service: Service = None,
    alert: Alert = None,
    kind: Kind = None,
    from_: From = None,
    until: Until = None,
    causes: CausesOf = None,
    by_cause: ByCause = False,
    json: Json = False,
) -> None:
    """Print entries of a trail on standard output, as they are asked for. Exit code: 0, or 2 for bad input."""
    from trading_ecosystem.cli.trail_lines import answer, answer_by_cause, answer_causes

    wanted = dict(order=order, account=account, instrument=instrument, service=service, alert=alert, kind=kind)
    picked = any((*wanted.values(), from_, until))
    if sum((picked, causes is not None, by_cause)) > 1:
        raise Problem("--causes and --by-cause stand alone: each says itself which entries it shows")
    path = trail_of(trail)
    if by_cause:
        show(answer_by_cause(path, json))
    elif causes is not None:
        show(answer_causes(path, causes, json))
    else:
        show(answer(path, wanted, from_, until, json))


def show(shown: Iterable[str]) -> None:
    try:
        for line in shown:
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
