"""What is said between a custodian and a venue so that the books of both come out the same; and of netting."""

from dataclasses import dataclass
from typing import final

from trading_ecosystem.messages.custody import Posting
from trading_ecosystem.messages.message import Addressed, Published
from trading_ecosystem.messages.orders import AccountEvent

# Profit in perpetuals.


@final
@dataclass(frozen=True, kw_only=True)
class SettleProfits(Addressed):
    """Have a venue tell what everybody gained or lost in perpetuals since this was asked last, net, for the custodian's
    books. `movement_id`: the same count as `CreditAccount`."""

    to: str
    asker: str
    movement_id: int


@final
@dataclass(frozen=True, kw_only=True)
class Profit:
    """Of an account: realised, funded and covered, less fees; below 0 for a loss. Besides the venue's participants
    there are `fees`, `insurance`, and `external`, below 0 by what the venue itself paid in."""

    account: str
    asset: str
    amount_minor: int


@final
@dataclass(frozen=True, kw_only=True)
class ProfitsReported(Addressed):
    """The answer to `SettleProfits`, the same however often it is asked. Nobody without a profit is in it. All together
    are what positions cost more than they did."""

    to: str
    venue: str
    movement_id: int
    profits: tuple[Profit, ...]
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class ProfitSettled(AccountEvent):
    """The venue told its custodian of what the account gained or lost in perpetuals since the last of these, net. The
    wallet is as it was: from now on so much more of it is what custody has, too."""

    account: str
    venue: str
    account_sequence: int
    occurred_ns: int
    movement_id: int
    asset: str
    amount_minor: int


# Comparing books.


@final
@dataclass(frozen=True, kw_only=True)
class QueryBooks(Addressed):
    """Ask a venue what everybody has there, as far as its custodian is to have the same."""

    to: str
    asker: str


@final
@dataclass(frozen=True, kw_only=True)
class BookEntry:
    account: str
    asset: str
    amount_minor: int


@final
@dataclass(frozen=True, kw_only=True)
class BooksReported(Addressed):
    """What is not zero, after these trades and movements and no later ones. Profits in perpetuals are in it as far as
    they were settled."""

    to: str
    venue: str
    last_trade_id: int
    last_movement_id: int
    entries: tuple[BookEntry, ...]
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class Break:
    """What a venue has for an account, and what custody has: posted, and pending to come in and go out."""

    account: str
    asset: str
    venue_minor: int
    custody_minor: int


@final
@dataclass(frozen=True, kw_only=True)
class BooksCompared(Published):
    """A custodian compared its books with a venue's, as of the same trade and movement. All that differs is in it."""

    custodian: str
    venue: str
    last_trade_id: int
    last_movement_id: int
    entry_count: int  # Accounts x assets that were compared.
    breaks: tuple[Break, ...]
    occurred_ns: int


# Netting.


@final
@dataclass(frozen=True, kw_only=True)
class NettedInstruction:
    """One that a netting set settled, as far as it had not settled before."""

    instruction_id: int
    trade_id: int


@final
@dataclass(frozen=True, kw_only=True)
class NettingSettled(Published):
    """Instructions that were tried at one cut-off are in the ledger, together, by what each account owes and gets net:
    one posting for an account and an asset, to or from `clearing`, which has as much afterwards as before."""

    custodian: str
    netting_id: int
    transaction_id: int
    cut_off_ns: int
    netted: tuple[NettedInstruction, ...]
    postings: tuple[Posting, ...]
    occurred_ns: int
