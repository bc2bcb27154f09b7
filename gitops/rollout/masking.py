"""Takes what looks like a secret out of text that a log, a summary or a report shows."""

from __future__ import annotations

import re

MASK = "•••"
_PATTERNS = (
    # name=value, name: value and "name": "value", for the names that secrets go by
    re.compile(
        r"""(?P<kept>\b[\w-]*(?:appid|api[_-]?key|apikey|secret|token|passwd|password|authorization)[\w-]*["']?\s*[=:]\s*["']?)"""
        # what follows a name may also be the error about it, which is no secret
        r"""(?!\w*(?:Error|Exception)\b)(?:(?:bearer|basic)\s+)?[^\s"'&,;)}\]]+""",
        re.IGNORECASE,
    ),
    re.compile(r"(?P<kept>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE),
    # credentials inside a URL
    re.compile(r"(?P<kept>\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)", re.IGNORECASE),
    re.compile(r"(?P<kept>)\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    # OpenWeatherMap's keys are 32 hexadecimal digits; digests and commits are longer
    re.compile(r"(?P<kept>)(?<![0-9A-Fa-f/])[0-9a-fA-F]{32}(?![0-9A-Fa-f])"),
)


def mask(text: str) -> str:
    """The text with every value that looks like a secret replaced by three dots."""
    for pattern in _PATTERNS:
        text = pattern.sub(lambda match: match["kept"] + MASK, text)
    return text
