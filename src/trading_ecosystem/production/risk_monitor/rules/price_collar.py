"""Price collar: orders of an account that its desk held back within the last minute for their price."""

from typing import Final

from trading_ecosystem.messages.orders import DenyReason
from trading_ecosystem.production.risk_monitor.rules.order_denied import denied

RULE: Final = denied("price_collar", DenyReason.PRICE_COLLAR)
