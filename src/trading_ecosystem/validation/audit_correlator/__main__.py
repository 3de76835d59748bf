from trading_ecosystem.live.process import main
from trading_ecosystem.validation.audit_correlator.process import run
from trading_ecosystem.validation.audit_correlator.server import KEYS, OPTIONAL_KEYS

main(run, KEYS, OPTIONAL_KEYS)
