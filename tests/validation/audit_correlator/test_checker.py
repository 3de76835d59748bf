"""Valid streams violate nothing; each planted bug is found, by the invariant that it breaks."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.messages.audit import Envelope
from trading_ecosystem.messages.chaos import InjectionEnded, InjectionStarted
from trading_ecosystem.messages.custody import (
    FailReason,
    PartPosted,
    Posting,
    SettlementCanceled,
    SettlementFailed,
    SettlementInstructed,
    TransactionPosted,
)
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message, field_names, values_of
from trading_ecosystem.messages.orders import (
    CancelReason,
    Liquidity,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    RejectReason,
    Side,
    TradeExecuted,
)
from trading_ecosystem.messages.runtime import Wake, WakeAt
from trading_ecosystem.messages.transfers import (
    AccountMoved,
    MovementRefusal,
    TransferChanged,
    TransferPosted,
    TransferStatus,
)
from trading_ecosystem.reference import Asset, AssetKind, ReferenceData, instrument
from trading_ecosystem.simulators.custodian.config import CustodianConfig
from trading_ecosystem.simulators.custodian.core import Custodian
from trading_ecosystem.validation.audit_correlator.checker import NOTHING, ConservationChecker
from trading_ecosystem.validation.audit_correlator.invariants import Invariant

BTC = "BTC/USD"
DELAY_NS = 100
ACCOUNTS = {name: {"USD": 1_000, "BTC": 100} for name in ("alpha", "beta", "background")}
QUOTE_MINOR = {BTC: 2}
BASE_MINOR = {BTC: 3}
FEE = 1


def checker(grace_ns: int = 0) -> ConservationChecker:
    return ConservationChecker(ACCOUNTS, QUOTE_MINOR, BASE_MINOR, grace_ns)


def observe_all(watch: ConservationChecker, messages: list[Message]) -> list[str]:
    """The invariants violated by these messages and at the end."""
    found: list[str] = []
    for message_id, message in enumerate(messages, start=1):
        for violated in watch.observe(Envelope(message_id, 0, message_id, "somebody", message_id, message)):
            assert (violated.message_id, violated.occurred_ns) == (message_id, message_id)
            found.append(violated.invariant)
    return found + [violated.invariant for violated in watch.finish(10_000)]


class Story:
    """A venue and a custodian that do nothing wrong. alpha and beta are told of their orders, background is not."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.now = 0
        self.order_id = self.trade_id = self.instructed = self.posted = 0
        self.sequences = {"alpha": 0, "beta": 0}
        self.open: dict[int, list[int]] = {}  # Order id -> [side, price, leaves]; the owner is below.
        self.owners: dict[int, str] = {}
        self.trades: list[TradeExecuted] = []
        self.pending: list[SettlementInstructed] = []

    def sequence(self, account: str) -> int:
        self.sequences[account] += 1
        return self.sequences[account]

    def accept(self, account: str, side: Side, price: int, quantity: int) -> int:
        self.now += 1
        self.order_id += 1
        if account in self.sequences:
            self.open[self.order_id] = [side, price, quantity]
            self.owners[self.order_id] = account
            sequence, name = self.sequence(account), str(self.order_id)
            self.messages.append(
                OrderAccepted(account, "x", sequence, self.now, self.order_id, name, BTC, side, price, quantity)
            )
        return self.order_id

    def reject(self, account: str) -> None:
        self.now += 1
        self.messages.append(
            OrderRejected(
                account=account,
                venue="x",
                account_sequence=self.sequence(account),
                occurred_ns=self.now,
                client_order_id="r",
                symbol=BTC,
                reject_reason=RejectReason.INVALID_PRICE,
            )
        )

    def cancel(self, order_id: int) -> None:
        self.now += 1
        _, _, leaves = self.open.pop(order_id)
        account = self.owners[order_id]
        sequence, name = self.sequence(account), str(order_id)
        self.messages.append(
            OrderCanceled(account, "x", sequence, self.now, order_id, name, BTC, leaves, CancelReason.REQUESTED)
        )

    def trade(self, buy_id: int, sell_id: int, price: int, quantity: int, *, fills_first: bool = False) -> None:
        """Match two orders; one that is not open here is background's."""
        self.now += 1
        self.trade_id += 1
        trade = TradeExecuted(
            venue="x",
            trade_id=self.trade_id,
            symbol=BTC,
            price_ticks=price,
            quantity_lots=quantity,
            taker_side=Side.BUY,
            buyer_account=self.owners.get(buy_id, "background"),
            seller_account=self.owners.get(sell_id, "background"),
            buyer_order_id=buy_id,
            seller_order_id=sell_id,
            buyer_fee_minor=FEE,
            seller_fee_minor=0,
            occurred_ns=self.now,
        )
        self.trades.append(trade)
        fills = [
            self.fill(order_id, side, trade, fee)
            for order_id, side, fee in ((buy_id, Side.BUY, FEE), (sell_id, Side.SELL, 0))
            if order_id in self.open
        ]
        self.messages += [*fills, trade] if fills_first else [trade, *fills]

    def fill(self, order_id: int, side: Side, trade: TradeExecuted, fee: int) -> Message:
        order, account = self.open[order_id], self.owners[order_id]
        order[2] -= trade.quantity_lots
        if not order[2]:
            del self.open[order_id]
        return OrderFilled(
            account,
            "x",
            self.sequence(account),
            self.now,
            order_id,
            str(order_id),
            BTC,
            side,
            trade.price_ticks,
            trade.quantity_lots,
            order[2],
            fee,
            Liquidity.TAKER,
            trade.trade_id,
        )

    def instruct(self) -> None:
        """The next trade that has no instruction."""
        trade = self.trades[self.instructed]
        self.instructed += 1
        buyer, seller = trade.buyer_account, trade.seller_account
        message = SettlementInstructed(
            custodian="c",
            instruction_id=self.instructed,
            trade_id=trade.trade_id,
            venue="x",
            postings=(
                posting(buyer, seller, "USD", trade.price_ticks * trade.quantity_lots * 2),
                posting(seller, buyer, "BTC", trade.quantity_lots * 3),
                posting(buyer, "fees", "USD", FEE),
            ),
            due_ns=self.now + DELAY_NS,
            occurred_ns=self.now,
        )
        self.pending.append(message)
        self.messages.append(message)

    def post(self) -> None:
        instruction = self.pending.pop(0)
        self.posted += 1
        self.messages.append(
            TransactionPosted(
                custodian="c",
                transaction_id=self.posted + 1,
                instruction_id=instruction.instruction_id,
                postings=instruction.postings,
                occurred_ns=instruction.due_ns,
            )
        )

    def end(self) -> list[Message]:
        while self.instructed < len(self.trades):
            self.instruct()
        while self.pending:
            self.post()
        return self.messages


