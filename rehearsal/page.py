"""The proof at the end: the page, through the load balancer, says what the upstream says."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from gitops.errors import GitopsError

CITY = "London"


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


def fetch(url: str, port: int) -> Page:
    """GET the load balancer's page by its name.

    Not every resolver knows that ``*.localhost`` is this machine (RFC 6761), so
    the connection goes to 127.0.0.1 and the name travels in the Host header.
    Raises GitopsError when nothing answers.
    """
    name = urlsplit(url).hostname or ""
    try:
        with loopback() as session:
            answer = session.get(
                f"http://127.0.0.1:{port}/?city={CITY}", headers={"Host": f"{name}:{port}"}, timeout=15
            )
    except requests.RequestException as error:
        raise GitopsError(f"{url} does not answer: {type(error).__name__}", fix="read .rehearsal/logs") from None
    return Page(answer.status_code, answer.text, answer.elapsed.total_seconds() * 1000)


def expected(upstream: str, key: str) -> tuple[str, int]:
    """The city and the rounded temperature in °C that the upstream itself answers.

    Raises GitopsError when the upstream does not answer as documented.
    """
    try:
        with loopback() as session:
            place = _ask(session, f"{upstream}/geo/1.0/direct", q=CITY, limit="1", appid=key)[0]
            here = {"lat": str(place["lat"]), "lon": str(place["lon"])}
            weather = _ask(session, f"{upstream}/data/2.5/weather", **here, units="metric", appid=key)
        return place["name"], round(weather["main"]["temp"])
    except (requests.RequestException, LookupError, TypeError) as error:
        raise GitopsError(
            f"the stand-in for OpenWeatherMap does not answer as documented: {type(error).__name__}",
            fix="python -m rehearsal.openweathermap --tell normal, or make stop and make rehearse",
        ) from None


def _ask(session: requests.Session, url: str, **words: str) -> Any:  # noqa: ANN401 (JSON)
    answer = session.get(url, params=words, timeout=5)
    answer.raise_for_status()
    return answer.json()


def text_of(page: str) -> str:
    """The words a reader sees: markup away, white space folded."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def problem(page: Page, city: str, temperature: int | None) -> str:
    """What is wrong with the page in one line, or nothing; without a temperature (real upstream) the city counts."""
    if page.status != 200:
        return f"the page answered {page.status}, not 200"
    text = text_of(page.text)
    if city not in text:
        return f"the page does not name {city}"
    if temperature is not None and not re.search(rf"(?<!\d){temperature} ?°", text.replace("\u2212", "-")):
        return f"the page does not show the {temperature} °C that the upstream answers"
    return ""
