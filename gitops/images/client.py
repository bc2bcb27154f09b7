"""A client of the registry's own protocol, signed in."""

from __future__ import annotations

from oras.provider import Registry
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from gitops.images.registry import Login, Repository

# About ten seconds in all; blobs go by digest, so a second time does no harm.
_RETRY = Retry(total=4, backoff_factor=0.7, status_forcelist=(429, 500, 502, 503, 504), allowed_methods=None)


class Client(Registry):  # type: ignore[misc]
    """oras's own retry takes two silent minutes, also for what no retry helps: urllib3's is used instead."""

    do_request = Registry.do_request.__wrapped__


def connect(repository: Repository, login: Login) -> Client:
    """A client of the repository's registry; nothing is asked of it yet."""
    client = Client(repository.host, insecure=repository.is_loopback, auth_backend="basic")
    for scheme in ("http://", "https://"):
        client.session.mount(scheme, HTTPAdapter(max_retries=_RETRY))
    # A proxy of the user's cannot reach a registry on this machine.
    client.session.trust_env = not repository.is_loopback
    client.auth.set_basic_auth(login.username, login.password)
    return client
