"""What becomes of accounts whose margin does not suffice.

An account is weighed by its equity at the mark price, which a book that is empty or absurd cannot move far.

    equity < maintenance margin    liquidation: its open orders are canceled, and a part of its largest position is
                                   closed by an order in the book, no worse than at the bankruptcy price: that at which
                                   closing all of it would use up the equity. The fee for it, as far as there is equity,
                                   goes to the insurance fund. Where that was not enough, the next mark price goes on.
    equity < 0                     takeover: all positions are closed. In the book, as far as the equity and the fund
                                   together can bear, and no further from the mark than its band; the rest against
                                   others' positions at the price at which equity and fund are used up, or at the mark
                                   price where they are not (auto-deleveraging).
                                   What the wallet lacks is paid by the fund, and beyond that by the venue itself.

Deleveraged are the positions of the other side, by profit and leverage, which is value / equity: first those in profit,
by profit / value x leverage, then the others, by loss / value / leverage, the least first. Equal ones by account.

Rule 1: nothing here calls itself: who is drawn in by a liquidation has its turn after it, in the order of the accounts.
Rule 2: an account is liquidated once per message and taken over once, so there is an end.
"""

from typing import Final, final

from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import CancelReason, Side, TimeInForce
from trading_ecosystem.simulators.exchange import margin_words as words
from trading_ecosystem.simulators.exchange.accounts import Account
from trading_ecosystem.simulators.exchange.margin import PPM, Contract, Pool, share_minor
from trading_ecosystem.simulators.exchange.matching import Matching
from trading_ecosystem.simulators.exchange.positions import Wallet

RANKS: Final = 1_000_000_000  # Ranks are compared to this part of one.


@final
class Liquidation:
    """Methods append what they have to say to `out`."""

    __slots__ = ("_band_ppm", "_fee_ppm", "_matching", "_step_ppm", "_venue")

    def __init__(self, venue: str, matching: Matching, step_ppm: int, fee_ppm: int, band_ppm: int) -> None:
        self._venue = venue
        self._matching = matching
        self._step_ppm = step_ppm
        self._fee_ppm = fee_ppm
        self._band_ppm = band_ppm

    def reduce(self, pool: Pool, wallet: Wallet, now: int, out: list[Message]) -> None:
        """Close a part of the account's largest position, while it still has equity."""
        number = wallet.account.number
        self._cancel_orders(pool, wallet.account, now, out)
        contract = largest(pool, number)
        lots = share_minor(abs(contract.positions[number].lots), self._step_ppm)
        self._close(contract, wallet, lots, limit(contract, number, pool.equity_minor(number)), now, out)

    def take_over(self, pool: Pool, wallet: Wallet, now: int, out: list[Message]) -> None:
        """Close all positions of an account without equity, and leave its wallet at 0 or above."""
        number = wallet.account.number
        self._cancel_orders(pool, wallet.account, now, out)
        for contract in pool.contracts:
            if contract.positions[number].lots:
                left_minor = pool.equity_minor(number) + pool.purse.fund_minor
                limit_ticks = self._near(contract, number, left_minor) if left_minor >= 0 else 0
                self._close(contract, wallet, abs(contract.positions[number].lots), limit_ticks, now, out)
            if contract.positions[number].lots:
                self._deleverage(contract, wallet.account, now, out)
        assert wallet.amount_minor == pool.equity_minor(number)
        self._cover(pool, wallet, now, out)

    def _near(self, contract: Contract, number: int, bearable_minor: int) -> int:
        """The limit that this much can bear, but within the band: nobody is to ask any price of the insurance fund."""
        mark_ticks = contract.mark.ticks
        most_ticks = mark_ticks * self._band_ppm // PPM
        limit_ticks = limit(contract, number, bearable_minor)
        if contract.positions[number].lots > 0:
            return max(limit_ticks, mark_ticks - most_ticks)
        return min(limit_ticks, mark_ticks + most_ticks)

    def _cover(self, pool: Pool, wallet: Wallet, now: int, out: list[Message]) -> None:
        """Pay what the wallet lacks: the fund, and then the venue."""
        purse = pool.purse
        lacking_minor = -wallet.amount_minor
        if lacking_minor <= 0:
            return
        beyond_minor = max(0, lacking_minor - purse.fund_minor)
        purse.fund_minor += beyond_minor
        purse.paid_in_minor += beyond_minor
        purse.insure(wallet, -lacking_minor)
        purse.assert_conserved()
        if not wallet.account.is_venue_own:
            out.append(words.covered(self._venue, wallet.account, purse.asset, lacking_minor, now))

    # In the book.

    def _cancel_orders(self, pool: Pool, account: Account, now: int, out: list[Message]) -> None:
        """Those in the perpetuals of the pool, oldest first, and those that wait for a price there."""
        symbols = [contract.symbol for contract in pool.contracts]
        for client_order_id in self._matching.names_of(account, symbols):
            self._matching.cancel_by_name(account, client_order_id, CancelReason.LIQUIDATION, now, out)

    def _close(
        self, contract: Contract, wallet: Wallet, lots: int, limit_ticks: int, now: int, out: list[Message]
    ) -> None:
        """Close so many lots of a position at the limit or better, and take the fee for it."""
        account = wallet.account
        side = Side.SELL if contract.positions[account.number].lots > 0 else Side.BUY
        closed_lots = self._trade(contract, account, side, lots, limit_ticks, now, out) if limit_ticks > 0 else 0
        fee_minor = self._take_fee(contract, wallet, closed_lots) if closed_lots else 0
        if not account.is_venue_own:
            out.append(words.liquidated(self._venue, account, contract, side, closed_lots, limit_ticks, fee_minor, now))

    def _trade(
        self,
        contract: Contract,
        account: Account,
        side: Side,
        lots: int,
        limit_ticks: int,
        now: int,
        out: list[Message],
    ) -> int:
        market = self._matching.markets[contract.symbol]
        client_order_id = f"liquidation-{self._matching.last_order_id + 1}"
        order = self._matching.order(market, account, client_order_id, side is Side.BUY, limit_ticks, lots)
        self._matching.place(market, order, TimeInForce.IOC, now, out)
        return order.filled_lots

    def _take_fee(self, contract: Contract, wallet: Wallet, closed_lots: int) -> int:
        number = wallet.account.number
        closed_minor = closed_lots * contract.mark.ticks * contract.unit_minor
        fee_minor = min(share_minor(closed_minor, self._fee_ppm), max(0, contract.pool.equity_minor(number)))
        contract.touch(number).fee_minor += fee_minor
        contract.pool.purse.insure(wallet, fee_minor)
        return fee_minor

    # Beside the book.

    def _deleverage(self, contract: Contract, account: Account, now: int, out: list[Message]) -> None:
        """Close what is left of the account's position against those of the other side, the highest rank first."""
        position = contract.positions[account.number]
        pool = contract.pool
        lacking_minor = min(0, pool.equity_minor(account.number) + pool.purse.fund_minor)
        price_ticks = max(1, without_fee(contract, position.lots, lacking_minor))
        for other in ranked(contract, position.lots < 0):
            if position.lots == 0:
                break
            counterpart = pool.purse.wallets[other].account
            lots = min(abs(position.lots), abs(contract.positions[other].lots))
            signed = lots if position.lots < 0 else -lots
            self._swap(contract, account, counterpart, signed, price_ticks, now, out)
        assert position.lots == 0, (contract.symbol, account.name)

    def _swap(
        self,
        contract: Contract,
        account: Account,
        counterpart: Account,
        signed_lots: int,
        price_ticks: int,
        now: int,
        out: list[Message],
    ) -> None:
        paid_minor = signed_lots * price_ticks * contract.unit_minor
        contract.change(account, signed_lots, paid_minor, 0)
        contract.change(counterpart, -signed_lots, -paid_minor, 0)
        contract.assert_balanced()
        for each, lots in ((account, signed_lots), (counterpart, -signed_lots)):
            if not each.is_venue_own:
                out.append(words.deleveraged(self._venue, each, contract, lots, price_ticks, now))
        self._matching.trim(self._matching.markets[contract.symbol], counterpart, now, out)


