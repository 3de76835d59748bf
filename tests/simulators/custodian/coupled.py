"""A real custodian and a real exchange with a network between them that loses, repeats and delays."""

import json
from collections.abc import Sequence
from decimal import Decimal
from heapq import heappop, heappush
from typing import TypeVar

from trading_ecosystem.chance import Dice
from trading_ecosystem.configuration.scalars import instant_ns
from trading_ecosystem.core import JournaledCore
from trading_ecosystem.messages.accounts import AccountReported, HoldingsReported, QueryAccount, QueryHoldings
from trading_ecosystem.messages.message import Addressed, Message
from trading_ecosystem.messages.orders import OrderType, Side, SubmitOrder, TimeInForce, TradeExecuted
from trading_ecosystem.messages.runtime import Start, Wake, WakeAt
from trading_ecosystem.messages.transfers import (
    AccountMoved,
    ApproveTransfer,
    RequestDeposit,
    RequestTransfer,
    RequestWithdrawal,
    TransferChanged,
    TransferPosted,
    TransferRequested,
    TransferStatus,
)
from trading_ecosystem.reference import Asset, AssetKind, ReferenceData, instrument
from trading_ecosystem.simulators.custodian.config import CustodianConfig
from trading_ecosystem.simulators.custodian.core import Custodian
from trading_ecosystem.simulators.custodian.transfer_config import ApprovalConfig, TransferConfig, VelocityLimit
from trading_ecosystem.simulators.exchange.config import ExchangeConfig, LiquidityConfig
from trading_ecosystem.simulators.exchange.core import Exchange

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
START_NS = instant_ns("2026-03-02T00:00:00Z")
ASSETS = {"USD": Asset("USD", AssetKind.FIAT, 0), "BTC": Asset("BTC", AssetKind.CRYPTO, 0)}
REFERENCE = ReferenceData("USD", list(ASSETS.values()), [instrument("BTC/USD", Decimal(1), Decimal(1), ASSETS)])
AT_VENUE = {"ann": {"USD": 1000, "BTC": 10}, "sub": {"USD": 0, "BTC": 0}, "bob": {"USD": 500, "BTC": 50}}
VAULTS = {"ann.vault": {"USD": 300}, "bob.vault": {"BTC": 7}}
TRANSFERS = TransferConfig(
    offered=True,
    vaults=VAULTS,
    owners={"ann.vault": "ann", "sub": "ann", "bob.vault": "bob"},
    confirmation_ns={"BTC": HOUR_NS, "USD": MINUTE_NS},
    allowance_ns=30 * SECOND_NS,
    destinations={"ann": ("bank.ann",), "bob": ("cold.bob",)},
    hold_new_ns=2 * HOUR_NS,
    approvals=ApprovalConfig(
        by=("operator", "controller", "officer"),
        withdrawals=1,
        one_more_above_minor={"USD": 100},
        within_ns=3 * HOUR_NS,
    ),
    limits={"USD": VelocityLimit(most_minor=400, per_ns=4 * HOUR_NS)},
)
NOBODY_APPROVES = TransferConfig(
    offered=True,
    vaults=VAULTS,
    owners=TRANSFERS.owners,
    confirmation_ns=TRANSFERS.confirmation_ns,
    allowance_ns=TRANSFERS.allowance_ns,
    destinations=TRANSFERS.destinations,
)
SILENT = LiquidityConfig(
    levels=1,
    spacing_ppm=1_000_000,
    growth_ppm=0,
    follow_ppm=1_000_000,
    stressed_spread_ppm=1_000_000,
    stressed_depth_ppm=1_000_000,
    noise_ppm=0,
    instruments={},
)
ENDS = (
    *(TransferStatus.COMPLETED, TransferStatus.REJECTED, TransferStatus.CANCELED),
    *(TransferStatus.EXPIRED, TransferStatus.FAILED),
)


T = TypeVar("T")


