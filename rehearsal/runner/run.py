"""One workflow of a clone, run by act against the clone's running rehearsal."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from gitops import Checkout, Environment, GitHub, GitopsError, deployed
from gitops.repository import TESTS, rendered, tests
from rehearsal.daemons import FOLDER, MARK, State
from rehearsal.runner import act, events, results, workflows
from rehearsal.runner.act import Place
from rehearsal.runner.events import Event
from rehearsal.runner.github import ADVISORIES, PullRequests, Service, serving
from rehearsal.runner.repository import Repository, gitops
from rehearsal.runner.results import Job, Run
from rehearsal.runner.workflows import Workflow
from rehearsal.services import Needs, own_secrets

# Where gitops scan asks for advisories, in place of the public database.
OSV_VARIABLE = "FAIRWEATHER_OSV_URL"
# Two runs that do not overlap still leave the folder of the last one, to look into.
LAST = "last"


@dataclass
class Runner:
    """Runs workflows of a clone; ``tools`` is the clone whose environments the jobs are lent.

    ``needs`` has what each service of the running rehearsal needs.
    """

    checkout: Checkout
    running: State
    needs: Sequence[Needs]
    act: Path
    tools: Path
    build: Mapping[str, str] = field(default_factory=dict)
    say: Callable[[str], None] = lambda line: None
    # More words for pytest in the jobs that test.
    tests: str = ""

    @cached_property
    def folder(self) -> Path:
        """Where everything of it lies: in the rehearsal's own state, so that stopping removes it."""
        return self.checkout.root / FOLDER / "workflows"

    @cached_property
    def github(self) -> GitHub:
        """The repository whose jobs the roles trust."""
        return next(iter(deployed(self.checkout).values())).github

    @cached_property
    def repository(self) -> Repository:
        """The one that stands for GitHub's."""
        leads = {one.service: one.leads(self._port(one)) for one in self.needs if one.stand_in is not None}
        made = Repository(Checkout(self.folder / "github"), self.checkout, self.github, leads)
        made.make()
        return made

    def prepare(self) -> None:
        """An administrator's part, once per account: bootstrap and the secrets of each deployed environment.

        What is there already stays. Raises GitopsError with the verb's own words when one fails.
        """
        self.repository.with_settings("HEAD")
        for name, environment in deployed(self.repository.checkout).items():
            self.say(f"account {environment.account} is {name}")
            variables = administrator(environment, self.running.endpoint) | {MARK: str(self.checkout.root)}
            gitops(self.repository.checkout, ["apply", name, "--stack", "bootstrap"], variables)
            for service in environment.services:
                for secret, value in self._secrets(service, environment).items():
                    words = ["secret", "put", service, name, secret, "--from-env", secret]
                    gitops(self.repository.checkout, words, {**variables, secret: value})

    def _secrets(self, service: str, environment: Environment) -> dict[str, str]:
        """What the tasks of a service in a deployed environment read, with the values that they have here."""
        name = environment.environment
        definition = self.repository.folder / rendered(service, name)
        names = own_secrets(json.loads(definition.read_text()), service, name)
        known = next((one for one in self.needs if one.service == service), None)
        one = replace(known or Needs(environment, service), secrets=tuple(names))
        return one.values(self.checkout, self._port(one))

    def _port(self, one: Needs) -> int | None:
        return self.running.ports.get(one.process)

    @property
    def pull_requests(self) -> PullRequests:
        """Those of the repository that stands for GitHub's."""
        return PullRequests(self.folder / "pull-requests.json")

    def push(self, revision: str = "HEAD") -> Event:
        """The clone's commit arrives on the branch, and merges each open pull request that it holds."""
        before, after = self.repository.push(revision)
        for number, head in self.pull_requests.proposed().items():
            if self.checkout.is_ancestor(head, self.checkout.commit(revision)):
                self.pull_requests.merge(number, after)
        return events.push(self.github, before, after)

    def one_more_commit(self) -> Event:
        """A dispatch at a commit of the same content as the newest one."""
        _, after = self.repository.push("HEAD", anew=True)
        return events.by_hand(self.github, after, {})

    def pull_request(self, base: str, head: str, *, number: int = events.NUMBER, fork: bool = False) -> Event:
        """Two commits of the clone, the second one on top of the first, proposed."""
        if not fork:
            self.pull_requests.propose(number, self.checkout.commit(head))
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
            base = self.checkout.git("rev-list", "--max-count=2", "HEAD").split()[-1]
            if name == "pull_request":
                return self.pull_request(base, "HEAD")
            first, second = self.repository.with_settings(base), self.repository.with_settings("HEAD")
            return events.merge_group(self.github, first, second)
        _, sha = self.repository.push("HEAD")
        if name == "schedule":
            return events.schedule(self.github, sha, workflow.triggers["schedule"][0]["cron"])
        environment, described = next(iter(sorted(deployed(self.checkout).items(), reverse=True)))
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
            copy = Checkout(folder / "workflows")
            self.repository.for_act(copy, event.sha, token_url, service.token)
            every = workflows.read(copy)
            if name not in every:
                raise GitopsError(f"no workflow named {name} (there are: {', '.join(every)})", fix="check the spelling")
            mapped = act.replacements(workflows.used(copy))
            (folder / "event.json").write_text(json.dumps(event.payload))
            place = Place(self.act, folder, copy.root, self._variables(service))
            words = act.command(place, name, event, mapped, _labels(every), f"{service.url}/api")
            words += ["-j", only] if only else []
            lines: list[str] = []
            told: set[str] = set()

            def on_line(line: str) -> None:
                lines.append(line)
                if results.ended(line):
                    done, _ = results.jobs(lines)
                    for key in done.keys() - told:
                        told.add(key)
                        on_job(done[key])

            started = time.monotonic()
            code = act.run(words, act.environment(place), on_line, folder / "act.log")
            took = time.monotonic() - started
        found, errors = results.jobs(lines)
        return Run(name, event.name, event.sha, code, took, found, errors, service.subjects, service.posted)

    def _variables(self, service: Service) -> dict[str, str]:
        return {
            MARK: str(self.checkout.root),
            "AWS_ENDPOINT_URL": self.running.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "REHEARSAL_REPOSITORY": str(self.repository.folder),
            "REHEARSAL_TOOLS": str(self.tools),
            "REHEARSAL_ARTIFACTS": str(self.folder / LAST / "artifacts"),
            OSV_VARIABLE: f"{service.url}{ADVISORIES}",
            # By a pattern: a folder that is ignored is run all the same where one below it is named.
            "PYTEST_ADDOPTS": " ".join([*(f"--ignore-glob={path}/*" for path in self._not_of_a_service()), self.tests]),
            **self.build,
        }

    def _not_of_a_service(self) -> list[str]:
        """The folders of tests but a service's own and those of templates and environments.

        The others run workflows, emulators and engines themselves.
        """
        root = self.repository.folder
        kept = {TESTS, TESTS.parent / "infra", *(tests(name) for name in self.repository.checkout.services())}
        folders = [path for path in [*(root / TESTS.parent).iterdir(), *(root / TESTS).iterdir()] if path.is_dir()]
        return sorted({path.relative_to(root).as_posix() for path in folders} - {path.as_posix() for path in kept})


def administrator(environment: Environment, endpoint: str) -> dict[str, str]:
    """The variables of a command that an administrator of the environment's account runs.

    The emulator keeps accounts apart as AWS does. An access key of twelve digits is the root of that account.
    """
    return {
        "AWS_ACCESS_KEY_ID": environment.account,
        "AWS_SECRET_ACCESS_KEY": "administrator",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def _labels(every: Mapping[str, Workflow]) -> list[str]:
    """Every runner label in use: act skips a job whose label is not mapped, and calls that a success."""
    found = {job["runs-on"] for workflow in every.values() for job in workflow.jobs.values() if "runs-on" in job}
    return sorted(found)
