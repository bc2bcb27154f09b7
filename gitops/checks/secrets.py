"""Is a credential about to be committed? A few well-known shapes; the value itself is never printed."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from gitops.checks import files

SHAPES = {
    # docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html: AKIA is long-lived, ASIA temporary.
    # The documentation's own example keys end in EXAMPLE.
    "AWS access key id": re.compile(r"\b(?:AKIA|ASIA)(?![A-Z2-7]{9}EXAMPLE\b)[A-Z2-7]{16}\b"),
    "AWS secret access key": re.compile(
        r"(?i)aws_?secret_?access_?key[\"']?\s*[:=]\s*[\"']?(?![A-Za-z0-9/+]{30}EXAMPLEKEY)[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"
    ),
    # The header alone is no key: its body follows, on the next line or in the same one.
    "private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:\s*$|\\n|\s*[A-Za-z0-9+/]{16})"),
    "GitHub token": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_\w{60,}\b"),
    "OpenWeatherMap key": re.compile(r"(?i)(?:appid|openweather_api_key)[\"']?\s*[:=]\s*[\"']?[0-9a-f]{32}\b"),
}


def secrets_in(texts: dict[str, str]) -> list[str]:
    """Each line that holds a credential's shape, as ``path:line: what``, without the value."""
    return [
        f"{path}:{number}: {what}"
        for path, text in sorted(texts.items())
        for number, line in enumerate(text.splitlines(), start=1)
        for what, shape in SHAPES.items()
        if shape.search(line)
    ]


def main() -> int:
    """Look through the repository in the current folder."""
    texts = files.texts(Path.cwd())
    found = secrets_in(texts)
    print("\n".join(found) if found else f"{len(texts)} files: no credential found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