class Draws:
    """One draw after the other of one stream."""

    def __init__(self, seed: int, name: str) -> None:
        self._dice = Dice(seed, name)
        self._drawn = 0

    def below(self, bound: int) -> int:
        self._drawn += 1
        return int(self._dice.below(bound, self._drawn))

    def one_of(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]


class Coupled:
    """`crashes`: each core is replaced by a restored twin at every step. `rough`: what befalls messages on the way."""

    def __init__(self, transfers: TransferConfig = TRANSFERS, crashes: bool = True, rough: Draws | None = None) -> None:
        self.transfers, self.crashes, self.rough = transfers, crashes, rough
        self.now = START_NS
        self.log: list[tuple[int, Message]] = []
        self.queue: list[tuple[int, int, str, Message]] = []
        self.sequence = 0
        self.cores: dict[str, JournaledCore] = {name: self.new(name) for name in ("custodian", "exchange")}
        for name in self.cores:
            self.step(name, Start(memory={}))

    def new(self, name: str) -> JournaledCore:
        if name == "custodian":
            config = CustodianConfig(same_day_delay_ns=10 * MINUTE_NS, cut_off_ns=6 * HOUR_NS, transfers=self.transfers)
            return Custodian("custodian", config, REFERENCE, AT_VENUE, ("exchange",))
        venue = ExchangeConfig(
            maker_fee_ppm=0, taker_fee_ppm=0, heartbeat_ns=HOUR_NS, liquidity=SILENT, custodian="custodian"
        )
        return Exchange("exchange", venue, REFERENCE, AT_VENUE, 1)

    # Time and network.

    def say(self, *messages: Message) -> list[Message]:
        """Hand commands over now. Returns what the custodian and the venue said at once."""
        began = len(self.log)
        for message in messages:
            assert isinstance(message, Addressed)
            self.step(message.to, message)
        return [each for _, each in self.log[began:]]

    def run(self, for_ns: int) -> None:
        until_ns = self.now + for_ns
        while self.queue and self.queue[0][0] <= until_ns:
            at_ns, _, name, message = heappop(self.queue)
            self.now = max(self.now, at_ns)
            self.step(name, message)
        self.now = until_ns

    def step(self, name: str, message: Message) -> None:
        for output in self.cores[name].handle(message, self.now):
            if isinstance(output, WakeAt):
                self.put(output.at_ns, name, Wake())
            else:
                self.log.append((self.now, output))
                self.send(output)
        if self.crashes:
            saved = json.loads(json.dumps(self.cores[name].save()))
            self.cores[name] = self.new(name)
            self.cores[name].restore(saved)
            assert json.loads(json.dumps(self.cores[name].save())) == saved

    def send(self, message: Message) -> None:
        target = message.to if isinstance(message, Addressed) else "custodian"
        if target not in self.cores or not isinstance(message, (Addressed, TradeExecuted)):
            return
        for delay_ns in self.delays(isinstance(message, TradeExecuted)):
            self.put(self.now + delay_ns, target, message)

    def delays(self, keeps_order: bool) -> tuple[int, ...]:
        if self.rough is None or keeps_order:
            return (1_000_000,)
        return self.rough.one_of([(), (1_000_000,), (1_000_000, 9 * SECOND_NS), (7 * SECOND_NS,), (3_000_000,) * 3])

    def put(self, at_ns: int, name: str, message: Message) -> None:
        self.sequence += 1
        heappush(self.queue, (at_ns, self.sequence, name, message))

    # What is where.

    def said(self, kind: type[Message]) -> list[Message]:
        return [message for _, message in self.log if isinstance(message, kind)]

    def venue(self, account: str) -> dict[str, int]:
        """Free and locked together, by asset."""
        (report,) = self.cores["exchange"].handle(QueryAccount(to="exchange", asker="me", account=account), self.now)
        assert isinstance(report, AccountReported)
        return {each.asset: each.free_minor + each.locked_minor for each in report.balances}

    def custody(self, account: str) -> dict[str, int]:
        """Posted, by asset, where there is any."""
        question = QueryHoldings(to="custodian", asker="me", account=account)
        report = next(each for each in self.cores["custodian"].handle(question, self.now))
        assert isinstance(report, HoldingsReported)
        return {each.asset: each.posted_minor for each in report.holdings if each.posted_minor}

    def pending(self, account: str) -> dict[str, int]:
        """What is pending to come in or to go out, net, by asset, where there is any."""
        question = QueryHoldings(to="custodian", asker="me", account=account)
        report = next(each for each in self.cores["custodian"].handle(question, self.now))
        assert isinstance(report, HoldingsReported)
        return {each.asset: each.pending_minor for each in report.holdings if each.pending_minor}

    def status(self, request_id: str) -> TransferStatus | None:
        found = [each for each in self.said(TransferChanged) if getattr(each, "request_id", "") == request_id]
        return None if not found else found[-1].transfer_status  # type: ignore[attr-defined]

    def differences(self) -> dict[str, int]:
        """Invariant M9: all that customers have at the venue, less all that custody has for them there, less the
        movements that the venue has made and custody has not posted, by asset. Zero, always."""
        found: dict[str, int] = {}
        for asset in ASSETS:
            at_venue = sum(self.venue(account)[asset] for account in AT_VENUE)
            in_custody = sum(self.custody(account).get(asset, 0) for account in AT_VENUE)
            found[asset] = at_venue - in_custody - self.on_the_way(asset)
        return found

    def on_the_way(self, asset: str) -> int:
        posted = {each.movement_id for each in self.said(TransferPosted)}  # type: ignore[attr-defined]
        moved = [each for each in self.said(AccountMoved) if isinstance(each, AccountMoved)]
        return sum(each.amount_minor for each in moved if each.asset == asset and each.movement_id not in posted)

    def in_transit(self, asset: str) -> int:
        """By what was told: each transfer's postings into transit, less those out of it."""
        total = 0
        for posted in self.said(TransferPosted):
            assert isinstance(posted, TransferPosted)
            for posting in posted.postings:
                if posting.asset == asset:
                    total += posting.amount_minor * (
                        (posting.credit_account == "transit") - (posting.debit_account == "transit")
                    )
        return total


