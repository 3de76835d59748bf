"""What must be true again some minutes after the last fault was undone."""

from tests.swarm.witness import Witness

from trading_ecosystem import routes
from trading_ecosystem.core import Core
from trading_ecosystem.messages.health import HealthStatus
from trading_ecosystem.production.risk_monitor.alerts import Alert, Status
from trading_ecosystem.production.risk_monitor.core import RiskMonitor
from trading_ecosystem.production.trading_engine.core import TradingEngine
from trading_ecosystem.production.trading_engine.orders import OrderStatus
from trading_ecosystem.production.trading_engine.strategies.arbitrage import Arbitrage
from trading_ecosystem.simulators.exchange.core import Exchange
from trading_ecosystem.simulators.exchange.state import assert_locks_owned
from trading_ecosystem.virtual.world import World

MINUTE = 60_000_000_000
FEED_ALERTS = ("venue_down", "stale_data")
Amounts = dict[str, int]


def healed(witness: Witness, quiet_ns: int) -> list[str]:
    """What the messages of the quiet say."""
    troubles = [
        f"{name} says {said.health.value}: {said.detail}"
        for name, said in witness.health.items()
        if said.health is not HealthStatus.SERVING
    ]
    if witness.report is None or not witness.report.certain:
        troubles.append("the last risk report is not certain")
    for alert_id, fired in witness.firing.items():
        if fired.rule in FEED_ALERTS:
            troubles.append(f"the alert {alert_id} is still firing")
    if not any(at_ns > quiet_ns + MINUTE for at_ns in witness.accepted.get("alpha", [])):
        troubles.append("the market maker trades no more")
    return troubles


def unhealed(world: World, witness: Witness) -> list[str]:
    """Where the books of the services differ now. For a moment messages on their way may explain it."""
    cores = {service.name: service.core for service in world.services}
    exchange = cores[routes.EXCHANGE]
    assert isinstance(exchange, Exchange)
    venue = venue_amounts(exchange)
    troubles = [*at_venue(exchange, witness)]
    for account in ("alpha", "beta"):
        troubles += at_desk(cores[f"{routes.TRADING_ENGINE}.{account}"], account, venue[account], witness)
    monitor = cores[routes.RISK_MONITOR]
    assert isinstance(monitor, RiskMonitor)
    firing = {alert.alert_id for alert in alerts(monitor) if alert.status is Status.FIRING}
    if firing != set(witness.firing):
        troubles.append(f"the monitor has {sorted(firing)} firing, and told of {sorted(witness.firing)}")
    for name, book in monitor._accounts.items():
        if without_zeros(book.amounts) != venue[name]:
            troubles.append(f"the monitor's books of {name} are {book.amounts}, the venue's {venue[name]}")
    for name, held in custody_amounts(cores[routes.CUSTODIAN]).items():
        if name in venue and held != venue[name]:
            troubles.append(f"the custodian's books of {name} are {held}, the venue's {venue[name]}")
    return troubles


def venue_amounts(exchange: Exchange) -> dict[str, Amounts]:
    """By account and asset, free and locked, in minor units."""
    return {
        name: without_zeros({asset: funds.free_minor + funds.locked_minor for asset, funds in account.funds.items()})
        for name, account in exchange._accounts.by_name.items()
    }


def custody_amounts(custodian: Core) -> dict[str, Amounts]:
    """What is posted and pending, by account and asset."""
    ledger = custodian._ledger  # type: ignore[attr-defined]
    return {
        name: without_zeros(
            {holding.asset: holding.posted_minor + holding.pending_minor for holding in ledger.holdings(name)}
        )
        for name in ledger._balances
    }


def alerts(monitor: RiskMonitor) -> list[Alert]:
    return [alert for watch in monitor._rulebook._watches.all for alert in watch.alerts]


def without_zeros(amounts: Amounts) -> Amounts:
    return {asset: amount for asset, amount in sorted(amounts.items()) if amount}


def at_venue(exchange: Exchange, witness: Witness) -> list[str]:
    """Orders whose acceptance departed, and have not ended since, are open at the venue: none more, none less."""
    assert_locks_owned(exchange._matching, exchange._accounts)
    known: dict[str, Amounts] = {account: {} for account in witness.open_orders}
    for order in [order for orders in exchange._matching.open_orders for order in orders.values()]:
        if not order.account.is_venue_own:
            known.setdefault(order.account.name, {})[order.client_order_id] = order.leaves_lots
    if known == witness.open_orders:
        return []
    return [f"the venue has open {known}, and told of {witness.open_orders}"]


def at_desk(core: Core, account: str, venue: Amounts, witness: Witness) -> list[str]:
    assert isinstance(core, TradingEngine)
    working = core._orders.working
    troubles = [
        f"{account}: order {order.client_order_id} is {order.status.value}"
        for order in working.values()
        if order.status is not OrderStatus.OPEN
    ]
    known = {order.client_order_id: order.leaves_lots for order in working.values()}
    if known != witness.open_orders.get(account, {}):
        troubles.append(f"{account}: the desk has open {known}, the venue {witness.open_orders.get(account, {})}")
    totals = without_zeros(core._desk.positions._totals)
    for strategy in core._strategies:
        if isinstance(strategy, Arbitrage) and any(order.closed for order in strategy._round):
            troubles.append(f"{account}: the arbitrage waits for orders that have ended")
    if totals != venue:
        troubles.append(f"{account}: the desk's books are {totals}, the venue's {venue}")
    return troubles
