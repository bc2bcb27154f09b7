"""What ECR answers, in its own shapes; manifests and blobs by the registries' protocol, each proven by its digest."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import boto3
import pytest
import responses
from botocore.exceptions import ClientError

from gitops import oci, registry
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.oci import ImageLayer, Login, Reference, RegistryClient, sha256
from gitops.registry import Finding, Repository, Scan
from tests.gitops.deploy.described import StubbedSession

DIGEST = "sha256:" + "a" * 64
URI = "127.0.0.1:5000/demo/app"
BASE = "http://127.0.0.1:5000/v2/demo/app"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"reg.example/app:abc@{DIGEST}", Reference("reg.example/app", "abc", DIGEST)),
        (f"127.0.0.1:5000/team/app:abc@{DIGEST}", Reference("127.0.0.1:5000/team/app", "abc", DIGEST)),
        (f"127.0.0.1:5000/app@{DIGEST}", Reference("127.0.0.1:5000/app", "", DIGEST)),
        ("127.0.0.1:5000/app", Reference("127.0.0.1:5000/app", "", "")),
        ("app:1.0", Reference("app", "1.0", "")),
    ],
)
def test_a_reference_is_taken_apart_and_put_together_again(text: str, expected: Reference) -> None:
    assert Reference.parse(text) == expected
    assert str(expected) == text


@pytest.mark.parametrize("text", ["", "app@sha256:short", "app@md5:" + "a" * 32])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(GitopsError, match="not an image reference"):
        Reference.parse(text)


def repository(session: StubbedSession) -> Repository:
    return Repository(session.client("ecr"), "1" * 12, "demo/app", "1.dkr.ecr.example/demo/app")


def test_a_tag_gives_the_digest_of_its_image(session: StubbedSession) -> None:
    stubber = session.answers("ecr")
    asked = {"registryId": "1" * 12, "repositoryName": "demo/app", "imageIds": [{"imageTag": "abc"}]}
    stubber.add_response("describe_images", {"imageDetails": [{"imageDigest": DIGEST}]}, asked)
    stubber.add_client_error("describe_images", "ImageNotFoundException")
    stubber.add_response("describe_images", {"imageDetails": []})
    assert [repository(session).digest("abc") for _ in range(3)] == [DIGEST, None, None]


def test_the_newest_image_is_the_one_pushed_last(session: StubbedSession) -> None:
    stubber = session.answers("ecr")
    images = [
        {"imageDigest": f"sha256:{n}", "imageTags": [n], "imagePushedAt": datetime(2026, 1, day, tzinfo=UTC)}
        for n, day in (("old", 1), ("new", 3), ("middle", 2))
    ]
    stubber.add_response("describe_images", {"imageDetails": images})
    assert repository(session).newest() == Reference("1.dkr.ecr.example/demo/app", "new", "sha256:new")
    stubber.add_response("describe_images", {"imageDetails": []})
    assert repository(session).newest() is None


def test_the_password_is_not_in_what_is_printed_of_a_login(session: StubbedSession) -> None:
    stubber = session.answers("ecr")
    token = base64.b64encode(b"AWS:pass:word").decode()
    stubber.add_response("get_authorization_token", {"authorizationData": [{"authorizationToken": token}]})
    login = repository(session).login()
    assert (login.username, login.password) == ("AWS", "pass:word")
    assert "pass" not in repr(login).replace("password", "")


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("127.0.0.1:5000/a", True),
        ("127.9.9.9/a", True),
        ("localhost:5000/a", True),
        ("1.dkr.ecr.example/a", False),
        ("10.0.0.1:5000/a", False),
    ],
)
def test_only_a_registry_on_this_machine_is_spoken_to_in_plain_http(uri: str, expected: bool) -> None:
    assert oci.is_loopback(uri) is expected


def test_a_repository_that_is_not_there_is_told_with_what_makes_it(
    session: StubbedSession, staging: Environment
) -> None:
    stubber, taken = session.answers("ecr"), cast(boto3.Session, session)
    for _ in range(3):
        stubber.add_client_error("describe_repositories", "RepositoryNotFoundException")
    assert registry.find(taken, staging, "app") is None
    assert registry.newest(taken, staging, "app") is None
    with pytest.raises(GitopsError, match="staging has no image repository demo/app → gitops apply staging"):
        registry.repository(taken, staging, "app")
    stubber.add_response("describe_repositories", {"repositories": [{"repositoryUri": URI}]})
    found = registry.repository(taken, staging, "app")
    assert (found.name, found.uri, found.host) == ("demo/app", URI, "127.0.0.1:5000")
    # In the region of its registry.
    assert session.regions["ecr"] == staging.region


@pytest.mark.parametrize("asked", ["describe_repositories", "describe_images"])
def test_another_accounts_registry_need_not_show_its_newest_image(
    session: StubbedSession, staging: Environment, asked: str
) -> None:
    stubber, taken = session.answers("ecr"), cast(boto3.Session, session)
    if asked == "describe_images":
        stubber.add_response("describe_repositories", {"repositories": [{"repositoryUri": URI}]})
    stubber.add_client_error(asked, "AccessDeniedException")
    assert registry.newest(taken, staging, "app") is None
    stubber.add_client_error("describe_repositories", "ServerException")
    with pytest.raises(ClientError):
        registry.newest(taken, staging, "app")


def test_where_the_scan_of_an_image_stands(session: StubbedSession) -> None:
    stubber = session.answers("ecr")
    asked = {"registryId": "1" * 12, "repositoryName": "demo/app", "imageId": {"imageDigest": DIGEST}, "maxResults": 1}
    day = datetime(2026, 11, 20, tzinfo=UTC)
    failed = {"imageScanStatus": {"status": "FAILED", "description": "the reason"}}
    ended = {"imageScanStatus": {"status": "COMPLETE"}, "imageScanFindings": {"imageScanCompletedAt": day}}
    stubber.add_client_error("describe_image_scan_findings", "ScanNotFoundException")
    stubber.add_response("describe_image_scan_findings", failed, asked)
    stubber.add_response("describe_image_scan_findings", ended)
    for code in ("InvalidAction", "UnknownOperationException"):
        stubber.add_client_error("describe_image_scan_findings", code)
    assert [repository(session).scan(DIGEST) for _ in range(5)] == [
        *(Scan("PENDING"), Scan("FAILED", "the reason"), Scan("COMPLETE", ended=day)),
        *(None, None),
    ]
    stubber.add_client_error("describe_image_scan_findings", "AccessDeniedException")
    with pytest.raises(ClientError):
        repository(session).scan(DIGEST)


BASIC = {
    "name": "CVE-2026-2",
    "severity": "HIGH",
    "attributes": [{"key": "package_version", "value": "3.0"}, {"key": "package_name", "value": "openssl"}],
}
ENHANCED = {
    "severity": "CRITICAL",
    "status": "ACTIVE",
    "packageVulnerabilityDetails": {
        "vulnerabilityId": "CVE-2026-3",
        "vulnerablePackages": [{"name": "zlib", "version": "1.2", "fixedInVersion": "1.3"}],
    },
}


def page(*found: dict[str, Any], key: str = "findings", more: str = "") -> dict[str, Any]:
    return {"imageScanFindings": {key: list(found)}} | ({"nextToken": more} if more else {})


def test_every_page_of_findings_is_read(session: StubbedSession) -> None:
    stubber = session.answers("ecr")
    asked = {"registryId": "1" * 12, "repositoryName": "demo/app", "imageId": {"imageDigest": DIGEST}}
    stubber.add_response("describe_image_scan_findings", page(BASIC, more="x"), asked)
    # One without a severity must not be taken for a requirement's, of which none tells any.
    stubber.add_response("describe_image_scan_findings", page({"name": "CVE-1"}), {**asked, "nextToken": "x"})
    assert repository(session).findings(DIGEST) == [
        Finding("openssl", "3.0", "CVE-2026-2", severity="HIGH"),
        Finding("", "", "CVE-1", severity="UNDEFINED"),
    ]


def test_inspectors_findings_are_read_too(session: StubbedSession) -> None:
    stubber = session.answers("ecr")
    found = (ENHANCED, {**ENHANCED, "status": "SUPPRESSED"}, {**ENHANCED, "severity": ""})
    stubber.add_response("describe_image_scan_findings", page(*found, key="enhancedFindings"))
    assert repository(session).findings(DIGEST) == [
        Finding("zlib", "1.2", "CVE-2026-3", severity="CRITICAL", fixed_in="1.3"),
        Finding("zlib", "1.2", "CVE-2026-3", severity="UNDEFINED", fixed_in="1.3"),
    ]


CONFIG = json.dumps(
    {
        "config": {"Env": ["PATH=/bin", "COMMIT=c=1"]},
        "history": [
            {"created_by": "/bin/sh -c #(nop) ADD file:1 in / "},
            {"created_by": "/bin/sh -c #(nop)  ENV A=1", "empty_layer": True},
            {"created_by": "RUN make"},
        ],
    }
).encode()
LAYER = b"the layer"
MANIFEST = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": {"mediaType": "a/b", "digest": sha256(CONFIG), "size": len(CONFIG)},
    "layers": [{"mediaType": "a/b", "digest": sha256(LAYER), "size": len(LAYER)}],
}


@pytest.fixture
def served(caplog: pytest.LogCaptureFixture) -> Iterator[responses.RequestsMock]:
    caplog.set_level(logging.CRITICAL)
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def client() -> RegistryClient:
    return RegistryClient(URI, Login("AWS", "the password"))


@pytest.mark.parametrize("version", ["a-tag", "its digest"])
def test_an_image_is_read_by_tag_or_digest(
    served: responses.RequestsMock, client: RegistryClient, version: str
) -> None:
    second = {"digest": sha256(b"2"), "size": 1_240_000}
    manifest = json.dumps({**MANIFEST, "layers": [{"digest": sha256(b"1"), "size": 30_000_000}, second]}).encode()
    digest = sha256(manifest)
    version = version.replace("its digest", digest)
    served.get(f"{BASE}/manifests/{version}", body=manifest)
    served.get(f"{BASE}/blobs/{sha256(CONFIG)}", body=CONFIG)
    image = client.image(version)
    assert (image.digest, image.size) == (digest, 31_240_000)
    assert [layer.made_by for layer in image.layers] == ["/bin/sh -c #(nop) ADD file:1 in / ", "RUN make"]
    assert image.layers[1] == ImageLayer(sha256(b"2"), 1_240_000, "RUN make")
    assert image.environment == {"PATH": "/bin", "COMMIT": "c=1"}
    # Or a registry may answer with a manifest that it converted, of another digest.
    assert "application/vnd.oci.image.manifest.v1+json" in served.calls[0].request.headers["Accept"]


@pytest.mark.parametrize("part", ["manifests", "blobs"])
def test_other_bytes_than_the_digest_says_are_refused(
    served: responses.RequestsMock, client: RegistryClient, part: str
) -> None:
    served.get(f"{BASE}/{part}/{DIGEST}", body=b"{}")
    read = client.manifest if part == "manifests" else client.blob
    with pytest.raises(GitopsError, match="other bytes than sha256:aaaaaaaaaaaa…"):
        read(DIGEST)


def test_a_list_of_images_is_not_an_image(served: responses.RequestsMock, client: RegistryClient) -> None:
    index = b'{"manifests": []}'
    served.get(f"{BASE}/manifests/{sha256(index)}", body=index)
    with pytest.raises(GitopsError, match="in demo/app is not one image but a list"):
        client.image(sha256(index))


@pytest.mark.parametrize(
    ("status", "fix"), [(401, "ecr:BatchGetImage"), (403, "ecr:GetDownloadUrlForLayer"), (404, "build"), (400, "again")]
)
def test_what_cannot_be_read_is_told_in_the_registrys_words(
    served: responses.RequestsMock, client: RegistryClient, status: int, fix: str
) -> None:
    served.get(f"{BASE}/manifests/{DIGEST}", status=status, json={"errors": [{"code": "C", "message": "no reason"}]})
    with pytest.raises(GitopsError, match=f"to give sha256:a+… with {status}: C: no reason") as caught:
        client.manifest(DIGEST)
    assert fix in caught.value.fix


def blobs(registry: responses.RequestsMock, *, known: bool = False) -> None:
    for digest in (sha256(LAYER), sha256(CONFIG)):
        registry.head(f"{BASE}/blobs/{digest}", status=200 if known else 404)
    if not known:
        registry.post(f"{BASE}/blobs/uploads/", status=202, headers={"Location": "/v2/demo/app/blobs/uploads/1"})
        registry.put(f"{BASE}/blobs/uploads/1", status=201)


def push(client: RegistryClient) -> None:
    client.push("abc", MANIFEST, {sha256(LAYER): LAYER, sha256(CONFIG): CONFIG})


def test_layer_and_configuration_go_before_the_manifest(served: responses.RequestsMock, client: RegistryClient) -> None:
    blobs(served)
    served.put(f"{BASE}/manifests/abc", status=201)
    push(client)
    sent = [call.request.body or b"" for call in served.calls if call.request.method == "PUT"]
    assert sent[:2] == [LAYER, CONFIG]
    assert json.loads(sent[2]) == MANIFEST


def test_it_signs_in_and_sends_nothing_that_the_registry_has(
    served: responses.RequestsMock, client: RegistryClient
) -> None:
    expected = "Basic " + base64.b64encode(b"AWS:the password").decode()

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        return (201 if request.headers.get("Authorization") == expected else 401), {}, ""

    blobs(served, known=True)
    served.add_callback("PUT", f"{BASE}/manifests/abc", callback=answer)
    push(client)


@pytest.mark.parametrize(("status", "fix"), [(403, "build role"), (400, "run it again")])
def test_a_refused_push_is_told_in_the_registrys_words(
    served: responses.RequestsMock, client: RegistryClient, status: int, fix: str
) -> None:
    blobs(served, known=True)
    answer = {"errors": [{"code": "DENIED", "message": "not for you"}]}
    served.put(f"{BASE}/manifests/abc", status=status, json=answer)
    with pytest.raises(GitopsError, match="not for you") as caught:
        push(client)
    assert fix in caught.value.fix
    assert "password" not in str(caught.value)


def test_a_registry_that_does_not_answer_is_one_line(served: responses.RequestsMock, client: RegistryClient) -> None:
    # No answer is set up, so every request fails as a connection would.
    with pytest.raises(GitopsError, match=r"registry 127\.0\.0\.1:5000 does not answer"):
        push(client)
