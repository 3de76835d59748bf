"""The perpetual futures of a venue: what index quotes, time and trades do to accounts with positions.

Rule 1: nothing in this file reads a clock, a socket, a disk or a random number.
Rule 2: at the end of every message no wallet is negative: a loss that takes one below 0 is met by profit of the
    account's other positions at the mark price, which is realised by that, or the account is taken over.
Rule 3: accounts are weighed when their positions or the mark price changed, in the order of their numbers.
"""

from typing import Final, final

from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.perpetuals import MarginBalance, MoveMargin, MoveRejectReason, OpenPosition
from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.exchange import funding, margin_words as words
from trading_ecosystem.simulators.exchange.accounts import Account, Accounts
from trading_ecosystem.simulators.exchange.config import ExchangeConfig
from trading_ecosystem.simulators.exchange.deadlines import NEVER_NS
from trading_ecosystem.simulators.exchange.liquidation import Liquidation
from trading_ecosystem.simulators.exchange.margin import PPM, Contract, Pool
from trading_ecosystem.simulators.exchange.mark import Mark
from trading_ecosystem.simulators.exchange.matching import Matching
from trading_ecosystem.simulators.exchange.positions import Purse, Wallet
from trading_ecosystem.simulators.exchange.submissions import Submissions

RECOVERED_PPM: Final = 750_000  # Of the share at which an account is called: below that it can be called anew.
NO_ORDERS: Final[dict[str, int]] = {}


def contracts_of(
    reference: ReferenceData, config: ExchangeConfig, accounts: Accounts, margin: dict[str, dict[str, int]]
) -> dict[str, Contract]:
    """By symbol, with what the accounts have in their margin wallets at the start."""
    everyone = list(accounts.by_name.values())
    rules = config.perpetuals
    pools: dict[str, Pool] = {}
    contracts: dict[str, Contract] = {}
    for symbol, instrument in reference.perpetuals.items():
        assert instrument.terms is not None
        if instrument.quote not in pools:
            insurance_minor = rules.insurance_minor.get(instrument.quote, 0)
            pools[instrument.quote] = Pool(Purse(instrument.quote, everyone, insurance_minor))
        mark = Mark(instrument, reference.instruments[instrument.terms.index], rules.mark_band_ppm)
        contracts[symbol] = Contract(instrument, pools[instrument.quote], mark, config.taker_fee_ppm)
    for name, amounts in margin.items():
        for asset, amount_minor in amounts.items():
            move_in(accounts.by_name[name], pools[asset].purse, amount_minor)
    return contracts


def move_in(account: Account, purse: Purse, amount_minor: int) -> None:
    """From the balance into the wallet; below 0, back."""
    funds = account.funds[purse.asset]
    if amount_minor >= 0:
        funds.spend(0, amount_minor)
    else:
        funds.credit(-amount_minor)
    funds.total.expected_minor -= amount_minor
    purse.move_in(purse.wallets[account.number], amount_minor)
    funds.total.assert_conserved()
    purse.assert_conserved()


