from __future__ import annotations

import configparser
from pathlib import Path

import jwt
import pytest

from gitops.repository import Checkout
from rehearsal import identity
from tests.rehearsal.test_services import here


@pytest.mark.parametrize(
    ("role", "ending"),
    [
        ("plan", "pull_request"),
        ("build", "ref:refs/heads/main"),
        ("drift", "ref:refs/heads/main"),
        ("deploy", "environment:local"),
        ("infrastructure", "environment:local-infrastructure"),
        ("teardown", "environment:local-teardown"),
        ("drill", "environment:local-drill"),
    ],
)
def test_each_role_has_the_subject_of_its_job(role: str, ending: str) -> None:
    environment = here()
    github = environment.github
    claims = identity.claims(environment, role, now=1000)
    assert claims["sub"] == (
        f"repo:{github.owner}@{github.owner_id}/{github.repository}@{github.repository_id}:{ending}"
    )
    assert claims["aud"] == "sts.amazonaws.com"
    assert claims["exp"] == 1000 + identity.LIFETIME


def test_profiles_and_tokens_are_written_for_every_role(tmp_path: Path) -> None:
    environment = here()
    identity.write(Checkout(tmp_path), environment, "http://127.0.0.1:4999", ("key", "secret"))
    assert environment.aws_config_file is not None
    config = configparser.ConfigParser()
    config.read(tmp_path / environment.aws_config_file)
    assert config["profile administrator"]["aws_access_key_id"] == "key"
    for role in identity.ENDINGS:
        profile = config[f"profile {role}"]
        assert profile["endpoint_url"] == "http://127.0.0.1:4999"
        assert profile["region"] == environment.region
        assert profile["role_arn"].endswith(f":role/demo-local-{role}")
        token = Path(profile["web_identity_token_file"]).read_text()
        subject = jwt.decode(token, options={"verify_signature": False})["sub"]
        assert subject == identity.claims(environment, role, now=0)["sub"]
