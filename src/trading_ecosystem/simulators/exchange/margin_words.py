"""What a venue says about perpetuals, positions and margin. An account's own message takes its next sequence number."""

from trading_ecosystem.messages.orders import Side
from trading_ecosystem.messages.perpetuals import (
    FundingSettled,
    LossCovered,
    MarginBalance,
    MarginCalled,
    MarginMoved,
    MarginMoveRejected,
    MarginRatesChanged,
    MarkPriceChanged,
    MoveMargin,
    MoveRejectReason,
    OpenPosition,
    PositionChanged,
    PositionDeleveraged,
    PositionLiquidated,
)
from trading_ecosystem.simulators.exchange.accounts import Account
from trading_ecosystem.simulators.exchange.margin import Contract, Pool


def marked(venue: str, contract: Contract, due_ns: int, now: int) -> MarkPriceChanged:
    return MarkPriceChanged(
        venue=venue,
        symbol=contract.symbol,
        index_ticks=contract.mark.index_ticks,
        mark_ticks=contract.mark.ticks,
        funding_ppb=contract.mark.funding_ppb(),
        funding_due_ns=due_ns,
        occurred_ns=now,
    )


def margined(venue: str, contract: Contract, now: int) -> MarginRatesChanged:
    return MarginRatesChanged(
        venue=venue,
        symbol=contract.symbol,
        initial_ppm=contract.initial_ppm,
        maintenance_ppm=contract.maintenance_ppm,
        occurred_ns=now,
    )


def funded(venue: str, contract: Contract, rate_ppb: int, now: int) -> FundingSettled:
    return FundingSettled(
        venue=venue,
        symbol=contract.symbol,
        mark_ticks=contract.mark.ticks,
        funding_ppb=rate_ppb,
        occurred_ns=now,
    )


def changed(venue: str, account: Account, contract: Contract, now: int) -> PositionChanged:
    """The position is told by this."""
    position = contract.positions[account.number]
    realised_minor, funding_minor, fee_minor = position.take_told()
    return PositionChanged(
        account=account.name,
        venue=venue,
        account_sequence=account.next_sequence(),
        occurred_ns=now,
        symbol=contract.symbol,
        position_lots=position.lots,
        cost_minor=position.cost_minor,
        realised_minor=realised_minor,
        funding_minor=funding_minor,
        fee_minor=fee_minor,
        wallet_minor=contract.pool.purse.wallets[account.number].amount_minor,
    )


def called(venue: str, account: Account, pool: Pool, now: int) -> MarginCalled:
    return MarginCalled(
        account=account.name,
        venue=venue,
        account_sequence=account.next_sequence(),
        occurred_ns=now,
        asset=pool.purse.asset,
        equity_minor=pool.equity_minor(account.number),
        maintenance_minor=pool.maintenance_minor(account.number),
    )


def liquidated(
    venue: str, account: Account, contract: Contract, side: Side, lots: int, limit_ticks: int, fee_minor: int, now: int
) -> PositionLiquidated:
    return PositionLiquidated(
        account=account.name,
        venue=venue,
        account_sequence=account.next_sequence(),
        occurred_ns=now,
        symbol=contract.symbol,
        side=side,
        quantity_lots=lots,
        limit_ticks=limit_ticks,
        mark_ticks=contract.mark.ticks,
        fee_minor=fee_minor,
    )


def deleveraged(
    venue: str, account: Account, contract: Contract, signed_lots: int, price_ticks: int, now: int
) -> PositionDeleveraged:
    return PositionDeleveraged(
        account=account.name,
        venue=venue,
        account_sequence=account.next_sequence(),
        occurred_ns=now,
        symbol=contract.symbol,
        side=Side.BUY if signed_lots > 0 else Side.SELL,
        price_ticks=price_ticks,
        quantity_lots=abs(signed_lots),
    )


def covered(venue: str, account: Account, asset: str, amount_minor: int, now: int) -> LossCovered:
    return LossCovered(
        account=account.name,
        venue=venue,
        account_sequence=account.next_sequence(),
        occurred_ns=now,
        asset=asset,
        amount_minor=amount_minor,
    )


def moved(venue: str, account: Account, command: MoveMargin, wallet_minor: int, now: int) -> MarginMoved:
    return MarginMoved(
        account=account.name,
        venue=venue,
        account_sequence=account.next_sequence(),
        occurred_ns=now,
        move_id=command.move_id,
        asset=command.asset,
        amount_minor=command.amount_minor,
        wallet_minor=wallet_minor,
    )


def move_rejected(
    venue: str, command: MoveMargin, account_sequence: int, reason: MoveRejectReason, now: int
) -> MarginMoveRejected:
    return MarginMoveRejected(
        account=command.account,
        venue=venue,
        account_sequence=account_sequence,
        occurred_ns=now,
        move_id=command.move_id,
        move_reject_reason=reason,
    )


def open_position(contract: Contract, number: int) -> OpenPosition:
    position = contract.positions[number]
    return OpenPosition(
        symbol=contract.symbol,
        position_lots=position.lots,
        cost_minor=position.cost_minor,
        mark_ticks=contract.mark.ticks,
    )


def margin_balance(pool: Pool, number: int) -> MarginBalance:
    wallet = pool.purse.wallets[number]
    return MarginBalance(
        asset=pool.purse.asset,
        wallet_minor=wallet.amount_minor,
        moved_in_minor=wallet.moved_in_minor + wallet.settled_minor,
        equity_minor=pool.equity_minor(number),
        initial_minor=pool.initial_minor(number),
        maintenance_minor=pool.maintenance_minor(number),
    )
