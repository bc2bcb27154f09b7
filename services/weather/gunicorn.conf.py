"""gunicorn behind an Application Load Balancer on Fargate. GUNICORN_CMD_ARGS overrides any of it."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter
    from gunicorn.workers.base import Worker

bind = "0.0.0.0:8080"
# One process shares what it holds, and so asks an upstream once; waiting is what threads are good at.
workers = 1
worker_class = "gthread"
threads = 8
# The balancer keeps idle connections for 60 s: closing one first is a 502 for whoever uses it next.
keepalive = 75
# Drain (DRAIN_SECONDS, 5) and this end before ECS kills at 30 s.
graceful_timeout = 20
# The root file system is read-only, and a heartbeat on a slow disk looks like a hung worker.
worker_tmp_dir = "/dev/shm"  # noqa: S108
control_socket_disable = True
# The service writes its own JSON line per request; this one as well would cost a good quarter of a request.
accesslog = None

EX_CONFIG = 78  # sysexits.h
# The usual answer takes 0.2 s. An upstream that hangs must not keep a task from starting.
WARM_SECONDS = 3.0


def on_starting(server: Arbiter) -> None:
    """Refuse to start with a wrong configuration: one line, the last of the log, and exit code 78."""
    from weather.config import ConfigurationError, load

    try:
        load(os.environ)
    except ConfigurationError as error:
        print(f"weather cannot start: {error}", file=sys.stderr, flush=True)
        sys.exit(EX_CONFIG)


def when_ready(server: Arbiter) -> None:
    """Delay SIGTERM: the balancer still sends requests for some seconds after ECS has sent it."""
    from weather.config import load

    seconds = load(os.environ).drain_seconds

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.signal(signal.SIGTERM, None)

    def drain(_number: int, _frame: FrameType | None) -> None:
        # A second SIGTERM is somebody who does not want to wait. Logging may not be entered twice: plain write.
        os.write(2, b"SIGTERM: serving on for %.1f s while the balancer still routes here\n" % seconds)
        signal.signal(signal.SIGTERM, stop)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    if seconds:
        signal.signal(signal.SIGALRM, stop)
        signal.signal(signal.SIGTERM, drain)


def post_worker_init(worker: Worker) -> None:
    """Let the application fetch what every visitor needs, where it has such a thing, before the first request.

    A task that answers /health has its share of all requests at once: with a cold cache, all of them but the
    few that may wait would be told to come back.
    """
    if warm := worker.wsgi.extensions.get("warm"):
        warm(WARM_SECONDS)
