from trading_ecosystem.live.core_process import run_service
from trading_ecosystem.validation.test_coordinator.server import SERVICE

run_service(SERVICE)
