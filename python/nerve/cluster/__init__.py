"""Clustering with scikit-learn's names, arguments and results, on kernels of its own."""

from nerve.cluster.agglomerative import AgglomerativeClustering
from nerve.cluster.divisive import DivisiveClustering

__all__ = ["AgglomerativeClustering", "DivisiveClustering"]
