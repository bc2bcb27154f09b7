"""ECR: its registries behind one address, their layers on disk, and a repository as drift detection reads it.

On AWS account and region are part of the registry's host name; here they are the first parts of the path:
``127.0.0.1:<port>/123456789012/us-east-1/project/shop``. So no registry is another's by default.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from rehearsal.emulator.cloudformation.resource_types import Properties, Reader, explicit, parsed, pascal, same_document
from rehearsal.emulator.ecr.access import LIFETIME, TOKENS, Response, encoded, error, refused
from rehearsal.emulator.ministack import ecr, responses, router
from rehearsal.emulator.seams import original, replace

IN_PATH: Final = re.compile(r"/v2/(?P<account>\d{12})/(?P<region>[a-z]{2,}(?:-[a-z]+)+-\d+)(?P<rest>/.+)")
Texts = Mapping[str, str]
# What names no repository: the sign-in.
PING: Final = ("/v2", "/v2/")


def uri(endpoint: str, account: str, region: str, name: str) -> str:
    """A repository's address."""
    return f"{endpoint}/{account}/{region}/{name}"


def of_path(path: str) -> tuple[str, str, str] | None:
    """Account and region that a path of the registry protocol means, and the path without them; None for no such."""
    found = IN_PATH.fullmatch(path)
    return (found["account"], found["region"], f"/v2{found['rest']}") if found else None


