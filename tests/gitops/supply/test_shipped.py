"""An image that was really pushed: listed, billed, and refused until where it was built is proven."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.gitops.conftest import Gitops, commit, write
from tests.gitops.deploy.conftest import Cloud

METADATA = "Metadata-Version: 2.4\nName: Alpha\nVersion: 1.5\nLicense-Expression: MIT\n"


def outputs(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


@pytest.fixture
def built(
    clone: Path, gitops: Gitops, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The folder of the step's files, after a build."""
    folder = tmp_path_factory.mktemp("step")
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.setenv(name, str(folder / name))
    write(clone / "services/app/site-packages/alpha-1.5.dist-info/METADATA", METADATA)
    commit(clone)
    assert gitops("build", "app", "rehearsal").code == 0
    return folder


def test_a_build_tells_size_and_layers_and_what_to_attest(built: Path, cloud: Cloud, gitops: Gitops) -> None:
    set_outputs = outputs(built / "GITHUB_OUTPUT")
    assert set_outputs["image"].startswith(f"{set_outputs['repository']}:")
    assert set_outputs["image"].endswith(f"@{set_outputs['digest']}")
    assert "| `gitops build --builder pack` |" in (built / "GITHUB_STEP_SUMMARY").read_text()
    again = gitops("build", "app", "rehearsal")
    assert "is in the registry already" in again.out
    assert "MB compressed, 1 layer:" in again.out


def test_the_bill_lists_what_is_in_the_registrys_image(built: Path, clone: Path, gitops: Gitops) -> None:
    ended = gitops("sbom", "app", "rehearsal", "--output", str(built / "sbom.json"))
    assert ended.code == 0
    assert ended.out.endswith("…: 1 python\n")
    bill = json.loads((built / "sbom.json").read_text())
    assert [one["purl"] for one in bill["components"]] == ["pkg:pypi/alpha@1.5"]
    assert bill["metadata"]["component"]["bom-ref"] == outputs(built / "GITHUB_OUTPUT")["digest"]
    assert gitops("sbom", "app", "rehearsal").out == (built / "sbom.json").read_text()


def test_an_empty_bill_is_refused(clone: Path, gitops: Gitops) -> None:
    commit(clone)
    missing = gitops("sbom", "app", "rehearsal")
    assert (missing.code, missing.out) == (1, "")
    assert "gitops build app rehearsal" in missing.err
    assert gitops("build", "app", "rehearsal").code == 0
    empty = gitops("sbom", "app", "rehearsal")
    assert (empty.code, empty.out) == (1, "")
    assert "no package was found" in empty.err


def test_nothing_is_registered_before_it_is_attested(built: Path, clone: Path, gitops: Gitops, gh: Path) -> None:
    path = clone / "infra/environments/rehearsal.yaml"
    path.write_text(path.read_text() + "requires: [provenance]\n")
    refused = gitops("register", "app", "rehearsal")
    assert refused.code == 1
    assert "it is not proven that .github/workflows/ship.yml built sha256:" in refused.err
    (gh / "attested").write_text(outputs(built / "GITHUB_OUTPUT")["digest"])
    assert "it is not proven" not in gitops("register", "app", "rehearsal").err


def test_a_registry_without_a_scanner_is_never_a_clean_image(built: Path, clone: Path, gitops: Gitops) -> None:
    ended = gitops("scan", "app", "--image", "rehearsal")
    assert ended.code == 0
    assert "not scanned: the registry 127.0.0.1:" in ended.out
    path = clone / "infra/environments/rehearsal.yaml"
    path.write_text(path.read_text() + "requires: [image-scan]\n")
    assert gitops("scan", "app", "--image", "rehearsal").code == 31
