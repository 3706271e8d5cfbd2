"""Principal components of data that come batch by batch."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg
from scipy.sparse import issparse
from sklearn.base import _fit_context
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import gen_batches, metadata_routing
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import validate_data

from nerve import kernels
from nerve._typing import Array
from nerve.decomposition.base import PrincipalComponents
from nerve.decomposition.products import column_means, decided_signs


class IncrementalPCA(CallbackSupportMixin, PrincipalComponents):
    """Principal components found batch by batch: memory for a batch is enough, whatever the number of samples.

    Takes the place of :class:`sklearn.decomposition.IncrementalPCA`, with the same results and signs. What was seen
    before a batch takes part in it as ``n_components_`` rows, the singular values times the components, and one row for
    the means' difference; the rest of it is forgotten.

    Parameters
    ----------
    n_components : int or None, default=None
        None: as many as samples in the first batch or features, whichever are fewer.
    whiten : bool, default=False
        Scale coordinates to unit variance.
    copy : bool, default=True
        False: ``fit`` and ``partial_fit`` may overwrite their data.
    batch_size : int or None, default=None
        Samples at a time in ``fit``; None: five times the features.

    Attributes
    ----------
    components_ : ndarray (n_components, n_features)
        Rows of unit length, by descending variance; the greatest element of each in size is positive.
    explained_variance_ : ndarray (n_components,)
        With ``n_samples_seen_ - 1`` degrees of freedom.
    explained_variance_ratio_ : ndarray (n_components,)
    singular_values_ : ndarray (n_components,)
    mean_, var_ : ndarray (n_features,) of float64
        Of all samples seen.
    noise_variance_ : float
        The mean variance along the directions left out.
    n_components_ : int
    n_samples_seen_ : int
    batch_size_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray
        Only if the names of features are strings.

    Notes
    -----
    Beside scikit-learn's class this one takes callbacks (:meth:`set_callbacks`; a task for every batch of ``fit``), and
    computes float32 data in float32, where scikit-learn's goes on in float64 from the second batch; ``n_samples_seen_``
    is an int. Nothing is left out.

    References
    ----------
    Ross, Lim, Lin and Yang, "Incremental learning for robust visual tracking", IJCV 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from nerve.decomposition import IncrementalPCA
    >>> X = np.array([[-1, -1], [-2, -1], [-3, -2], [1, 1], [2, 1], [3, 2]])
    >>> IncrementalPCA(n_components=1, batch_size=3).fit(X).explained_variance_ratio_.round(4).tolist()
    [0.9925]
    """

    singular_values_: Array
    var_: Array

    __metadata_request__partial_fit: ClassVar[dict[str, Any]] = {"check_input": metadata_routing.UNUSED}

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "whiten": ["boolean"],
        "copy": ["boolean"],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        n_components: int | None = None,
        *,
        whiten: bool = False,
        copy: bool = True,
        batch_size: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.whiten = whiten
        self.copy = copy
        self.batch_size = batch_size

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Find the components from scratch, batch by batch.

        Parameters
        ----------
        X : {array-like, sparse matrix} (n_samples, n_features)
            Of a sparse matrix one batch at a time is made dense.
        y : ignored
        """
        x = validate_data(
            self,
            X,
            accept_sparse=["csr", "csc", "lil"],
            copy=self.copy,
            dtype=[np.float64, np.float32],
            force_writeable=True,
        )
        self.components_ = None  # type: ignore[assignment]  # partial_fit's state before any batch
        self.n_samples_seen_ = 0
        self.batch_size_ = 5 * x.shape[1] if self.batch_size is None else self.batch_size
        batches = list(gen_batches(x.shape[0], self.batch_size_, min_batch_size=self.n_components or 0))
        callbacks = self._init_callback_context(max_subtasks=len(batches)).call_on_fit_task_begin(estimator=self, X=x)
        for batch in batches:
            task = callbacks.subcontext(task_name="batch").call_on_fit_task_begin(estimator=self, X=x)
            part = x[batch]
            self.partial_fit(part.toarray() if issparse(part) else part, check_input=False)
            if task.call_on_fit_task_end(estimator=self, X=x, reconstruction_attributes=self._state):
                break
        callbacks.call_on_fit_task_end(estimator=self, X=x, reconstruction_attributes=self._state)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: ArrayLike, y: Any = None, check_input: bool = True) -> Self:
        """Go on with one more batch.

        Parameters
        ----------
        X : array-like (n_samples, n_features)
        y : ignored
        check_input : bool, default=True
            Whether ``X`` is still to be validated.
        """
        unfitted = not hasattr(self, "components_")
        x: Any = X
        if check_input:
            if issparse(X):
                raise TypeError(
                    "IncrementalPCA.partial_fit does not support sparse input. Either convert data to dense or use "
                    "IncrementalPCA.fit to do so in batches."
                )
            x = validate_data(
                self, X, copy=self.copy, dtype=[np.float64, np.float32], force_writeable=True, reset=unfitted
            )
        n_samples, n_features = x.shape
        first = unfitted or self.components_ is None
        self.n_components_ = self._count(n_samples, n_features, unfitted)
        before = 0 if first else self.n_samples_seen_
        total = before + n_samples
        mean = column_means(x)
        x -= mean
        # Sums of squares of what came before, of this batch, and of their means' distance (Chan, Golub and LeVeque,
        # "Algorithms for computing the sample variance", 1983).
        mean = mean.astype(np.float64)
        apart = np.zeros(n_features) if first else self.mean_ - mean
        squares = np.einsum("ij,ij->j", x, x, dtype=np.float64) + before * n_samples / total * apart**2
        if not first:
            squares += before * self.var_
            known = self.singular_values_[:, np.newaxis] * self.components_
            correction = math.sqrt(before / total * n_samples) * apart
            x = np.vstack([known, x, correction.astype(x.dtype)])
        kept = self.n_components_
        s, components, rest = _spectrum(x, kept)
        self.n_samples_seen_ = total
        self.mean_, self.var_ = mean + before / total * apart, squares / total
        self.components_, self.singular_values_ = components, s
        decided_signs(self.components_)
        explained = s.astype(np.float64) ** 2  # which float32 may not hold
        self.explained_variance_ = (explained / (total - 1)).astype(s.dtype)
        self.explained_variance_ratio_ = (explained / squares.sum()).astype(s.dtype)
        self.noise_variance_ = 0.0 if kept in (n_samples, n_features) else rest / (total - 1)
        return self

    def _state(self) -> dict[str, Any]:
        """The attributes of an estimator that is fitted as far as this one is, for callbacks."""
        return {name: value for name, value in vars(self).items() if name.endswith("_") and not name.startswith("_")}

    def _count(self, n_samples: int, n_features: int, unfitted: bool) -> int:
        components = getattr(self, "components_", None)
        known = None if components is None else len(components)
        if self.n_components is None:
            return min(n_samples, n_features) if known is None else known
        if self.n_components > n_features:
            raise ValueError(
                f"n_components={self.n_components!r} invalid for n_features={n_features}, need more rows than columns "
                "for IncrementalPCA processing"
            )
        if self.n_components > n_samples and unfitted:
            raise ValueError(
                f"n_components={self.n_components} must be less or equal to the batch number of samples {n_samples} "
                "for the first partial_fit call."
            )
        if known is not None and known != self.n_components:
            raise ValueError(
                f"Number of input features has changed from {known} to {self.n_components} between calls to "
                "partial_fit! Try setting n_components to a fixed value."
            )
        return self.n_components

    def transform(self, X: Any) -> Array:
        """The coordinates of samples along the components; of a sparse matrix one batch at a time is made dense.

        Parameters
        ----------
        X : {array-like, sparse matrix} (n_samples, n_features)

        Returns
        -------
        ndarray (n_samples, n_components)
        """
        if not issparse(X):
            return super().transform(X)
        batches = gen_batches(X.shape[0], self.batch_size_, min_batch_size=self.n_components or 0)
        return np.vstack([super(IncrementalPCA, self).transform(X[batch].toarray()) for batch in batches])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True  # of fit; partial_fit takes dense batches
        return tags


def _spectrum(x: Array, kept: int) -> tuple[Array, Array, Any]:
    """The largest singular values with their right vectors, and the mean square of the others.

    Those of many float32 rows are the eigenvalues of their float64 Gram matrix, which has all the digits of float32;
    that of float64 rows would have half of theirs.
    """
    rows, features = x.shape
    if x.dtype == np.float32 and rows >= 2 * features:
        gram = kernels.gram(x.astype(np.float64))
        most = linalg.eigh(gram, subset_by_index=[features - kept, features - 1], check_finite=False)
        values, vectors = np.maximum(most[0][::-1], 0), most[1][:, ::-1]
        rest = max(np.trace(gram) - values.sum(), 0) / max(features - kept, 1)
        return np.sqrt(values).astype(x.dtype), np.ascontiguousarray(vectors.T, x.dtype), x.dtype.type(rest)
    _, s, vt = linalg.svd(x, full_matrices=False, overwrite_a=True, check_finite=False)
    return s[:kept].copy(), vt[:kept].copy(), (s[kept:] ** 2).mean() if kept < len(s) else s.dtype.type(0)
