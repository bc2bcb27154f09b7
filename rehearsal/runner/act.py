"""Starts nektos/act on the host, offline, and reads its log."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import uv
import yaml

from gitops import Checkout, GitopsError
from rehearsal.runner.events import Event

VERSION = "0.2.89"
INSTALL = f"install Go, then make .tools/act-{VERSION} (go install github.com/nektos/act@v{VERSION})"
# How this machine reaches its Docker engine and its package index, which a build needs as it does on GitHub.
PASSED = ("DOCKER_HOST", "UV_", "PIP_", "SSL_CERT_", "HTTP_PROXY", "HTTPS_PROXY")
SHIMS = Path(__file__).parent / "shims"
# What stands for each action from outside.
ACTIONS = Path(__file__).parent / "actions"


def find(checkout: Checkout) -> Path:
    """The pinned act: what make installed, else the one on PATH; GitopsError when there is none of the version."""
    installed = checkout.root / ".tools" / f"act-{VERSION}"
    if installed.is_file():
        return installed
    on_path = shutil.which("act")
    if on_path is None:
        raise GitopsError("act, which runs workflows, is not installed", fix=INSTALL)
    said = subprocess.run([on_path, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\d+\.\d+\.\d+", said)
    if found is None or found[0] != VERSION:
        raise GitopsError(f"act {found[0] if found else '?'} is on PATH, {VERSION} is needed", fix=INSTALL)
    return Path(on_path)


@dataclass(frozen=True)
class Place:
    """Where one run happens: act's folder of work, the repository it reads, and what each job's steps find."""

    act: Path
    folder: Path
    repository: Path
    variables: Mapping[str, str]


def command(
    place: Place, workflow: str, event: Event, actions: Mapping[str, Path], labels: Sequence[str], api: str
) -> list[str]:
    """The words of one run of a workflow file; ``api`` is where GitHub's API is said to be."""
    nothing = "/dev/null"
    words = [str(place.act), event.name, "-C", str(place.repository), "-W", f".github/workflows/{workflow}.yml"]
    words += ["-e", str(place.folder / "event.json"), "--action-cache-path", str(place.folder / "cache")]
    words += ["--no-cache-server", "--action-offline-mode", "--no-skip-checkout", "--rm", "--json", "--verbose"]
    for option in ("--env-file", "--secret-file", "--var-file", "--input-file"):
        words += [option, nothing]
    for label in labels:
        words += ["-P", f"{label}=-self-hosted"]
    for action, folder in sorted(actions.items()):
        words += ["--local-repository", f"{action}={folder}"]
    words += ["--env", f"GITHUB_REF={event.ref}", "--env", f"GITHUB_API_URL={api}"]
    # Two minutes per deploy would be most of the time of a run.
    words += ["--var", "BAKE_SECONDS=1"]
    return [*words, "-s", f"GITHUB_TOKEN={secrets.token_hex(16)}", "-a", "someone"]


def replacements(uses: Iterable[tuple[str, Mapping[str, str]]], folder: Path = ACTIONS) -> dict[str, Path]:
    """``owner/repository@ref`` to the folder that replaces it, from the workflows' own pins.

    A new pin needs no edit here. Raises GitopsError for an action without a
    replacement, and for an input that the replacement does not honour: to
    ignore it would show a workflow working that does not.
    """
    found: dict[str, Path] = {}
    for action, given in uses:
        name = action.partition("@")[0].rsplit("/", 1)[-1]
        replacement = folder / name
        if not (replacement / "action.yml").is_file():
            raise GitopsError(
                f"nothing stands for the action {action} when workflows run on this machine",
                fix=f"write rehearsal/runner/actions/{name}/action.yml",
            )
        unknown = sorted(set(given) - inputs(replacement))
        if unknown:
            raise GitopsError(
                f"the replacement of {action} does not know the input {', '.join(unknown)}",
                fix=f"honour it in rehearsal/runner/actions/{name}, or check the spelling",
            )
        found[action] = replacement
    return found


def inputs(replacement: Path) -> set[str]:
    """The inputs that a replacement honours."""
    data = yaml.safe_load((replacement / "action.yml").read_bytes())
    return set(data.get("inputs") or {})


def environment(place: Place) -> dict[str, str]:
    """Act's own variables, which every step finds unless its workflow sets another."""
    home, shims = place.folder / "home", place.folder / "bin"
    for made in (home, shims):
        made.mkdir(parents=True, exist_ok=True)
    for shim in SHIMS.iterdir():
        _link(shims / shim.name, shim)
    # The runner's own Python, with nothing installed into it.
    _link(shims / "python3", Path(getattr(sys, "_base_executable", sys.executable)))
    own = Path(sys.prefix).resolve()
    path = [part for part in os.environ.get("PATH", "").split(":") if part and own not in Path(part).resolve().parents]
    return {
        "PATH": ":".join([str(shims), *path]),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        # It asks its maker's site for news otherwise.
        "ACT_DISABLE_VERSION_CHECK": "1",
        "PAGER": "cat",
        "GIT_PAGER": "cat",
        **{name: value for name, value in os.environ.items() if name.upper().startswith(PASSED)},
        "UV_CACHE_DIR": _uv_cache(),
        "NO_PROXY": ",".join(filter(None, ["127.0.0.1,localhost", os.environ.get("NO_PROXY", "")])),
        **place.variables,
    }


def run(words: Sequence[str], variables: Mapping[str, str], on_line: Callable[[str], None], log: Path) -> int:
    """Run act to its end, its log line by line to ``on_line`` and whole into a file; its exit code.

    Ctrl-C reaches act as GitHub's cancel reaches a runner: jobs end, steps with ``if: always()`` still run.
    """
    with (
        log.open("w", encoding="utf-8") as kept,
        subprocess.Popen(
            words,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                kept.write(line)
                on_line(line)
            return process.wait()
        except BaseException:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
            raise


def _uv_cache() -> str:
    """The packages that set this clone up: a job has a home of its own and would fetch them again."""
    done = subprocess.run([uv.find_uv_bin(), "cache", "dir"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _link(path: Path, target: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)