# Commands.


def deposit(request_id: str, account: str, asset: str, amount: int, operator: str = "operator") -> RequestDeposit:
    return RequestDeposit(
        to="custodian",
        request_id=request_id,
        operator=operator,
        account=account,
        asset=asset,
        amount_minor=amount,
        source="wire",
    )


def withdraw(
    request_id: str, account: str, asset: str, amount: int, destination: str = "bank.ann", operator: str = "ann"
) -> RequestWithdrawal:
    return RequestWithdrawal(
        to="custodian",
        request_id=request_id,
        operator=operator,
        account=account,
        asset=asset,
        amount_minor=amount,
        destination=destination,
    )


def transfer(
    request_id: str, account: str, credit_account: str, asset: str, amount: int, operator: str = "ann"
) -> RequestTransfer:
    return RequestTransfer(
        to="custodian",
        request_id=request_id,
        operator=operator,
        account=account,
        asset=asset,
        amount_minor=amount,
        credit_account=credit_account,
    )


def approve(rig: Coupled, request_id: str, operator: str = "operator", digest: str = "") -> ApproveTransfer:
    requested = [each for each in rig.said(TransferRequested) if isinstance(each, TransferRequested)]
    known = [each.digest for each in requested if each.request_id == request_id]
    return ApproveTransfer(
        to="custodian", request_id=request_id, operator=operator, digest=digest or (known[-1] if known else "0" * 64)
    )


def order(account: str, name: str, side: Side, price: int, lots: int) -> SubmitOrder:
    return SubmitOrder("exchange", account, name, "BTC/USD", side, OrderType.LIMIT, TimeInForce.GTC, price, lots)
