"""Funding: what longs and shorts of a perpetual pay each other, so that its price stays near the index.

    payment = lots x mark x rate, to be paid by who is long when it is above 0, and by who is short when it is below

Rule 1: each payment is rounded against who makes or gets it, so together they are never below 0.
Rule 2: what rounding leaves goes to the insurance fund: payments and that are together 0.
"""

from typing import Final

from trading_ecosystem.simulators.exchange.margin import Contract

PPB: Final = 1_000_000_000


def settle(contract: Contract, rate_ppb: int) -> None:
    """Take and give what is due at this rate, of every position, in the order of the accounts."""
    purse = contract.pool.purse
    together_minor = 0
    for number, position in enumerate(contract.positions):
        if position.lots == 0:
            continue
        payment_minor = payment(position.value_minor(contract.mark.ticks, contract.unit_minor), rate_ppb)
        contract.touch(number).funding_minor -= payment_minor
        purse.add(purse.wallets[number], -payment_minor)
        together_minor += payment_minor
    assert together_minor >= 0
    purse.fund_minor += together_minor
    purse.assert_conserved()


def payment(value_minor: int, rate_ppb: int) -> int:
    """What a position of this value (below 0: a short one) pays, below 0: gets. Rounded up."""
    return -(-value_minor * rate_ppb // PPB)
