"""The proof at the end: a service's page, through the load balancer, shows what it has to."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import requests

from gitops.errors import GitopsError

_MOST_REDIRECTS = 5


@dataclass(frozen=True)
class Page:
    """What came back through the load balancer."""

    status: int
    text: str
    milliseconds: float


def loopback() -> requests.Session:
    """A session that ignores proxies: everything asked here is on this machine."""
    session = requests.Session()
    session.trust_env = False
    return session


def fetch(url: str, port: int, path: str = "/") -> Page:
    """GET a path of the load balancer by its name.

    Not every resolver knows that ``*.localhost`` is this machine (RFC 6761), so
    the connection goes to 127.0.0.1 and the name travels in the Host header. A
    redirect to another of its paths is followed.
    Raises GitopsError when nothing answers.
    """
    name = urlsplit(url).hostname or ""
    here = f"http://127.0.0.1:{port}"
    try:
        with loopback() as session:
            for _ in range(_MOST_REDIRECTS):
                headers = {"Host": f"{name}:{port}"}
                answer = session.get(f"{here}{path}", headers=headers, timeout=15, allow_redirects=False)
                to = urlsplit(urljoin(f"http://{name}:{port}{path}", answer.headers.get("Location", "")))
                if not answer.is_redirect or to.hostname != name:
                    break
                path = to._replace(scheme="", netloc="", fragment="").geturl()
    except requests.RequestException as error:
        raise GitopsError(f"{url} does not answer: {type(error).__name__}", fix="read .rehearsal/logs") from None
    return Page(answer.status_code, answer.text, answer.elapsed.total_seconds() * 1000)


def text_of(page: str) -> str:
    """The words a reader sees: markup away, white space folded."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def problem(page: Page, shows: Iterable[str]) -> str:
    """What is wrong with the page in one line, or nothing; a number that it shows does not begin within another."""
    if page.status != 200:
        return f"the page answered {page.status}, not 200"
    text = text_of(page.text)
    return next(
        (f"the page does not show {one}" for one in shows if not re.search(rf"(?<!\w){re.escape(one)}", text)), ""
    )
