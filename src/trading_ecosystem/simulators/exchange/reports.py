"""What a venue tells wrongly on purpose: fills lost or told twice, balances that are old, everything late.

Rule 1: nothing here changes what an account has or an order is; what is told is changed on its way out.
Rule 2: a fill that is never told takes no number of the account's events, and one told twice takes two: the venue
    does not know better, so no gap shows it. Only who compares what they were told with what is held can find it. With
    a fill that is never told goes what it made of a position, and so does what the venue closes by force.
Rule 3: what is late keeps its order, and bears the time at which it was true.
"""

from typing import Final, cast, final

from trading_ecosystem.messages import codec
from trading_ecosystem.messages.accounts import AccountReported, Balance
from trading_ecosystem.messages.chaos import FaultVenue, VenueFault
from trading_ecosystem.messages.message import Message, field_names, values_of
from trading_ecosystem.messages.numbers import carried
from trading_ecosystem.messages.orders import AccountEvent, OrderFilled
from trading_ecosystem.messages.perpetuals import PositionChanged, PositionDeleveraged, PositionLiquidated
from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.simulators.exchange.accounts import Account, Accounts
from trading_ecosystem.simulators.exchange.deadlines import NEVER_NS
from trading_ecosystem.simulators.exchange.fault_register import PPM, FaultRegister

LOSABLE: Final = (OrderFilled, PositionChanged, PositionLiquidated, PositionDeleveraged)


@final
class Reports:
    """`next_ns`: when something late is to leave."""

    __slots__ = ("_accounts", "_held", "_register", "_stale", "next_ns")

    def __init__(self, accounts: Accounts, register: FaultRegister) -> None:
        self._accounts = accounts
        self._register = register
        self._held: list[tuple[int, Message]] = []
        self._stale: dict[str, list[list[object]]] = {}  # By account: asset, free and locked, as told.
        self.next_ns: int = NEVER_NS

    def remember_balances(self) -> None:
        """From now on these are told, where that is the fault."""
        self._stale = {name: balances(account) for name, account in self._accounts.by_name.items()}

    def forget_balances(self) -> None:
        self._stale = {}

    def told(self, said: list[Message], now: int) -> list[Message]:
        """What leaves instead of what the venue had to say, at this moment."""
        register = self._register
        lost, twice = register.get(VenueFault.LOST_REPORTS), register.get(VenueFault.DUPLICATE_REPORTS)
        if lost is not None or twice is not None:
            said = self._renumbered(said, lost, twice)
        stale = register.get(VenueFault.STALE_BALANCES)
        if stale is not None:
            said = [self._as_of_then(each, stale) for each in said]
        phantom = register.get(VenueFault.PHANTOM_CREDIT)
        if phantom is not None:
            said = [self._credited(each, phantom) for each in said]
        late = register.get(VenueFault.LATENCY)
        if late is not None:
            said = self._hold(said, late, now)
        due = self._due(now, late is None)
        self.next_ns = self._held[0][0] if self._held else NEVER_NS
        return [*due, *said]

    # Lost, and twice.

    def _renumbered(self, said: list[Message], lost: FaultVenue | None, twice: FaultVenue | None) -> list[Message]:
        shifts: dict[str, int] = {}
        told: list[Message] = []
        for each in said:
            if not isinstance(each, (AccountEvent, AccountReported)):
                told.append(each)
                continue
            is_fill = isinstance(each, OrderFilled)
            shift = shifts.get(each.account, 0)
            if isinstance(each, LOSABLE) and lost is not None and self._hits(lost, each.account):
                shifts[each.account] = shift - 1
                continue
            told.append(numbered(each, each.account_sequence + shift) if shift else each)
            if is_fill and twice is not None and self._hits(twice, each.account):
                shifts[each.account] = shift + 1
                told.append(numbered(each, each.account_sequence + shift + 1))
        for name, shift in shifts.items():
            self._accounts.by_name[name].sequence += shift
        return told

    def _hits(self, fault: FaultVenue, account: str) -> bool:
        return fault.only_account in ("", account) and self._register.draws(fault)

    # Old.

    def _as_of_then(self, each: Message, stale: FaultVenue) -> Message:
        if not isinstance(each, AccountReported) or stale.only_account not in ("", each.account):
            return each
        lines = tuple(
            [
                Balance(asset=cast(str, asset), free_minor=cast(int, free), locked_minor=cast(int, locked))
                for asset, free, locked in self._stale.get(each.account, [])
            ]
        )
        return each if lines == each.balances else self._with_balances(each, lines, stale)

    # More than there is.

    def _credited(self, each: Message, phantom: FaultVenue) -> Message:
        if not isinstance(each, AccountReported) or phantom.only_account not in ("", each.account):
            return each
        lines = tuple([credited(line, phantom) for line in each.balances])
        return each if lines == each.balances else self._with_balances(each, lines, phantom)

    def _with_balances(self, each: AccountReported, lines: tuple[Balance, ...], fault: FaultVenue) -> AccountReported:
        self._register.strike(fault)
        return AccountReported(
            to=each.to,
            venue=each.venue,
            account=each.account,
            account_sequence=each.account_sequence,
            balances=lines,
            open_orders=each.open_orders,
            occurred_ns=each.occurred_ns,
            maker_fee_ppm=each.maker_fee_ppm,
            taker_fee_ppm=each.taker_fee_ppm,
            positions=each.positions,
            margins=each.margins,
        )

    # Late.

    def _hold(self, said: list[Message], late: FaultVenue, now: int) -> list[Message]:
        leaves: list[Message] = []
        for each in said:
            if isinstance(each, AccountEvent) and late.only_account in ("", each.account):
                self._held.append((now + late.by_ns, each))
                self._register.strike(late)
            else:
                leaves.append(each)
        return leaves

    def _due(self, now: int, everything: bool) -> list[Message]:
        due: list[Message] = []
        while self._held and (everything or self._held[0][0] <= now):
            due.append(self._held.pop(0)[1])
        return due

    # State.

    def save(self) -> Plain:
        held = [[due_ns, type(each).__name__, codec.to_plain(each)] for due_ns, each in self._held]
        return {"held": held, "stale": self._stale}

    def restore(self, state: Plain) -> None:
        assert isinstance(state, dict)
        self._held = [(due_ns, codec.from_plain(kind, values)) for due_ns, kind, values in state["held"]]
        self._stale = {name: [list(line) for line in lines] for name, lines in state["stale"].items()}
        self.next_ns = self._held[0][0] if self._held else NEVER_NS


def balances(account: Account) -> list[list[object]]:
    return [[asset, funds.free_minor, funds.locked_minor] for asset, funds in account.funds.items()]


def credited(line: Balance, phantom: FaultVenue) -> Balance:
    if phantom.symbols and line.asset not in phantom.symbols:
        return line
    free_minor = carried(line.free_minor * phantom.share_ppm // PPM)
    return Balance(asset=line.asset, free_minor=free_minor, locked_minor=line.locked_minor)


def numbered(event: Message, account_sequence: int) -> Message:
    """The same event under another number."""
    fields = dict(zip(field_names(type(event)), values_of(event), strict=True))
    fields["account_sequence"] = account_sequence
    changed: Message = type(event)(**fields)
    return changed
