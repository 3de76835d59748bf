"""All rules of the firm, ready to be asked about what has just changed and nothing else.

Rule 1: a rule about what the firm has and is worth is with its `Wealth`, one about who speaks with the `Sources`; all
others are here.
Rule 2: what is somebody else's is behind a fence, and fails alone.
"""

from typing import final

from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.production.risk_monitor.accounts import Account
from trading_ecosystem.production.risk_monitor.alerts import Status, Watch
from trading_ecosystem.production.risk_monitor.config import Limits, RulePart
from trading_ecosystem.production.risk_monitor.desks import Desk
from trading_ecosystem.production.risk_monitor.doubts import Doubts
from trading_ecosystem.production.risk_monitor.fence import Fence
from trading_ecosystem.production.risk_monitor.groups import Group
from trading_ecosystem.production.risk_monitor.levels import NO_LIMIT, SHARE_UNIT, minor_unit
from trading_ecosystem.production.risk_monitor.outbox import Outbox
from trading_ecosystem.production.risk_monitor.portfolio import Portfolio
from trading_ecosystem.production.risk_monitor.rules.alert_escalation import Escalation, Patience
from trading_ecosystem.production.risk_monitor.rules.balance_sanity import BalanceSanity
from trading_ecosystem.production.risk_monitor.rules.concentration import Share
from trading_ecosystem.production.risk_monitor.rules.delta_exposure import DeltaExposure
from trading_ecosystem.production.risk_monitor.rules.margin_buffer import MarginBuffer
from trading_ecosystem.production.risk_monitor.rules.own_heartbeat import OwnHeartbeat
from trading_ecosystem.production.risk_monitor.rules.plugin import FIRM, MONITOR, Entry
from trading_ecosystem.production.risk_monitor.rules.pnl_drawdown import Drawdown
from trading_ecosystem.production.risk_monitor.rules.position_limit import PositionLimit
from trading_ecosystem.production.risk_monitor.rules.reconciliation_break import ReconciliationBreak, break_subject
from trading_ecosystem.production.risk_monitor.rules.rule import Judged, Rule, Sight
from trading_ecosystem.production.risk_monitor.rules.settlement_overdue import SettlementOverdue
from trading_ecosystem.production.risk_monitor.rules.settling import SETTLEMENT, Settling
from trading_ecosystem.production.risk_monitor.rules.transfer_overdue import TransferOverdue
from trading_ecosystem.production.risk_monitor.rules.venue_share import VenueShare
from trading_ecosystem.production.risk_monitor.sources import Sources
from trading_ecosystem.production.risk_monitor.watches import Watches
from trading_ecosystem.production.risk_monitor.wealth import Wealth
from trading_ecosystem.reference import ReferenceData

Hearing = dict[type, list[Judged]]


