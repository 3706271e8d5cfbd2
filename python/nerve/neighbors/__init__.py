"""Nearest neighbors under scikit-learn's names: searches, classifiers and regressors on the distance kernels."""

from nerve.neighbors.classification import KNeighborsClassifier, RadiusNeighborsClassifier
from nerve.neighbors.graph import kneighbors_graph, radius_neighbors_graph
from nerve.neighbors.nearest import NearestNeighbors
from nerve.neighbors.regression import KNeighborsRegressor, RadiusNeighborsRegressor

__all__ = [
    "KNeighborsClassifier",
    "KNeighborsRegressor",
    "NearestNeighbors",
    "RadiusNeighborsClassifier",
    "RadiusNeighborsRegressor",
    "kneighbors_graph",
    "radius_neighbors_graph",
]