def test_a_refusal_of_one_of_two_venues_trades_excuses_one() -> None:
    """It names no venue, and both had a trade of that number in flight."""
    trades = [trade_of("x"), trade_of("y")]
    refused = SettlementFailed(
        custodian="c", instruction_id=0, trade_id=1, fail_reason=FailReason.UNKNOWN_ACCOUNT, occurred_ns=5
    )
    postings = (posting("alpha", "beta", "USD", 20), posting("beta", "alpha", "BTC", 6))
    instructed = SettlementInstructed(
        custodian="c", instruction_id=1, trade_id=1, venue="y", postings=postings, due_ns=50_000, occurred_ns=6
    )
    found = observe_all(checker(), [*trades, refused, instructed])
    assert Invariant.SETTLES_ONCE not in found and Invariant.NONE_IN_FLIGHT not in found
    assert Invariant.NONE_IN_FLIGHT in observe_all(checker(), [*trades, trade_of("z"), refused, instructed])


def trade_of(venue: str) -> TradeExecuted:
    return TradeExecuted(
        venue=venue,
        trade_id=1,
        symbol=BTC,
        price_ticks=5,
        quantity_lots=2,
        taker_side=Side.BUY,
        buyer_account="alpha",
        seller_account="beta",
        buyer_order_id=1,
        seller_order_id=2,
        buyer_fee_minor=0,
        seller_fee_minor=0,
        occurred_ns=1,
    )


