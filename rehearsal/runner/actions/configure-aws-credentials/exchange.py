"""The OIDC exchange of aws-actions/configure-aws-credentials: token, role, credentials for the steps after.

https://docs.github.com/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from xml.etree import ElementTree

STS = "{https://sts.amazonaws.com/doc/2011-06-15/}"


def main() -> int:
    """Exit code 1, and nothing exported, when the token or the role is refused."""
    url = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL", "")
    if not url:
        return _failed("the job has no OIDC token: it needs id-token: write, and a fork's pull request never gets one")
    try:
        token = _token(url)
        answer = _assume(token)
    except urllib.error.HTTPError as error:
        return _failed(_words(error.read()))
    except urllib.error.URLError as error:
        return _failed(str(error.reason))
    account = answer[f"{STS}Arn"].split(":")[4]
    allowed = os.environ["ACCOUNTS"].replace(",", " ").split()
    if allowed and account not in allowed:
        return _failed(f"the role is in account {account}, allowed is {', '.join(allowed)}")
    variables = {
        "AWS_ACCESS_KEY_ID": answer[f"{STS}AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": answer[f"{STS}SecretAccessKey"],
        "AWS_SESSION_TOKEN": answer[f"{STS}SessionToken"],
        "AWS_REGION": os.environ["REGION"],
        "AWS_DEFAULT_REGION": os.environ["REGION"],
    }
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        print(f"::add-mask::{variables[name]}")
    _append("GITHUB_ENV", variables)
    _append("GITHUB_OUTPUT", {"aws-account-id": account})
    print(f"this job is {answer[f'{STS}Arn']}")
    return 0


def _token(url: str) -> str:
    audience = urllib.parse.urlencode({"audience": os.environ["AUDIENCE"]})
    request = urllib.request.Request(f"{url}&{audience}")  # noqa: S310 (the rehearsal's own address)
    request.add_header("Authorization", f"bearer {os.environ['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}")
    value: str = json.loads(_open(request))["value"]
    return value


def _assume(token: str) -> dict[str, str]:
    words = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": os.environ["ROLE"],
        "RoleSessionName": os.environ["SESSION"],
        "DurationSeconds": os.environ["SECONDS_VALID"],
        "WebIdentityToken": token,
    }
    data = urllib.parse.urlencode(words).encode()
    body = _open(urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], data=data))  # noqa: S310
    return {element.tag: element.text or "" for element in ElementTree.fromstring(body).iter()}  # noqa: S314


def _open(request: urllib.request.Request) -> bytes:
    # No proxy: both answer on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        body: bytes = answer.read()
    return body


def _append(variable: str, values: dict[str, str]) -> None:
    with Path(os.environ[variable]).open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())


def _words(body: bytes) -> str:
    try:
        found = ElementTree.fromstring(body).find(f".//{STS}Message")  # noqa: S314
    except ElementTree.ParseError:
        found = None
    return found.text or "" if found is not None else body.decode(errors="replace").strip()


def _failed(message: str) -> int:
    print(f"::error title=AWS credentials::{message}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
