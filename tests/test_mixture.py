"""Gaussian mixtures beside scikit-learn's: from the same start, the same steps."""

from __future__ import annotations

import pickle
import re
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn.mixture
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

import nerve
from nerve import kernels
from nerve.errors import ShapeError
from nerve.mixture import GaussianMixture

COVARIANCE_TYPES = ["full", "tied", "diag", "spherical"]
INIT_PARAMS = ["kmeans", "k-means++", "random", "random_from_data"]
FITTED = ["weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"]


def blobs(
    rows: int = 600, features: int = 5, components: int = 4, dtype: Any = np.float64, seed: int = 0
) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = 3 * rng.normal(size=(components, features))
    return (centres[rng.integers(components, size=rows)] + rng.normal(size=(rows, features))).astype(dtype)


def start(X: np.ndarray, covariance_type: str, components: int = 4) -> dict[str, Any]:
    """Given initial parameters, all of them."""
    features = X.shape[1]
    precisions = {
        "full": np.tile(np.eye(features), (components, 1, 1)) + 0.2,
        "tied": np.eye(features) + 0.2,
        "diag": np.linspace(0.5, 1, components * features).reshape(components, features),
        "spherical": np.linspace(0.5, 1, components),
    }[covariance_type]
    weights = np.arange(1, components + 1) / (components * (components + 1) / 2)
    given = {"weights_init": weights, "means_init": X[:components] / 2, "precisions_init": precisions}
    return {name: value.astype(X.dtype) for name, value in given.items()}


def both(X: np.ndarray, **settings: Any) -> tuple[Any, Any]:
    return GaussianMixture(**settings).fit(X), sklearn.mixture.GaussianMixture(**settings).fit(X)