def posting(debit: str, credit: str, asset: str, amount_minor: int) -> Posting:
    return Posting(debit_account=debit, credit_account=credit, asset=asset, amount_minor=amount_minor)


def failed(instruction_id: int, trade_id: int = 2) -> SettlementFailed:
    return SettlementFailed(
        custodian="c",
        instruction_id=instruction_id,
        trade_id=trade_id,
        fail_reason=FailReason.BUYER_LACKS_CASH,
        occurred_ns=500,
    )


def canceled(instruction_id: int, trade_id: int = 2) -> SettlementCanceled:
    return SettlementCanceled(
        custodian="c",
        instruction_id=instruction_id,
        trade_id=trade_id,
        fail_reason=FailReason.BUYER_LACKS_CASH,
        age_days=4,
        occurred_ns=500,
    )


def in_part(*postings: Posting) -> PartPosted:
    return PartPosted(
        custodian="c", transaction_id=9, instruction_id=2, postings=postings, retry_ns=900, occurred_ns=400
    )


def valid_story() -> list[Message]:
    """Every kind of message that counts."""
    story = Story()
    buy = story.accept("alpha", Side.BUY, 10, 6)
    sell = story.accept("beta", Side.SELL, 9, 3)
    story.trade(buy, sell, 10, 3)
    story.instruct()
    other = story.accept("background", Side.SELL, 10, 2)
    story.trade(buy, other, 10, 2, fills_first=True)
    story.instruct()
    story.reject("alpha")
    story.cancel(buy)
    story.cancel(story.accept("beta", Side.BUY, 8, 4))
    return story.end()


# Valid streams.


def test_a_valid_story_violates_nothing_and_is_counted() -> None:
    watch = checker()
    assert observe_all(watch, valid_story()) == []
    assert watch.figures() == {"trades": 2, "instructions": 2, "posted": 2, "failed": 0, "in_flight": 0}


def test_what_is_no_concern_of_the_checker_costs_one_constant() -> None:
    watch = checker()
    for message in (Wake(), QuotePublished(BTC, 1, 1, 2, 1, 1, 1), WakeAt(1), valid_story()[0]):
        assert watch.observe(Envelope(1, 0, 1, "somebody", 1, message)) is NOTHING
    assert NOTHING == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["accept", "trade", "trade", "trade", "cancel", "reject", "instruct", "post"]),
        st.sampled_from(["alpha", "beta"]),
        st.sampled_from(list(Side)),
        st.integers(1, 5),
        st.integers(1, 3),
        st.booleans(),
    ),
    max_size=80,
)


def random_story(steps: list[tuple[str, str, Side, int, int, bool]]) -> Story:
    story = Story()
    for kind, account, side, price, quantity, flag in steps:
        story.now += 7 * flag
        own = [order_id for order_id, order in story.open.items() if order[0] == side]
        if kind == "accept":
            story.accept(account, side, price, quantity)
        elif kind == "reject":
            story.reject(account)
        elif kind == "cancel" and own:
            story.cancel(own[0])
        elif kind == "trade" and own and len(story.trades) < 20:
            order = story.open[own[0]]
            others = [i for i, o in story.open.items() if o[0] != side and story.owners[i] != story.owners[own[0]]]
            agrees = others and (story.open[others[0]][1] - order[1]) * (1 if side == Side.BUY else -1) <= 0
            other = others[0] if agrees else story.accept("background", Side(1 - side), order[1], quantity)
            lots = min(quantity, order[2], story.open[other][2] if agrees else quantity)
            pair = (own[0], other) if side == Side.BUY else (other, own[0])
            story.trade(*pair, order[1], lots, fills_first=flag)
        elif kind == "instruct" and story.instructed < len(story.trades):
            story.instruct()
        elif kind == "post" and story.pending:
            story.post()
    return story


@settings(max_examples=100)
@given(STEPS)
def test_valid_random_streams_violate_nothing(steps: list[tuple[str, str, Side, int, int, bool]]) -> None:
    story = random_story(steps)
    watch = checker()
    for message_id, message in enumerate(story.messages):
        assert watch.observe(Envelope(message_id, 0, 0, "somebody", message_id, message)) is NOTHING
    assert watch.figures()["in_flight"] == len(story.trades) - story.instructed
    story = random_story(steps)
    assert observe_all(checker(), story.end()) == []


