"""Max order value: orders of an account that its desk held back within the last minute for their value."""

from typing import Final

from trading_ecosystem.messages.orders import DenyReason
from trading_ecosystem.production.risk_monitor.rules.order_denied import denied

RULE: Final = denied("max_order_value", DenyReason.ORDER_VALUE)
