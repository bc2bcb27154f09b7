"""One HTTP connection to a load balancer, kept open between requests as a browser keeps it."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from gitops.drills.tally import UNANSWERED, status_problem
from gitops.errors import GitopsError

# Below the 60 s after which a load balancer closes an idle connection: a request must not meet the close.
MOST_IDLE = 15.0


@dataclass(frozen=True)
class Place:
    """Where requests go: an address and port, the name that is asked for, and TLS or none."""

    address: str
    port: int
    name: str
    tls: ssl.SSLContext | None = None

    @property
    def host(self) -> str:
        """The Host header."""
        usual = 443 if self.tls else 80
        return self.name if self.port == usual else f"{self.name}:{self.port}"


def place(url: str, name: str = "") -> Place:
    """The environment's own load balancer.

    ``name`` is the name to ask for where its certificate is for another than the
    load balancer's. Not every resolver knows that ``*.localhost`` is this
    machine (RFC 6761), so such a name goes to 127.0.0.1.
    """
    parts = urlsplit(url)
    if parts.hostname is None:
        raise GitopsError("the environment has no load balancer yet", fix="gitops apply")
    here = parts.hostname == "localhost" or parts.hostname.endswith(".localhost")
    tls = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or (443 if tls else 80)
    return Place("127.0.0.1" if here else parts.hostname, port, name or parts.hostname, tls)


class Connection:
    """A connection that is opened when it is first used."""

    def __init__(self, to: Place) -> None:
        self._http = http.client.HTTPConnection(to.address, to.port, timeout=UNANSWERED)
        self._to = to
        self._used = time.monotonic()

    def get(self, path: str) -> str:
        """Ask for a path and read the answer to its end; what was wrong with it, or nothing."""
        try:
            if self._http.sock is None:
                self._open()
            self._http.request("GET", path, headers={"Host": self._to.host, "User-Agent": "fairweather-drill"})
            answer = self._http.getresponse()
            answer.read()
        except TimeoutError:
            self.close()
            return f"no answer in {UNANSWERED:g} s"
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return type(error).__name__
        self._used = time.monotonic()
        return status_problem(answer.status)

    @property
    def is_usable(self) -> bool:
        """Whether it is open and was used not long ago."""
        return self._http.sock is not None and time.monotonic() - self._used < MOST_IDLE

    def close(self) -> None:
        """Close it; it can be opened again."""
        self._http.close()

    def _open(self) -> None:
        connected = socket.create_connection((self._to.address, self._to.port), timeout=UNANSWERED)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # http.client would take the address for the certificate's name.
        self._http.sock = (
            self._to.tls.wrap_socket(connected, server_hostname=self._to.name) if self._to.tls else connected
        )