def largest(pool: Pool, number: int) -> Contract:
    """The contract whose position needs the most maintenance margin; the first of equal ones."""
    needs = [contract.maintenance_minor(contract.positions[number]) for contract in pool.contracts]
    return pool.contracts[needs.index(max(needs))]


def limit(contract: Contract, number: int, bearable_minor: int) -> int:
    """The worst price at which the whole position can be closed for no more than so much, the fee included; below 1
    where there is none. Rounded in favour of the account."""
    lots = contract.positions[number].lots
    size_minor = abs(lots) * contract.unit_minor
    fee_ppm = contract.highest_fee_ppm
    if lots > 0:
        least_minor = contract.mark.ticks * size_minor - bearable_minor
        return max(1, -(-least_minor * PPM // (size_minor * (PPM - fee_ppm))))
    most_minor = contract.mark.ticks * size_minor + bearable_minor
    return most_minor * PPM // (size_minor * (PPM + fee_ppm))


def without_fee(contract: Contract, lots: int, bearable_minor: int) -> int:
    """The same for a position of so many lots, where closing it costs no fee."""
    size_minor = abs(lots) * contract.unit_minor
    if lots > 0:
        return contract.mark.ticks - bearable_minor // size_minor
    return contract.mark.ticks + bearable_minor // size_minor


def ranked(contract: Contract, is_long: bool) -> list[int]:
    """The numbers of the accounts that are long, or short, in the order in which they are deleveraged."""
    sign = 1 if is_long else -1
    numbers = [number for number, position in enumerate(contract.positions) if position.lots * sign > 0]
    return sorted(numbers, key=lambda number: (-rank(contract, number), number))


def rank(contract: Contract, number: int) -> int:
    """In parts of `RANKS`; below 0 for a loss."""
    value_minor = max(1, abs(contract.positions[number].value_minor(contract.mark.ticks, contract.unit_minor)))
    equity_minor = max(1, contract.pool.equity_minor(number))
    profit_minor = contract.profit_minor(number)
    if profit_minor > 0:
        return profit_minor * RANKS // equity_minor
    return profit_minor * RANKS * equity_minor // (value_minor * value_minor)
