"""Asks a process on this machine how it is: `python -m trading_ecosystem.live.probe [PORT]`, for a container's check.

Rule 1: exit code 0 means that it serves, 1 that it does not or cannot be asked; one line says why.
Rule 2: it trusts what the services trust: the answer of anybody else on this port is none.
"""

import http.client
import json
import os
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path

HOST = "localhost"  # Every certificate names it beside its own host.
PORT = 7002
CERTIFICATES = "/run/certificates"
AUTHORITIES = "ca.pem"
HEALTH = "/api/v1/health"
TIMEOUT_S = 8.0
SERVING, NOT_SERVING = 0, 1


def main(arguments: Sequence[str], certificates: Path) -> int:
    port = int(arguments[0]) if arguments else PORT
    try:
        status, detail = ask(port, ssl.create_default_context(cafile=certificates / AUTHORITIES))
    except (OSError, http.client.HTTPException, ValueError) as error:
        print(f"port {port}: {error}", file=sys.stderr)
        return NOT_SERVING
    print(detail)
    return SERVING if status == http.client.OK else NOT_SERVING


def ask(port: int, trust: ssl.SSLContext) -> tuple[int, str]:
    """Status code, and in words what it means. Raises OSError, HTTPException, and ValueError for no health report."""
    connection = http.client.HTTPSConnection(HOST, port, timeout=TIMEOUT_S, context=trust)
    try:
        connection.request("GET", HEALTH)
        answer = connection.getresponse()
        report = json.loads(answer.read())
    finally:
        connection.close()
    if not isinstance(report, dict):
        raise ValueError("what answers there reports no health")
    return answer.status, f"{report.get('instance')}: {report.get('status')} {report.get('detail')}".strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(os.environ.get("TSE_TLS", CERTIFICATES))))
