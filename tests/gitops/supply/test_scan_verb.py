"""gitops scan: its exit codes, and what it tells."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gitops import aws, registry
from gitops.deploy import revisions
from gitops.deploy.revisions import Provenance, Revision
from gitops.ecs import Service
from gitops.ecs_answers import Observation
from gitops.registry import Finding, Repository
from gitops.repository import Checkout
from gitops.supply import scanners
from gitops.supply.findings import unproven
from tests.gitops.conftest import Gitops, commit, write
from tests.gitops.supply.osv import Osv, advisory

BUILT, SERVES = "sha256:" + "d" * 64, "sha256:" + "e" * 64
REVISION = "arn:task-definition/app-staging:7"


class OneImage(Repository):
    """A repository that holds one image, under whatever tag it is asked for."""

    def digest(self, tag: str) -> str | None:
        return BUILT


@pytest.fixture
def image(service: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The service's commit has an image."""
    client: Any = None
    held = OneImage(client, "1" * 12, "demo/app", "example.org/demo/app")
    monkeypatch.setattr(aws, "session", lambda *_: None)
    monkeypatch.setattr(registry, "repository", lambda *_: held)
    commit(service)
    return service


def require(root: Path, *what: str) -> None:
    path = root / "infra/environments/staging.yaml"
    path.write_text(path.read_text() + f"requires: [{', '.join(what)}]\n")


@pytest.fixture
def scanned(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Finding]]:
    """What the registry found in each image that it is asked of; it has scanned no other."""
    found: dict[str, list[Finding]] = {}

    def image_scan(_: object, digest: str, *__: object) -> tuple[list[Finding], str]:
        if digest not in found:
            raise unproven("the registry has no scanner")
        return found[digest], "2026-11-20"

    monkeypatch.setattr(scanners, "image_scan", image_scan)
    return found


def test_a_known_one_is_told_with_the_next_step(
    service: Path, database: Osv, gitops: Gitops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    database.advisories["alpha"] = [advisory("alpha")]
    ended = gitops("scan")
    assert ended.code == 30
    assert "alpha 1.0  CVE-2026-1 (GHSA-1)  not told  fixed in 2.0  fails" in ended.out
    assert "waive it with a reason and an end in services/app/vulnerabilities.yaml" in ended.err
    assert "| alpha 1.0 | CVE-2026-1 (GHSA-1) | not told | 2.0 | fails |" in (tmp_path / "summary").read_text()


@pytest.mark.parametrize(("expires", "code"), [("2100-01-01", 0), ("2026-01-01", 30)])
def test_a_waiver_holds_until_its_day(service: Path, database: Osv, gitops: Gitops, expires: str, code: int) -> None:
    waiver = f"{{advisory: GHSA-1, package: alpha, reason: not reached, expires: {expires}}}"
    write(service / "services/app/vulnerabilities.yaml", f"waivers: [{waiver}]")
    database.advisories["alpha"] = [advisory("alpha")]
    ended = gitops("scan", "app")
    assert ended.code == code
    assert f"until {expires}: not reached" in ended.out


def test_a_database_out_of_reach_has_an_exit_code_of_its_own(service: Path, database: Osv, gitops: Gitops) -> None:
    asked = f"app: 2 locked requirements, asked of {database.url}: none known\n"
    assert gitops("scan", "app")[:2] == (0, asked)
    database.status = 503
    ended = gitops("scan", "app")
    assert ended.code == 31
    assert "none" not in ended.out
    assert "error: app: not scanned: " in ended.err


def test_one_service_out_of_reach_does_not_hide_what_is_known_of_another(
    service: Path, database: Osv, gitops: Gitops, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(service / "services/broken/Dockerfile", "FROM scratch\n")
    audit = scanners.audit

    def partly(checkout: Checkout, name: str) -> list[Finding]:
        if name == "broken":
            raise unproven("no answer")
        return audit(checkout, name)

    write(service / "services/broken/requirements.txt", "alpha==1.0 --hash=sha256:" + "a" * 64)
    monkeypatch.setattr(scanners, "audit", partly)
    assert gitops("scan").code == 31
    database.advisories["alpha"] = [advisory("alpha")]
    ended = gitops("scan")
    assert ended.code == 30
    assert "error: broken: not scanned: no answer" in ended.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("nobody", 1),
        ("nobody --live staging", 1),
        ("--image staging", 1),
        ("app --image staging --live staging", 2),
    ],
)
def test_an_unknown_service_and_two_questions_at_once_are_errors(
    service: Path, gitops: Gitops, words: str, code: int
) -> None:
    assert gitops("scan", *words.split()).code == code


@pytest.mark.parametrize(("severity", "code"), [("CRITICAL", 30), ("HIGH", 30), ("MEDIUM", 0)])
def test_the_image_is_held_to_the_threshold(
    image: Path, gitops: Gitops, scanned: dict[str, list[Finding]], severity: str, code: int
) -> None:
    scanned[BUILT] = [Finding("openssl", "3", "CVE-1", severity)]
    ended = gitops("scan", "app", "--image", "staging")
    assert ended.code == code
    assert f"openssl 3  CVE-1  {severity}" in ended.out
    assert ("newer base image" in ended.err) is (code == 30)


@pytest.fixture
def serving(image: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The service runs, of some commit or other."""
    session: Any = SimpleNamespace(client=lambda *_: None)
    monkeypatch.setattr(aws, "session", lambda *_: session)
    monkeypatch.setattr(Service, "look", lambda *_: Observation("ACTIVE", 1, (), REVISION))
    runs(monkeypatch, f"reg/app:c@{SERVES}")
    return image


def runs(monkeypatch: pytest.MonkeyPatch, image: str) -> None:
    revision = Revision(REVISION, "ACTIVE", image, Provenance())
    monkeypatch.setattr(revisions, "revision", lambda *_: revision)


def test_the_image_that_serves_is_looked_at_by_its_digest(
    serving: Path, gitops: Gitops, scanned: dict[str, list[Finding]]
) -> None:
    scanned[SERVES] = [Finding("openssl", "3", "CVE-1", "HIGH")]
    ended = gitops("scan", "--live", "staging")
    assert ended.code == 30
    assert "of app-staging:7, from HIGH on, asked of the registry's scan of 2026-11-20: 1 fails" in ended.out


@pytest.mark.parametrize("which", ["--image", "--live"])
@pytest.mark.parametrize(("required", "code"), [(["image-scan"], 31), (["provenance"], 0), ([], 0)])
@pytest.mark.usefixtures("scanned")
def test_only_an_environment_that_requires_no_scan_goes_on_without_one(
    serving: Path, gitops: Gitops, which: str, required: list[str], code: int
) -> None:
    require(serving, *required)
    ended = gitops("scan", "app", which, "staging")
    assert ended.code == code
    assert "not scanned: the registry has no scanner" in ended.out + ended.err
    assert "none known" not in ended.out


def test_an_image_without_a_digest_may_be_any(serving: Path, gitops: Gitops, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(monkeypatch, "reg/app:latest")
    require(serving, "image-scan")
    ended = gitops("scan", "--live", "staging")
    assert ended.code == 31
    assert "app-staging:7 names its image by no digest: reg/app:latest" in ended.err


def test_where_nothing_serves_there_is_no_image(serving: Path, gitops: Gitops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Service, "look", lambda *_: None)
    ended = gitops("scan", "--live", "staging")
    assert (ended.code, ended.out) == (0, "app: is not there in staging, so no image of it serves\n")


def test_a_commit_without_an_image_is_an_error(image: Path, gitops: Gitops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OneImage, "digest", lambda *_: None)
    ended = gitops("scan", "app", "--image", "staging")
    assert ended.code == 1
    assert "gitops build app staging" in ended.err
