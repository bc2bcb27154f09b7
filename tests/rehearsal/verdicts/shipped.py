"""A clone whose service runs in the rehearsal, to break it in."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gitops.repository import Checkout
from rehearsal.base_image import build_settings
from tests.rehearsal.ship import clone as clones
from tests.rehearsal.ship.clone import ENVIRONMENT, HERE, SERVICE, Clone
from tests.rehearsal.verdicts.bad import Bad

# Health is asked twice as often and given no grace: what takes minutes in AWS takes seconds here.
FASTER = {
    "HealthCheckIntervalSeconds: 10": "HealthCheckIntervalSeconds: 5",
    "HealthCheckTimeoutSeconds: 5": "HealthCheckTimeoutSeconds: 2",
    "UnhealthyThresholdCount: 3": "UnhealthyThresholdCount: 2",
    "HealthCheckGracePeriodSeconds: 30": "HealthCheckGracePeriodSeconds: 5",
}


@dataclass(frozen=True)
class Deployed:
    """How one deploy ended: exit code, all it printed, the job's summary and outputs, and the page meanwhile."""

    code: int
    output: str
    summary: str
    outputs: str
    answers: dict[str, int]

    @property
    def headline(self) -> str:
        """The report's first line, as it is read: out of Markdown's escapes."""
        return html.unescape(self.summary.splitlines()[0].removeprefix("### ")) if self.summary else ""


@dataclass(frozen=True)
class Shipped:
    """The clone, and the commit that serves in it."""

    clone: Clone
    commit: str

    def revisions(self) -> list[str]:
        """The ACTIVE revisions, oldest first."""
        ecs = self.clone.session("deploy").client("ecs")
        listed = ecs.list_task_definitions(familyPrefix=HERE.family(SERVICE), status="ACTIVE")["taskDefinitionArns"]
        return [arn.rpartition("/")[2] for arn in listed]

    def build(self, commit: str) -> None:
        path, builder = self.clone.path, {"FAIRWEATHER_BUILDER": "pack"}
        if self.clone.runtime == "containers":
            builder = build_settings(Checkout(path), path / ".rehearsal", [SERVICE], lambda _: None)
        words = ("gitops", "build", SERVICE, ENVIRONMENT, "--commit", commit)
        code, output = self.clone.run(*words, seconds=300, told=lambda _: None, **builder)
        assert code == 0, output

    def deploy(self, commit: str, *words: str, told: Callable[[str], None] = lambda _: None) -> Deployed:
        """Deploy as a job on GitHub does, with a visitor who goes on asking for the page; tell each line of it."""
        folder = self.clone.path / ".rehearsal"
        files = {"GITHUB_STEP_SUMMARY": folder / "summary", "GITHUB_OUTPUT": folder / "deploy-outputs"}
        for path in files.values():
            path.write_text("")
        with self.clone.visitor() as visitor:
            words = ("gitops", "deploy", SERVICE, ENVIRONMENT, "--commit", commit, *words)
            variables = {name: str(path) for name, path in files.items()}
            code, output = self.clone.run(*words, seconds=900, told=told, GITHUB_ACTIONS="true", **variables)
        summary, outputs = (path.read_text() for path in files.values())
        return Deployed(code, output, summary, outputs, dict(visitor.answers))

    @contextmanager
    def broken(self, bad: Bad) -> Iterator[str]:
        """The bad commit, built; the clone is as before afterwards."""
        bad.change(self.clone.path)
        commit = self.clone.commit(bad.subject)
        try:
            self.build(commit)
            yield commit
        finally:
            self.clone.git("revert", "--no-edit", commit)


def _ask_more_often(root: Path) -> None:
    template = root / "infra/cloudformation/service.yaml"
    text = template.read_text()
    for slow, fast in FASTER.items():
        assert text.count(slow) == 1, slow
        text = text.replace(slow, fast)
    template.write_text(text)


@contextmanager
def shipped(folder: Path, runtime: str) -> Iterator[Shipped]:
    """A clone with faster health checks, its commit shipped."""
    with clones.shipped(folder, runtime, _ask_more_often) as (clone, _):
        yield Shipped(clone, clone.git("rev-parse", "HEAD").strip())
