"""An emulator in a process of its own, and the AWS clients that speak to it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import boto3

from rehearsal.emulator import ADMINISTRATOR
from rehearsal.page import loopback
from tests import emulators

# Where a test does not say another: ministack's account of the administrator, and any region.
ACCOUNT, REGION = "000000000000", "eu-west-2"
REGISTRY = f"{ACCOUNT}/{REGION}"
ANYBODY: Final = {"AWS": "*"}


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    """A statement of a policy; ``more`` are its other elements."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def eventually(condition: Callable[[], bool], seconds: float = 90) -> bool:
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

    process: emulators.Process
    port: int
    state: Path
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str, credentials: tuple[str, ...] = ADMINISTRATOR, region: str = REGION) -> Any:
        key, secret, *token = credentials
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token[0] if token else None,
        )

    def role(
        self,
        name: str,
        *statements: dict[str, Any],
        principal: Mapping[str, str] = ANYBODY,
        credentials: tuple[str, ...] = ADMINISTRATOR,
    ) -> str:
        """The ARN of a role that the principal may assume, allowed what the statements say."""
        trust = {"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}
        iam = self.client("iam", credentials)
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Statement": list(statements)}))
        return str(arn)

    def assume(self, role_arn: str, credentials: tuple[str, ...] = ADMINISTRATOR) -> tuple[str, str, str]:
        """Credentials of a role that trusts the account itself."""
        sts = self.client("sts", credentials)
        answer = sts.assume_role(RoleArn=role_arn, RoleSessionName="test")["Credentials"]
        return answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"]

    def stack(self, does: str, name: str, template: str = "", region: str = REGION) -> None:
        """Create, update or delete a stack (``does``), and wait until that is complete."""
        client = self.client("cloudformation", region=region)
        more = {"TemplateBody": template, "Capabilities": ["CAPABILITY_NAMED_IAM"]} if template else {}
        getattr(client, f"{does}_stack")(StackName=name, **more)
        client.get_waiter(f"stack_{does}_complete").wait(StackName=name, WaiterConfig={"Delay": 1})

    def get(self, host: str, path: str = "/") -> tuple[int, str]:
        """Status and body of a page behind a load balancer."""
        with loopback() as session:
            answer = session.get(self.url + path, headers={"Host": host}, timeout=60)
        return answer.status_code, answer.text

    def stop(self) -> int:
        return emulators.end(self.process)


def start(state: Path, *more: str) -> Account:
    """Start an emulator on a free port, and wait until it answers."""
    state.mkdir(parents=True, exist_ok=True)
    log = state / "emulator.log"

    def spawn(port: int, output: IO[bytes]) -> emulators.Process:
        command = [sys.executable, "-m", "rehearsal.emulator", "--port", str(port), "--state", str(state), *more]
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)

    process, port = emulators.start(spawn, log)
    return Account(process, port, state, log)