@settings(max_examples=60)
@given(STEPS)
def test_agrees_with_the_custodian(steps: list[tuple[str, str, Side, int, int, bool]]) -> None:
    """What the real custodian says of the trades of a valid venue violates nothing either."""
    assets = {name: Asset(name, AssetKind.CRYPTO, 0) for name in ("USD", "BTC")}
    pair = instrument(BTC, Decimal(1), Decimal(1), assets)
    config = CustodianConfig(same_day_delay_ns=20, cut_off_ns=0)
    core = Custodian("c", config, ReferenceData("USD", list(assets.values()), [pair]), ACCOUNTS)
    watch = ConservationChecker(ACCOUNTS, {BTC: pair.quote_minor_per_tick_lot}, {BTC: pair.base_minor_per_lot})
    stream: list[Message] = []
    for message in random_story(steps).messages:
        if isinstance(message, TradeExecuted):
            stream += [message, *core.handle(Wake(), message.occurred_ns), *core.handle(message, message.occurred_ns)]
        elif not isinstance(message, SettlementInstructed | TransactionPosted):
            stream.append(message)
    stream += core.handle(Wake(), 9_999)
    assert observe_all(watch, stream) == []
    figures = watch.figures()
    assert figures["trades"] == figures["instructions"] == figures["posted"]


# Planted bugs: each is one change to the valid story.

Plant = Callable[[list[Message]], None]


def changed(message: Message, changes: dict[str, object]) -> Message:
    values = dict(zip(field_names(type(message)), values_of(message), strict=True))
    result: Message = type(message)(**{**values, **changes})
    return result


def places(messages: list[Message], message_type: type[Message]) -> list[int]:
    return [n for n, message in enumerate(messages) if isinstance(message, message_type)]


def change(message_type: type[Message], nth: int, **changes: object) -> Plant:
    def plant(messages: list[Message]) -> None:
        place = places(messages, message_type)[nth]
        messages[place] = changed(messages[place], changes)

    return plant


def drop(message_type: type[Message], nth: int) -> Plant:
    def plant(messages: list[Message]) -> None:
        del messages[places(messages, message_type)[nth]]

    return plant


def repeat(message_type: type[Message], nth: int, **changes: object) -> Plant:
    def plant(messages: list[Message]) -> None:
        place = places(messages, message_type)[nth]
        messages.insert(place + 1, changed(messages[place], changes))

    return plant


def at_the_end(message: Message) -> Plant:
    def plant(messages: list[Message]) -> None:
        messages.append(message)

    return plant


def instead_of_last(message: Message) -> Plant:
    def plant(messages: list[Message]) -> None:
        messages[-1] = message

    return plant


def moved(*lines: Posting) -> dict[str, object]:
    return {"postings": lines}


def step(transfer_id: int, movement_id: int, debit: str, credit: str, amount: int = 5) -> TransferPosted:
    return TransferPosted(
        custodian="c",
        transaction_id=9,
        transfer_id=transfer_id,
        movement_id=movement_id,
        postings=(posting(debit, credit, "USD", amount),),
        occurred_ns=5_000,
    )


def movement(movement_id: int, account_sequence: int, amount: int = -5) -> AccountMoved:
    return AccountMoved(
        account="carla",
        venue="x",
        account_sequence=account_sequence,
        occurred_ns=5_000,
        movement_id=movement_id,
        transfer_id=1,
        asset="USD",
        amount_minor=amount,
    )


def expected(expected_ns: int) -> TransferChanged:
    return TransferChanged(
        custodian="c",
        transfer_id=1,
        request_id="r",
        change_number=1,
        transfer_status=TransferStatus.IN_PROGRESS,
        operator="",
        movement_refusal=MovementRefusal.NONE,
        expected_ns=expected_ns,
        occurred_ns=5_000,
    )


