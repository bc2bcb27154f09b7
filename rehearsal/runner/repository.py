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
from typing import Any

from gitops import environments, git
from gitops.environments import GitHub
from gitops.errors import GitopsError
from rehearsal.runner import workflows
from rehearsal.runner.events import NEW

# Apart from the branch, which holds what the clone brought along until the first push.
PUSHED = "refs/rehearsal/pushed"
UPSTREAM = "OPENWEATHER_URL"
# Below the subject of the commit it stands on, which is what reports and comments name.
NOTE = "With what the rehearsal has in place of OpenWeatherMap and of ECR's scanner."
# The emulator's registry has no scanner, and a build that requires one would rightly fail.
SCAN = "image-scan"


@dataclass(frozen=True)
class Repository:
    """A clone of the clone. Its commits are the clone's own, each with the rehearsal's settings as one more."""

    folder: Path
    clone: Path
    github: GitHub
    upstream: str | None

    def make(self) -> None:
        """Clone unless that was done."""
        if not (self.folder / ".git").is_dir():
            subprocess.run(
                ["git", "clone", "--quiet", "--no-hardlinks", str(self.clone), str(self.folder)],
                check=True,
                capture_output=True,
            )
            # GitHub serves every commit to who asks for it by its id.
            git.run(self.folder, "config", "uploadpack.allowAnySHA1InWant", "true")

    def push(self, revision: str, *, anew: bool = False) -> tuple[str, str]:
        """Bring a commit of the clone to the branch; the branch's commit before and after.

        The branch goes on from what was pushed before, so that git knows which is the newer one. The same
        commit again moves nothing, unless ``anew``; before is zeros then, and before the first push.
        """
        sha, before = git.commit(self.clone, revision), self._now()
        if (
            before != NEW
            and not anew
            and git.run(self.folder, "rev-list", "--parents", "-1", before).split()[-1] == sha
        ):
            return NEW, before
        after = self.with_settings(sha, [] if before == NEW else [before])
        for reference in (f"refs/heads/{self.github.branch}", PUSHED):
            git.run(self.folder, "update-ref", reference, after)
        return before, after

    def with_settings(self, revision: str, after: Sequence[str] = ()) -> str:
        """A commit of the clone with the rehearsal's settings on top, and after others where they are named."""
        sha = git.commit(self.clone, revision)
        git.run(self.folder, "fetch", "--quiet", str(self.clone), sha)
        git.run(self.folder, "checkout", "--quiet", "--force", "--detach", sha)
        changed = without_scan(self.folder) | (settings(self.folder, self.upstream) if self.upstream else {})
        for path, text in changed.items():
            (self.folder / path).write_text(text, encoding="utf-8")
        _render(self.folder)
        git.run(self.folder, "add", "taskdefs", "infra/environments")
        tree = git.run(self.folder, "write-tree").strip()
        made = self._commit(sha, tree, f"{git.subject(self.folder, sha)}\n\n{NOTE}", [*after, sha])
        git.run(self.folder, "checkout", "--quiet", "--force", "--detach", made)
        return made

    def merged(self, base: str, head: str) -> str:
        """The commit that merges ``head``, made on top of ``base``, as GitHub runs a pull request's checks on it."""
        tree = git.run(self.folder, "rev-parse", f"{head}^{{tree}}").strip()
        sha = self._commit(head, tree, "Merge the pull request", [base, head])
        git.run(self.folder, "update-ref", "refs/heads/pull-request", sha)
        return sha

    def for_act(self, folder: Path, sha: str, token_url: str | None, token: str) -> None:
        """A copy at one commit whose workflows act can read; the jobs themselves check out the repository."""
        shutil.rmtree(folder, ignore_errors=True)
        words = ["git", "clone", "--quiet", "--shared", str(self.folder), str(folder)]
        subprocess.run(words, check=True, capture_output=True)
        git.run(folder, "checkout", "--quiet", "-B", self.github.branch, sha)
        # act reads the repository's name from here.
        address = f"https://github.com/{self.github.owner}/{self.github.repository}.git"
        git.run(folder, "remote", "set-url", "origin", address)
        every = workflows.read(folder)
        workflows.require_granted(every)
        for workflow in every.values():
            path = folder / workflows.FOLDER / f"{workflow.name}.yml"
            path.write_text(workflows.rewritten(workflow, token_url, token), encoding="utf-8")

    def _now(self) -> str:
        try:
            return git.commit(self.folder, PUSHED)
        except GitopsError:
            return NEW

    def _commit(self, dated: str, tree: str, message: str, parents: Sequence[str]) -> str:
        """A commit dated like another one, so that the same content has the same id again."""
        when = git.run(self.folder, "log", "-1", "--format=%cI", dated).strip()
        who = {"NAME": "rehearsal", "EMAIL": "rehearsal@localhost", "DATE": when}
        variables = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in who.items()}
        words = ["git", "-C", str(self.folder), "commit-tree", tree, "-m", message]
        words += [word for parent in parents for word in ("-p", parent)]
        done = subprocess.run(words, env=os.environ | variables, capture_output=True, text=True, check=True)
        return done.stdout.strip()


def without_scan(root: Path) -> dict[str, str]:
    """The files of deployed environments that require an image's scan, without that."""
    changed = {}
    for name, environment in environments.load_all(root).items():
        if environment.aws_config_file is None and SCAN in environment.requires:
            path = environments.FOLDER / f"{name}.yaml"
            kept = [one for one in environment.requires if one != SCAN]
            text = (root / path).read_text(encoding="utf-8")
            changed[path.as_posix()] = re.sub(r"(?m)^requires: \[.*\]$", f"requires: [{', '.join(kept)}]", text)
    return changed


def settings(root: Path, upstream: str) -> dict[str, str]:
    """The overlays of deployed environments, with OpenWeatherMap's address set to the stand-in's.

    Only of services whose base has that variable, and under its name.
    """
    changed = {}
    for name, environment in environments.load_all(root).items():
        if environment.aws_config_file is not None:
            continue
        for service in environment.services:
            folder = Path("taskdefs") / service
            base = json.loads((root / folder / "base.json").read_text())
            path = folder / f"{name}.json"
            overlay = json.loads((root / path).read_text())
            with_variable = [c["name"] for c in base["containerDefinitions"] if _variables(c).get(UPSTREAM)]
            if with_variable and _containers(overlay, with_variable, upstream):
                changed[path.as_posix()] = json.dumps(overlay, indent=2) + "\n"
    return changed


def _containers(overlay: dict[str, Any], names: list[str], upstream: str) -> bool:
    containers = overlay.setdefault("containerDefinitions", [])
    for name in names:
        own = next((c for c in containers if c["name"] == name), None)
        if own is None:
            own = {"name": name}
            containers.append(own)
        variables = [v for v in own.get("environment", []) if v["name"] != UPSTREAM]
        own["environment"] = [*variables, {"name": UPSTREAM, "value": upstream}]
    return bool(names)


def _variables(container: Mapping[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "") for entry in container.get("environment", [])}


def _render(root: Path) -> None:
    words = [sys.executable, "-m", "gitops", "render"]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise GitopsError(f"the rehearsal's settings do not render: {done.stderr.strip()}")
