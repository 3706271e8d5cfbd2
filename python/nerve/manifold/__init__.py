"""Manifold learning under scikit-learn's names: locally linear embeddings."""

from nerve.manifold.locally_linear import LocallyLinearEmbedding as LocallyLinearEmbedding

__all__ = ["LocallyLinearEmbedding"]
