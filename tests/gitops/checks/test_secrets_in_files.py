from __future__ import annotations

import pytest

from gitops.checks.secrets import secrets_in

# In two parts, so that this file does not hold what is looked for.
SECRETS = {
    "AWS access key id": "AKIA" + "Q7JD5ZTRW2XKNM4B",
    "AWS secret access key": "aws_secret_access_key = " + "aB3/" * 10,
    "private key": "-----BEGIN RSA PRIV" + "ATE KEY-----",
    "GitHub token": "ghp_" + "a1B2" * 9,
    "OpenWeatherMap key": "OPENWEATHER_API_KEY=" + "0123456789abcdef" * 2,
}


@pytest.mark.parametrize("what", SECRETS)
def test_a_credential_is_found_and_not_printed(what: str) -> None:
    found = secrets_in({"x.env": f"\nKEY {SECRETS[what]}\n"})
    assert found == [f"x.env:2: {what}"]


@pytest.mark.parametrize(
    "line",
    [
        "AKIA" + "IOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY=test",
        "OPENWEATHER_API_KEY: /weather/staging/OPENWEATHER_API_KEY",
        "a private key stays private",
        "'-----BEGIN PRIV" + "ATE KEY-----' is how it starts",
        "sha256:" + "0123456789abcdef" * 4,
    ],
)
def test_what_only_looks_alike_is_left_alone(line: str) -> None:
    assert secrets_in({"x": line}) == []
