"""Clustering with scikit-learn's names, arguments and results, on kernels of its own."""

from nerve.cluster.agglomerative import AgglomerativeClustering
from nerve.cluster.dbscan import DBSCAN
from nerve.cluster.divisive import DivisiveClustering
from nerve.cluster.fuzzy_c_means import FuzzyCMeans
from nerve.cluster.kmeans import KMeans
from nerve.cluster.mini_batch_kmeans import MiniBatchKMeans
from nerve.cluster.n_clusters import ClusterCounts, estimate_n_clusters
from nerve.cluster.seeding import kmeans_plusplus

__all__ = [
    "DBSCAN",
    "AgglomerativeClustering",
    "ClusterCounts",
    "DivisiveClustering",
    "FuzzyCMeans",
    "KMeans",
    "MiniBatchKMeans",
    "estimate_n_clusters",
    "kmeans_plusplus",
]
