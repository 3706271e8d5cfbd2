"""Layers along any axes and of whole samples: einsum, normalizations, functions; recorded, saved, refused."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import Input, Model, ModelFileError, Sequential, layers, ops
from nerve.errors import ShapeError

from .test_layers import close
from .test_spatial_layers import IMAGES, SEQUENCES, trained_and_saved

rng = np.random.default_rng(8)
CASES = [
    ("EinsumDense", {"equation": "abc,ce->abe", "output_shape": (None, 3), "bias_axes": "e"}, SEQUENCES),
    ("EinsumDense", {"equation": "...x,xyz->...yz", "output_shape": [2, 3], "activation": "relu"}, IMAGES),
    ("GroupNormalization", {"groups": 2}, IMAGES),
    ("GroupNormalization", {"groups": 1, "axis": 1, "gamma_regularizer": "l2"}, IMAGES),
    ("InstanceNormalization", {}, IMAGES),
    ("RMSNormalization", {"axis": (1, 2)}, SEQUENCES),
    ("UnitNormalization", {"axis": [1, 3]}, IMAGES),
]


@pytest.mark.parametrize(("name", "options", "x"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_layers_are_recorded_and_saved(name, options, x, tmp_path):
    model, loaded = trained_and_saved(lambda: getattr(layers, name)(**options), x, tmp_path)
    assert loaded.layers[0].get_config() == model.layers[0].get_config()
    symbolic = getattr(layers, name)(**options)(Input(x.shape[1:]))
    assert symbolic.shape == (None, *model.layers[0](x).shape[1:])


class TestEinsum:
    @pytest.mark.parametrize(
        ("subscripts", "shapes"),
        [
            ("ij,jk->ik", ((3, 4), (4, 5))),
            ("ij,kj->ki", ((3, 4), (5, 4))),
            ("ji,kj", ((4, 3), (5, 4))),
            ("bij,bkj->bik", ((2, 3, 4), (2, 5, 4))),
            ("bhid,bhjd->bhij", ((2, 2, 3, 4), (2, 2, 5, 4))),
            ("i,j->ij", ((3,), (4,))),
            ("ij,ij->", ((3, 4), (3, 4))),
            ("ijk->ki", ((2, 3, 4),)),
            ("abc,b->ac", ((2, 3, 4), (3,))),
            ("abx,cy->ab", ((2, 3, 4), (3, 2))),
            ("ab,bc,cd->ad", ((2, 3), (3, 4), (4, 5))),
            ("...ij,...jk->...ik", ((2, 3, 4), (2, 4, 5))),
            ("...i,ij->j...", ((2, 3, 4), (4, 5))),
            ("ab,ab,ab->b", ((2, 3), (2, 3), (2, 3))),
        ],
    )
    def test_values_and_gradients(self, subscripts, shapes):
        operands = [rng.normal(size=shape) for shape in shapes]
        tensors = [nerve.Tensor(x) for x in operands]
        y = ops.einsum(subscripts, *tensors)
        np.testing.assert_allclose(y.numpy(), np.einsum(subscripts, *operands), rtol=1e-12, atol=1e-12)
        direction = [rng.normal(size=shape) for shape in shapes]
        found = nerve.gradients(ops.sum(ops.square(y)), tensors)
        slope = sum((gradient * d).sum() for gradient, d in zip(found, direction, strict=True))
        ends = [
            np.square(np.einsum(subscripts, *(x + step * d for x, d in zip(operands, direction, strict=True)))).sum()
            for step in (1e-6, -1e-6)
        ]
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5, abs=1e-6)

    def test_errors(self):
        one = np.ones((2, 3))
        with pytest.raises(ShapeError, match=r"\[einsum\] 'j' of 'ij,jk->ik' is 3 and 2 in one call"):
            ops.einsum("ij,jk->ik", one, one)
        with pytest.raises(ShapeError, match="'ijk' of 'ijk->i' does not name the axes of an operand with 2"):
            ops.einsum("ijk->i", one)
        with pytest.raises(ValueError, match="names an axis twice: diagonals are not supported"):
            ops.einsum("ii->i", np.eye(3))
        with pytest.raises(ValueError, match="expects 2 operands, got 1"):
            ops.einsum("ij,jk->ik", one)
        with pytest.raises(ValueError, match="one that no operand has"):
            ops.einsum("ij->ik", one)


class TestNormalizations:
    def test_groups_and_instances(self):
        y = layers.GroupNormalization(2, epsilon=0.0)(IMAGES).numpy().reshape(6, 42, 2, 2)
        close(y.mean((1, 3)), np.zeros((6, 2)))
        close(y.var((1, 3)), np.ones((6, 2)), 1e-4)
        one, other = layers.InstanceNormalization()(IMAGES), layers.GroupNormalization(-1)(IMAGES)
        np.testing.assert_array_equal(one.numpy(), other.numpy())

    def test_root_mean_square(self):
        y = layers.RMSNormalization(axis=1, epsilon=0.0)(SEQUENCES).numpy()
        close(y, SEQUENCES / np.sqrt(np.square(SEQUENCES).mean(1, keepdims=True)))

    def test_a_spectrum_of_one(self, tmp_path):
        model, loaded = trained_and_saved(
            lambda: layers.SpectralNormalization(layers.Dense(5), 30), SEQUENCES, tmp_path
        )
        layer = model.layers[0]
        layer(SEQUENCES, training=True)
        assert np.linalg.svd(layer.kernel.numpy())[1][0] == pytest.approx(1.0, rel=1e-3)
        assert [w.name for w in loaded.layers[0].weights] == ["kernel", "vector_u", "bias"]
        layer.kernel.assign(np.zeros((4, 5)))
        before = layer.vector_u.numpy()
        layer(SEQUENCES, training=True)
        np.testing.assert_array_equal(layer.kernel.numpy(), np.zeros((4, 5)))
        np.testing.assert_array_equal(layer.vector_u.numpy(), before)

    def test_errors(self):
        with pytest.raises(ShapeError, match=r"a number of channels that 3 groups divide, got shape \(6, 7, 6, 4\)"):
            layers.GroupNormalization(3)(IMAGES)
        with pytest.raises(ShapeError, match=r"\[rms_normalization.*expects inputs that have axis 3, got shape"):
            layers.RMSNormalization(3)(SEQUENCES)
        with pytest.raises(ValueError, match="Flatten has no kernel and no embeddings"):
            layers.SpectralNormalization(layers.Flatten())(IMAGES)
        with pytest.raises(ValueError, match="groups must be a positive int, or -1 for one of each channel, got 0"):
            layers.GroupNormalization(0)


class TestDenseErrors:
    def test_equations(self):
        with pytest.raises(ValueError, match=r"equation must be like 'ab,bc->ac'.* got 'ab->a'"):
            layers.EinsumDense("ab->a", 3)
        with pytest.raises(ValueError, match="'z' is in only one term of 'ab,bz->a'"):
            layers.EinsumDense("ab,bz->a", ())
        with pytest.raises(ValueError, match="bias_axes 'b' are not all in 'ac'"):
            layers.EinsumDense("ab,bc->ac", 3, bias_axes="b")
        with pytest.raises(ShapeError, match="has output_shape"):
            layers.EinsumDense("abc,ce->abe", 3)(SEQUENCES)
        layer = layers.EinsumDense("ab,bc->ac", 3)
        layer(SEQUENCES[:, 0])
        with pytest.raises(ShapeError, match=r"\[einsum_dense.*expects 4 for 'b' of 'ab,bc->ac', got 3"):
            layer(SEQUENCES[:, 0, :3])

    def test_products(self):
        with pytest.raises(ShapeError, match="expects as many values along both axes, got 9 at axis 1 and 4 at 2"):
            layers.Dot((1, 2))([SEQUENCES, SEQUENCES])
        with pytest.raises(ValueError, match="axes must be an int or a pair of them, and not 0, got 0"):
            layers.Dot(0)


def doubled(x, by=2.0):
    return x * by


class TestLambda:
    def test_a_named_function_is_saved_by_its_name(self, tmp_path):
        model, _ = trained_and_saved(lambda: layers.Lambda(ops.tanh), SEQUENCES, tmp_path)
        model, loaded = trained_and_saved(
            lambda: layers.Lambda(doubled, arguments={"by": 3.0}), SEQUENCES, tmp_path, {"doubled": doubled}
        )
        assert loaded.layers[0].get_config() == model.layers[0].get_config()
        with pytest.raises(
            ModelFileError, match="uses the function 'doubled', which is not part of nerve: pass custom"
        ):
            nerve.models.load_model(tmp_path / "model.nerve")

    def test_code_is_not_saved(self, tmp_path):
        model = Sequential([Input((3,)), layers.Lambda(lambda x: x + 1)])
        with pytest.raises(TypeError, match="use a name, a named function"):
            model.save(tmp_path / "model.nerve")
        assert not list(tmp_path.iterdir())

    def test_shapes_and_arguments(self):
        x = Input((9, 4))
        assert layers.Lambda(lambda x: x[:, 0])(x).shape == (None, 4)
        assert layers.Lambda(lambda x: x, (9, 4))(x).shape == (None, 9, 4)
        assert layers.Lambda(lambda x: x, lambda shape: shape)(x).shape == (None, 9, 4)
        layer = layers.Lambda(lambda x, training: x * 2.0 if training else x)
        np.testing.assert_array_equal(layer(SEQUENCES, training=True).numpy(), 2 * SEQUENCES)


def test_a_language_model_scores_with_its_own_table(tmp_path):
    """Tied weights in both directions, with a mask on the way in, recorded and saved."""
    tokens = rng.integers(0, 7, (8, 5))
    table = layers.ReversibleEmbedding(7, 6, mask_zero=True)
    inputs = Input((5,), dtype="int64")
    model = Model(inputs, table(layers.Dense(6, "tanh")(table(inputs)), reverse=True))
    assert model.output.shape == (None, 5, 7)
    model.compile("sgd", nerve.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(tokens, tokens, epochs=3, batch_size=4, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert len(model.weights) == 3
    model.save(tmp_path / "model.nerve")
    loaded = nerve.models.load_model(tmp_path / "model.nerve")
    np.testing.assert_array_equal(loaded.predict(tokens, verbose=0), model.predict(tokens, verbose=0))
