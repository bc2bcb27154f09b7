"""gunicorn's configuration fits ECS and the balancer, and the real server refuses a wrong environment."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

from starter.config import LONGEST_DRAIN

SERVICE = Path(__file__).resolve().parents[3] / "services" / "Starter"
STOP_TIMEOUT = 30  # seconds from SIGTERM to SIGKILL on ECS
BALANCER_IDLE = 60  # seconds that an Application Load Balancer keeps an idle connection


def test_it_fits_the_balancer_ecs_and_a_read_only_root() -> None:
    configuration = runpy.run_path(str(SERVICE / "gunicorn.conf.py"))
    assert configuration["bind"] == "0.0.0.0:8080"
    assert configuration["keepalive"] > BALANCER_IDLE
    assert LONGEST_DRAIN + configuration["graceful_timeout"] < STOP_TIMEOUT
    assert configuration["worker_tmp_dir"] == "/dev/shm"  # noqa: S108
    assert configuration["control_socket_disable"] is True


def test_a_wrong_environment_ends_it_with_one_last_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "starter:create_app()"],
        cwd=SERVICE,
        env={"PATH": os.environ["PATH"], "GUNICORN_CMD_ARGS": "--bind 127.0.0.1:0", "LOG_LEVEL": "LOUD"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 78
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("starter cannot start: LOG_LEVEL must be")
