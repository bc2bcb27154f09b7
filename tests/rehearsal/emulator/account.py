"""An emulator in a process of its own, and the AWS clients that speak to it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from rehearsal.emulator import ADMINISTRATOR, REGION


def free_port() -> int:
    """A port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether a condition comes true; the wait only bounds a failure, nothing is asserted about its length."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@dataclass
class Account:
    """One running emulator."""

    process: subprocess.Popen[bytes]
    port: int
    state: Path
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str, credentials: tuple[str, ...] = ADMINISTRATOR) -> Any:
        key, secret, *token = credentials
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token[0] if token else None,
        )

    def assume(self, role_arn: str) -> tuple[str, str, str]:
        """Credentials of a role that trusts the account itself."""
        answer = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="test")["Credentials"]
        return answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"]

    def get(self, host: str, path: str = "/") -> tuple[int, str]:
        """Status and body of a page behind a load balancer."""
        request = urllib.request.Request(self.url + path, headers={"Host": host})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(30)


def start(state: Path, *more: str, port: int | None = None) -> Account:
    """Start an emulator and wait until it answers."""
    port = port or free_port()
    state.mkdir(parents=True, exist_ok=True)
    log = state / "emulator.log"
    command = [sys.executable, "-m", "rehearsal.emulator", "--port", str(port), "--state", str(state), *more]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    account = Account(process, port, state, log)
    eventually(lambda: process.poll() is not None or _answers(account), seconds=60)
    assert process.poll() is None, log.read_text()
    return account


def _answers(account: Account) -> bool:
    try:
        return account.get("127.0.0.1", "/_ministack/health")[0] == 200
    except OSError:
        return False
