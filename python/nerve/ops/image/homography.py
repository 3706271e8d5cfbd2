"""Projective maps from one four-sided figure to another, from sums and products alone, so that recordings hold them."""

from __future__ import annotations

from typing import Any

from nerve.ops.elementwise import cast
from nerve.ops.indexing import unstack
from nerve.ops.shaping import stack
from nerve.tensor import Tensor


def projective(start_points: Any, end_points: Any) -> Tensor:
    """The maps (batch, 8) by which images are sampled so that what is at `start_points` comes to `end_points`.

    Points (batch, 4, 2) are column and row. Computed in float64.
    """
    end, start = (_from_square(points) for points in (end_points, start_points))
    (a, b, c), (d, e, f), (g, h, i) = end
    # To the square from where points come to (the adjugate is the inverse but for a factor), and on to the start.
    inverse = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    product = [
        [sum((row[k] * inverse[k][column] for k in range(1, 3)), row[0] * inverse[0][column]) for column in range(3)]
        for row in start
    ]
    parts = [product[row][column] / product[2][2] for row in range(3) for column in range(3)][:8]
    return stack(parts, axis=1)


def _from_square(points: Any) -> Any:
    """The map that takes the corners of the unit square to four points (batch, 4, 2), row by row of them.

    Heckbert, "Fundamentals of texture mapping and image warping", 1989, section 2.2.3.
    """
    points = cast(points, dtype="float64")
    (x0, y0), (x1, y1), (x3, y3), (x2, y2) = (unstack(p, axis=1) for p in unstack(points, axis=1))
    sum_x, sum_y = x0 - x1 + x2 - x3, y0 - y1 + y2 - y3
    right, down = (x1 - x2, y1 - y2), (x3 - x2, y3 - y2)
    area = right[0] * down[1] - down[0] * right[1]
    g, h = (sum_x * down[1] - down[0] * sum_y) / area, (right[0] * sum_y - sum_x * right[1]) / area
    one = g * 0.0 + 1.0
    return (x1 - x0 + g * x1, x3 - x0 + h * x3, x0), (y1 - y0 + g * y1, y3 - y0 + h * y3, y0), (g, h, one)
