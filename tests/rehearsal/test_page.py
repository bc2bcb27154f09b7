from __future__ import annotations

import pytest

from rehearsal.page import Page, problem, text_of


@pytest.mark.parametrize(
    ("status", "text", "temperature", "expected"),
    [
        (200, "<h1>London</h1><p>8 °C</p>", 8, ""),
        (200, "<h1>London</h1><p><b>-3</b>&thinsp;&deg;C</p>", -3, ""),
        (200, "<h1>London</h1><p>\u22123 °C</p>", -3, ""),
        (200, "<h1>London</h1><p>18 °C</p>", 8, "the page does not show the 8 °C that the upstream answers"),
        (200, "<h1>Paris</h1><p>8 °C</p>", 8, "the page does not name London"),
        (503, "<h1>London</h1><p>8 °C</p>", 8, "the page answered 503, not 200"),
        (200, "<h1>London</h1>", None, ""),
    ],
)
def test_page_is_compared_with_the_upstream(status: int, text: str, temperature: int | None, expected: str) -> None:
    assert problem(Page(status, text, 1.0), "London", temperature) == expected


def test_text_is_what_a_reader_sees() -> None:
    assert text_of("<p>a &amp;\n <b>b</b></p>") == "a & b"
