"""The small actions that stand for those from outside: which stands for which, and each run as its steps run it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jwt
import pytest

from gitops.errors import GitopsError
from gitops.repository import Checkout
from gitops.supply import attestation
from rehearsal.runner import act, events, workflows
from rehearsal.runner.github import Service, serving
from tests.conftest import ROOT
from tests.gitops.conftest import commit, write
from tests.rehearsal.runner.conftest import GITHUB

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


@pytest.mark.parametrize(
    ("action", "given", "said"),
    [
        ("someone/new@v1", {}, "nothing stands for the action someone/new@v1"),
        (PIN, {"fetch-dept": "0"}, "does not know the input fetch-dept"),
    ],
)
def test_what_nothing_stands_for_is_named(action: str, given: dict[str, str], said: str) -> None:
    with pytest.raises(GitopsError, match=said):
        act.replacements([(action, given)])


@pytest.mark.parametrize("folder", sorted(act.ACTIONS.iterdir()), ids=lambda path: path.name)
def test_a_replacement_uses_every_input_it_takes(folder: Path) -> None:
    text = (folder / "action.yml").read_text()
    assert [name for name in act.inputs(folder) if f"${{{{ inputs.{name} }}}}" not in text] == []


def outputs(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def run(words: list[str], place: Path, **variables: str) -> tuple[int, str]:
    place.mkdir(exist_ok=True)
    own = {"PATH": os.environ["PATH"], "HOME": str(place), "GITHUB_OUTPUT": str(place / "outputs")}
    done = subprocess.run(words, cwd=place, env=own | variables, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def python(script: str, place: Path, **variables: str) -> tuple[int, str]:
    return run([sys.executable, str(act.ACTIONS / script)], place, **variables)


@pytest.fixture
def repository(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "repository")
    for text in "ab":
        write(made.root / "file", text)
        commit(made.root, text)
    made.git("config", "uploadpack.allowAnySHA1InWant", "true")
    return made


def check_out(repository: Checkout, place: Path, **variables: str) -> tuple[int, str]:
    given = {"REF": "main", "DEPTH": "1", "PERSIST": "false", "REHEARSAL_REPOSITORY": str(repository.root)}
    return run(["bash", str(act.ACTIONS / "checkout/checkout.sh")], place, **given | variables)


@pytest.mark.parametrize(("depth", "commits"), [("1", 1), ("0", 2)])
def test_a_checkout_is_as_deep_as_it_says(repository: Checkout, tmp_path: Path, depth: str, commits: int) -> None:
    job, sha = Checkout(tmp_path / "job"), repository.commit("HEAD")
    code, said = check_out(repository, job.root, REF=sha, DEPTH=depth)
    assert code == 0, said
    assert outputs(job.root / "outputs") == {"commit": sha}
    assert len(job.git("log", "--oneline").splitlines()) == commits


@pytest.mark.parametrize(("name", "value"), [("PERSIST", "perhaps"), ("DEPTH", "all"), ("REF", "0" * 40)])
def test_a_checkout_refuses_what_it_does_not_understand(
    repository: Checkout, tmp_path: Path, name: str, value: str
) -> None:
    assert check_out(repository, tmp_path / "job", **{name: value})[0] != 0


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
    return python("setup-python/lend.py", job, WANTED=wanted, REHEARSAL_TOOLS=str(lender))


@pytest.fixture
def job(tmp_path: Path, lender: Path) -> Path:
    folder = tmp_path / "job"
    shutil.copytree(lender / "requirements", folder / "requirements")
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
    }
    return python("configure-aws-credentials/exchange.py", place, **given, **variables)


def test_without_a_token_no_role_is_assumed(tmp_path: Path) -> None:
    code, said = exchange(tmp_path)
    assert code == 1
    assert "the job has no OIDC token" in said
    assert not (tmp_path / "env").exists()


def test_the_token_service_wants_the_jobs_own_secret(github: Service, tmp_path: Path) -> None:
    url = f"{github.url}/token?environment=staging"
    code, said = exchange(tmp_path, ACTIONS_ID_TOKEN_REQUEST_URL=url, ACTIONS_ID_TOKEN_REQUEST_TOKEN="guessed")
    assert code == 1
    assert "Bad credentials" in said
    assert github.subjects == []
    # With the right one the next stop is STS, where nothing listens.
    code, said = exchange(tmp_path, ACTIONS_ID_TOKEN_REQUEST_URL=url, ACTIONS_ID_TOKEN_REQUEST_TOKEN=github.token)
    assert code == 1
    assert "refused" in said
    assert github.subjects == ["repo:an-owner@1000001/a-repository@2000002:environment:staging"]


def test_the_runners_scripts_have_no_terminal_and_keep_their_exit_code(tmp_path: Path) -> None:
    folder = tmp_path / "act/workflow"
    folder.mkdir(parents=True)
    script = folder / "0.sh"
    script.write_text('read -r line || echo "no input"; [ -t 1 ] || echo "no terminal"; exit 3\n')
    done = run([str(act.SHIMS / "bash"), "-e", "-o", "pipefail", str(script)], tmp_path)
    assert done == (3, "no input\nno terminal\n")


def test_the_pinned_act_is_the_one_that_make_installs() -> None:
    assert f"ACT := .tools/act-{act.VERSION}\n" in (ROOT / "Makefile").read_text()


MANIFEST = b"the image's manifest"
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"


def attest(service: Service, place: Path, workflow: str, digest: str = DIGEST) -> tuple[int, str]:
    return python(
        "attest/attest.py",
        place,
        SUBJECT="registry/demo/app",
        DIGEST=digest,
        BILL="",
        ACTIONS_ID_TOKEN_REQUEST_URL=f"{service.url}/token?workflow={workflow}&environment=",
        ACTIONS_ID_TOKEN_REQUEST_TOKEN=service.token,
        GITHUB_API_URL=f"{service.url}/api",
        GITHUB_REPOSITORY="an-owner/a-repository",
    )


def verify(service: Service, place: Path, manifest: bytes = MANIFEST, **variables: str) -> tuple[int, str]:
    file = place / "manifest.json"
    file.write_bytes(manifest)
    words = attestation.command(file, GITHUB, "2" * 40)
    given = {"GH_TOKEN": "t", "GITHUB_API_URL": f"{service.url}/api"} | variables
    return run([sys.executable, str(act.SHIMS / "gh"), *words[1:]], place, **given)


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
    return python("upload-artifact/upload.py", place, REHEARSAL_ARTIFACTS=str(place / "store"), **given)


def download(place: Path, **variables: str) -> tuple[int, str]:
    given = {"NAME": "", "PATTERN": "", "TO": "taken", "MERGE": "false"} | variables
    return python("download-artifact/download.py", place, REHEARSAL_ARTIFACTS=str(place / "store"), **given)


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
