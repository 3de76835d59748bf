"""Which accounts are sub-accounts of which others.

sub_accounts:
  alpha-hedge: alpha            # sub-account: its master
  alpha-basis: alpha

Rule 1: a sub-account lies at its master's venue, and a master is no sub-account.
"""

from collections.abc import Collection, Mapping

from trading_ecosystem.configuration.document import Node


def read_sub_accounts(node: Node | None, places: Mapping[str, str], own: Collection[str] = ()) -> dict[str, str]:
    """Each sub-account's master. `places`: the venue of each account; `own`: accounts that are the venues' own.

    Raises `Problem`."""
    entries = node.entries() if node else []
    masters = {name: read_pair(name, child, places, own) for name, child in entries}
    for _, child in entries:
        check_depth(child, masters)
    return masters


def read_pair(name: str, node: Node, places: Mapping[str, str], own: Collection[str]) -> str:
    """The master of a sub-account."""
    master = node.text()
    for account in (name, master):
        if account in own:
            node.fail(f"{account} is the venue's own; a participant's account is expected here")
        if account not in places:
            node.fail_word("unknown account", account, [each for each in places if each not in own])
    if places[name] != places[master]:
        node.fail(f"{name} lies at {places[name]}, {master} at {places[master]}; a sub-account lies with its master")
    return master


def check_depth(node: Node, masters: Mapping[str, str]) -> None:
    """Raises `Problem` where a master is a sub-account itself."""
    master = node.text()
    if master not in masters:
        return
    above = masters[master]
    if above not in masters:
        node.fail(f"{master} is itself a sub-account; {above}, its master, is expected here")
    node.fail(f"{master} is itself a sub-account; a master has no line here, and one of these has to be it")


def sub_accounts_of(account: str, masters: Mapping[str, str]) -> list[str]:
    return [sub for sub, master in masters.items() if master == account]
