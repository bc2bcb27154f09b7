"""The curve stands where the numbers are."""

from __future__ import annotations

import pytest
from weather import chart


@pytest.mark.parametrize("values", [[], [3.0]])
def test_too_few_values_are_no_chart(values: list[float]) -> None:
    assert chart.draw(values) is None


def test_higher_is_warmer_and_within_the_box() -> None:
    drawn = chart.draw([2.0, -4.0, 8.0])
    assert drawn is not None
    heights = [y for _, y in drawn.points]
    assert heights == [78.0, float(chart.BOTTOM), float(chart.TOP)]
    assert [x for x, _ in drawn.points] == [133.3, 400.0, 666.7]
    assert drawn.area.startswith(drawn.line)


def test_equal_values_are_a_level_line() -> None:
    drawn = chart.draw([5.0, 5.0])
    assert drawn is not None
    assert {y for _, y in drawn.points} == {float(chart.BOTTOM)}
