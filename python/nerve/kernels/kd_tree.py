"""A k-d tree: few dimensions are searched by halving space, leaf by leaf."""

from __future__ import annotations

from typing import NamedTuple

from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._backend import as_array, empty, pick
from nerve.kernels._numbers import integer
from nerve.kernels.shapes import TreeShape

__all__ = ["KDTree", "kd_tree"]

#: Leaves are whole registers of every instruction set.
_REGISTER = 16


class KDTree(NamedTuple):
    """Points in the order in which a search meets them; made by :func:`kd_tree`, read by searches for neighbors.

    Attributes
    ----------
    leaves : ndarray (n_leaves, features, leaf_size)
        The coordinates of a leaf's points side by side; after the last point NaN.
    order : ndarray (points,) of int64
        Which point it is, leaf by leaf, ascending in each.
    low, high : ndarray (2 n_leaves - 1, features)
        The corners of every node's box, in preorder: the root, all of its first half, all of its second half.
    """

    leaves: Array
    order: Array
    low: Array
    high: Array


def kd_tree(points: ArrayLike, *, leaf_size: int = 32) -> KDTree:
    """A k-d tree of the rows of a matrix, for many searches in it.

    Parameters
    ----------
    points : array_like (points, features), float32 or float64
    leaf_size : int
        Points in a leaf, which are looked at together: rounded up to a multiple of 16. Results do not depend on it.

    Returns
    -------
    KDTree
        To be given to :func:`nearest_neighbors` and :func:`radius_neighbors`. It holds a copy of the points.

    Raises
    ------
    ShapeError
        If ``points`` is no matrix.

    Notes
    -----
    Each node halves its points along the longest side of their box, after Friedman, Bentley and Finkel, "An algorithm
    for finding best matches in logarithmic expected time" (1977).
    """
    op = "kd_tree"
    array = as_array(op, points)
    if array.ndim != 2:
        raise ShapeError(f"[{op}] expects a matrix (points, features), got shape {array.shape}")
    size = -(-integer(op, "leaf_size", leaf_size, 1, 2**31) // _REGISTER) * _REGISTER
    count, features = array.shape
    n_leaves = max(-(-count // size), 1)
    leaves = empty((n_leaves, features, size), array.dtype, array)
    order = empty((count,), "int64", array)
    low, high = (empty((2 * n_leaves - 1, features), array.dtype, array) for _ in range(2))
    pick(array).kd_tree(leaves, order, low, high, array, TreeShape(count, features, size))
    return KDTree(leaves, order, low, high)


def tree_shape(tree: KDTree) -> TreeShape:
    return TreeShape(tree.order.size, *tree.leaves.shape[1:])
