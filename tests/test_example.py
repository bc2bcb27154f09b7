"""gitops/ and rehearsal/ know nothing of what infra/environments and services/ hold here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gitops import environments
from gitops.repository import Checkout, package
from tests.conftest import ROOT
from tests.imports import modules, top

# By module, what of the environments' files it may name: the reason.
EXCUSED = {"gitops.review.prices": "a table of regions"}


def names() -> Iterator[str]:
    """As patterns: a service's name alone would be a word of any language."""
    for environment in environments.load_all(Checkout(ROOT)).values():
        yield rf"\b{environment.region}\b"
        yield rf"\b{environment.github.owner}/{environment.github.repository}\b"
        # The rehearsal's is no one's: the emulator's own.
        if environment.aws_config_file is None:
            yield rf"\b{environment.account}\b"
        for service in environment.services:
            yield rf"[\"'\[/]{service}[\"'\]/:]|\b{service}-{environment.environment}\b|\bimport {package(service)}\b"


def test_no_module_names_the_example() -> None:
    texts = {name: path.read_text(encoding="utf-8") for name, path in modules().items() if name not in EXCUSED}
    assert {top(name) for name in texts} >= {"gitops", "rehearsal"}
    pattern = re.compile("|".join(sorted(set(names()))))
    ours = {name: text for name, text in texts.items() if top(name) in ("gitops", "rehearsal")}
    assert {name: match[0] for name, text in ours.items() if (match := pattern.search(text))} == {}


def test_what_would_be_found() -> None:
    service = Checkout(ROOT).services()[0]
    for text in (f'"{service}"', f"services/{service}/x", f"import {package(service)}\n"):
        assert any(re.search(pattern, text) for pattern in names())
