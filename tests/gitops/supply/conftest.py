"""A service of two locked requirements, an advisory database on loopback, and a gh that knows what was attested."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.supply import scanners
from tests.gitops.conftest import write
from tests.gitops.deploy.conftest import clone, cloud
from tests.gitops.supply.osv import Osv

__all__ = ["clone", "cloud", "database", "gh", "service"]

LOCK = """\
# made by make lock
alpha==1.0 \\
    --hash=sha256:{0}
    # via -r requirements.in
Beta_Two[extra]==2.1 \\
    --hash=sha256:{0} \\
    --hash=sha256:{0}
""".format("a" * 64)


# It does what the rest rests on: a file's attestation is found by the sha256 of its bytes.
GH = """\
#!{python}
import hashlib, pathlib, sys
here = pathlib.Path(__file__).parent
(here / "words").write_text("\\n".join(sys.argv[1:]))
digest = "sha256:" + hashlib.sha256(pathlib.Path(sys.argv[3]).read_bytes()).hexdigest()
if digest not in (here / "attested").read_text().split():
    sys.exit("Error: no attestations found for subject " + digest)
"""


@pytest.fixture
def service(repository: Path) -> Path:
    """The repository; its service is app."""
    write(repository / "services/app/Dockerfile", "FROM scratch\n")
    write(repository / "services/app/requirements.txt", LOCK)
    return repository


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Iterator[Osv]:
    """It knows of nothing until told."""
    monkeypatch.setenv("NO_PROXY", "*")
    with Osv() as server:
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
        thread.start()
        monkeypatch.setenv(scanners.OSV_VARIABLE, server.url)
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a gh on PATH, with nothing attested yet."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "gh").write_text(GH.format(python=sys.executable))
    (folder / "gh").chmod(0o755)
    (folder / "attested").write_text("")
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder
