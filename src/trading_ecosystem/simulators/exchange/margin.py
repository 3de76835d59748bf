"""How orders in perpetuals are covered, and trades in them paid: one wallet per asset for all perpetuals settled in it.

Rule 1: what an account needs is reckoned at the mark price, per lot, rounded up; what it has, exactly.
Rule 2: per perpetual the worse side counts: the position with all open buys, or with all open sells.
Rule 3: an order needs margin for the lots by which it makes the worse side worse. Lots that only close the position
    need none, but may not lose more than the equity: that is `insufficient_margin`, too.
"""

from typing import Final, final

from trading_ecosystem.messages.orders import RejectReason
from trading_ecosystem.reference import Instrument
from trading_ecosystem.simulators.exchange.accounts import Account, Funds
from trading_ecosystem.simulators.exchange.mark import Mark
from trading_ecosystem.simulators.exchange.order import Order
from trading_ecosystem.simulators.exchange.positions import Position, Purse, Wallet

PPM: Final = 1_000_000


def share_minor(amount_minor: int, share_ppm: int) -> int:
    """A share of an amount, rounded up."""
    return -(-amount_minor * share_ppm // PPM)


@final
class Contract:
    """A perpetual at a venue: its terms, its mark price, and everybody's position in it by the number of the account.

    `unit_minor`: what one lot costs at one tick. `place` is its own among the contracts of its pool. `is_by_terms`: the
    margin that is asked for is that of the terms.
    """

    __slots__ = (
        "highest_fee_ppm",
        "initial_ppm",
        "instrument",
        "is_by_terms",
        "maintenance_ppm",
        "mark",
        "place",
        "pool",
        "positions",
        "symbol",
        "total_lots",
        "touched",
        "unit_minor",
    )

    def __init__(self, instrument: Instrument, pool: "Pool", mark: Mark, highest_fee_ppm: int) -> None:
        self.instrument = instrument
        self.symbol = instrument.symbol
        self.pool = pool
        self.place = len(pool.contracts)
        self.mark = mark
        self.unit_minor = instrument.quote_minor_per_tick_lot
        self.initial_ppm = self.maintenance_ppm = 0
        self.is_by_terms = True
        self.multiply_rates(PPM)
        self.highest_fee_ppm = highest_fee_ppm
        self.positions = [Position() for _ in pool.purse.wallets]
        self.total_lots = 0
        self.touched: list[int] = []  # Numbers of the accounts whose position changed since they were told.
        pool.contracts.append(self)

    def multiply_rates(self, times_ppm: int) -> None:
        """Ask so much of the margin that the terms say."""
        terms = self.instrument.terms
        assert terms is not None
        self.initial_ppm = share_minor(terms.initial_margin_ppm, times_ppm)
        self.maintenance_ppm = share_minor(terms.maintenance_margin_ppm, times_ppm)
        self.is_by_terms = times_ppm == PPM

    # Cover.

    def open_lots(self, account: Account, is_buy: bool) -> Funds:
        """What an order of this side locks its lots of."""
        position = self.positions[account.number]
        return position.buys if is_buy else position.sells

    def initial_per_lot(self) -> int:
        return share_minor(self.mark.ticks * self.unit_minor, self.initial_ppm)

    def initial_minor(self, position: Position) -> int:
        along = position.lots + position.buys.locked_minor
        against = position.sells.locked_minor - position.lots
        return self.initial_per_lot() * max(along, against)

    def maintenance_minor(self, position: Position) -> int:
        return share_minor(abs(position.value_minor(self.mark.ticks, self.unit_minor)), self.maintenance_ppm)

    def covered_lots(self, account: Account, is_buy: bool, price_ticks: int) -> int:
        """How many lots at this price the margin of the account can cover."""
        mark_ticks = self.mark.ticks
        if mark_ticks == 0:
            return 0
        position = self.positions[account.number]
        along = position.lots + position.buys.locked_minor
        against = position.sells.locked_minor - position.lots
        if not is_buy:
            along, against = against, along
        loss_minor = self._loss_per_lot(is_buy, price_ticks)
        equity_minor = self.pool.equity_minor(account.number)
        closing = max(0, -along)
        covered = affordable(equity_minor, loss_minor, closing)
        left_minor = equity_minor - self.pool.initial_minor(account.number) - loss_minor * closing
        if covered < closing or left_minor <= 0:
            return covered
        within = max(0, against - along) - closing  # Lots that leave the worse side as it is,
        covered += affordable(left_minor, loss_minor, within)
        left_minor -= loss_minor * within
        if left_minor <= 0:
            return covered
        return covered + left_minor // (loss_minor + self.initial_per_lot())  # and those that do not.

    def _loss_per_lot(self, is_buy: bool, price_ticks: int) -> int:
        """What a trade at this price costs at once: the fee, and what the price is worse than the mark."""
        worse_ticks = price_ticks - self.mark.ticks if is_buy else self.mark.ticks - price_ticks
        fee_minor = share_minor(price_ticks * self.unit_minor, self.highest_fee_ppm)
        return max(0, worse_ticks) * self.unit_minor + fee_minor

    def reducible_lots(self, account: Account, is_buy: bool) -> int:
        """The lots of the position that an order of this side would close."""
        lots = self.positions[account.number].lots
        return max(0, -lots if is_buy else lots)

    # Pay.

    def pay(self, buyer: Order, seller: Order, lots: int, notional_minor: int, buyer_fee: int, seller_fee: int) -> None:
        """Change two positions by a trade of two orders, which lock so many lots less."""
        buyer.pays.release(buyer.lock_minor_per_lot * lots)
        seller.pays.release(seller.lock_minor_per_lot * lots)
        self.change(buyer.account, lots, notional_minor, buyer_fee)
        self.change(seller.account, -lots, -notional_minor, seller_fee)
        self.assert_balanced()

    def assert_balanced(self) -> None:
        assert self.total_lots == 0, (self.symbol, self.total_lots)
        self.pool.purse.assert_conserved()

    def change(self, account: Account, lots: int, paid_minor: int, fee_minor: int) -> None:
        """One side of a trade: the other side must follow before anything else does."""
        purse = self.pool.purse
        wallet, position = purse.wallets[account.number], self.touch(account.number)
        cost_minor = position.cost_minor
        realised_minor = position.trade(lots, paid_minor)
        purse.costs_minor += position.cost_minor - cost_minor
        purse.add(wallet, realised_minor)
        purse.charge(wallet, fee_minor)
        position.fee_minor += fee_minor
        self.total_lots += lots

    def take_profit(self, number: int, amount_minor: int) -> None:
        """Pay profit that is not realised into the wallet: the position costs so much more from now on."""
        purse, position = self.pool.purse, self.touch(number)
        position.cost_minor += amount_minor
        position.realised_minor += amount_minor
        purse.costs_minor += amount_minor
        purse.add(purse.wallets[number], amount_minor)

    def touch(self, number: int) -> Position:
        """The position of an account, which is to be told of what happens to it."""
        position = self.positions[number]
        if not position.is_touched:
            position.is_touched = True
            self.touched.append(number)
        return position

    def profit_minor(self, number: int) -> int:
        """What the position has gained at the mark price and not been paid."""
        position = self.positions[number]
        return position.value_minor(self.mark.ticks, self.unit_minor) - position.cost_minor


@final
class Pool:
    """The perpetuals that are settled in one asset, with the wallets that stand for them all."""

    __slots__ = ("contracts", "purse")

    def __init__(self, purse: Purse) -> None:
        self.purse = purse
        self.contracts: list[Contract] = []

    def equity_minor(self, number: int) -> int:
        equity_minor = self.purse.wallets[number].amount_minor
        for contract in self.contracts:
            equity_minor += contract.profit_minor(number)
        return equity_minor

    def initial_minor(self, number: int) -> int:
        needed_minor = 0
        for contract in self.contracts:
            needed_minor += contract.initial_minor(contract.positions[number])
        return needed_minor

    def maintenance_minor(self, number: int) -> int:
        needed_minor = 0
        for contract in self.contracts:
            needed_minor += contract.maintenance_minor(contract.positions[number])
        return needed_minor

    def removable_minor(self, wallet: Wallet) -> int:
        """What may leave the wallet: neither profit that is not realised, nor what orders and positions need."""
        number = wallet.account.number
        return max(0, min(wallet.amount_minor, self.equity_minor(number) - self.initial_minor(number)))


def affordable(amount_minor: int, loss_minor: int, lots: int) -> int:
    """How many of the lots an amount bears at so much loss for each."""
    if loss_minor * lots <= amount_minor or loss_minor == 0:
        return lots
    return max(0, amount_minor) // loss_minor


def order_refusal(
    contract: Contract, account: Account, is_buy: bool, price_ticks: int, lots: int, reducing_lots: int | None
) -> RejectReason | None:
    """What a perpetual has against an order. `reducing_lots`: of a reduce-only order, what others of its kind may close
    already; None for any other. `price_ticks` 0: a market order takes what it can cover, as it meets it."""
    if contract.mark.ticks == 0:
        return RejectReason.NO_MARK_PRICE
    if reducing_lots is not None and lots > contract.reducible_lots(account, is_buy) - reducing_lots:
        return RejectReason.WOULD_NOT_REDUCE
    if price_ticks and lots > contract.covered_lots(account, is_buy, price_ticks):
        return RejectReason.INSUFFICIENT_MARGIN
    return None
