"""Bad commits, one of each kind: what is changed in the service to make it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path("services/weather/weather")
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


def _append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def _health(answer: str) -> Callable[[Path], None]:
    """Put statements before /health's own answer."""

    def change(root: Path) -> None:
        views = root / PACKAGE / "views.py"
        text = views.read_text()
        own = "def health() -> Response:\n"
        assert own in text
        come = f"import time\nfrom pathlib import Path\n\n_BEGUN = time.time()\n_COME = Path({str(root / COME)!r})\n"
        views.write_text(
            text.replace(own, f"{own}{answer}", 1).replace("from flask import", f"{come}from flask import", 1)
        )

    return change


EXITS_AT_START = Bad(
    "Forget the barometer",
    lambda root: _append(
        root / PACKAGE / "__init__.py",
        "\nraise SystemExit(f\"no barometer for appid={os.environ['OPENWEATHER_API_KEY']}\")\n",
    ),
    "weather exited with code 1 in ",
)
NEVER_HEALTHY = Bad(
    "Answer /health with the weather",
    _health('    return Response("rain", 503)\n'),
    "weather never became healthy in ",
)
UNHEALTHY_LATER = Bad(
    "Wear out",
    # What replaces it is new, and lasts.
    _health('    if _COME.exists() and _COME.stat().st_mtime > _BEGUN:\n        return Response("worn out", 503)\n'),
    "weather became unhealthy in ",
    ("--bake", "300"),
    at="complete; watched for",
)
OUT_OF_MEMORY = Bad(
    "Load the whole atlas",
    # As much as the task's limit, and every page of it touched.
    lambda root: _append(
        root / "services/weather/gunicorn.conf.py", "\n_ATLAS = [b'x' * (1 << 20) for _ in range(600)]\n"
    ),
    "weather ran out of memory (exit code 137) in ",
)
