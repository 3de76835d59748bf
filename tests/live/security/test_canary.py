"""Secrets that are planted, and looked for in everything that is said and shown."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import grpc
import pytest

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.access import Access
from trading_ecosystem.live.door import Refused
from trading_ecosystem.live.security.binding import open_channel
from trading_ecosystem.live.security.certificates import issue_all
from trading_ecosystem.live.security.credentials import read_credentials
from trading_ecosystem.live.security.tokens import Scope, Surface, issue_token, read_token, read_tokens
from trading_ecosystem.live.telemetry.redaction import Redaction

CANARY = "canary-d41d8cd98f00"


def secrets_of(folder: Path) -> list[str]:
    """Every line of every key, which is Base64, and the planted word."""
    keys = [path.read_text().splitlines()[1:-1] for path in folder.rglob("key.pem")]
    assert keys
    return [CANARY, *(line for lines in keys for line in lines)]


def test_nothing_that_goes_wrong_with_certificates_shows_a_key(
    serve: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    issue_all(tmp_path, ["exchange", "risk_monitor"])
    secrets = secrets_of(tmp_path)
    shown: list[str] = []

    async def scenario() -> None:
        async with serve(tls=tmp_path / "exchange") as served:
            async with open_channel(str(served.address), "exchange", tls=tmp_path / "exchange") as channel:
                call: Any = channel.unary_unary("/test.Service/Answer")
                metadata = (("authorization", f"Bearer {CANARY}"), ("x-instance", "risk_monitor"))
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await call(b"", timeout=5, metadata=metadata)
                shown.append(repr(caught.value))
            (tmp_path / "exchange" / "key.pem").write_text(f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n")
            with pytest.raises(Problem) as problem:
                read_credentials(tmp_path / "exchange")
            async with grpc.aio.insecure_channel(str(served.address)) as plain:
                asking: Any = plain.unary_unary("/test.Service/Answer")
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await asking(CANARY.encode(), timeout=5)
            async with open_channel(str(served.address), "exchange", tls=tmp_path / "risk_monitor") as channel:
                await channel.unary_unary("/test.Service/Answer")(b"", timeout=5)  # type: ignore[arg-type]
            assert served.told
            shown.extend([*map(repr, served.denials), *served.told, str(problem.value), repr(refused.value)])

    asyncio.run(scenario())
    output = capfd.readouterr()
    said = "\n".join([*shown, caplog.text, output.out, output.err])
    assert [secret for secret in secrets if secret in said] == []


def test_nothing_that_goes_wrong_with_tokens_shows_one(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    holder_file = tmp_path / "anna.token"
    issue_token(tmp_path, Surface.REST, "operator.anna", [Scope.READ], holder_file)
    token = read_token(holder_file)
    tokens = read_tokens(tmp_path, Surface.REST, Access())
    shown = [repr(tokens), repr(tokens.holder(token))]
    for presented, scope, account in ((CANARY, "read", ""), (token, "trade", ""), (token, "read", "alpha")):
        with pytest.raises(Refused) as refused:
            tokens.authorise(presented, scope, account)
        shown.append(repr(refused.value))
    holder_file.chmod(0o644)
    with pytest.raises(Problem) as problem:
        read_token(holder_file)
    (tmp_path / "rest.yaml").write_text(f"operator.anna: {{sha256: {CANARY}, scopes: [read]}}")
    with pytest.raises(Problem) as wrong:
        read_tokens(tmp_path, Surface.REST, Access())
    output = capfd.readouterr()
    said = "\n".join([*shown, str(problem.value), str(wrong.value), caplog.text, output.out, output.err])
    assert token not in said and CANARY not in said


def test_what_is_logged_all_the_same_is_redacted(tmp_path: Path) -> None:
    """A header and a key as they would stand in a log line."""
    issue_all(tmp_path, ["exchange"])
    issue_token(tmp_path, Surface.REST, "operator.anna", [Scope.READ], tmp_path / "anna.token")
    token, key = read_token(tmp_path / "anna.token"), (tmp_path / "exchange" / "key.pem").read_text()
    redaction = Redaction()
    said = redaction.text(f"authorization: Bearer {token}\n{key}postgresql://risk:{CANARY}@localhost/risk")
    assert [secret for secret in (token, *secrets_of(tmp_path)) if secret in said] == []