@final
class Rulebook:
    """Every rule with its watches. `at_once` and `afterwards`: who hears a type of message, by type."""

    def __init__(
        self, limits: Limits, reference: ReferenceData, accounts: dict[str, Account], venues: list[str], doubts: Doubts
    ) -> None:
        """`accounts`: the firm's, by name; `venues`: where they lie."""
        self._limits, self._reference = limits, reference
        self._watches = watches = Watches(limits)
        self.firm = self._firm(accounts, venues)
        self.sources = Sources(watches, reference, self.firm.portfolio, limits.unchanged_data_ns)
        self.settlements = {each: SettlementOverdue(watch) for each, watch in watches.of("settlement_overdue").items()}
        self.transfers = {each: TransferOverdue(watch) for each, watch in watches.of("transfer_overdue").items()}
        self.breaks = self._breaks(venues)
        self.marks: dict[str, dict[str, int]] = {venue: {} for venue in venues}  # Mark prices, in ticks, by symbol.
        self.margin_rates: dict[str, dict[str, int]] = {venue: {} for venue in venues}  # Maintenance, ppm, by symbol.
        self.buffers = self._buffers(accounts)
        self.sanities = {each: BalanceSanity(watch) for each, watch in watches.of("balance_sanity").items()}
        self.groups = [(group, self._group(group)) for group in limits.groups]
        self.wealths = [self.firm, *[wealth for _, wealth in self.groups]]
        own = watches.of("own_heartbeat")
        self.own_heartbeat = OwnHeartbeat(own[MONITOR]) if own else None
        self.fences: list[Fence] = []
        self.at_once: Hearing = {}
        self.afterwards: Hearing = {}
        sight = Sight(reference, accounts, self.firm.portfolio, self.sources.venues, self.marks)
        self.judged = self._judged(sight, doubts)
        self.escalations = self._escalations()

    def wealths_of(self, account: str) -> list[Wealth]:
        """What an account's fills and prices bear on: the firm, and every group that the account is in."""
        return [self.firm, *[wealth for group, wealth in self.groups if account in group.accounts]]

    def watch_of(self, alert_key: str) -> Watch | None:
        return self._watches.by_key.get(alert_key)

    def begin(self, memory: dict[str, Plain], now: int, outbox: Outbox) -> None:
        """Take over the alerts of the life before; from now on silence counts."""
        for wealth in self.wealths:
            wealth.recall(memory)
        self._watches.recall(memory, now, outbox)
        self.sources.begin(now)
        if self.own_heartbeat is not None:
            self.own_heartbeat.begin(memory, now, outbox)

    def remember(self, outbox: Outbox) -> None:
        for wealth in self.wealths:
            wealth.remember(outbox)

    def runaway(self, account: str) -> str:
        """The critical alert on an order rate of this account that fires, while the figure is still what made it; empty
        where none does."""
        for watch in self.judged["order_rate"].watches.values():
            alert = watch.alerts[-1]
            is_of_account = watch.subject.rpartition(":")[0] == account
            if is_of_account and alert.status is Status.FIRING and alert.value >= alert.limit:
                return alert.alert_id
        return ""

    def check_books(self, account: Account, differing: list[str], at_ns: int, now: int, outbox: Outbox) -> None:
        """The books of an account were compared: these assets differ, all others agree."""
        for rule in self.breaks[account.venue]:
            rule.note(account.name, rule.asset in differing, at_ns)
            rule.check(at_ns, now, outbox)

    def doubt_balances(self, account: str) -> None:
        """What its venue says of it may not be comparable until it answers."""
        if account in self.sanities:
            self.sanities[account].watch.known = False

    def owed(self) -> list[str]:
        """The accounts to which something is overdue, as far as that is an alert: it may never come."""
        late = [name for name, rule in self.settlements.items() if rule.watch.active]
        return late + [name for name, rule in self.transfers.items() if rule.watch.active and name not in late]

    def desk(self, instance: str, account: str) -> Desk:
        """The desk that trades with an account, and the alert on its kill switch where there is one."""
        entry = self._limits.entry("kill_switch")
        if entry is None:
            return Desk(instance, None)
        unit = entry.limits[0].unit
        return Desk(instance, self._watches.add("kill_switch", account, unit, entry.levels[account]))

    def resolve(self, now: int, outbox: Outbox) -> None:
        """What ends, or begins, because nothing happens: that is told by nothing."""
        for judged in self.judged.values():
            judged.look(now, outbox)
        for escalation in self.escalations:
            escalation.check(now, outbox)
        self._watches.resolve(now, outbox)

    def due_ns(self, now: int) -> int:
        """When to look for silent sources, for alerts that nobody answers, and for whatever a rule waits for, again."""
        due_ns = self.sources.due_ns(now)
        for at_ns in [escalation.due_ns() for escalation in self.escalations]:
            if now < at_ns < due_ns:
                due_ns = at_ns
        for at_ns in [judged.rule.due_ns(now) for judged in self.judged.values()]:
            if now < at_ns < due_ns:
                due_ns = at_ns
        return due_ns

    # How it is made.

    def _judged(self, sight: Sight, doubts: Doubts) -> dict[str, Judged]:
        """The rules that are plug-ins, by name."""
        found: dict[str, Judged] = {}
        for name, part in self._limits.rules.items():
            if part.plugin.build is None:
                continue
            judged = Judged(self._built(part, sight, doubts), self._watches.of(name))
            found[name] = judged
            hearing = self.at_once if part.plugin.at_once else self.afterwards
            for kind in part.plugin.hears:
                hearing.setdefault(kind, []).append(judged)
        return found

    def _built(self, part: RulePart, sight: Sight, doubts: Doubts) -> Rule:
        build = part.plugin.build
        assert build is not None
        if not part.path:
            return build(part.entry, sight)
        fence = Fence(part, sight, doubts)
        self.fences.append(fence)
        return fence

    def _escalations(self) -> list[Escalation]:
        """Of every critical alert there is."""
        entry = self._limits.entry("alert_escalation")
        if not isinstance(entry, Patience):
            return []
        (limit,) = entry.limits
        made: list[Escalation] = []
        for alert in self._watches.critical():
            subject = f"{alert.rule}:{alert.subject}"
            watch = self._watches.add("alert_escalation", subject, limit.unit, limit.levels)
            made.append(Escalation(alert, entry.acknowledged_ns, watch))
        return made

    def _breaks(self, venues: list[str]) -> dict[str, list[ReconciliationBreak]]:
        watches = self._watches.of("reconciliation_break")
        return {
            venue: [
                ReconciliationBreak(asset, watches[break_subject(venues, venue, asset)])
                for asset in self._reference.assets
            ]
            for venue in venues
        }

    def _buffers(self, accounts: dict[str, Account]) -> dict[str, MarginBuffer]:
        perpetuals, made = self._reference.perpetuals, {}
        for name, watch in self._watches.of("margin_buffer").items():
            venue = accounts[name].venue
            marks, rates = self.marks[venue], self.margin_rates[venue]
            made[name] = MarginBuffer(accounts[name].margin, perpetuals, marks, rates, watch)
        return made

    def _firm(self, accounts: dict[str, Account], venues: list[str]) -> Wealth:
        watches, portfolio = self._watches, Portfolio(self._reference, len(accounts))
        drawdown = Drawdown(watches.of("pnl_drawdown")[FIRM])
        delta = DeltaExposure(watches.of("delta_exposure")[FIRM])
        positions = {
            asset: PositionLimit(portfolio.positions[asset], watch)
            for asset, watch in watches.of("position_limit").items()
        }
        shares: list[Share] = []
        of_venues: list[VenueShare] = []
        settling: Settling | None = None
        for name, watch in watches.of("concentration").items():
            if name in venues:
                lying = [each for each in accounts.values() if each.venue == name]
                of_venues.append(VenueShare(lying, portfolio, watch))
            elif name == SETTLEMENT:
                hears_transfers = self._limits.entry("transfer_overdue") is not None
                every_ns: int = self._limits.ask_custodian_every_ns
                settling = Settling(list(accounts), portfolio, hears_transfers, every_ns, watch)
            else:
                of_issuer = [asset.name for asset in self._reference.assets.values() if asset.issuer == name]
                members = [name] if name in self._reference.assets else of_issuer
                shares.append(Share([portfolio.positions[member] for member in members], watch))
        return Wealth("", portfolio, positions, drawdown, delta, shares, of_venues, settling)

    def _group(self, group: Group) -> Wealth:
        """What is the firm's, once more for some of its accounts."""
        name, entries = group.name, group.entries
        portfolio, positions = Portfolio(self._reference, len(group.accounts)), {}
        limited = self._watches.of_entry("position_limit", entries.get("position_limit", Entry(())))
        for subject, watch in limited.items():
            asset = subject.rpartition(":")[2]
            positions[asset] = PositionLimit(portfolio.positions[asset], watch)
        drawdown = self._of_group(group, "pnl_drawdown", SHARE_UNIT)
        delta = self._of_group(group, "delta_exposure", minor_unit(self._reference.numeraire))
        return Wealth(name, portfolio, positions, Drawdown(drawdown, name), DeltaExposure(delta), [], [])

    def _of_group(self, group: Group, rule: str, unit: str) -> Watch:
        """Where a group has no such limit, the figure is kept nevertheless."""
        levels = group.entries[rule].levels[group.name] if rule in group.entries else NO_LIMIT
        return self._watches.add(rule, group.name, unit, levels)
