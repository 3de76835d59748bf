"""`tse impact`: what orders of growing size cost on the ladders of a world's venue, in calm and in a storm."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from trading_ecosystem.cli import terminal
from trading_ecosystem.cli.exits import Exit
from trading_ecosystem.cli.places import find_world
from trading_ecosystem.configuration.document import Problem

if TYPE_CHECKING:
    from trading_ecosystem.assembly import WorldPlan
    from trading_ecosystem.report.impact import Curve, Weather
    from trading_ecosystem.simulators.exchange.config import ExchangeConfig

    Curves = dict[str, dict[Weather, Curve]]

PPM_PER_BP = 100

World = Annotated[str, typer.Argument(metavar="WORLD", help="A world file, or the name of a shipped one.")]
Symbol = Annotated[str, typer.Option("--instrument", metavar="PAIR", help="One pair, with every size.")]
Venue = Annotated[str, typer.Option(metavar="INSTANCE", help="Of several; a single one need not be named.")]
Orders = Annotated[int, typer.Option(metavar="N", min=2, max=10_000, help="So many of each size.")]
Seed = Annotated[int, typer.Option(metavar="N", min=0, max=1 << 31)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


def impact(
    world: World, symbol: Symbol = "", venue: Venue = "", orders: Orders = 50, seed: Seed = 7, json: Json = False
) -> None:
    """Measure how the cost of a market order grows with its size. Exit code: 0, or 2 for bad input."""
    from trading_ecosystem.assembly import load_world
    from trading_ecosystem.report.impact import far_exponent, measured

    plan = load_world(find_world(world))
    instance = chosen(plan, venue)
    config, accounts = plan.venues[instance], plan.accounts_at(instance)
    curves = {
        each: measured(instance, config, plan.reference, accounts, each, start_ticks(plan, each), orders, seed)
        for each in measurable(plan, config, world, symbol)
    }
    far = far_exponent(config.liquidity)
    show(plan, curves, far, symbol != "")
    if json:
        terminal.print_object(impact_object(plan, curves, far, orders, seed))
    raise typer.Exit(Exit.PASS)


def chosen(plan: "WorldPlan", venue: str) -> str:
    """The instance of the venue that is asked for."""
    venues = list(plan.venues)
    if venue in venues or (not venue and len(venues) == 1):
        return venue or venues[0]
    raise Problem(f"--venue {venue or 'is needed'}: {plan.name} has {', '.join(venues)}")


def measurable(plan: "WorldPlan", config: "ExchangeConfig", world: str, symbol: str) -> list[str]:
    """The pairs with a ladder, or the one that is asked for."""
    pairs = [each for each in config.liquidity.instruments if each not in plan.reference.perpetuals]
    if not pairs:
        raise Problem(f"{world}: no pair of this world has a background")
    if symbol and symbol not in pairs:
        raise Problem(f"--instrument {symbol}: no pair of {plan.name} with a background; known: {', '.join(pairs)}")
    return [symbol] if symbol else pairs


def start_ticks(plan: "WorldPlan", symbol: str) -> int:
    """The price of a pair when the world begins."""
    market, pair = plan.market_data, plan.reference.instruments[symbol]

    def value(asset: str) -> Decimal:
        if asset in market.cryptos:
            return market.cryptos[asset].value
        return market.pegged[asset].value if asset in market.pegged else Decimal(1)

    return max(2, round(value(pair.base) / value(pair.quote) / pair.tick))


def show(plan: "WorldPlan", curves: "Curves", far: float | None, every_size: bool) -> None:
    console = terminal.screen()
    table = terminal.plain_table("Pair", "Market", "Order", "Impact", "Exponent")
    for symbol, by_weather in curves.items():
        pair = plan.reference.instruments[symbol]
        for weather, curve in by_weather.items():
            shown = range(len(curve.sizes_lots)) if every_size else (0, -1)
            for at in shown:
                size = f"{(curve.sizes_lots[at] * pair.lot).normalize():f} {pair.base}"
                cost = f"{curve.impacts_ppm[at] / PPM_PER_BP:.1f} bps"
                exponent = f"{curve.exponent:.2f}" if at == 0 else ""
                table.add_row(*((symbol, weather.value) if at == 0 else ("", "")), size, cost, exponent)
    console.print(table)
    ends = "levels that do not grow: no power law" if far is None else f"far out the exponent comes to {far:.2f}"
    console.print(Text(f"From the first level to the whole ladder; {ends}."))


def impact_object(plan: "WorldPlan", curves: "Curves", far: float | None, orders: int, seed: int) -> dict[str, object]:
    return {
        "world": plan.name,
        "seed": seed,
        "orders_per_size": orders,
        "far_exponent": far,
        "pairs": {
            symbol: {
                weather.value: {
                    "exponent": curve.exponent,
                    "sizes": [str(lots * plan.reference.instruments[symbol].lot) for lots in curve.sizes_lots],
                    "impacts_bps": [ppm / PPM_PER_BP for ppm in curve.impacts_ppm],
                }
                for weather, curve in by_weather.items()
            }
            for symbol, by_weather in curves.items()
        },
    }
