"""What ECR answers, in its own shapes."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from gitops.images.registry import Repository

DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def ecr() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client("ecr", region_name="eu-west-2", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()
    client.close()


def repository(client: Any, uri: str = "1.dkr.ecr.example/demo/app") -> Repository:
    return Repository(client, "1" * 12, "demo/app", uri)


def test_a_tag_that_is_there_gives_its_digest(ecr: tuple[Any, Stubber]) -> None:
    client, stubber = ecr
    asked = {"registryId": "1" * 12, "repositoryName": "demo/app", "imageIds": [{"imageTag": "abc"}]}
    stubber.add_response("describe_images", {"imageDetails": [{"imageDigest": DIGEST}]}, asked)
    assert repository(client).digest("abc") == DIGEST


def test_a_tag_that_is_not_there_gives_none(ecr: tuple[Any, Stubber]) -> None:
    client, stubber = ecr
    stubber.add_client_error("describe_images", "ImageNotFoundException")
    assert repository(client).digest("abc") is None
    stubber.add_response("describe_images", {"imageDetails": []})
    assert repository(client).digest("abc") is None


def test_the_newest_image_is_the_one_pushed_last(ecr: tuple[Any, Stubber]) -> None:
    client, stubber = ecr
    images = [
        {"imageDigest": f"sha256:{n}", "imageTags": [n], "imagePushedAt": datetime(2026, 1, day, tzinfo=UTC)}
        for n, day in (("old", 1), ("new", 3), ("middle", 2))
    ]
    stubber.add_response("describe_images", {"imageDetails": images})
    assert repository(client).newest() == ("new", "sha256:new")
    stubber.add_response("describe_images", {"imageDetails": []})
    assert repository(client).newest() is None


def test_the_password_is_not_in_what_is_printed_of_a_login(ecr: tuple[Any, Stubber]) -> None:
    client, stubber = ecr
    token = base64.b64encode(b"AWS:pass:word").decode()
    stubber.add_response("get_authorization_token", {"authorizationData": [{"authorizationToken": token}]})
    login = repository(client).login()
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
    assert repository(None, uri).is_loopback is expected