WITHDRAWN: tuple[Message, ...] = (
    movement(1, 1),
    step(1, 1, "carla", "transit"),
    step(1, 0, "transit", "external"),
)
BROUGHT_IN: tuple[Message, ...] = (
    step(1, 0, "carla.vault", "transit"),
    movement(1, 1, 5),
    step(1, 1, "transit", "carla"),
)
WRONG_TRANSFERS: list[tuple[Invariant, tuple[Message, ...]]] = [
    (Invariant.MOVES_ONCE, (*WITHDRAWN, WITHDRAWN[1])),
    (Invariant.MOVES_ONCE, (movement(2, 1), movement(1, 2))),
    (Invariant.MOVES_ONCE, (movement(1, 1), step(2, 1, "carla", "transit"))),
    (Invariant.EXCHANGE_AND_CUSTODY, (movement(1, 1), step(1, 1, "carla", "transit", 6))),
    (Invariant.EXCHANGE_AND_CUSTODY, (movement(1, 1), step(1, 0, "carla", "transit"))),
    (Invariant.EXCHANGE_AND_CUSTODY, (movement(1, 1), step(1, 1, "carla.vault", "transit"))),
    (Invariant.CUSTODY_NOT_NEGATIVE, (step(1, 0, "transit", "external"),)),
    (Invariant.CUSTODY_NOT_NEGATIVE, (step(1, 0, "carla.vault", "transit", 21),)),
    (Invariant.CUSTODY_CONSERVES, (step(1, 0, "carla.vault", "nobody"),)),
    (Invariant.VENUE_NOT_NEGATIVE, (movement(1, 1, -101),)),
    (Invariant.NONE_IN_FLIGHT, (movement(1, 1),)),
    (Invariant.EVENTS_CONTIGUOUS, (movement(1, 2),)),
]


def with_a_vault() -> ConservationChecker:
    accounts = {**ACCOUNTS, "carla": {"USD": 100}}
    return ConservationChecker(accounts, QUOTE_MINOR, BASE_MINOR, 0, {"carla.vault": {"USD": 20}})


@pytest.mark.parametrize("story", [WITHDRAWN, BROUGHT_IN, (movement(1, 1), expected(10_001))])
def test_what_is_moved_as_it_must_be_violates_nothing(story: tuple[Message, ...]) -> None:
    assert observe_all(with_a_vault(), list(story)) == []


@pytest.mark.parametrize(("invariant", "story"), WRONG_TRANSFERS)
def test_a_transfer_that_goes_wrong_is_found(invariant: Invariant, story: tuple[Message, ...]) -> None:
    assert str(invariant) in observe_all(with_a_vault(), list(story))


STARTED = InjectionStarted(injection_id="f", kind="custodian.outflow", target="c", subjects=("carla",), occurred_ns=1)
ENDED = InjectionEnded(injection_id="f", occurred_ns=9_000)
GONE, BACK = step(0, 0, "carla", "external"), step(0, 0, "external", "carla")


@pytest.mark.parametrize(
    ("story", "found"),
    [
        ((STARTED, GONE, BACK, ENDED), []),
        ((GONE, BACK), [Invariant.EXCHANGE_AND_CUSTODY]),  # Nobody did it on purpose.
        ((STARTED, GONE, BACK, ENDED, GONE), [Invariant.EXCHANGE_AND_CUSTODY]),
        (  # These two are of a transfer.
            (STARTED, step(1, 0, "carla", "external"), step(1, 0, "external", "carla"), ENDED),
            [Invariant.EXCHANGE_AND_CUSTODY],
        ),
        ((STARTED, GONE, ENDED), [Invariant.EXCHANGE_AND_CUSTODY]),  # It never came back.
        ((STARTED, GONE, step(0, 0, "external", "carla", 4), ENDED), [Invariant.EXCHANGE_AND_CUSTODY]),
        ((STARTED, step(0, 0, "carla", "external", 101)), [Invariant.CUSTODY_NOT_NEGATIVE]),
    ],
)
def test_what_leaves_unasked_is_found_but_where_it_was_injected(
    story: tuple[Message, ...], found: list[Invariant]
) -> None:
    violated = observe_all(with_a_vault(), list(story))
    assert violated[: len(found)] == [str(each) for each in found] and bool(violated) is bool(found)


