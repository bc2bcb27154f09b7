"""No secret-looking value in any text; what a reviewer needs to see stays."""

from __future__ import annotations

from typing import Any

import pytest

from gitops.review.masking import MASK, MASK_CHANGED, masked

SECRET = "hunter2"


@pytest.mark.parametrize(
    "document",
    [
        {"environment": [{"name": "DB_PASSWORD", "value": SECRET}]},
        {"environment": [{"name": "OPENWEATHER_API_KEY", "value": SECRET}]},
        {"environment": [{"name": "DSN", "value": f"postgres://u:{SECRET}@db/x"}]},
        {"environment": [{"name": "URL", "value": f"https://api.example.org/?q=1&appid={SECRET}"}]},
        {"options": {"splunk-token": SECRET}},
        {"tags": [{"key": "Token", "value": SECRET}]},
        {"stacks": {"platform": {"WebhookSecret": SECRET}}},
        {"credentials": {"user": "u", "word": SECRET}},
        {"tokens": [SECRET]},
        {"command": ["--key", "AKIA" + "A" * 16 + SECRET]},
        {"command": ["-----BEGIN PRIVATE KEY-----" + SECRET]},
    ],
)
def test_hidden(document: dict[str, Any]) -> None:
    after, before = masked(document, document)
    assert SECRET not in repr(after) + repr(before)
    assert MASK in repr(after)


@pytest.mark.parametrize(
    "document",
    [
        {"secrets": [{"name": "OPENWEATHER_API_KEY", "valueFrom": "arn:aws:ssm:eu-west-2:1:parameter/API_KEY"}]},
        {"environment": [{"name": "CITY", "value": "London"}, {"name": "TOKEN", "value": ""}]},
        {"logConfiguration": {"secretOptions": [{"name": "splunk-token", "valueFrom": "arn"}]}},
        {"repositoryCredentials": {"credentialsParameter": "arn:aws:secretsmanager:x"}},
        {"tags": [{"key": "Project", "value": "demo"}]},
        {"github": {"branch": "main"}, "cpu": "256", "size": 1, "on": True},
    ],
)
def test_shown(document: dict[str, Any]) -> None:
    assert masked(document, None) == (document, None)


def test_another_value_can_be_seen_to_be_another() -> None:
    before = {"environment": [{"name": "TOKEN", "value": "a"}, {"name": "KEEP_TOKEN", "value": "c"}]}
    after = {"environment": [{"name": "KEEP_TOKEN", "value": "c"}, {"name": "TOKEN", "value": "b"}]}
    assert masked(before, after) == (
        {"environment": [{"name": "TOKEN", "value": MASK}, {"name": "KEEP_TOKEN", "value": MASK}]},
        {"environment": [{"name": "KEEP_TOKEN", "value": MASK}, {"name": "TOKEN", "value": MASK_CHANGED}]},
    )
