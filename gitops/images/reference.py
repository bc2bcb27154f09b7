"""How a deployed image is named: by commit for people, by digest for machines, both at once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gitops.errors import GitopsError

# The label on every image that says which builder made it.
BUILDER_LABEL = "dev.fairweather.builder"

# A registry's port stands before the first slash, so only a colon after the last slash starts a tag.
_REFERENCE = re.compile(r"(?P<uri>[^@]+?)(:(?P<tag>[^:/@]+))?(@(?P<digest>sha256:[0-9a-f]{64}))?\Z")


@dataclass(frozen=True)
class Reference:
    """``<repository uri>:<tag>@sha256:…``; ECS resolves the digest, the reader keeps the commit."""

    uri: str
    tag: str
    digest: str

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.uri}{tag}{digest}"


def parse(text: str) -> Reference:
    """The parts of an image reference, empty where it has none; GitopsError when it is none at all."""
    match = _REFERENCE.match(text)
    if match is None:
        raise GitopsError(f'not an image reference: "{text}"')
    return Reference(match["uri"], match["tag"] or "", match["digest"] or "")
