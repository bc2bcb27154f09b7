"""What the documents tell a person to edit can be edited: in a copy where it was, the checks and the tests pass.

The copy runs its own code: what is imported there is found in the folder that it is started in.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from gitops import environments, repository
from gitops.repository import Checkout
from tests.conftest import ROOT
from tests.docs.test_maps import tracked
from tests.gitops.conftest import commit

# Nothing of it is like what stands here; a dash keeps its name and its package's apart.
SERVICE = "corner-shop"
ACCOUNT, REGION, BRANCH, OWNER, TEAM = "345678901234", "ap-southeast-2", "trunk", "acme", "@acme/builders"
FIELDS = {
    "project": "corner",
    "account": f'"{ACCOUNT}"',
    "region": REGION,
    "owner": OWNER,
    "repository": "shop-on-the-corner",
    "owner_id": '"77"',
    "repository_id": '"88"',
    "branch": BRANCH,
}
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"

# What the copy does not run, and why no edit can redden it.
LEFT_OUT = {
    "tests/docs/test_edited.py": "this",
    "tests/installed": "the wheel, in a repository that the tests write",
    "tests/rehearsal": "minutes of AWS on this machine; what it ships is read from the environments' files",
    "tests/gitops/deploy": "a service and an environment that the tests write, on the emulator",
    "tests/gitops/drills": "the same",
    "tests/gitops/policy/test_checkers.py": "templates that the tests write",
    "tests/gitops/stacks/test_apply.py": "stacks that the tests write, on the emulator",
    "tests/gitops/stacks/test_destroy.py": "the same",
    "tests/gitops/stacks/test_report.py": "the same",
    "tests/gitops/supply/test_shipped.py": "an image that the tests make, in the emulator's registry",
}
# Where only the services differ: what reads them.
OF_SERVICES = ("tests/infra", "tests/gitops/contract", "tests/gitops/newservice", "tests/services")


def copy(to: Path) -> Path:
    """The work tree's files, and the programs that stand beside them."""
    for path in tracked():
        (to / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, to / path)
    for name in (".venv", ".venv-checkov", ".tools"):
        (to / name).symlink_to(ROOT / name)
    commit(to, "As it was")
    return to


def replace_the_services(root: Path) -> None:
    """To the letter of docs/new-service.md: what was there goes, another comes."""
    checkout = Checkout(root)
    for service in checkout.services():
        for folder in (*map(Path, repository.folders(service)), repository.tests(service)):
            shutil.rmtree(root / folder)
        for path in (root / repository.ENVIRONMENTS).glob(f"*/{service}.yaml"):
            path.unlink()
    run(root, "gitops", "new-service", SERVICE)


def edit_the_environments(root: Path) -> None:
    """Every field by its name, as a person does it; both in one account, without certificate and proof of origin."""
    known = environments.load_all(Checkout(root))
    for name, environment in sorted(known.items()):
        path = root / repository.environment_file(name)
        text = path.read_text()
        own = FIELDS if environment.aws_config_file is None else FIELDS | {"account": f'"{environment.account}"'}
        for field, value in own.items():
            # The first of its name: stacks come last, and one of them is called repository as well.
            text, times = re.subn(rf"^( *){field}: \S+$", rf"\g<1>{field}: {value}", text, count=1, flags=re.MULTILINE)
            assert times == 1, f"{path} has no {field}"
        # One account for both: no other one pulls, and the second environment has the first one's OIDC provider.
        text = re.sub(r"^ +(CertificateArn|PullAccounts): .*\n", "", text, flags=re.MULTILINE)
        text = text.replace("  repository:\n", "  repository: {}\n")
        text = re.sub(r"^requires: .*$", "requires: []", text, flags=re.MULTILINE)
        if name == "production":
            text = text.replace("  bootstrap:\n", f"  bootstrap:\n    OidcProviderArn: {PROVIDER}\n")
        text = re.sub(r"VpcCidr: 10\.(\d+)\.", r"VpcCidr: 10.1\1.", text)
        path.write_text(text)


def edit_what_github_reads(root: Path) -> None:
    """The code's owners, and the branch that the workflows start from."""
    owners = root / ".github/CODEOWNERS"
    owners.write_text(re.sub(r"@\S+$", TEAM, owners.read_text(), flags=re.MULTILINE))
    for path in (root / repository.WORKFLOWS).glob("*.yml"):
        path.write_text(path.read_text().replace("branches: [main]", f"branches: [{BRANCH}]"))


def run(root: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=root,
        env={name: value for name, value in os.environ.items() if name not in ("CI", "LONG")},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pytest_in(root: Path, *words: str) -> None:
    run(root, "pytest", "-q", "-n", "auto", "--dist", "loadfile", "-p", "no:cacheprovider", *words)


def test_where_everything_is_edited_the_checks_and_the_tests_pass(tmp_path: Path) -> None:
    root = copy(tmp_path / "clone")
    replace_the_services(root)
    edit_the_environments(root)
    edit_what_github_reads(root)
    run(root, "gitops", "render")
    commit(root, "Our accounts")
    run(root, "gitops", "check")
    pytest_in(root, *(f"--ignore={path}" for path in LEFT_OUT), "tests")


def test_where_another_service_stands_its_checks_and_tests_pass(tmp_path: Path) -> None:
    root = copy(tmp_path / "clone")
    replace_the_services(root)
    commit(root, "Our service")
    run(root, "gitops", "check", "render", "contract", "locks", "python", "dockerfile")
    pytest_in(root, *OF_SERVICES)
