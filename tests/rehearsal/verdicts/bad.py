"""Bad commits, one of each kind: what is changed in the service to make it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.rehearsal.ship.clone import HERE, SERVICE, a_secret

# What gunicorn reads at its start, in every service here.
SETTINGS = Path("services") / SERVICE / "gunicorn.conf.py"
HEALTH = HERE.services[SERVICE].get("HealthCheckPath", "/health")
# In the clone, whose files a task that runs as a process sees.
COME = Path(".rehearsal/come")


@dataclass(frozen=True)
class Bad:
    """A change that breaks the service, and what the report's first line says about it."""

    subject: str
    change: Callable[[Path], None]
    cause: str
    words: tuple[str, ...] = ()
    # Once the deploy says this, a file is made by which the service knows that its time has come.
    at: str = ""

    def watch(self, root: Path) -> Callable[[str], None]:
        """What to tell each line of the deploy."""

        def told(line: str) -> None:
            if self.at and self.at in line:
                (root / COME).touch()

        return told


def _append(text: str) -> Callable[[Path], None]:
    """Put statements at the end of what gunicorn reads."""

    def change(root: Path) -> None:
        path = root / SETTINGS
        path.write_text(path.read_text() + text.replace("COME_FILE", repr(str(root / COME))))

    return change


def _health(condition: str, answer: str) -> Callable[[Path], None]:
    """Answer the health check with 503 while a condition holds, whatever the application says."""
    return _append(f'''
import time as _time
from pathlib import Path as _Path

_BEGUN, _COME, _OWN = _time.time(), _Path(COME_FILE), globals().get("post_worker_init", lambda worker: None)


def post_worker_init(worker):
    _OWN(worker)
    serve = worker.wsgi

    def answer(environ, start_response):
        if environ["PATH_INFO"] == {HEALTH!r} and ({condition}):
            start_response("503 Service Unavailable", [("Content-Length", "{len(answer)}")])
            return [b"{answer}"]
        return serve(environ, start_response)

    worker.wsgi = answer
''')


EXITS_AT_START = Bad(
    "Forget the barometer",
    _append(f"\nimport os\n\nraise SystemExit(f\"no barometer for token={{os.environ['{a_secret()}']}}\")\n"),
    f"{SERVICE} exited with code 1 in ",
)
NEVER_HEALTHY = Bad(
    "Answer the health check with the weather",
    _health("True", "rain"),
    f"{SERVICE} never became healthy in ",
)
UNHEALTHY_LATER = Bad(
    "Wear out",
    # What replaces it is new, and lasts.
    _health("_COME.exists() and _COME.stat().st_mtime > _BEGUN", "worn out"),
    f"{SERVICE} became unhealthy in ",
    ("--bake", "300"),
    at="complete; watched for",
)
CRASHES_LATER = Bad(
    "Lose the thread",
    # Every task from then on, three seconds after its start: RUNNING at one look, gone at the next.
    _append("""
import os as _os
import threading as _threading
import time as _time


def _crash():
    _time.sleep(3)
    while not _os.path.exists(COME_FILE):
        _time.sleep(0.2)
    _os._exit(3)


_threading.Thread(target=_crash, daemon=True).start()
"""),
    f"{SERVICE} exited with code 3 in ",
)
OUT_OF_MEMORY = Bad(
    "Load the whole atlas",
    # More than the task's limit, and every page of it touched.
    _append("\n_ATLAS = [b'x' * (1 << 20) for _ in range(600)]\n"),
    f"{SERVICE} ran out of memory (exit code 137) in ",
)
