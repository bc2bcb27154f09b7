"""One workflow of a clone, run by act against the clone's running rehearsal."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from gitops import environments, git, services
from gitops.environments import GitHub
from gitops.errors import GitopsError
from gitops.rollout.age import is_ancestor
from gitops.supply.requirements import OSV_VARIABLE
from gitops.verbs.test import TESTS, tests_of
from rehearsal import state
from rehearsal.daemons import MARK
from rehearsal.run import KEY_FILE
from rehearsal.runner import accounts, act, events, replacements, results, workflows
from rehearsal.runner.act import Place
from rehearsal.runner.events import Event
from rehearsal.runner.pull_requests import PullRequests
from rehearsal.runner.repository import Repository
from rehearsal.runner.results import Job, Run
from rehearsal.runner.service import ADVISORIES, Service, serving
from rehearsal.runner.workflows import Workflow
from rehearsal.state import State

# Two runs that do not overlap still leave the folder of the last one, to look into.
LAST = "last"


@dataclass
class Runner:
    """Runs workflows of the clone at ``root``; ``tools`` is the clone whose environments the jobs are lent."""

    root: Path
    running: State
    act: Path
    tools: Path
    build: Mapping[str, str] = field(default_factory=dict)
    say: Callable[[str], None] = lambda line: None
    # More words for pytest in the jobs that test.
    tests: str = ""

    @cached_property
    def folder(self) -> Path:
        """Where everything of it lies: in the rehearsal's own state, so that stopping removes it."""
        return self.root / state.FOLDER / "workflows"

    @cached_property
    def github(self) -> GitHub:
        """The repository whose jobs the roles trust."""
        return next(iter(environments.deployed(self.root).values())).github

    @cached_property
    def repository(self) -> Repository:
        """The one that stands for GitHub's."""
        upstream = f"http://127.0.0.1:{self.running.upstream_port}" if self.running.stand_in else None
        made = Repository(self.folder / "github", self.root, self.github, upstream)
        made.make()
        return made

    def prepare(self) -> None:
        """The administrator's part in every account, from the newest commit's files."""
        self.repository.with_settings("HEAD")
        key = (self.root / KEY_FILE).read_text() if self.running.stand_in else os.environ[accounts.API_KEY]
        accounts.prepare(self.repository.folder, self.root, self.running.endpoint, key, self.say)

    @property
    def pull_requests(self) -> PullRequests:
        """Those of the repository that stands for GitHub's."""
        return PullRequests(self.folder / "pull-requests.json")

    def push(self, revision: str = "HEAD") -> Event:
        """The clone's commit arrives on the branch, and merges each open pull request that it holds."""
        before, after = self.repository.push(revision)
        for number, head in self.pull_requests.proposed().items():
            if is_ancestor(self.root, head, git.commit(self.root, revision)):
                self.pull_requests.merge(number, after)
        return events.push(self.github, before, after)

    def one_more_commit(self) -> Event:
        """A dispatch at a commit of the same content as the newest one."""
        _, after = self.repository.push("HEAD", anew=True)
        return events.by_hand(self.github, after, {})

    def pull_request(self, base: str, head: str, *, number: int = events.NUMBER, fork: bool = False) -> Event:
        """Two commits of the clone, the second one on top of the first, proposed."""
        if not fork:
            self.pull_requests.propose(number, git.commit(self.root, head))
        first, second = self.repository.with_settings(base), self.repository.with_settings(head)
        merge = self.repository.merged(first, second)
        return events.pull_request(self.github, first, second, merge, number=number, fork=fork)

    def event(self, workflow: Workflow, wanted: str | None, given: Mapping[str, str]) -> Event:
        """The event for a workflow that nobody gave one: of the newest commit, with the inputs of ``events.inputs``."""
        name = events.choose(workflow, wanted)
        if given and name not in ("workflow_dispatch", "workflow_call"):
            raise GitopsError(f"an event {name} has no inputs", fix="--on workflow_dispatch")
        if name == "push":
            return self.push()
        if name in ("pull_request", "merge_group"):
            base = git.run(self.root, "rev-list", "--max-count=2", "HEAD").split()[-1]
            if name == "pull_request":
                return self.pull_request(base, "HEAD")
            first, second = self.repository.with_settings(base), self.repository.with_settings("HEAD")
            return events.merge_group(self.github, first, second)
        _, sha = self.repository.push("HEAD")
        if name == "schedule":
            return events.schedule(self.github, sha, workflow.triggers["schedule"][0]["cron"])
        environment, described = next(iter(sorted(environments.deployed(self.root).items(), reverse=True)))
        known = {"environment": environment, "service": next(iter(described.services)), "commit": sha}
        inputs = events.inputs(workflow, name, given, known)
        make = events.call if name == "workflow_call" else events.by_hand
        return make(self.github, sha, inputs)

    def run(
        self, name: str, event: Event, on_job: Callable[[Job], None] = lambda job: None, *, only: str | None = None
    ) -> Run:
        """Run one workflow file to its end; what each of its jobs did. ``only`` is one job and what it needs.

        Raises GitopsError when it cannot be run at all: no such file, an action
        without a replacement, a token that a caller does not grant.
        """
        folder = self.folder / LAST
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        service = Service(self.github, event, self.folder / "attestations.json")
        with serving(service):
            token_url = None if event.fork else f"{service.url}/token"
            self.repository.for_act(folder / "workflows", event.sha, token_url, service.token)
            every = workflows.read(folder / "workflows")
            if name not in every:
                raise GitopsError(f"no workflow named {name} (there are: {', '.join(every)})", fix="check the spelling")
            mapped = replacements.mapping(workflows.used(folder / "workflows"))
            (folder / "event.json").write_text(json.dumps(event.payload))
            place = Place(self.act, folder, folder / "workflows", self._variables(service))
            words = act.command(place, name, event, mapped, _labels(every), f"{service.url}/api")
            words += ["-j", only] if only else []
            lines: list[str] = []

            def on_line(line: str) -> None:
                lines.append(line)
                if ended := results.ended(line):
                    done, _ = results.jobs(lines)
                    on_job(done[ended])

            started = time.monotonic()
            code = act.run(words, act.environment(place), on_line, folder / "act.log")
            took = time.monotonic() - started
        found, errors = results.jobs(lines)
        return Run(name, event.name, event.sha, code, took, found, errors, service.subjects, service.posted)

    def _variables(self, service: Service) -> dict[str, str]:
        return {
            MARK: str(self.root),
            "AWS_ENDPOINT_URL": self.running.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "REHEARSAL_REPOSITORY": str(self.repository.folder),
            "REHEARSAL_TOOLS": str(self.tools),
            "REHEARSAL_ARTIFACTS": str(self.folder / LAST / "artifacts"),
            OSV_VARIABLE: f"{service.url}{ADVISORIES}",
            "PYTEST_ADDOPTS": " ".join([*(f"--ignore={path}" for path in self._not_of_a_service()), self.tests]),
            **self.build,
        }

    def _not_of_a_service(self) -> list[str]:
        """The folders of tests that are not a service's own: they run workflows, emulators and engines themselves."""
        root = self.repository.folder
        kept = {TESTS, *(tests_of(root, name) for name in services.names(root))}
        folders = [path for path in [*(root / TESTS.parent).iterdir(), *(root / TESTS).iterdir()] if path.is_dir()]
        return sorted({path.relative_to(root).as_posix() for path in folders} - {path.as_posix() for path in kept})


def _labels(every: Mapping[str, Workflow]) -> list[str]:
    """Every runner label in use: act skips a job whose label is not mapped, and calls that a success."""
    found = {job["runs-on"] for workflow in every.values() for job in workflow.jobs.values() if "runs-on" in job}
    return sorted(found)
