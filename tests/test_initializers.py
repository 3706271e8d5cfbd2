"""Initializers, and the stream of random numbers they draw from."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from nerve import initializers, random
from nerve.errors import ShapeError

RANDOM = [
    initializers.RandomUniform,
    initializers.RandomNormal,
    initializers.TruncatedNormal,
    initializers.VarianceScaling,
    initializers.GlorotUniform,
    initializers.GlorotNormal,
    initializers.HeUniform,
    initializers.HeNormal,
    initializers.LecunUniform,
    initializers.LecunNormal,
    initializers.Orthogonal,
]
PLAIN = [initializers.Zeros, initializers.Ones, initializers.Constant, initializers.Identity]


@pytest.mark.parametrize(
    ("shape", "fans"),
    [((), (1, 1)), ((7,), (7, 7)), ((3, 5), (3, 5)), ((3, 5, 8, 16), (120, 240)), ((1, 1, 8, 16), (8, 16))],
)
def test_compute_fans(shape, fans):
    assert initializers.compute_fans(shape) == fans


@pytest.mark.parametrize(
    ("cls", "variance"),
    [
        (initializers.GlorotUniform, 2 / (270 + 540)),
        (initializers.GlorotNormal, 2 / (270 + 540)),
        (initializers.HeUniform, 2 / 270),
        (initializers.HeNormal, 2 / 270),
        (initializers.LecunUniform, 1 / 270),
        (initializers.LecunNormal, 1 / 270),
    ],
)
def test_variance_follows_the_fans_of_a_convolution_kernel(cls, variance):
    values = cls(seed=1)((3, 3, 30, 60), "float64")  # fans 270 and 540
    # 16,200 values: the relative spread of their variance is below sqrt(2 / 16200) = 1.1 %.
    assert values.var() == pytest.approx(variance, rel=0.05)
    assert abs(values.mean()) < 4 * np.sqrt(variance / values.size)


@pytest.mark.parametrize("cls", RANDOM)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_seeded_values_repeat_and_differ_by_seed(cls, dtype):
    one = cls(seed=5)
    first = one((6, 4), dtype)
    assert first.dtype == dtype
    assert first.shape == (6, 4)
    assert np.array_equal(first, one((6, 4), dtype))
    assert np.array_equal(first, cls(seed=5)((6, 4), dtype))
    assert not np.array_equal(first, cls(seed=6)((6, 4), dtype))


@pytest.mark.parametrize("cls", RANDOM)
def test_unseeded_values_follow_the_global_seed_and_never_repeat(cls):
    shared = cls()
    random.seed(3)
    first, second = shared((6, 4)), shared((6, 4))
    assert not np.array_equal(first, second)
    random.seed(3)
    assert np.array_equal(first, shared((6, 4)))


@pytest.mark.parametrize("cls", RANDOM + PLAIN)
def test_config_makes_the_same_initializer(cls):
    one = cls(seed=4) if cls in RANDOM else cls()
    again = initializers.get({"class_name": cls.__name__, "config": one.get_config()})
    assert type(again) is cls
    assert again.get_config() == one.get_config()
    assert np.array_equal(one((5, 3)), again((5, 3)))


def test_truncated_normal_stays_within_two_deviations():
    values = initializers.TruncatedNormal(mean=1.0, stddev=0.5, seed=2)((40_000,), "float64")
    assert np.abs(values - 1.0).max() <= 1.0
    assert values.std() == pytest.approx(0.5 * 0.8796256610342398, rel=0.02)
    assert values.mean() == pytest.approx(1.0, abs=0.01)


def test_uniform_fills_its_interval():
    values = initializers.RandomUniform(-2.0, 3.0, seed=2)((40_000,))
    assert values.min() >= -2.0
    assert values.max() < 3.0
    assert np.allclose(np.quantile(values, [0.25, 0.5, 0.75]), [-0.75, 0.5, 1.75], atol=0.05)


@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (5, 5), (3, 3, 2, 4)])
def test_orthogonal(shape):
    matrix = initializers.Orthogonal(gain=2.0, seed=1)(shape, "float64").reshape(-1, shape[-1])
    gram = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    assert np.allclose(gram, 4 * np.eye(len(gram)), atol=1e-12)


def test_constants():
    assert np.array_equal(initializers.Zeros()((2, 3)), np.zeros((2, 3)))
    assert np.array_equal(initializers.Ones()((2, 3)), np.ones((2, 3)))
    assert np.array_equal(initializers.Constant(1.5)((2,)), [1.5, 1.5])
    assert np.array_equal(initializers.Identity(2.0)((2, 3)), [[2, 0, 0], [0, 2, 0]])


def test_get():
    assert isinstance(initializers.get("glorot_uniform"), initializers.GlorotUniform)
    assert isinstance(initializers.get("HeNormal"), initializers.HeNormal)
    assert isinstance(initializers.get(initializers.Zeros), initializers.Zeros)
    assert initializers.get(np.ones) is np.ones
    with pytest.raises(ValueError, match="unknown initializer 'he_norml': did you mean 'he_normal'"):
        initializers.get("he_norml")
    with pytest.raises(TypeError, match="3"):
        initializers.get(3)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: initializers.Identity()((2, 2, 2)), ShapeError, r"\(2, 2, 2\)"),
        (lambda: initializers.Orthogonal()((4,)), ShapeError, r"\(4,\)"),
        (lambda: initializers.VarianceScaling(scale=0.0), ValueError, "scale must be positive, got 0.0"),
        (lambda: initializers.VarianceScaling(mode="fan"), ValueError, "mode .* got 'fan'"),
        (lambda: initializers.VarianceScaling(distribution="x"), ValueError, "distribution .* got 'x'"),
        (lambda: initializers.HeNormal(seed=-1)((2, 2)), ValueError, "seed must be in .* got -1"),
        (lambda: initializers.HeNormal(seed=1.5)((2, 2)), TypeError, "seed must be an int, got 1.5"),
        (lambda: random.seed(2**64), ValueError, "seed must be in"),
        (lambda: random.seed(True), TypeError, "seed must be an int, got True"),
        (lambda: random.reserve(-1), ValueError, r"n_blocks must be in \[0, 2\*\*62\), got -1"),
        (lambda: random.reserve(10**30), ValueError, r"n_blocks must be in \[0, 2\*\*62\)"),
    ],
)
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_stream_hands_out_every_block_once():
    stream = random.SeedGenerator(9)
    taken: list[tuple[int, int]] = []

    def take():
        taken.extend((stream.reserve(3)[1], 3) for _ in range(2000))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [(3 * i, 3) for i in range(8000)]


def test_offsets_leave_room_for_two_numbers_a_block():
    stream = random.SeedGenerator(9)
    assert [stream.next_offset(size) for size in (5, 0, 4, 1)] == [(9, 0), (9, 3), (9, 3), (9, 5)]


def test_generators_repeat_with_the_seed_and_are_independent():
    random.seed(11)
    first, second = random.generator().permutation(50), random.generator().permutation(50)
    random.seed(11)
    assert np.array_equal(first, random.generator().permutation(50))
    assert not np.array_equal(first, second)