@parametrize_with_checks([GaussianMixture(), GaussianMixture(covariance_type="tied", n_init=2)])
def test_sklearn_estimator_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("init_params", INIT_PARAMS)
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_the_same_seed_gives_scikit_learns_mixture(covariance_type: str, init_params: str) -> None:
    X = blobs()
    settings = {"covariance_type": covariance_type, "init_params": init_params, "random_state": 3, "max_iter": 12}
    ours, theirs = both(X, n_components=4, **settings)
    for name in FITTED:
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-8, atol=1e-10, err_msg=name)
    np.testing.assert_allclose(ours.lower_bounds_, theirs.lower_bounds_, rtol=1e-7)
    assert (ours.n_iter_, ours.converged_) == (theirs.n_iter_, theirs.converged_)
    assert ours.lower_bound_ == ours.lower_bounds_[-1]
    for method in ("predict_proba", "score_samples"):
        np.testing.assert_allclose(getattr(ours, method)(X), getattr(theirs, method)(X), rtol=1e-7, atol=1e-10)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    for method in ("score", "bic", "aic"):
        assert getattr(ours, method)(X) == pytest.approx(getattr(theirs, method)(X), rel=1e-10)
    for one, other in zip(ours.sample(50), theirs.sample(50), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-8)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_best_of_several_initializations() -> None:
    ours, theirs = both(blobs(), n_components=4, n_init=4, init_params="random", max_iter=4, tol=0, random_state=1)
    np.testing.assert_allclose(ours.lower_bounds_, theirs.lower_bounds_, rtol=1e-10)
    np.testing.assert_allclose(ours.means_, theirs.means_, rtol=1e-8, atol=1e-10)
    assert (
        ours.lower_bound_
        > GaussianMixture(4, init_params="random", max_iter=4, random_state=1).fit(blobs()).lower_bound_
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_given_parameters_and_float32(covariance_type: str) -> None:
    X = blobs(dtype=np.float32)
    settings = {"covariance_type": covariance_type, **start(X, covariance_type)}
    ours, theirs = both(X, n_components=4, max_iter=8, tol=0, **settings)
    for name in FITTED:
        found, want = getattr(ours, name), getattr(theirs, name)
        assert found.dtype == want.dtype == np.float32
        np.testing.assert_allclose(found, want, rtol=2e-3, atol=2e-3, err_msg=name)
    np.testing.assert_allclose(ours.lower_bounds_, theirs.lower_bounds_, rtol=1e-5)
    for method in ("predict_proba", "score_samples"):
        assert getattr(ours, method)(X).dtype == np.float32
    wide = sklearn.mixture.GaussianMixture(n_components=4, max_iter=8, tol=0, **settings).fit(X.astype(np.float64))
    np.testing.assert_allclose(ours.covariances_, wide.covariances_, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_far_from_the_origin_nothing_cancels(covariance_type: str) -> None:
    """Where scikit-learn's float32 mixture fails or is wrong in the first digit."""
    X = np.round(blobs() * 256) / 256
    far = (X + 4096).astype(np.float32)  # exact: 12 bits before the point, 8 behind it
    settings = {"n_components": 4, "covariance_type": covariance_type, "random_state": 0}
    near = sklearn.mixture.GaussianMixture(**settings).fit(X)
    ours = GaussianMixture(means_init=near.means_ + 4096, **settings).fit(far)
    np.testing.assert_allclose(ours.means_ - 4096, near.means_, atol=2e-2)
    np.testing.assert_allclose(ours.covariances_, near.covariances_, rtol=5e-2, atol=5e-2)


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_threads_give_the_same_bits(covariance_type: str) -> None:
    X, found = blobs(3000, 7, dtype=np.float32), []
    before = nerve.num_threads()
    try:
        for threads in (1, 2, 5):
            nerve.set_num_threads(threads)
            settings = {"covariance_type": covariance_type, "tol": 1e-5, **start(X, covariance_type)}
            mixture = GaussianMixture(4, **settings).fit(X)
            found.append([getattr(mixture, name).tobytes() for name in FITTED] + [mixture.score_samples(X).tobytes()])
    finally:
        nerve.set_num_threads(before)
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(("rows", "components", "features"), [(20_000, 2, 5), (2500, 1, 70), (9000, 30, 3)])
@pytest.mark.parametrize("covariance_type", ["full", "diag"])
def test_more_rows_than_are_held_at_once(covariance_type: str, rows: int, components: int, features: int) -> None:
    X = blobs(rows, features, components)
    means = X[:components]
    factors = (
        np.ones((components, features)) if covariance_type == "diag" else np.tile(np.eye(features), (components, 1, 1))
    )
    arguments = (X, means, factors, np.full(components, 1 / components))
    found = kernels.gaussian_em_step(*arguments, covariance_type=covariance_type)
    with nerve.backend("reference"):
        wanted = kernels.gaussian_em_step(*arguments, covariance_type=covariance_type)
    for one, other in zip(found, wanted, strict=True):
        assert one is not None
        assert other is not None
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-8)


def test_no_array_of_samples_by_components_is_held() -> None:
    X, components = blobs(20_000, 3, dtype=np.float32), 400
    mixture = GaussianMixture(
        components, covariance_type="diag", init_params="random", max_iter=2, tol=0, random_state=0, reg_covar=1e-3
    )
    nerve.empty_cache()
    tracemalloc.start()
    try:
        with pytest.warns(ConvergenceWarning):
            mixture.fit(X)
        mixture.predict(X)
        mixture.score_samples(X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    whole = 8 * components * len(X)  # of the random numbers, 64 MB
    assert peak < whole / 2


BAD: list[tuple[Callable[[], Any], dict[str, Any]]] = [
    (lambda: blobs(3), {"n_components": 4}),
    (lambda: blobs(1), {}),
    (lambda: blobs()[0], {}),
    (lambda: np.where(np.arange(3000).reshape(600, 5) == 7, np.nan, blobs()), {}),
    (lambda: np.where(np.arange(3000).reshape(600, 5) == 7, np.inf, blobs()), {}),
    (blobs, {"n_components": 0}),
    (blobs, {"covariance_type": "round"}),
    (blobs, {"tol": -1.0}),
    (blobs, {"init_params": "best"}),
    (blobs, {"n_components": 2, "weights_init": [0.5, 0.6]}),
    (blobs, {"n_components": 2, "weights_init": [0.5, 0.3, 0.2]}),
    (blobs, {"n_components": 2, "weights_init": [1.5, -0.5]}),
    (blobs, {"n_components": 2, "means_init": np.ones((2, 3))}),
    (blobs, {"n_components": 2, "precisions_init": np.ones((2, 5))}),
    (blobs, {"n_components": 2, "precisions_init": np.ones((2, 5, 5))}),
    (blobs, {"n_components": 2, "precisions_init": np.array([1.0, 0]), "covariance_type": "spherical"}),
    (lambda: np.repeat(np.eye(2), 10, axis=0), {"n_components": 2, "reg_covar": 0}),
    (lambda: np.repeat(np.eye(2, dtype=np.float32), 10, axis=0), {"n_components": 2, "reg_covar": 0}),
    (lambda: np.repeat(np.eye(2), 10, axis=0), {"n_components": 2, "reg_covar": 0, "covariance_type": "diag"}),
]


@pytest.mark.parametrize(("data", "settings"), BAD, ids=[f"{i}-{list(each[1])}" for i, each in enumerate(BAD)])
def test_errors_are_scikit_learns(data: Callable[[], np.ndarray], settings: dict[str, Any]) -> None:
    messages = []
    for kind in (sklearn.mixture.GaussianMixture, GaussianMixture):
        with pytest.raises(ValueError, match=r"\w") as caught:
            kind(random_state=0, **settings).fit(data())
        messages.append(sorted(re.findall(r"[^\s,{}]+", str(caught.value))))  # options are named in any order
    assert messages[0] == messages[1]


def test_sampling_nothing_and_before_fitting() -> None:
    with pytest.raises(ValueError, match="not fitted"):
        GaussianMixture().sample()
    with pytest.raises(ValueError, match="'n_samples': 0 "):
        GaussianMixture().fit(blobs()).sample(0)


def test_fit_predict_is_fit_and_predict() -> None:
    X = blobs()
    mixture = GaussianMixture(4, random_state=0)
    labels = mixture.fit_predict(X)
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, mixture.predict(X))


def test_a_warning_when_steps_do_not_suffice() -> None:
    with pytest.warns(ConvergenceWarning, match="did not converge"):
        mixture = GaussianMixture(4, max_iter=1, random_state=0).fit(blobs())
    assert not mixture.converged_


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_warm_start_goes_on() -> None:
    X = blobs()
    twice = GaussianMixture(4, max_iter=3, tol=0, warm_start=True, random_state=0).fit(X).fit(X)
    once = GaussianMixture(4, max_iter=6, tol=0, random_state=0).fit(X)
    np.testing.assert_array_equal(twice.covariances_, once.covariances_)
    assert twice.lower_bound_ == once.lower_bound_


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
@pytest.mark.parametrize(("dtype", "factor"), [("float32", 1e30), ("float64", 1e200)])
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::sklearn.exceptions.ConvergenceWarning")
def test_squares_too_large_for_their_dtype(dtype: str, factor: float, covariance_type: str) -> None:
    mixture = GaussianMixture(2, covariance_type=covariance_type, random_state=0)
    with pytest.raises(ValueError, match="ill-defined empirical covariance"):
        mixture.fit((blobs() * factor).astype(dtype))


@pytest.mark.parametrize("covariance_type", ["diag", "spherical"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_samples_that_are_alike_have_no_variance(dtype: str, covariance_type: str) -> None:
    """scikit-learn takes what rounding leaves of it for one, or not."""
    alike = np.repeat(blobs(dtype=dtype)[:3], 21, axis=0)
    with pytest.raises(ValueError, match="ill-defined empirical covariance"):
        GaussianMixture(3, reg_covar=0, covariance_type=covariance_type, random_state=0).fit(alike)


def test_warm_start_refuses_what_its_parameters_are_not_for() -> None:
    mixture = GaussianMixture(2, warm_start=True, random_state=0).fit(blobs())
    before = mixture.means_
    with pytest.raises(ShapeError, match=r"\[fit\] warm_start goes on from parameters for 5 features, got X of 2"):
        mixture.fit(blobs()[:, :2])
    with pytest.raises(ShapeError, match="which is not that of covariance_type='diag'"):
        mixture.set_params(covariance_type="diag").fit(blobs())
    assert mixture.means_ is before


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_no_steps_keep_what_was_given(covariance_type: str) -> None:
    X = blobs()
    given = start(X, covariance_type)
    mixture = GaussianMixture(4, covariance_type=covariance_type, max_iter=0, **given).fit(X)
    np.testing.assert_array_equal(mixture.means_, given["means_init"])
    np.testing.assert_allclose(mixture.precisions_, given["precisions_init"])
    inverse = 1 / given["precisions_init"] if given["precisions_init"].ndim < 3 else None
    if covariance_type in ("full", "tied"):
        inverse = np.linalg.inv(given["precisions_init"])
    np.testing.assert_allclose(mixture.covariances_, inverse)
    assert (mixture.n_iter_, mixture.lower_bounds_) == (0, [])


def test_duplicates_chosen_by_kmeans_plusplus() -> None:
    X = np.repeat(np.arange(3.0)[:, None], 5, axis=0)
    with pytest.warns(ConvergenceWarning):  # fewer distinct points than components
        mixture = GaussianMixture(4, init_params="k-means++", random_state=0, max_iter=1).fit(X)
    assert np.isfinite(mixture.means_).all()


def test_anomalies_have_a_low_density() -> None:
    X = blobs()
    mixture = GaussianMixture(4, random_state=0).fit(X)
    threshold = np.quantile(mixture.score_samples(X), 0.01)
    assert (mixture.score_samples(X + 50) < threshold).all()
    assert (mixture.score_samples(X) < threshold).mean() <= 0.01


def test_frames_and_pickles() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(blobs(), columns=list("abcde"))
    mixture = GaussianMixture(4, random_state=0).fit(frame)
    assert list(mixture.feature_names_in_) == list("abcde")
    with pytest.raises(ValueError, match="feature names should match"):
        mixture.predict(frame.rename(columns={"a": "z"}))
    again = pickle.loads(pickle.dumps(mixture))
    np.testing.assert_array_equal(again.predict_proba(frame), mixture.predict_proba(frame))
    unnamed = GaussianMixture(4, random_state=0).fit(frame.to_numpy().tolist())
    assert unnamed.aic(frame.to_numpy().tolist()) == mixture.aic(frame)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("verbose", [1, 2])
def test_verbose_says_what_scikit_learns_does(verbose: int, capsys: pytest.CaptureFixture[str]) -> None:
    texts = []
    for kind in (GaussianMixture, sklearn.mixture.GaussianMixture):
        kind(4, verbose=verbose, verbose_interval=2, n_init=2, max_iter=5, tol=0, random_state=0).fit(blobs())
        words = capsys.readouterr().out.split()
        texts.append([word for word in words if not word.endswith("s") or not word[0].isdigit()])  # without times
    assert texts[0] == texts[1]


class Watcher:
    """A callback that keeps what it is told, and stops or fails at a task of a name."""

    def __init__(self, stop_at: str = "", fails: type[BaseException] | None = None) -> None:
        self.stop_at, self.fails = stop_at, fails
        self.told: list[tuple[str, str, int]] = []
        self.densities: list[float] = []

    def setup(self, estimator: Any, context: Any) -> None:
        self.told.append(("setup", context.task_name, context.task_id))

    def teardown(self, estimator: Any, context: Any) -> None:
        self.told.append(("teardown", context.task_name, context.task_id))

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        self.told.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator: Any, context: Any, *, X: Any, fitted_estimator: Any) -> bool:
        self.told.append(("end", context.task_name, context.task_id))
        self.densities.append(fitted_estimator.score(X))
        if self.fails is not None:
            raise self.fails
        return bool(context.task_name == self.stop_at)


def test_callbacks_see_every_step() -> None:
    watcher, X = Watcher(), blobs()
    mixture = GaussianMixture(4, n_init=2, random_state=0).set_callbacks(watcher).fit(X)
    ends = [name for when, name, _ in watcher.told if when == "end"]
    assert ends.count("initialization") == 2
    assert ends.count("step") >= mixture.n_iter_
    assert ends[-1] == "fit"
    assert watcher.densities[-1] == mixture.score(X)
    assert watcher.told[0][0] == "setup"
    assert watcher.told[-1][0] == "teardown"


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("stop_at", "steps", "attempts"), [("step", 3, 3), ("initialization", None, 1)])
def test_callbacks_can_stop(stop_at: str, steps: int | None, attempts: int) -> None:
    watcher = Watcher(stop_at)
    mixture = GaussianMixture(4, n_init=3, random_state=0).set_callbacks(watcher).fit(blobs())
    ends = [name for when, name, _ in watcher.told if when == "end"]
    assert ends.count("initialization") == attempts
    assert steps is None or ends.count("step") == steps
    assert mixture.n_iter_ == (1 if stop_at == "step" else mixture.n_iter_)


def test_an_interrupt_between_steps_passes() -> None:
    watcher = Watcher(fails=KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        GaussianMixture(4, random_state=0).set_callbacks(watcher).fit(blobs())
    assert watcher.told[-1][0] == "teardown"
