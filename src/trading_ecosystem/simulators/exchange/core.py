"""The exchange: a venue where accounts trade, by price-time priority, out of balances that it keeps.

Rule 1: nothing in this file reads a clock, a socket, a disk or a random number.
Rule 2: what is due is done before anything else is handled: no order trades after it has expired.
Rule 3: as long as anything is due at a later time, a `Wake` for it has been asked for.
"""

from typing import final

from trading_ecosystem.chance import Dice
from trading_ecosystem.core import JournaledCore
from trading_ecosystem.messages.accounts import (
    AccountReported,
    Balance,
    OpenOrder,
    QueryAccount,
    QueryTrades,
    TradesReported,
    VenueHeartbeat,
)
from trading_ecosystem.messages.books import QueryBooks, SettleProfits
from trading_ecosystem.messages.chaos import FaultVenue, InjectionEnded, InjectionRefused, RestoreVenue, VenueFault
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.order_changes import AmendOrder, CancelAllAfter, CancelAllOrders
from trading_ecosystem.messages.orders import CancelOrder, SubmitOrder
from trading_ecosystem.messages.perpetuals import MoveMargin, MoveRejectReason
from trading_ecosystem.messages.runtime import Plain, Start, Wake, WakeAt
from trading_ecosystem.messages.transfers import CreditAccount, DebitAccount
from trading_ecosystem.messages.triggers import SubmitPair, SubmitTriggerOrder
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.exchange.accounts import Account, Accounts
from trading_ecosystem.simulators.exchange.announcements import open_order, open_wait
from trading_ecosystem.simulators.exchange.auction import Auctions
from trading_ecosystem.simulators.exchange.changes import OrderChanges
from trading_ecosystem.simulators.exchange.clients import Clients
from trading_ecosystem.simulators.exchange.config import ExchangeConfig, LiquidityConfig
from trading_ecosystem.simulators.exchange.deadlines import NEVER_NS
from trading_ecosystem.simulators.exchange.dispersion import Dispersions
from trading_ecosystem.simulators.exchange.entry import OrderEntry
from trading_ecosystem.simulators.exchange.fault_register import FaultRegister
from trading_ecosystem.simulators.exchange.faults import ENDS_SESSION, VenueFaults
from trading_ecosystem.simulators.exchange.fees import FeeSchedule
from trading_ecosystem.simulators.exchange.liquidity import Liquidity
from trading_ecosystem.simulators.exchange.margin import Contract
from trading_ecosystem.simulators.exchange.margin_words import move_rejected
from trading_ecosystem.simulators.exchange.market import Market
from trading_ecosystem.simulators.exchange.matching import Matching
from trading_ecosystem.simulators.exchange.movements import Movements
from trading_ecosystem.simulators.exchange.perpetuals import Perpetuals, contracts_of
from trading_ecosystem.simulators.exchange.rules import MarketRules
from trading_ecosystem.simulators.exchange.state import restore_matching, save_matching
from trading_ecosystem.simulators.exchange.venue_books import VenueBooks


def background_of(
    name: str, config: LiquidityConfig, accounts: Accounts, matching: Matching, seed: int
) -> dict[str, Liquidity]:
    """The venue's own participants, by instrument."""
    return {
        symbol: Liquidity(
            matching,
            matching.markets[symbol],
            accounts.background,
            accounts.noise,
            config,
            own,
            Dice(seed, f"{name}.noise.{symbol}"),
        )
        for symbol, own in config.instruments.items()
    }