PLANTS: list[tuple[Invariant, Plant]] = [
    (Invariant.MOVES_ONCE, at_the_end(step(1, 1, "alpha", "beta"))),
    (Invariant.VENUE_CONSERVES, change(TradeExecuted, 1, seller_account="nobody")),
    (Invariant.CUSTODY_CONSERVES, change(TransactionPosted, 0, **moved(posting("alpha", "nobody", "USD", 1)))),
    (Invariant.CUSTODY_CONSERVES, change(TransactionPosted, 0, **moved(posting("external", "beta", "USD", 1)))),
    (Invariant.POSTINGS_MOVE, change(SettlementInstructed, 0, **moved(posting("alpha", "beta", "USD", 0)))),
    (Invariant.POSTINGS_MOVE, change(TransactionPosted, 0, **moved(posting("alpha", "beta", "USD", -1)))),
    (Invariant.POSTINGS_MOVE, change(TransactionPosted, 0, **moved(posting("beta", "beta", "USD", 1)))),
    (Invariant.VENUE_NOT_NEGATIVE, change(TradeExecuted, 1, price_ticks=500)),
    (Invariant.VENUE_NOT_NEGATIVE, change(TradeExecuted, 1, quantity_lots=34)),
    (Invariant.CUSTODY_NOT_NEGATIVE, change(TransactionPosted, 0, **moved(posting("alpha", "beta", "USD", 1_001)))),
    (Invariant.EXCHANGE_AND_CUSTODY, change(SettlementInstructed, 0, **moved(posting("alpha", "beta", "USD", 60)))),
    (Invariant.EXCHANGE_AND_CUSTODY, change(TransactionPosted, 1, **moved(posting("alpha", "beta", "USD", 60)))),
    (Invariant.EXCHANGE_AND_CUSTODY, change(TradeExecuted, 0, buyer_fee_minor=2)),
    (Invariant.EXCHANGE_AND_CUSTODY, repeat(TransactionPosted, 1)),
    (Invariant.EXCHANGE_AND_CUSTODY, instead_of_last(canceled(2))),
    (Invariant.EXCHANGE_AND_CUSTODY, at_the_end(failed(0))),
    (Invariant.NONE_IN_FLIGHT, drop(SettlementInstructed, 1)),
    (Invariant.NONE_IN_FLIGHT, change(SettlementInstructed, 1, trade_id=9)),
    (Invariant.SETTLES_ONCE, drop(TradeExecuted, 1)),
    (Invariant.SETTLES_ONCE, drop(SettlementInstructed, 1)),
    (Invariant.SETTLES_ONCE, repeat(SettlementInstructed, 1, instruction_id=3)),
    (Invariant.SETTLES_ONCE, repeat(TransactionPosted, 1)),
    (Invariant.SETTLES_ONCE, change(TransactionPosted, 1, instruction_id=1)),
    (Invariant.SETTLES_ONCE, at_the_end(failed(2))),
    (Invariant.SETTLES_ONCE, at_the_end(canceled(2))),
    (Invariant.SETTLES_AS_INSTRUCTED, at_the_end(in_part(posting("alpha", "beta", "USD", 1)))),
    (Invariant.SETTLES_AS_INSTRUCTED, instead_of_last(in_part(posting("alpha", "beta", "USD", 1_000_000)))),
    (Invariant.SETTLES_AS_INSTRUCTED, instead_of_last(in_part(posting("alpha", "nobody", "USD", 1)))),
    (Invariant.SETTLES_AS_INSTRUCTED, change(TransactionPosted, 1, **moved(posting("alpha", "background", "USD", 40)))),
    (Invariant.SETTLES_ON_TIME, change(TransactionPosted, 1, occurred_ns=50)),
    (Invariant.SETTLES_ON_TIME, drop(TransactionPosted, 1)),
    (Invariant.ORDER_QUANTITY, change(OrderCanceled, 0, quantity_lots=2)),
    (Invariant.ORDER_QUANTITY, change(OrderCanceled, 0, quantity_lots=0)),
    (Invariant.ORDER_QUANTITY, change(OrderFilled, 0, leaves_quantity_lots=6)),
    (Invariant.ORDER_QUANTITY, change(OrderFilled, 1, quantity_lots=4)),
    (Invariant.ORDER_QUANTITY, change(OrderFilled, 1, quantity_lots=0)),
    (Invariant.ORDER_IS_OPEN, repeat(OrderCanceled, 0, account_sequence=6)),
    (Invariant.ORDER_IS_OPEN, change(OrderCanceled, 1, order_id=2)),
    (Invariant.ORDER_IS_OPEN, change(OrderFilled, 0, order_id=3)),
    (Invariant.ORDER_IS_OPEN, drop(OrderAccepted, 2)),
    (Invariant.TWO_SIDES, change(TradeExecuted, 1, seller_account="alpha")),
    (Invariant.TWO_SIDES, change(TradeExecuted, 1, quantity_lots=0)),
    (Invariant.TWO_SIDES, change(TradeExecuted, 1, price_ticks=0)),
    (Invariant.TWO_SIDES, change(TradeExecuted, 1, symbol="X/Y")),
    (Invariant.FILLS_MATCH, change(OrderFilled, 0, account="beta")),
    (Invariant.FILLS_MATCH, change(OrderFilled, 0, order_id=2)),
    (Invariant.FILLS_MATCH, change(OrderFilled, 0, symbol="ETH/USD")),
    (Invariant.FILLS_MATCH, change(OrderFilled, 0, side=Side.SELL)),
    (Invariant.FILLS_MATCH, change(OrderFilled, 0, price_ticks=9)),
    (Invariant.FILLS_MATCH, change(OrderFilled, 1, quantity_lots=2)),
    (Invariant.FILLS_MATCH, change(OrderFilled, 2, fee_minor=2)),
    (Invariant.FILLS_MATCH, change(OrderFilled, 2, trade_id=1)),
    (Invariant.FILLS_MATCH, change(OrderFilled, 2, trade_id=3)),
    (Invariant.FILLS_MATCH, change(OrderAccepted, 0, price_ticks=9)),
    (Invariant.FILLS_MATCH, change(OrderAccepted, 1, price_ticks=11)),
    (Invariant.FILLS_MATCH, change(OrderAccepted, 1, side=Side.BUY)),
    (Invariant.FILLS_MATCH, drop(OrderFilled, 0)),
    (Invariant.FILLS_MATCH, drop(OrderFilled, 2)),
    (Invariant.FILLS_MATCH, drop(TradeExecuted, 0)),
    (Invariant.FILLS_MATCH, drop(TradeExecuted, 1)),
    (Invariant.FILLS_MATCH, repeat(OrderFilled, 0)),
    (Invariant.IDS_INCREASE, change(TradeExecuted, 1, trade_id=1)),
    (Invariant.IDS_INCREASE, repeat(TradeExecuted, 1)),
    (Invariant.IDS_INCREASE, change(TradeExecuted, 0, trade_id=7)),
    (Invariant.IDS_INCREASE, change(OrderAccepted, 1, order_id=1)),
    (Invariant.IDS_INCREASE, change(SettlementInstructed, 1, instruction_id=1)),
    (Invariant.EVENTS_CONTIGUOUS, drop(OrderRejected, 0)),
    (Invariant.EVENTS_CONTIGUOUS, repeat(OrderRejected, 0)),
    (Invariant.EVENTS_CONTIGUOUS, change(OrderAccepted, 0, account_sequence=2)),
    (Invariant.EVENTS_CONTIGUOUS, change(OrderFilled, 1, account_sequence=4)),
]


