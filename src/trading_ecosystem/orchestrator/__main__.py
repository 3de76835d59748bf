"""The supervisor as a process of its own: `tse up` starts it, hands it a request, and reads how it fares.

Rule 1: standard output is for `tse up` until all services are ready, one JSON object a line; then it is closed.
"""

import sys

from trading_ecosystem.orchestrator.announcing import main

if __name__ == "__main__":
    sys.exit(main())
