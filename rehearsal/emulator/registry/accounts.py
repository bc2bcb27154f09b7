"""The registries of several accounts behind one address.

On AWS the account is part of the registry's host name; here it is the first part of the path, and left
out for the rehearsal's own account: ``127.0.0.1:<port>/111111111111/fairweather/weather``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

OWN = "000000000000"
IN_PATH = re.compile(r"/v2/(?P<account>\d{12})(?P<rest>/.+)")


def uri(endpoint: str, account: str, name: str) -> str:
    """A repository's address."""
    return f"{endpoint}/{name}" if account == OWN else f"{endpoint}/{account}/{name}"


def of_path(path: str) -> tuple[str, str]:
    """The account that a path of the registry protocol means, and the path without it."""
    found = IN_PATH.fullmatch(path)
    return (found["account"], f"/v2{found['rest']}") if found else (OWN, path)


def with_account(headers: dict[str, str], account: str) -> dict[str, str]:
    """An answer's headers, so that the place of an upload is found under its account again."""
    if account == OWN:
        return headers
    return {
        name: value.replace("/v2/", f"/v2/{account}/", 1) if name.lower() == "location" else value
        for name, value in headers.items()
    }


def of_request(body: bytes, caller: str) -> str:
    """The account whose registry a call of the API means: ``registryId``, else the caller's own."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return caller
    named = request.get("registryId") if isinstance(request, dict) else None
    return named if isinstance(named, str) and re.fullmatch(r"\d{12}", named) else caller


@contextmanager
def acting_in(account: str) -> Iterator[None]:
    """Serve what follows as ``account``, in the request's region."""
    from ministack.core.responses import get_region, request_scope

    with request_scope(account, get_region()):
        yield


def install() -> None:
    """Look for a repository's policy in the account that its ARN names: between accounts it must allow, too."""
    from ministack.services import ecr

    find = ecr.repository_policy_for_arn

    def repository_policy_for_arn(resource_arn: str) -> tuple[str, str] | None:
        parts = resource_arn.split(":")
        with acting_in(parts[4]):
            found: tuple[str, str] | None = find(resource_arn)
        return found

    ecr.repository_policy_for_arn = repository_policy_for_arn
