"""The scratch repository that stands for the one on GitHub, and the copy whose workflows act reads."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gitops import Checkout, GitHub, GitopsError, deployed
from gitops.repository import ENVIRONMENTS, TASKDEFS, WORKFLOWS, base, environment_file, overlay
from rehearsal.runner import workflows
from rehearsal.runner.events import NEW

# Apart from the branch, which holds what the clone brought along until the first push.
PUSHED = "refs/rehearsal/pushed"
# Below the subject of the commit it stands on, which is what reports and comments name.
NOTE = "With what the rehearsal has in place of what services ask, and of ECR's scanner."
# The emulator's registry has no scanner, and a build that requires one would rightly fail.
SCAN = "image-scan"


@dataclass(frozen=True)
class Repository:
    """A clone of the clone. Its commits are the clone's own, each with the rehearsal's settings as one more.

    ``leads`` are, by service, the variables that lead it to a stand-in.
    """

    checkout: Checkout
    clone: Checkout
    github: GitHub
    leads: Mapping[str, Mapping[str, str]]

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.checkout.root

    def make(self) -> None:
        """Clone unless that was done."""
        if not (self.folder / ".git").is_dir():
            words = ["git", "clone", "--quiet", "--no-hardlinks", str(self.clone.root), str(self.folder)]
            subprocess.run(words, check=True, capture_output=True)
            # GitHub serves every commit to who asks for it by its id.
            self.checkout.git("config", "uploadpack.allowAnySHA1InWant", "true")

    def push(self, revision: str, *, anew: bool = False) -> tuple[str, str]:
        """Bring a commit of the clone to the branch; the branch's commit before and after.

        The branch goes on from what was pushed before, so that git knows which is the newer one. The same
        commit again moves nothing, unless ``anew``; before is zeros then, and before the first push.
        """
        sha, before = self.clone.commit(revision), self._now()
        if before != NEW and not anew and self.checkout.git("rev-list", "--parents", "-1", before).split()[-1] == sha:
            return NEW, before
        after = self.with_settings(sha, [] if before == NEW else [before])
        for reference in (f"refs/heads/{self.github.branch}", PUSHED):
            self.checkout.git("update-ref", reference, after)
        return before, after

    def with_settings(self, revision: str, after: Sequence[str] = ()) -> str:
        """A commit of the clone with the rehearsal's settings on top, and after others where they are named."""
        sha = self.clone.commit(revision)
        self.checkout.git("fetch", "--quiet", str(self.clone.root), sha)
        self.checkout.git("checkout", "--quiet", "--force", "--detach", sha)
        changed = without_scan(self.checkout) | settings(self.checkout, self.leads)
        for path, text in changed.items():
            (self.folder / path).write_text(text, encoding="utf-8")
        gitops(self.checkout, ["render"])
        self.checkout.git("add", TASKDEFS.as_posix(), ENVIRONMENTS.as_posix())
        tree = self.checkout.git("write-tree").strip()
        made = self._commit(sha, tree, f"{self.checkout.subject(sha)}\n\n{NOTE}", [*after, sha])
        self.checkout.git("checkout", "--quiet", "--force", "--detach", made)
        return made

    def merged(self, base: str, head: str) -> str:
        """The commit that merges ``head``, made on top of ``base``, as GitHub runs a pull request's checks on it."""
        tree = self.checkout.git("rev-parse", f"{head}^{{tree}}").strip()
        sha = self._commit(head, tree, "Merge the pull request", [base, head])
        self.checkout.git("update-ref", "refs/heads/pull-request", sha)
        return sha

    def for_act(self, copy: Checkout, sha: str, token_url: str | None, token: str) -> None:
        """A copy at one commit whose workflows act can read; the jobs themselves check out the repository."""
        shutil.rmtree(copy.root, ignore_errors=True)
        words = ["git", "clone", "--quiet", "--shared", str(self.folder), str(copy.root)]
        subprocess.run(words, check=True, capture_output=True)
        copy.git("checkout", "--quiet", "-B", self.github.branch, sha)
        # act reads the repository's name from here.
        copy.git("remote", "set-url", "origin", f"https://github.com/{self.github.owner}/{self.github.repository}.git")
        every = workflows.read(copy)
        workflows.require_granted(every)
        for workflow in every.values():
            path = copy.root / WORKFLOWS / f"{workflow.name}.yml"
            path.write_text(workflows.rewritten(workflow, token_url, token), encoding="utf-8")

    def _now(self) -> str:
        try:
            return self.checkout.commit(PUSHED)
        except GitopsError:
            return NEW

    def _commit(self, dated: str, tree: str, message: str, parents: Sequence[str]) -> str:
        """A commit dated like another one, so that the same content has the same id again."""
        when = self.checkout.git("log", "-1", "--format=%cI", dated).strip()
        who = {"NAME": "rehearsal", "EMAIL": "rehearsal@localhost", "DATE": when}
        variables = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in who.items()}
        words = ["git", "-C", str(self.folder), "commit-tree", tree, "-m", message]
        words += [word for parent in parents for word in ("-p", parent)]
        done = subprocess.run(words, env=os.environ | variables, capture_output=True, text=True, check=True)
        return done.stdout.strip()


def without_scan(checkout: Checkout) -> dict[str, str]:
    """The files of deployed environments that require an image's scan, without that."""
    changed = {}
    for name, environment in deployed(checkout).items():
        if SCAN in environment.requires:
            path = environment_file(name)
            kept = [one for one in environment.requires if one != SCAN]
            text = (checkout.root / path).read_text(encoding="utf-8")
            changed[path.as_posix()] = re.sub(r"(?m)^requires: \[.*\]$", f"requires: [{', '.join(kept)}]", text)
    return changed


def settings(checkout: Checkout, leads: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The overlays of deployed environments, with variables that lead services to their stand-ins.

    Only of containers whose base has such a variable, and under its name.
    """
    changed = {}
    for name, environment in deployed(checkout).items():
        for service in leads.keys() & environment.services.keys():
            path = overlay(service, name)
            changes = json.loads((checkout.root / path).read_text())
            for container in json.loads((checkout.root / base(service)).read_text())["containerDefinitions"]:
                known = {one: leads[service][one] for one in leads[service] if _variables(container).get(one)}
                if known:
                    _set(changes, container["name"], known)
                    changed[path.as_posix()] = json.dumps(changes, indent=2) + "\n"
    return changed


def _set(overlay: dict[str, Any], container: str, variables: Mapping[str, str]) -> None:
    containers = overlay.setdefault("containerDefinitions", [])
    own = next((one for one in containers if one["name"] == container), None)
    if own is None:
        own = {"name": container}
        containers.append(own)
    kept = [one for one in own.get("environment", []) if one["name"] not in variables]
    own["environment"] = [*kept, *({"name": name, "value": value} for name, value in variables.items())]


def _variables(container: Mapping[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "") for entry in container.get("environment", [])}


def gitops(checkout: Checkout, words: Sequence[str], variables: Mapping[str, str] = MappingProxyType({})) -> None:
    """Run a verb in a clone, with its own code; GitopsError with the verb's own words when it fails."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GITHUB_"))}
    command, given = [sys.executable, "-m", "gitops", *words], inherited | dict(variables)
    done = subprocess.run(command, cwd=checkout.root, env=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise GitopsError(f"gitops {' '.join(words)}: {done.stderr.strip()}", exit_code=done.returncode)
