"""The temperature curve as SVG path data: plain numbers in, plain text out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

WIDTH, HEIGHT = 800, 150
TOP, BOTTOM = 44, 112  # where the highest and the lowest temperature stand


@dataclass(frozen=True)
class Chart:
    """A line through ``points`` and the area under it, in a view box of WIDTH by HEIGHT."""

    points: tuple[tuple[float, float], ...]
    line: str
    area: str
    width: int = WIDTH
    height: int = HEIGHT


def draw(temperatures: list[float]) -> Chart | None:
    """The chart of at least two values, None for fewer."""
    if len(temperatures) < 2:
        return None
    column = WIDTH / len(temperatures)
    low, span = min(temperatures), (max(temperatures) - min(temperatures)) or 1.0
    points = tuple(
        (round(column * (i + 0.5), 1), round(BOTTOM - (BOTTOM - TOP) * (t - low) / span, 1))
        for i, t in enumerate(temperatures)
    )
    line = f"M{points[0][0]} {points[0][1]}"
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = round((x0 + x1) / 2, 1)  # level at each value, so the curve never overshoots one
        line += f" C{middle} {y0} {middle} {y1} {x1} {y1}"
    area = f"{line} L{points[-1][0]} {HEIGHT} L{points[0][0]} {HEIGHT} Z"
    return Chart(points, line, area)