def with_registry(headers: Mapping[str, str], account: str, region: str) -> dict[str, str]:
    """An answer's headers, so that the place of an upload is found in its registry again."""
    return {
        name: value.replace("/v2/", f"/v2/{account}/{region}/", 1) if name.lower() == "location" else value
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
def acting_in(account: str, region: str = "") -> Iterator[None]:
    """Serve what follows as ``account``, in the request's region or in ``region``."""
    with responses.request_scope(account, region or responses.get_region()):
        yield


class Registries:
    """Every account's registry in every region, at one endpoint, with its layers below one folder.

    In memory each pushed base image would stay in the emulator for good.
    """

    def __init__(self, port: int, folder: Path) -> None:
        self._endpoint = f"127.0.0.1:{port}"
        self._folder = folder

    def install(self) -> None:
        """Take the place of ECR's entry points."""
        shutil.rmtree(self._folder, ignore_errors=True)
        functions: dict[str, Callable[..., Any]] = {
            "_create_repository": self._create_repository,
            "_delete_repository": self._delete_repository,
            "_repo_uri": self._repo_uri,
            # ministack would look for a repository of this name in other regions.
            "_select_registry_request_scope": lambda name, headers, query_params: None,
            "handle_registry_request": self._handle_registry_request,
            "handle_request": self._handle_request,
            "repository_policy_for_arn": _repository_policy_for_arn,
        }
        for name, function in functions.items():
            replace("services.ecr", name, function)

    def _repo_uri(self, name: str) -> str:
        return uri(self._endpoint, responses.get_account_id(), responses.get_region(), name)

    async def _handle_request(self, method: str, path: str, headers: Texts, body: bytes, query: Texts) -> Any:  # noqa: ANN401
        """The API: in the registry that a call names."""
        if headers.get("x-amz-target", "").endswith(".GetAuthorizationToken"):
            return self._authorization_token(headers, query)
        with acting_in(of_request(body, responses.get_account_id())):
            return await original("services.ecr", "handle_request")(method, path, headers, body, query)

    async def _handle_registry_request(self, method: str, path: str, headers: Texts, *rest: Any) -> Any:  # noqa: ANN401
        """The registry protocol: who may, then ministack's answer with the registry in its places."""
        answer = original("services.ecr", "handle_registry_request")
        if path in PING:
            return refused(method, path, headers, self._endpoint) or await answer(method, path, headers, *rest)
        found = of_path(path)
        if found is None:
            return error(
                404, "NAME_UNKNOWN", f"{path} names no account and region: {self._endpoint}/ACCOUNT/REGION/NAME"
            )
        account, region, path = found
        with acting_in(account, region):
            denied = refused(method, path, headers, self._endpoint)
            if denied is not None:
                return denied
            status, answered, content = await answer(method, path, headers, *rest)
        return status, with_registry(answered, account, region), content

    def _authorization_token(self, headers: Texts, query: Texts) -> Response:
        # Whether the caller may ask at all was decided before: this is an API call like any other.
        password = TOKENS.issue(router.extract_access_key_id(dict(headers), query), responses.get_region())
        answer = {
            "authorizationToken": encoded(password),
            "expiresAt": int(time.time()) + LIFETIME,
            "proxyEndpoint": f"http://{self._endpoint}",
        }
        body = json.dumps({"authorizationData": [answer]}).encode()
        return 200, {"Content-Type": "application/x-amz-json-1.1"}, body

    def _layers(self, name: str) -> Path:
        return self._folder / str(responses.get_account_id()) / str(responses.get_region()) / name

    def _create_repository(self, data: dict[str, Any]) -> Any:  # noqa: ANN401
        response = original("services.ecr", "_create_repository")(data)
        if response[0] == 200:
            name = data["repositoryName"]
            ecr._layer_blobs[name] = BlobFolder(self._layers(name))
        return response

    def _delete_repository(self, data: dict[str, Any]) -> Any:  # noqa: ANN401
        response = original("services.ecr", "_delete_repository")(data)
        if response[0] == 200:
            ecr._layer_blobs.pop(data["repositoryName"], None)
            ecr._manifest_blobs.pop(data["repositoryName"], None)
            shutil.rmtree(self._layers(data["repositoryName"]), ignore_errors=True)
        return response


def _repository_policy_for_arn(resource_arn: str) -> tuple[str, str] | None:
    """A repository's policy, in the account that its ARN names: between accounts it must allow, too."""
    parts = resource_arn.split(":")
    with acting_in(parts[4], parts[3]):
        found: tuple[str, str] | None = original("services.ecr", "repository_policy_for_arn")(resource_arn)
    return found


class BlobFolder(MutableMapping[str, bytes]):
    """One repository's blobs by digest, each a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def _file(self, digest: str) -> Path:
        return self.folder / digest.replace(":", "-").replace("/", "-")

    def __getitem__(self, digest: str) -> bytes:
        try:
            return self._file(digest).read_bytes()
        except FileNotFoundError:
            raise KeyError(digest) from None

    def __setitem__(self, digest: str, content: bytes) -> None:
        partial = self._file(digest).with_suffix(".partial")
        partial.write_bytes(content)
        partial.rename(self._file(digest))

    def __delitem__(self, digest: str) -> None:
        try:
            self._file(digest).unlink()
        except FileNotFoundError:
            raise KeyError(digest) from None

    def __contains__(self, digest: object) -> bool:
        return isinstance(digest, str) and self._file(digest).exists()

    def __iter__(self) -> Iterator[str]:
        return (file.name.replace("-", ":", 1) for file in self.folder.iterdir() if not file.suffix)

    def __len__(self) -> int:
        return sum(1 for _ in self)


OF_A_REPOSITORY: Final = frozenset({
    "EncryptionConfiguration", "ImageScanningConfiguration", "ImageTagMutability", "LifecyclePolicy", "RepositoryName",
    "RepositoryPolicyText", "Tags",
})  # fmt: skip


def read_repository(physical_id: str, properties: Properties) -> dict[str, Any] | None:
    """A repository with its two policies. ``EmptyOnDelete`` is kept nowhere, so it cannot be read."""
    kept = ecr._repositories.get(physical_id)
    if kept is None:
        return None
    now = {
        "RepositoryName": kept["repositoryName"],
        "ImageTagMutability": kept["imageTagMutability"],
        "ImageScanningConfiguration": pascal(kept["imageScanningConfiguration"]),
        "EncryptionConfiguration": explicit(
            pascal(kept["encryptionConfiguration"]), properties.get("EncryptionConfiguration")
        ),
        "Tags": kept.get("tags", []),
    }
    policy = ecr._repo_policies.get(physical_id)
    if policy:
        now["RepositoryPolicyText"] = parsed(policy)
    lifecycle = ecr._lifecycle_policies.get(physical_id)
    if lifecycle:
        text = lifecycle["lifecyclePolicyText"] if isinstance(lifecycle, dict) else lifecycle
        wanted = (properties.get("LifecyclePolicy") or {}).get("LifecyclePolicyText")
        now["LifecyclePolicy"] = {"LifecyclePolicyText": same_document(text, wanted)}
    return now


READERS: Final[dict[str, Reader]] = {"AWS::ECR::Repository": (read_repository, OF_A_REPOSITORY)}
