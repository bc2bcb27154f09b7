"""Where an image was built is proven by gh or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from gitops import environments
from gitops.environments import Environment
from gitops.images.registry import Repository
from gitops.supply import attestation
from tests.conftest import ROOT

MANIFEST = b'{"schemaVersion": 2}'
DIGEST = "sha256:" + hashlib.sha256(MANIFEST).hexdigest()
COMMIT = "c" * 40


class Held(Repository):
    """A repository whose one manifest is MANIFEST."""

    def manifest(self, digest: str) -> bytes:
        assert digest == DIGEST
        return MANIFEST


@pytest.fixture
def repository() -> Repository:
    client: Any = None
    return Held(client, "1" * 12, "demo/app", "example.org/demo/app")


def staging() -> Environment:
    return environments.load(ROOT, "staging")


def test_an_attested_image_passes(repository: Repository, gh: Path) -> None:
    (gh / "attested").write_text(f"{DIGEST}\n")
    assert attestation.required(repository, staging(), COMMIT, DIGEST) == []


def test_an_image_that_nobody_attested_does_not(repository: Repository, gh: Path) -> None:
    (gh / "attested").write_text("sha256:" + "0" * 64)
    (failure,) = attestation.required(repository, staging(), COMMIT, DIGEST)
    assert "gh says: Error: no attestations found" in failure.problem
    assert COMMIT[:12] in failure.problem


def test_builder_commit_branch_and_machine_are_all_asked_for(repository: Repository, gh: Path) -> None:
    attestation.required(repository, staging(), COMMIT, DIGEST)
    words = (gh / "words").read_text().splitlines()
    assert words[:2] == ["attestation", "verify"]
    options = dict(zip(words[3::2], words[4::2], strict=False))
    assert options == {
        "--repo": "example-org/fairweather",
        "--signer-workflow": "example-org/fairweather/.github/workflows/ship.yml",
        "--source-digest": COMMIT,
        "--source-ref": "refs/heads/main",
    }
    assert words[-1] == "--deny-self-hosted-runners"


def test_without_gh_nothing_is_proven(repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (failure,) = attestation.required(repository, staging(), COMMIT, DIGEST)
    assert "gh, which verifies attestations, is not on PATH" in failure.problem


def test_the_signer_is_the_workflow_that_builds() -> None:
    assert "gitops build" in (ROOT / attestation.SIGNER).read_text()


def test_nothing_is_asked_where_it_is_not_required(repository: Repository, gh: Path) -> None:
    rehearsal = environments.load(ROOT, "rehearsal")
    assert attestation.required(repository, rehearsal, COMMIT, DIGEST) == []
    assert not (gh / "words").exists()


@pytest.mark.parametrize("name", environments.names(ROOT))
def test_every_environment_of_aws_requires_both(name: str) -> None:
    environment = environments.load(ROOT, name)
    on_this_machine = environment.aws_config_file is not None
    assert set(environment.requires) == (set() if on_this_machine else {"provenance", "image-scan"})
