from trading_ecosystem.live.core_process import run_service
from trading_ecosystem.production.trading_engine.server import SERVICE

run_service(SERVICE)
