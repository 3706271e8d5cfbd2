"""Estimating the number of clusters, beside scikit-learn's metrics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sklearn.cluster
from sklearn.datasets import make_blobs
from sklearn.metrics import silhouette_score

from nerve.cluster import AgglomerativeClustering, KMeans, estimate_n_clusters


def blobs(dtype: str = "float64") -> np.ndarray:
    return make_blobs(300, centers=4, cluster_std=0.8, random_state=3)[0].astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_curves_are_scikit_learns(dtype: str) -> None:
    x = blobs(dtype)
    found = estimate_n_clusters(x, [5, 1, 4, 2, 3, 3], estimator=KMeans(n_init=3, random_state=1))
    assert found.best == 4
    assert found.n_clusters.tolist() == [1, 2, 3, 4, 5]
    assert np.isnan(found.silhouette[0])
    for k, inertia, silhouette in zip(found.n_clusters, found.inertia, found.silhouette, strict=True):
        fitted = sklearn.cluster.KMeans(k, n_init=3, random_state=1).fit(x)
        assert inertia == pytest.approx(fitted.inertia_, rel=1e-4)
        if k > 1:
            assert silhouette == pytest.approx(silhouette_score(x, fitted.labels_), rel=1e-4)


def test_other_estimators_and_samples_of_samples() -> None:
    x = blobs()
    for estimator in (AgglomerativeClustering(), sklearn.cluster.SpectralClustering(random_state=0)):
        assert estimate_n_clusters(x, range(2, 7), estimator=estimator, sample_size=100, random_state=0).best == 4
    first, again = (estimate_n_clusters(x, random_state=5, sample_size=50) for _ in range(2))
    np.testing.assert_array_equal(first.silhouette, again.silhouette)
    np.testing.assert_array_equal(first.inertia, again.inertia)
    manhattan = estimate_n_clusters(x, [4], metric="manhattan", estimator=AgglomerativeClustering())
    labels = AgglomerativeClustering(4).fit_predict(x)
    assert manhattan.silhouette[0] == pytest.approx(silhouette_score(x, labels, metric="manhattan"))


def test_plot(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    found = estimate_n_clusters(blobs(), range(1, 9), random_state=0)
    figure = found.plot()
    figure.savefig(tmp_path / "clusters.png")
    assert (tmp_path / "clusters.png").read_bytes()[:4] == b"\x89PNG"
    above, below = figure.axes
    assert "4 clusters" in above.get_title()
    np.testing.assert_array_equal(above.lines[0].get_ydata(), found.silhouette)
    np.testing.assert_array_equal(below.lines[0].get_ydata(), found.inertia)


@pytest.mark.parametrize(
    ("numbers", "size", "match"),
    [
        ([], None, r"from 1 to the 300 samples, got \[\]"),
        ([0, 2], None, r"got \[0, 2\]"),
        ([301], None, r"got \[301\]"),
        ([1, 300], None, "at least 2 clusters and fewer than samples"),
        ([2], 1, "sample_size expects 2 to the 300 samples, got 1"),
        ([2], 301, "got 301"),
    ],
)
def test_errors(numbers: list[int], size: int | None, match: str) -> None:
    with pytest.raises(ValueError, match=rf"^\[estimate_n_clusters\] .*{match}"):
        estimate_n_clusters(blobs(), numbers, sample_size=size, estimator=AgglomerativeClustering())
