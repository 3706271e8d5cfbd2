"""The swiss roll, unrolled by each method of locally linear embedding.

    python examples/swiss_roll.py [swiss_roll.png]

Needs matplotlib.
"""

from __future__ import annotations

import sys
from time import perf_counter

import matplotlib
import matplotlib.pyplot as plt
from sklearn.datasets import make_swiss_roll

from nerve.manifold import LocallyLinearEmbedding


def main(path: str) -> None:
    points, along = make_swiss_roll(2000, random_state=0)
    figure = plt.figure(figsize=(15, 3.4), layout="constrained")
    axes = figure.add_subplot(1, 5, 1, projection="3d")
    axes.scatter(*points.T, c=along, s=4, cmap="viridis")
    axes.view_init(elev=8, azim=-72)
    axes.set_title(f"{len(points)} points, 12 neighbours")
    for place, method in enumerate(("standard", "modified", "hessian", "ltsa"), start=2):
        start = perf_counter()
        embedding = LocallyLinearEmbedding(n_neighbors=12, method=method, random_state=0).fit_transform(points)
        axes = figure.add_subplot(1, 5, place)
        axes.scatter(*embedding.T, c=along, s=4, cmap="viridis")
        axes.set(title=f"{method}, {perf_counter() - start:.2f} s", xticks=[], yticks=[])
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    matplotlib.use("agg")
    main(sys.argv[1] if len(sys.argv) > 1 else "swiss_roll.png")
