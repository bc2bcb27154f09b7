"""The kinds of value that options have."""

from __future__ import annotations

import argparse

import pytest

from gitops.arguments import release_arguments, seconds


def test_seconds_are_a_number_within_bounds() -> None:
    assert [seconds()(text) for text in ("0", "1.5", "600")] == [0, 1.5, 600]
    assert seconds(1.0, 3600.0)("3600") == 3600


@pytest.mark.parametrize(
    ("least", "most", "text", "said"),
    [
        *((0.0, float("inf"), text, "not a number of seconds") for text in ("", "nan", "inf", "soon", "10m")),
        (0.0, float("inf"), "-1", "at least 0 seconds, not -1"),
        (1.0, 3600.0, "0.5", "between 1 and 3600 seconds, not 0.5"),
        (1.0, 3600.0, "3601", "between 1 and 3600 seconds, not 3601"),
    ],
)
def test_what_are_no_seconds_or_out_of_bounds(least: float, most: float, text: str, said: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=said):
        seconds(least, most)(text)


@pytest.mark.parametrize("digest", ["sha256:12", "12" * 32, "sha512:" + "a" * 64])
def test_what_is_no_digest_is_a_usage_error(digest: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    release_arguments(parser, "deploy")
    with pytest.raises(SystemExit):
        parser.parse_args(["one", "staging", "--digest", digest])
    assert f"not a digest (sha256: and 64 hexadecimal digits): {digest}" in capsys.readouterr().err