@final
class Exchange(JournaledCore):
    """`accounts`: what each account holds at the start, asset to minor units. The venue's own `background`, `noise` and
    `fees` are opened empty where they are not named; no client can submit orders for them. `margin`: what of it is in
    margin wallets at the start. `masters`: of each sub-account."""

    __slots__ = (
        "_accounts",
        "_asked_ns",
        "_auctions",
        "_books",
        "_changes",
        "_clients",
        "_dispersions",
        "_due_ns",
        "_entry",
        "_faults",
        "_fees",
        "_heartbeat_due_ns",
        "_heartbeat_ns",
        "_liquidity",
        "_matching",
        "_movements",
        "_name",
        "_perpetuals",
        "_phases",
        "_session",
    )

    def __init__(
        self,
        name: str,
        config: ExchangeConfig,
        reference: ReferenceData,
        accounts: dict[str, dict[str, int]],
        seed: int,
        margin: dict[str, dict[str, int]] | None = None,
        masters: dict[str, str] | None = None,
    ) -> None:
        self._name = name
        self._heartbeat_ns: int = config.heartbeat_ns
        self._heartbeat_due_ns = 0
        self._session = 0
        self._asked_ns = 0  # The earliest `Wake` that is still to come; 0 for none.
        self._due_ns: int = NEVER_NS  # What `_next_ns` said last.
        self._accounts = Accounts(list(reference.assets), accounts, prefix_of(name))
        self._movements = Movements(name, config.custodian, self._accounts)
        contracts = contracts_of(reference, config, self._accounts, margin or {})
        self._matching = Matching(name, markets_of(reference, config, self._accounts, contracts), self._accounts)
        self._matching.counts_turnover = len(config.tiers()) > 1
        self._fees = FeeSchedule(
            config.tiers(), reference, self._accounts.by_name, self._matching.markets, masters or {}
        )
        self._perpetuals = Perpetuals(name, config, contracts, self._accounts, self._matching) if contracts else None
        pools = [] if self._perpetuals is None else self._perpetuals.pools
        self._books = VenueBooks(name, self._movements, self._accounts, self._matching, pools)
        self._phases = self._matching.phases
        self._auctions = Auctions(self._matching)
        self._clients = Clients(self._accounts, self._matching)
        register = FaultRegister(name, seed)
        self._entry = OrderEntry(
            name, self._clients, self._matching, register, config.most_open_orders, config.most_waiting_orders
        )
        self._changes = OrderChanges(name, self._clients, self._matching)
        self._liquidity = background_of(name, config.liquidity, self._accounts, self._matching, seed)
        self._dispersions = Dispersions(name, config.dispersion, list(reference.instruments), seed)
        self._faults = VenueFaults(
            name, register, self._accounts, self._matching, self._auctions, self._liquidity, self._perpetuals
        )

    def handle(self, message: Message, now: int) -> list[Message]:
        if self._faults.register.is_empty:
            return self._handle(message, now)
        if self._faults.is_dark:
            return self._handle_in_the_dark(message, now)
        out = self._faults.told(self._handle(message, now), now)
        self._ask_for_wake(out)
        return out

    def _handle(self, message: Message, now: int) -> list[Message]:
        out: list[Message] = []
        if now >= self._fees.next_ns:
            self._fees.turn(now)
        if now >= self._due_ns:
            self._do_due(now, out)
        if isinstance(message, QuotePublished):
            self._follow(message, now, out)
        elif isinstance(message, SubmitOrder):
            self._publish_top_of(self._entry.submit(message, now, out), now, out)
        elif isinstance(message, CancelOrder):
            self._publish_top_of(self._changes.cancel(message, now, out), now, out)
        elif isinstance(message, Wake):
            self._wake(now, out)
        elif not self._answer(message, now, out):
            self._obey(message, now, out)
        if self._perpetuals is not None:
            self._weigh(self._perpetuals, now, out)
        self._ask_for_wake(out)
        return out

    def _weigh(self, perpetuals: Perpetuals, now: int, out: list[Message]) -> None:
        """What was done has to be borne by its accounts before anything else is."""
        if perpetuals.finish(now, out):
            self._publish_tops(now, out)

    # Prices.

    def _follow(self, quote: QuotePublished, now: int, out: list[Message]) -> None:
        """The venue's own price follows the provider's; an index is the provider's."""
        own = self._faults.moved(self._dispersions.moved(quote))
        market = self._matching.markets.get(quote.symbol)
        if market is not None:
            market.follow(own)
        liquidity = self._liquidity.get(quote.symbol)
        if liquidity is not None and liquidity.follow(own, now, out):
            self._publish_top(liquidity.market, now, out)
        if self._perpetuals is not None:
            self._perpetuals.hear(quote, now, out)

    def _publish_top_of(self, market: Market | None, now: int, out: list[Message]) -> None:
        if market is not None:
            self._publish_top(market, now, out)

    def _publish_top(self, market: Market, now: int, out: list[Message]) -> None:
        book = market.book
        if book.take_top(market.is_open):
            out.append(
                BookTopChanged(
                    self._name,
                    book.symbol,
                    book.bid_ticks,
                    book.bid_lots,
                    book.ask_ticks,
                    book.ask_lots,
                    book.top_sequence,
                    now,
                )
            )

    def _publish_tops(self, now: int, out: list[Message]) -> None:
        for market in self._matching.markets.values():
            self._publish_top(market, now, out)

    # Orders.

    def _obey(self, message: Message, now: int, out: list[Message]) -> None:
        """What participants say less often."""
        if isinstance(message, SubmitTriggerOrder):
            self._entry.submit_trigger(message, now, out)
        elif isinstance(message, SubmitPair):
            self._publish_top_of(self._entry.submit_pair(message, now, out), now, out)
        elif isinstance(message, AmendOrder):
            self._publish_top_of(self._changes.amend(message, now, out), now, out)
        elif isinstance(message, CancelAllOrders):
            self._changes.cancel_all(message, now, out)
            self._publish_tops(now, out)
        elif isinstance(message, (CreditAccount, DebitAccount)):
            self._movements.move(message, now, out)
        elif isinstance(message, SettleProfits):
            self._books.settle_profits(message, now, out)
        elif isinstance(message, MoveMargin):
            self._move_margin(message, now, out)
        elif isinstance(message, CancelAllAfter):
            self._changes.cancel_all_after(message, now)
        else:
            self._take_fault(message, now, out)

    # Faults.

    def _take_fault(self, message: Message, now: int, out: list[Message]) -> None:
        if isinstance(message, RestoreVenue):
            ended = self._faults.end(message, now, out)
            if ended is not None and ended.venue_fault in ENDS_SESSION:
                self._begin_session(now, out)
        else:
            assert isinstance(message, FaultVenue), f"{type(message).__name__} is not for an exchange"
            if self._faults.begin(message, now, out):
                out.extend(self._faults.register.take_struck(now))
                if message.venue_fault is VenueFault.OUTAGE:
                    out.append(self._health(HealthStatus.NOT_SERVING, "outage", now))
        self._publish_tops(now, out)

    def _handle_in_the_dark(self, message: Message, now: int) -> list[Message]:
        """Whatever comes is not answered, and nothing is done; what came due is done when the outage ends."""
        out: list[Message] = []
        if isinstance(message, RestoreVenue):
            self._asked_ns = 0
            ended = self._faults.end(message, now, out)
            if ended is None or ended.venue_fault is not VenueFault.OUTAGE:
                return [each for each in out if isinstance(each, InjectionEnded)]
            self._do_due(now, out)
            self._begin_session(now, out)
            self._publish_tops(now, out)
            out = self._faults.told(out, now)
            self._ask_for_wake(out)
            return out
        if isinstance(message, FaultVenue):
            if not self._faults.register.knows(message):
                detail = "the venue is away"
                out.append(InjectionRefused(injection_id=message.injection_id, detail=detail, occurred_ns=now))
        elif isinstance(message, Start):
            self._session += 1
            out.append(self._health(HealthStatus.NOT_SERVING, "outage", now))
        elif not isinstance(message, (QuotePublished, Wake)):
            self._faults.unanswered += 1
        return out

    def _move_margin(self, command: MoveMargin, now: int, out: list[Message]) -> None:
        if self._perpetuals is not None:
            self._perpetuals.move(command, now, out)
            return
        account = self._accounts.client(command.account)
        reason = MoveRejectReason.UNKNOWN_ACCOUNT if account is None else MoveRejectReason.UNKNOWN_ASSET
        sequence = 0 if account is None else account.next_sequence()
        out.append(move_rejected(self._name, command, sequence, reason, now))

    # Questions, time, life.

    def _answer(self, message: Message, now: int, out: list[Message]) -> bool:
        """False for a message that is no question and no start."""
        if isinstance(message, QueryAccount):
            out.append(self._report(message, now))
        elif isinstance(message, QueryTrades):
            out.append(self._report_trades(message, now))
        elif isinstance(message, QueryBooks):
            out.append(self._books.report(message, now))
        elif isinstance(message, Start):
            self._start(now, out)
        else:
            return False
        return True

    def _report(self, query: QueryAccount, now: int) -> AccountReported:
        account = self._accounts.by_name.get(query.account)
        return AccountReported(
            to=query.asker,
            venue=self._name,
            account=query.account,
            account_sequence=0 if account is None else account.sequence,
            balances=() if account is None else balances_of(account),
            open_orders=() if account is None else self._open_orders(account),
            occurred_ns=now,
            maker_fee_ppm=0 if account is None else account.maker_fee_ppm,
            taker_fee_ppm=0 if account is None else account.taker_fee_ppm,
            positions=() if account is None or self._perpetuals is None else self._perpetuals.positions(account),
            margins=() if account is None or self._perpetuals is None else self._perpetuals.margins(account),
        )

    def _open_orders(self, account: Account) -> tuple[OpenOrder, ...]:
        """Those in the books and those that wait, oldest first."""
        found = [open_order(order) for order in self._matching.open_orders[account.number].values()]
        found.extend([open_wait(order) for order in self._matching.waiting_orders[account.number].values()])
        return tuple(sorted(found, key=lambda order: order.order_id))

    def _report_trades(self, query: QueryTrades, now: int) -> TradesReported:
        recent = self._matching.recent_trades
        return TradesReported(
            to=query.asker,
            venue=self._name,
            from_trade_id=max(query.from_trade_id, recent.oldest_id()),
            trades=recent.since(query.from_trade_id),
            occurred_ns=now,
        )

    def _start(self, now: int, out: list[Message]) -> None:
        self._asked_ns = 0
        self._begin_session(now, out)

    def _begin_session(self, now: int, out: list[Message]) -> None:
        self._session += 1
        if self._perpetuals is not None:
            self._perpetuals.start(now)
        out.append(self._health(HealthStatus.SERVING, f"session {self._session}", now))
        self._beat(now, out)
        self._auctions.tell_again(now, out)

    def _health(self, health: HealthStatus, detail: str, now: int) -> HealthChanged:
        return HealthChanged(service=self._name, health=health, detail=detail, occurred_ns=now)

    def _wake(self, now: int, out: list[Message]) -> None:
        if now >= self._asked_ns:
            self._asked_ns = 0
        if now >= self._heartbeat_due_ns:
            self._beat(now, out)

    def _next_ns(self) -> int:
        """When something is due next; `NEVER_NS` for nothing."""
        next_ns = min(self._changes.next_ns(), self._phases.ends.next_ns)
        next_ns = min(next_ns, self._faults.reports.next_ns)
        return next_ns if self._perpetuals is None else min(next_ns, self._perpetuals.due_ns)

    def _do_due(self, now: int, out: list[Message]) -> None:
        """All that is due, in the order in which it is; an order that expires as an auction ends is not in it."""
        for market in self._auctions.due(now):
            self._changes.do_due(market.until_ns, now, out)
            self._auctions.end_phase(market, now, out)
        self._changes.do_due(now, now, out)
        self._publish_tops(now, out)
        perpetuals = self._perpetuals
        if perpetuals is not None and now >= perpetuals.due_ns:
            perpetuals.do_due(now, out)
            self._weigh(perpetuals, now, out)

    def _ask_for_wake(self, out: list[Message]) -> None:
        next_ns = self._due_ns = self._next_ns()
        if next_ns != NEVER_NS and (next_ns < self._asked_ns or not self._asked_ns):
            self._asked_ns = next_ns
            out.append(WakeAt(next_ns))

    def _beat(self, now: int, out: list[Message]) -> None:
        self._heartbeat_due_ns = (now // self._heartbeat_ns + 1) * self._heartbeat_ns
        out.append(VenueHeartbeat(venue=self._name, session=self._session, occurred_ns=now))
        out.append(WakeAt(self._heartbeat_due_ns))

    # State.

    def save(self) -> Plain:
        state: dict[str, Plain] = {
            "session": self._session,
            "heartbeat_due_ns": self._heartbeat_due_ns,
            "movements": self._movements.save(),
            "accounts": self._accounts.save(),
            "matching": save_matching(self._matching),
            "submissions": self._clients.save(),
            "silent_ns": self._changes.save(),
            "asked_ns": self._asked_ns,
            "fees": self._fees.save(),
            "liquidity": {symbol: liquidity.save() for symbol, liquidity in self._liquidity.items()},
            "faults": self._faults.save(),
            "perpetuals": None if self._perpetuals is None else self._perpetuals.save(),
            **self._dispersions.save(),
        }
        books = self._books.save()
        if books is not None:
            state["books"] = books
        return state

    def restore(self, state: Plain) -> None:
        assert isinstance(state, dict)
        self._session = state["session"]
        self._heartbeat_due_ns = state["heartbeat_due_ns"]
        self._movements.restore(state["movements"])
        if self._perpetuals is not None:
            self._perpetuals.restore(state["perpetuals"])
        self._books.restore(state.get("books"))
        self._accounts.restore(state["accounts"])
        restore_matching(self._matching, self._accounts, state["matching"])
        self._clients.restore(state["submissions"])
        self._changes.restore(state["silent_ns"])
        self._asked_ns = state["asked_ns"]
        self._fees.restore(state["fees"])
        for symbol, liquidity in self._liquidity.items():
            liquidity.restore(state["liquidity"][symbol])
        self._faults.restore(state["faults"])
        self._dispersions.restore(state)
        self._due_ns = self._next_ns()


def prefix_of(instance: str) -> str:
    """What the names of accounts begin with at a venue that has neighbours, such as `exchange.north`."""
    venue = instance.partition(".")[2]
    return f"{venue}." if venue else ""


def markets_of(
    reference: ReferenceData, config: ExchangeConfig, accounts: Accounts, contracts: dict[str, Contract]
) -> dict[str, Market]:
    no_rules = MarketRules()
    return {
        symbol: Market(
            instrument,
            accounts.totals,
            config.rules.get(symbol, no_rules),
            config.taker_fee_ppm,
            contracts.get(symbol),
        )
        for symbol, instrument in reference.instruments.items()
    }


def balances_of(account: Account) -> tuple[Balance, ...]:
    """Every asset of the venue, also those that the account has none of."""
    return tuple(
        [
            Balance(asset=asset, free_minor=funds.free_minor, locked_minor=funds.locked_minor)
            for asset, funds in account.funds.items()
        ]
    )
