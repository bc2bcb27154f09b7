from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from rehearsal.emulator.happenings import HAPPENINGS
from rehearsal.page import loopback
from tests.rehearsal.emulator.account import Account, eventually, start
from tests.rehearsal.emulator.service import lay


def test_a_taken_port_and_a_state_that_is_a_file_are_one_line(account: Account, tmp_path: Path) -> None:
    file = tmp_path / "state"
    file.write_text("")
    for port, state, told in (
        (account.port, tmp_path, [f"port {account.port}", str(account.process.pid)]),
        (0, file, [f"{file} cannot be written"]),
    ):
        command = [sys.executable, "-m", "rehearsal.emulator", "--port", str(port), "--state", str(state)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        [line] = done.stderr.splitlines()
        assert all(one in line for one in told), line


def test_nothing_listens_beyond_loopback(account: Account) -> None:
    main = psutil.Process(account.process.pid)
    for process in [main, *main.children(recursive=True)]:
        for connection in process.net_connections("inet"):
            if connection.status in (psutil.CONN_LISTEN, psutil.CONN_NONE):
                assert connection.laddr.ip.startswith("127."), connection


@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_an_emulator_that_ends_or_is_killed_leaves_no_process(tmp_path: Path, how: str) -> None:
    emulator = start(tmp_path)
    service = lay(emulator, "ending")
    service.create(service.register("v1"), count=2)
    tasks = psutil.Process(emulator.process.pid).children(recursive=True)
    assert len(tasks) == 2
    getattr(emulator.process, how)()
    code = emulator.process.wait(60)
    assert (code == 0) is (how == "terminate")
    assert eventually(lambda: not [task for task in tasks if task.is_running()])
    if how == "terminate":
        assert emulator.log.read_text().splitlines() == [f"AWS answers on {emulator.url} (processes)"]


def test_without_auth_a_role_without_policies_may_do_everything_and_settings_are_taken(tmp_path: Path) -> None:
    emulator = start(tmp_path, "--no-auth", "--late", "2.5", "--rollback", "9")
    with loopback() as session:
        assert session.get(emulator.url + HAPPENINGS, timeout=30).json() == {"due": [], "late": 2.5, "rollback": 9.0}
    iam = emulator.client("iam")
    role = iam.create_role(RoleName="bare", AssumeRolePolicyDocument='{"Statement": []}')["Role"]["Arn"]
    assert emulator.client("ecs", emulator.assume(role)).list_clusters()["clusterArns"] == []
    assert emulator.stop() == 0
