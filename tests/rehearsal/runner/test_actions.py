"""The small actions that stand for those from outside: which stands for which, and each run as its steps run it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from gitops.environments import GitHub
from gitops.errors import GitopsError
from gitops.repository import Checkout
from gitops.supply import attestation
from rehearsal.runner import act, events, workflows
from rehearsal.runner.github import Service, serving
from tests.conftest import ROOT

PIN = "actions/checkout@" + "1" * 40


def test_every_action_from_outside_has_one_that_stands_for_it() -> None:
    used = workflows.used(Checkout(ROOT))
    mapped = act.replacements(used)
    assert set(mapped) == {action for action, _ in used}
    assert {path.name for path in act.ACTIONS.iterdir()} == {path.name for path in mapped.values()}, (
        "a replacement that no workflow needs"
    )


def test_a_new_pin_needs_no_edit() -> None:
    assert act.replacements([(PIN, {"ref": "main"})]) == {PIN: act.ACTIONS / "checkout"}


def test_an_action_nobody_replaced_is_named() -> None:
    with pytest.raises(GitopsError, match=r"nothing stands for the action someone/new@v1"):
        act.replacements([("someone/new@v1", {})])


def test_an_input_that_is_not_honoured_is_refused() -> None:
    with pytest.raises(GitopsError, match="does not know the input fetch-dept"):
        act.replacements([(PIN, {"fetch-dept": "0"})])


@pytest.mark.parametrize("folder", sorted(act.ACTIONS.iterdir()), ids=lambda path: path.name)
def test_a_replacement_uses_every_input_it_takes(folder: Path) -> None:
    text = (folder / "action.yml").read_text()
    assert [name for name in act.inputs(folder) if f"${{{{ inputs.{name} }}}}" not in text] == []


GITHUB = GitHub("an-owner", "a-repository", "1000001", "2000002")


def outputs(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def run(words: list[str], place: Path, **variables: str) -> tuple[int, str]:
    done = subprocess.run(
        words,
        cwd=place,
        env={"PATH": os.environ["PATH"], "HOME": str(place), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    for words in (
        ["init", "-q", "-b", "main", str(folder)],
        *(["commit", "-q", "--allow-empty", "-m", m] for m in "ab"),
    ):
        place = folder if words[0] == "commit" else tmp_path
        who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *who, *words], cwd=place, check=True)
    subprocess.run(["git", "config", "uploadpack.allowAnySHA1InWant", "true"], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize(("depth", "commits"), [("1", 1), ("0", 2)])
def test_a_checkout_is_as_deep_as_it_says(repository: Path, tmp_path: Path, depth: str, commits: int) -> None:
    sha = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True, check=True
    ).stdout
    job = tmp_path / "job"
    job.mkdir()
    code, said = run(
        ["bash", str(act.ACTIONS / "checkout/checkout.sh")],
        job,
        REHEARSAL_REPOSITORY=str(repository),
        REF=sha.strip(),
        DEPTH=depth,
        PERSIST="false",
        GITHUB_OUTPUT=str(tmp_path / "outputs"),
    )
    assert code == 0, said
    assert outputs(tmp_path / "outputs") == {"commit": sha.strip()}
    log = subprocess.run(["git", "log", "--oneline"], cwd=job, capture_output=True, text=True, check=True).stdout
    assert len(log.splitlines()) == commits


@pytest.mark.parametrize(("name", "value"), [("PERSIST", "perhaps"), ("DEPTH", "all"), ("REF", "0" * 40)])
def test_a_checkout_refuses_what_it_does_not_understand(
    repository: Path, tmp_path: Path, name: str, value: str
) -> None:
    variables = {"REF": "main", "DEPTH": "1", "PERSIST": "false", "GITHUB_OUTPUT": str(tmp_path / "o")} | {name: value}
    code, _ = run(
        ["bash", str(act.ACTIONS / "checkout/checkout.sh")], tmp_path, REHEARSAL_REPOSITORY=str(repository), **variables
    )
    assert code != 0


@pytest.fixture
def lender(tmp_path: Path) -> Path:
    root = tmp_path / "lender"
    (root / "requirements").mkdir(parents=True)
    for lock in ("dev.txt", "bootstrap.txt", "checkov.txt"):
        (root / "requirements" / lock).write_text(lock)
    for name in (".venv", ".venv-checkov"):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(root / name)], check=True)
        packages = next((root / name / "lib").glob("python*/site-packages"))
        (packages / "shared.py").write_text("")
        (packages / "__editable__.fairweather-0.1.0.pth").write_text(f"{root}\n")
        script = root / name / "bin" / "tool"
        script.write_text(f"#!{root / name}/bin/python\nimport shared, ours; print(ours.__file__)\n")
        script.chmod(0o755)
        (root / name / ".done").touch()
    (root / "ours.py").write_text("")
    return root


def lend(lender: Path, job: Path, wanted: str) -> tuple[int, str]:
    script = str(act.ACTIONS / "setup-python/lend.py")
    return run(
        [sys.executable, script], job, WANTED=wanted, REHEARSAL_TOOLS=str(lender), GITHUB_OUTPUT=str(job / "outputs")
    )


@pytest.fixture
def job(tmp_path: Path, lender: Path) -> Path:
    folder = tmp_path / "job"
    (folder / "requirements").mkdir(parents=True)
    for lock in (lender / "requirements").iterdir():
        (folder / "requirements" / lock.name).write_text(lock.read_text())
    (folder / "ours.py").write_text("")
    return folder


VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_a_job_is_lent_the_packages_and_runs_its_own_code(lender: Path, job: Path) -> None:
    code, said = lend(lender, job, VERSION)
    assert code == 0, said
    assert run([str(job / ".venv/bin/tool")], job) == (0, f"{job}/ours.py\n")
    done, lock = (job / ".venv/.done").stat(), (job / "requirements/dev.txt").stat()
    assert done.st_mtime_ns > lock.st_mtime_ns, "make setup would build it again"
    assert outputs(job / "outputs")["version"].startswith(VERSION)


def test_other_locks_are_not_lent(lender: Path, job: Path) -> None:
    (job / "requirements/dev.txt").write_text("another version")
    code, said = lend(lender, job, VERSION)
    assert code == 0
    assert ".venv is not lent: the locks differ" in said
    assert not (job / ".venv").exists()
    assert (job / ".venv-checkov").exists()


def test_another_python_is_refused(lender: Path, job: Path) -> None:
    code, said = lend(lender, job, "2.7")
    assert code == 1
    assert "Python 2.7 is asked for" in said


def exchange(place: Path, **variables: str) -> tuple[int, str]:
    given = {
        "ROLE": "arn:aws:iam::111111111111:role/demo-staging-plan",
        "REGION": "eu-west-1",
        "ACCOUNTS": "111111111111",
        "SESSION": "s",
        "SECONDS_VALID": "900",
        "AUDIENCE": "sts.amazonaws.com",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "GITHUB_ENV": str(place / "env"),
        "GITHUB_OUTPUT": str(place / "outputs"),
    }
    return run(
        [sys.executable, str(act.ACTIONS / "configure-aws-credentials/exchange.py")], place, **given, **variables
    )


def test_without_a_token_no_role_is_assumed(tmp_path: Path) -> None:
    code, said = exchange(tmp_path)
    assert code == 1
    assert "the job has no OIDC token" in said
    assert not (tmp_path / "env").exists()


def test_the_token_service_wants_the_jobs_own_secret(tmp_path: Path) -> None:
    service = Service(GITHUB, events.push(GITHUB, "1" * 40, "2" * 40), tmp_path / "store")
    with serving(service):
        url = f"{service.url}/token?environment=staging"
        code, said = exchange(tmp_path, ACTIONS_ID_TOKEN_REQUEST_URL=url, ACTIONS_ID_TOKEN_REQUEST_TOKEN="guessed")
        assert code == 1
        assert "Bad credentials" in said
        assert service.subjects == []
        # With the right one the next stop is STS, where nothing listens.
        code, said = exchange(tmp_path, ACTIONS_ID_TOKEN_REQUEST_URL=url, ACTIONS_ID_TOKEN_REQUEST_TOKEN=service.token)
        assert code == 1
        assert "refused" in said
        assert service.subjects == ["repo:an-owner@1000001/a-repository@2000002:environment:staging"]


def test_the_runners_scripts_have_no_terminal_and_keep_their_exit_code(tmp_path: Path) -> None:
    folder = tmp_path / "act/workflow"
    folder.mkdir(parents=True)
    script = folder / "0.sh"
    script.write_text('read -r line || echo "no input"; [ -t 1 ] || echo "no terminal"; exit 3\n')
    assert run([str(act.SHIMS / "bash"), "-e", "-o", "pipefail", str(script)], tmp_path) == (
        3,
        "no input\nno terminal\n",
    )


def test_the_pinned_act_is_the_one_that_make_installs() -> None:
    assert f"ACT := .tools/act-{act.VERSION}\n" in (ROOT / "Makefile").read_text()


MANIFEST = b"the image's manifest"
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"


def attest(service: Service, place: Path, workflow: str, digest: str = DIGEST) -> tuple[int, str]:
    return run(
        [sys.executable, str(act.ACTIONS / "attest/attest.py")],
        place,
        SUBJECT="registry/demo/app",
        DIGEST=digest,
        BILL="",
        ACTIONS_ID_TOKEN_REQUEST_URL=f"{service.url}/token?workflow={workflow}&environment=",
        ACTIONS_ID_TOKEN_REQUEST_TOKEN=service.token,
        GITHUB_API_URL=f"{service.url}/api",
        GITHUB_REPOSITORY="an-owner/a-repository",
        GITHUB_OUTPUT=str(place / "outputs"),
    )


def verify(service: Service, place: Path, manifest: bytes = MANIFEST, **variables: str) -> tuple[int, str]:
    file = place / "manifest.json"
    file.write_bytes(manifest)
    words = attestation.command(file, GITHUB, "2" * 40)
    given = {"GH_TOKEN": "t", "GITHUB_API_URL": f"{service.url}/api"} | variables
    return run([sys.executable, str(act.SHIMS / "gh"), *words[1:]], place, **given)


@pytest.fixture
def github(tmp_path: Path) -> Iterator[Service]:
    with serving(Service(GITHUB, events.push(GITHUB, "1" * 40, "2" * 40), tmp_path / "store")) as service:
        yield service


def test_what_ship_attested_is_verified_in_a_later_run(github: Service, tmp_path: Path) -> None:
    assert attest(github, tmp_path, "ship")[0] == 0
    assert [(post["path"], post["body"]["digest"]) for post in github.posted] == [
        ("/repos/an-owner/a-repository/attestations", DIGEST)
    ]
    later = Service(GITHUB, events.push(GITHUB, "2" * 40, "3" * 40), github.store)
    with serving(later):
        assert verify(later, tmp_path) == (0, "")


@pytest.mark.parametrize(
    ("workflow", "manifest", "variables", "said"),
    [
        ("other", MANIFEST, {}, "signer_workflow"),
        ("ship", b"another image", {}, "no attestations found"),
        ("ship", MANIFEST, {"GH_TOKEN": ""}, "set the GH_TOKEN"),
    ],
)
def test_what_is_not_proven_is_not_verified(
    github: Service, tmp_path: Path, workflow: str, manifest: bytes, variables: dict[str, str], said: str
) -> None:
    assert attest(github, tmp_path, workflow)[0] == 0
    code, output = verify(github, tmp_path, manifest, **variables)
    assert code != 0
    assert said in output


def test_only_a_job_with_a_token_attests(github: Service, tmp_path: Path) -> None:
    with pytest.raises(jwt.InvalidTokenError):
        github.attest({"subject": "s", "digest": DIGEST, "predicate_type": "p", "token": "made up"})
    assert attest(github, tmp_path, "ship", digest="latest")[0] == 1
    assert github.attestations() == []


def upload(place: Path, name: str, source: str, **variables: str) -> tuple[int, str]:
    given = {"NAME": name, "FROM": source, "IF_NONE": "error", "DAYS": "7"} | variables
    script = str(act.ACTIONS / "upload-artifact/upload.py")
    return run([sys.executable, script], place, REHEARSAL_ARTIFACTS=str(place / "store"), **given)


def download(place: Path, **variables: str) -> tuple[int, str]:
    given = {"NAME": "", "PATTERN": "", "TO": "taken", "MERGE": "false"} | variables
    script = str(act.ACTIONS / "download-artifact/download.py")
    return run([sys.executable, script], place, REHEARSAL_ARTIFACTS=str(place / "store"), **given)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A file kept as review-a, a folder as review-b, and one more of another name."""
    (tmp_path / "folder").mkdir()
    for path in ("a.md", "folder/b.md", "c.md"):
        (tmp_path / path).write_text(path)
    for name, source in (("review-a", "a.md"), ("review-b", "folder"), ("other", "c.md")):
        assert upload(tmp_path, name, source)[0] == 0
    return tmp_path


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        ({"PATTERN": "review-*", "MERGE": "true"}, {"a.md", "b.md"}),
        ({"PATTERN": "review-*"}, {"review-a/a.md", "review-b/b.md"}),
        ({"NAME": "other"}, {"c.md"}),
        ({}, {"review-a/a.md", "review-b/b.md", "other/c.md"}),
        ({"PATTERN": "nothing-*"}, set()),
    ],
    ids=["merged", "apart", "by name", "all", "none fits"],
)
def test_what_was_kept_is_brought(kept: Path, asked: dict[str, str], taken: set[str]) -> None:
    code, said = download(kept, **asked)
    assert code == 0, said
    found = kept / "taken"
    assert {path.relative_to(found).as_posix() for path in found.rglob("*") if path.is_file()} == taken


def test_what_nobody_kept_is_an_error(kept: Path) -> None:
    code, said = download(kept, NAME="plan")
    assert code == 1
    assert "no artifact plan in this run (there are: other, review-a, review-b)" in said


@pytest.mark.parametrize(
    ("name", "source", "variables", "said"),
    [
        ("review-a", "a.md", {}, "has an artifact review-a already"),
        ("a/b", "a.md", {}, "cannot be called"),
        ("new", "nowhere", {}, "no files were found at nowhere"),
        ("new", "a.md", {"IF_NONE": "perhaps"}, "if-no-files-found: perhaps"),
        ("new", "a.md", {"DAYS": "a week"}, "retention-days: a week"),
    ],
)
def test_what_cannot_be_kept_is_an_error(
    kept: Path, name: str, source: str, variables: dict[str, str], said: str
) -> None:
    code, output = upload(kept, name, source, **variables)
    assert code == 1
    assert said in output


def test_nothing_to_keep_is_a_warning_where_it_may_be(kept: Path) -> None:
    code, said = upload(kept, "new", "nowhere", IF_NONE="warn")
    assert (code, "::warning::no files were found" in said) == (0, True)
    assert not (kept / "store/new").exists()
