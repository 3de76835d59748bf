"""The numbers of the page on books are those that the custodian comes to."""

import re

from tests.simulators.custodian.test_netting import CHAIN, HELD, TUESDAY, Rig

from trading_ecosystem.messages.books import NettingSettled
from trading_ecosystem.messages.custody import SettlementInstructed


def test_the_netting_set_of_the_page(pages: dict[str, str]) -> None:
    rig = Rig(HELD)
    rig.trade(CHAIN)
    rig.run(TUESDAY)
    (settled,) = (each for each in rig.told(NettingSettled) if isinstance(each, NettingSettled))
    text = pages["docs/books.md"].partition("<!-- numbers: netted -->")[2].partition("<!-- numbers end -->")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines()][2:]
    assert [row[0] for row in rows] == ["ann", "bob", "cat", "fees"]
    for account, usd, btc, net_usd, net_btc in rows:
        for asset, gross, net in (("USD", usd, net_usd), ("BTC", btc, net_btc)):
            instructed = [each for each in rig.told(SettlementInstructed) if isinstance(each, SettlementInstructed)]
            moved = [change(each.postings, account, asset) for each in instructed]
            assert [int(part) for part in re.findall(r"[+-]\d+", gross)] == [minor for minor in moved if minor]
            assert int(net) == change(settled.postings, account, asset) == sum(moved)


def change(postings: object, account: str, asset: str) -> int:
    """What postings do to an account, net."""
    total = 0
    for each in postings:  # type: ignore[attr-defined]
        if each.asset == asset:
            total += each.amount_minor * ((each.credit_account == account) - (each.debit_account == account))
    return total
