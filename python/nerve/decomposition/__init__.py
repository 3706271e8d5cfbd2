"""Matrix decompositions under scikit-learn's names: principal components, truncated and incremental."""

from nerve.decomposition.incremental_pca import IncrementalPCA as IncrementalPCA
from nerve.decomposition.pca import PCA as PCA
from nerve.decomposition.truncated_svd import TruncatedSVD as TruncatedSVD

__all__ = ["PCA", "IncrementalPCA", "TruncatedSVD"]