@pytest.mark.parametrize(("invariant", "plant"), PLANTS, ids=[f"{n} {line[0].name}" for n, line in enumerate(PLANTS)])
def test_a_planted_bug_is_found(invariant: Invariant, plant: Plant) -> None:
    messages = valid_story()
    plant(messages)
    assert str(invariant) in observe_all(checker(), messages)


def test_every_invariant_has_a_planted_bug() -> None:
    of_margin = {Invariant.POSITION_IS_TRADES, Invariant.WALLET_IS_EXPLAINED}  # Planted in test_margin_record.py.
    of_books = {Invariant.PROFIT_IS_EXPLAINED}  # In test_book_checks.py.
    of_desks = {Invariant.KILLED_SENDS_NONE, Invariant.KILLED_HAS_NONE}  # In test_kill_record.py.
    assert {invariant for invariant, _ in PLANTS} | of_margin | of_books | of_desks == set(Invariant)


def test_a_violation_is_reported_once() -> None:
    messages = valid_story()
    change(TradeExecuted, 0, seller_account="nobody")(messages)
    assert observe_all(checker(), messages).count(Invariant.VENUE_CONSERVES) == 2  # BTC and USD.
    messages = valid_story()
    change(OrderAccepted, 0, account_sequence=8)(messages)
    found = observe_all(checker(), messages)
    assert found.count(Invariant.EVENTS_CONTIGUOUS) == 2  # Where the numbers jump, and where they jump back.