@final
class Perpetuals:
    """All perpetuals of a venue. Methods append what they have to say to `out`. `due_ns`: when the next funding is."""

    __slots__ = (
        "_accounts",
        "_call_ppm",
        "_contracts",
        "_due_ns",
        "_is_marked",
        "_liquidation",
        "_matching",
        "_moves",
        "_pools",
        "_venue",
        "due_ns",
    )

    def __init__(
        self,
        venue: str,
        config: ExchangeConfig,
        contracts: dict[str, Contract],
        accounts: Accounts,
        matching: Matching,
    ) -> None:
        rules = config.perpetuals
        self._venue = venue
        self._accounts = accounts
        self._matching = matching
        self._contracts = list(contracts.values())
        self._pools = [contract.pool for contract in self._contracts if contract.place == 0]
        self._liquidation = Liquidation(
            venue, matching, rules.liquidation_step_ppm, rules.liquidation_fee_ppm, rules.mark_band_ppm
        )
        self._call_ppm = rules.margin_call_ppm
        self._moves = [Submissions() for _ in accounts.by_name]  # By the number of the account.
        self._due_ns = [NEVER_NS for _ in self._contracts]  # Of the funding of each.
        self._is_marked = False
        self.due_ns: int = NEVER_NS

    # Prices and time.

    def hear(self, quote: QuotePublished, now: int, out: list[Message]) -> None:
        """Follow a reference quote, if it is the index of one of these."""
        for place, contract in enumerate(self._contracts):
            terms = contract.instrument.terms
            if terms is None or terms.index != quote.symbol:
                continue
            if contract.mark.hear(quote, self._matching.markets[contract.symbol].book):
                if not contract.is_by_terms:
                    out.append(words.margined(self._venue, contract, now))
                out.append(words.marked(self._venue, contract, self._due_ns[place], now))
                self._is_marked = True

    def start(self, now: int) -> None:
        for place in range(len(self._contracts)):
            if self._due_ns[place] == NEVER_NS:
                self._plan(place, now)

    def _plan(self, place: int, now: int) -> None:
        terms = self._contracts[place].instrument.terms
        assert terms is not None
        self._due_ns[place] = (now // terms.funding_every_ns + 1) * terms.funding_every_ns
        self.due_ns = min(self._due_ns)

    def do_due(self, now: int, out: list[Message]) -> None:
        """Settle the funding that is due: once, however many were missed. Without an index there is none."""
        for place, contract in enumerate(self._contracts):
            if now < self._due_ns[place]:
                continue
            if contract.mark.ticks:
                rate_ppb = contract.mark.funding_ppb()
                funding.settle(contract, rate_ppb)
                contract.mark.begin_funding()
                out.append(words.funded(self._venue, contract, rate_ppb, now))
            self._plan(place, now)

    # Margin.

    def named(self, symbols: tuple[str, ...]) -> list[Contract]:
        """These; all of them where none is named."""
        return [contract for contract in self._contracts if not symbols or contract.symbol in symbols]

    def multiply_rates(self, symbols: tuple[str, ...], times_ppm: int, now: int, out: list[Message]) -> None:
        """Ask for another margin from now on: accounts are weighed by it before anything else is done."""
        for contract in self.named(symbols):
            contract.multiply_rates(times_ppm)
            out.append(words.margined(self._venue, contract, now))
        self._is_marked = True

    def move(self, command: MoveMargin, now: int, out: list[Message]) -> None:
        account = self._accounts.client(command.account)
        if account is None:
            out.append(words.move_rejected(self._venue, command, 0, MoveRejectReason.UNKNOWN_ACCOUNT, now))
            return
        known = self._moves[account.number].find(command.move_id)
        if known is not None and known == command:
            return
        purse = self._purse(command.asset)
        reason = self._move_refusal(account, purse, command)
        if known is not None and reason is not MoveRejectReason.UNKNOWN_ASSET:
            reason = MoveRejectReason.MOVE_ID_REUSED
        if reason is None:
            assert purse is not None
            move_in(account, purse, command.amount_minor)
            wallet_minor = purse.wallets[account.number].amount_minor
            out.append(words.moved(self._venue, account, command, wallet_minor, now))
        else:
            out.append(words.move_rejected(self._venue, command, account.next_sequence(), reason, now))
        if known is None:
            moves = self._moves[account.number]
            moves.remember(command.move_id, command)
            if moves.too_many():
                moves.forget(NO_ORDERS, NO_ORDERS)

    def _purse(self, asset: str) -> Purse | None:
        for pool in self._pools:
            if pool.purse.asset == asset:
                return pool.purse
        return None

    def _move_refusal(self, account: Account, purse: Purse | None, command: MoveMargin) -> MoveRejectReason | None:
        if purse is None:
            return MoveRejectReason.UNKNOWN_ASSET
        amount_minor = command.amount_minor
        if amount_minor == 0:
            return MoveRejectReason.INVALID_AMOUNT
        wallet = purse.wallets[account.number]
        free_minor = account.funds[purse.asset].free_minor if amount_minor > 0 else wallet.amount_minor
        if abs(amount_minor) > free_minor:
            return MoveRejectReason.INSUFFICIENT_FUNDS
        for pool in self._pools:
            if pool.purse is purse and -amount_minor > pool.removable_minor(wallet):
                return MoveRejectReason.INSUFFICIENT_MARGIN
        return None

    # Accounts are weighed and told.

    def finish(self, now: int, out: list[Message]) -> bool:
        """Weigh those whom the message concerned. True where there were any, whose orders may be gone by that."""
        is_marked, self._is_marked = self._is_marked, False
        is_busy = False
        for pool in self._pools:
            numbers = self._tell(pool, now, out)
            if is_marked:
                numbers = [
                    number for number in range(len(pool.purse.wallets)) if number in numbers or holds(pool, number)
                ]
            if numbers:
                is_busy = True
                self._weigh_all(pool, numbers, now, out)
        return is_busy

    def _weigh_all(self, pool: Pool, numbers: list[int], now: int, out: list[Message]) -> None:
        reduced: dict[int, bool] = {}
        rounds = 0
        while numbers:
            for number in numbers:
                self._weigh(pool, pool.purse.wallets[number], reduced, now, out)
            numbers = self._tell(pool, now, out)
            rounds += 1
            assert rounds <= 3 * len(pool.purse.wallets) + 3, "liquidations without an end"

    def _weigh(self, pool: Pool, wallet: Wallet, reduced: dict[int, bool], now: int, out: list[Message]) -> None:
        number = wallet.account.number
        equity_minor, maintenance_minor = pool.equity_minor(number), pool.maintenance_minor(number)
        self._call(pool, wallet, equity_minor, maintenance_minor, now, out)
        if equity_minor < 0:
            self._liquidation.take_over(pool, wallet, now, out)
        elif equity_minor < maintenance_minor and number not in reduced:
            reduced[number] = True
            self._liquidation.reduce(pool, wallet, now, out)
        if wallet.amount_minor < 0 <= pool.equity_minor(number):
            take_profits(pool, wallet)

    def _call(
        self, pool: Pool, wallet: Wallet, equity_minor: int, maintenance_minor: int, now: int, out: list[Message]
    ) -> None:
        needed, warned = maintenance_minor * PPM, equity_minor * self._call_ppm
        if wallet.is_called:
            wallet.is_called = needed * PPM > warned * RECOVERED_PPM
        elif maintenance_minor and needed >= warned:
            wallet.is_called = True
            if not wallet.account.is_venue_own:
                out.append(words.called(self._venue, wallet.account, pool, now))

    def _tell(self, pool: Pool, now: int, out: list[Message]) -> list[int]:
        """Tell the accounts whose positions changed; gives their numbers, in order."""
        told: dict[int, bool] = {}
        for contract in pool.contracts:
            contract.touched.sort()
            for number in contract.touched:
                told[number] = True
                account = pool.purse.wallets[number].account
                if account.is_venue_own:
                    contract.positions[number].take_told()
                else:
                    out.append(words.changed(self._venue, account, contract, now))
            contract.touched.clear()
        return sorted(told)

    # Questions and state.

    def positions(self, account: Account) -> tuple[OpenPosition, ...]:
        """Those that are not flat."""
        held = [each for each in self._contracts if each.positions[account.number].lots]
        return tuple([words.open_position(contract, account.number) for contract in held])

    @property
    def pools(self) -> list[Pool]:
        return self._pools

    def margins(self, account: Account) -> tuple[MarginBalance, ...]:
        return tuple([words.margin_balance(pool, account.number) for pool in self._pools])

    def save(self) -> Plain:
        return {
            "purses": [pool.purse.save() for pool in self._pools],
            "contracts": {contract.symbol: save_contract(contract) for contract in self._contracts},
            "moves": [moves.save() for moves in self._moves],
            "due_ns": list(self._due_ns),
        }

    def restore(self, state: Plain) -> None:
        """Before the balances are: what they are together depends on what was moved."""
        assert isinstance(state, dict)
        for pool, saved in zip(self._pools, state["purses"], strict=True):
            total = self._accounts.totals[pool.purse.asset]
            total.expected_minor += pool.purse.moved_in_minor
            pool.purse.restore(saved)
            total.expected_minor -= pool.purse.moved_in_minor
        for contract in self._contracts:
            restore_contract(contract, state["contracts"][contract.symbol])
        for pool in self._pools:
            pool.purse.assert_conserved()
        for moves, account, saved in zip(self._moves, self._accounts.by_name, state["moves"], strict=True):
            moves.restore(account, saved)
        self._due_ns = list(state["due_ns"])
        self.due_ns = min(self._due_ns)


def holds(pool: Pool, number: int) -> bool:
    """Whether the account has a position in any perpetual of the pool."""
    return any([contract.positions[number].lots for contract in pool.contracts])


def take_profits(pool: Pool, wallet: Wallet) -> None:
    """Fill a wallet that is below 0 with what the account's positions have gained, in the order of the perpetuals."""
    for contract in pool.contracts:
        profit_minor = contract.profit_minor(wallet.account.number)
        if wallet.amount_minor < 0 < profit_minor:
            contract.take_profit(wallet.account.number, min(profit_minor, -wallet.amount_minor))
    assert wallet.amount_minor >= 0, (wallet.account.name, wallet.amount_minor)
    pool.purse.assert_conserved()


def save_contract(contract: Contract) -> Plain:
    return {"mark": contract.mark.save(), "positions": [position.save() for position in contract.positions]}


def restore_contract(contract: Contract, state: Plain) -> None:
    assert isinstance(state, dict)
    contract.mark.restore(state["mark"])
    contract.total_lots = 0
    for position, saved in zip(contract.positions, state["positions"], strict=True):
        position.restore(saved)
        contract.total_lots += position.lots
        contract.pool.purse.costs_minor += position.cost_minor
    assert contract.total_lots == 0, contract.symbol
