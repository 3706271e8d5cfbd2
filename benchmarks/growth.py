"""How time grows with the number of samples n, of features d and of clusters or neighbours k, drawn as curves.

``python -m benchmarks.estimators --plot growth.svg`` draws them; the ending of the name says the format.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fits.cluster import kmeans
from benchmarks.fits.fit import Fit
from benchmarks.fits.measure import isolated, missing, timed_and_judged
from benchmarks.fits.neighbors import nearest_neighbors

Shape = tuple[int, int, int]  # n, d, k
COLORS = {"nerve": "#c8102e", "scikit-learn": "#f28e2b", "oneDAL": "#0068b5", "FAISS": "#59a14f"}
AXES = ("samples n", "features d", "k")


def short_kmeans(samples: int, features: int, clusters: int) -> Fit:
    """So few iterations that no side converges before."""
    return kmeans(samples, features, clusters, iterations=3)


@dataclass(frozen=True)
class Growth:
    """One estimator at a shape, of which one number after the other takes these values."""

    title: str
    make: Callable[[int, int, int], Fit]
    shape: Shape
    values: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]

    def shapes(self, axis: int) -> list[Shape]:
        n, d, k = self.shape
        return [[(value, d, k), (n, value, k), (n, d, value)][axis] for value in self.values[axis]]


GROWTHS = (
    Growth(
        "KMeans, 3 iterations", short_kmeans, (40_000, 32, 64),
        ((2500, 10_000, 40_000, 160_000, 640_000), (2, 8, 32, 128, 512), (4, 16, 64, 256, 1024)),
    ),
    Growth(
        "NearestNeighbors, 4k queries", nearest_neighbors, (20_000, 32, 10),
        ((1250, 5000, 20_000, 80_000, 320_000), (2, 8, 32, 128, 512), (1, 4, 16, 64, 256)),
    ),
)  # fmt: skip
Curves = dict[str, list[float]]  # of each library the milliseconds


def point(number: int, shape: Shape, threads: int) -> dict[str, float]:
    """The milliseconds of all sides at one shape."""
    row = GROWTHS[number].make(*shape)
    sides = [side for side in row.sides if not missing(side)]
    return {name: time.median * 1e3 for name, time in timed_and_judged(row, sides, threads, 0.3)[0].items()}


def measured(threads: int) -> list[list[Curves]]:
    """Of every estimator and axis the curves, each point from a process of its own."""
    panels: list[list[Curves]] = []
    for number, growth in enumerate(GROWTHS):
        panels.append([])
        for axis, name in enumerate(AXES):
            points = []
            for shape in growth.shapes(axis):
                points.append(isolated(point, number, shape, threads))
                taken = ", ".join(f"{side} {milliseconds:.3g}" for side, milliseconds in points[-1].items())
                print(f"{growth.title}, {name}, {'x'.join(map(str, shape))}: {taken} ms", flush=True)
            panels[-1].append({side: [each[side] for each in points] for side in points[0]})
    return panels


def draw(panels: list[list[Curves]], path: Path) -> None:
    """A row of panels for each estimator, a panel for each axis, a curve for each library."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.2 * len(panels) + 0.5), layout="constrained")
    grid = figure.subplots(len(panels), len(AXES), squeeze=False, sharey="row")
    for growth, row, curves in zip(GROWTHS, grid, panels, strict=False):
        for axis, panel in enumerate(row):
            for side, milliseconds in curves[axis].items():
                width = 2.2 if side == "nerve" else 1.2
                panel.loglog(
                    growth.values[axis], milliseconds, "o-", color=COLORS[side], lw=width, ms=2 * width, label=side
                )
            fixed = [f"{name[-1]} = {size:,}" for i, (name, size) in enumerate(zip(AXES, growth.shape, strict=True))
                     if i != axis]  # fmt: skip
            panel.set_title(f"{growth.title}\n{', '.join(fixed)}", fontsize=9)
            panel.set_xlabel(AXES[axis])
            panel.set_xticks(growth.values[axis], [f"{value:,}" for value in growth.values[axis]], fontsize=8)
            panel.minorticks_off()
            panel.grid(alpha=0.3)
        row[0].set_ylabel("milliseconds")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(COLORS), frameon=False)
    figure.savefig(path, dpi=150)