def test_what_is_young_may_be_open_at_the_end_if_the_caller_says_so() -> None:
    story = Story()
    story.trade(0, story.accept("alpha", Side.SELL, 4, 2), 4, 1)
    for grace_ns, found in ((19, []), (18, ["trade 1 of x has no instruction"])):
        watch = checker(grace_ns)
        for message_id, message in enumerate(story.messages, start=1):
            watch.observe(Envelope(message_id, 0, message_id, "somebody", message_id, message))
        assert [violated.detail for violated in watch.finish(now=20)] == found
    assert watch.figures()["in_flight"] == 1


def test_a_failed_settlement_is_a_known_difference_until_the_end() -> None:
    watch = checker()
    messages = valid_story()[:-1]
    for message in (*messages, failed(2), failed(2), canceled(2)):
        assert watch.observe(Envelope(1, 0, 1, "somebody", 1, message)) == []
    (violated,) = watch.finish(10_000)
    assert violated.detail == "trade 2 is not in custody: buyer_lacks_cash"
    assert watch.figures()["failed"] == 2


def test_what_settles_in_parts_violates_nothing() -> None:
    watch = checker()
    *messages, last = valid_story()
    assert isinstance(last, TransactionPosted)
    parts = [
        Posting(debit_account=p.debit_account, credit_account=p.credit_account, asset=p.asset, amount_minor=1)
        for p in last.postings
    ]
    rest = tuple(
        Posting(
            debit_account=p.debit_account,
            credit_account=p.credit_account,
            asset=p.asset,
            amount_minor=p.amount_minor - 1,
        )
        for p in last.postings
        if p.amount_minor > 1
    )
    story = (*messages, in_part(*parts), failed(2), changed(last, {"postings": rest}))
    for message in story:
        assert watch.observe(Envelope(1, 0, 1, "somebody", 1, message)) == []
    assert watch.finish(10_000) == []


@pytest.mark.parametrize("kind", ["venue.lost_reports", "venue.outage"])
def test_fills_that_are_not_told_on_purpose_violate_nothing(kind: str) -> None:
    """The trade is true and counts; what is said of its orders is not checked until the fault ends, and never again."""
    story = Story()
    sold = story.accept("alpha", Side.SELL, 5, 4)
    fault = InjectionStarted(injection_id="f", kind=kind, target="x", subjects=("alpha",), occurred_ns=story.now)
    story.messages.append(fault)
    story.trade(0, sold, 5, 4)
    untold = [each for each in story.messages if not isinstance(each, OrderFilled)]
    ended = InjectionEnded(injection_id="f", occurred_ns=story.now)
    found = observe_all(checker(20_000), [*untold, ended])
    assert (Invariant.FILLS_MATCH in found) is (kind == "venue.outage")


def test_after_such_a_fault_new_orders_are_checked_again() -> None:
    story = Story()
    story.messages += [
        InjectionStarted(injection_id="f", kind="venue.latency", target="x", subjects=("x",), occurred_ns=1),
        InjectionEnded(injection_id="f", occurred_ns=2),
    ]
    sold = story.accept("alpha", Side.SELL, 5, 4)
    story.trade(0, sold, 5, 4)
    untold = [each for each in story.messages if not isinstance(each, OrderFilled)]
    assert Invariant.FILLS_MATCH in observe_all(checker(20_000), untold)
