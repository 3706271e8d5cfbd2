"""Layers that prepare data: against formulas, published values, and what a saved model keeps of what they learned."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

import nerve
from nerve import Input, Model, Sequential, layers
from nerve.errors import DTypeError, ModelFileError, ShapeError
from nerve.layers.fingerprints import fingerprint64, joined, siphash
from nerve.layers.layer import Layer

DOCUMENTS = ["The cat, the DOG!", "a dog barks", "cat cat  bird", ""]


def test_hashes_have_the_values_of_tensorflow():
    """Made by TensorFlow 2.21: strings.to_hash_bucket_fast and _strong with 2**62 buckets, sparse.cross_hashed."""
    found = [
        fingerprint64(text) % 2**62 for text in (b"", b"A", b"omar", b"a longer text of thirty-two bytes!!", b"x" * 70)
    ]
    assert found == [
        1936946117179621455, 3080236001339896852, 3378277989609990986, 1603226747395369579, 845564307397267841,
    ]  # fmt: skip
    crossed = [joined(joined(0xDECAFCAFFE, fingerprint64(s)), n % 2**64) % 1000 for s, n in ((b"A", 101), (b"B", -7))]
    assert crossed == [891, 904]
    # The first vector of the paper's appendix A: the key is 00 01 .. 0f, the text 00 01 .. 0e.
    key = [int.from_bytes(bytes(range(at, at + 8)), "little") for at in (0, 8)]
    assert siphash(bytes(range(15)), key) == 0xA129CA6149BE45E5


class TestNormalization:
    @pytest.mark.parametrize("axis", [-1, 1, (1, 2), None])
    def test_moments(self, axis):
        x = np.random.default_rng(0).normal(5, 3, (20, 4, 3)).astype(np.float32)
        layer = layers.Normalization(axis=axis)
        layer.adapt(x)
        kept = () if axis is None else (axis,) if isinstance(axis, int) else axis
        over = tuple(i for i in range(3) if i not in [a % 3 for a in kept])
        mean, deviation = (f(x.astype(np.float64), axis=over, keepdims=True) for f in (np.mean, np.std))
        np.testing.assert_allclose(layer(x).numpy(), (x - mean) / deviation, rtol=1e-5, atol=1e-5)
        back = layers.Normalization(axis=axis, invert=True)
        back.adapt(iter([x[:3], x[3:4], x[4:]]))
        np.testing.assert_allclose(back(layer(x)).numpy(), x, rtol=1e-5, atol=1e-5)

    def test_moments_are_part_of_the_model(self, tmp_path):
        x = np.random.default_rng(0).normal(5, 3, (64, 3)).astype(np.float32)
        norm = layers.Normalization()
        norm.adapt(x)
        model = Sequential([Input((3,)), norm, layers.Dense(2)])
        model.compile("sgd", "mse")
        model.fit(x, x[:, :2], epochs=2, verbose=0)
        assert model._recorders["train"].refusal == ""
        model.save(tmp_path / "m.nerve")
        loaded = nerve.models.load_model(tmp_path / "m.nerve")
        np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
        np.testing.assert_allclose(norm(x).numpy().mean(axis=0), 0, atol=1e-5)

    def test_given_moments_and_errors(self):
        layer = layers.Normalization(mean=[1.0, 2.0], variance=[4.0, 9.0])
        np.testing.assert_allclose(layer(np.array([[3, 5]])).numpy(), [[1, 1]])
        assert layers.Normalization.from_config(layer.get_config()).get_config() == layer.get_config()
        with pytest.raises(ValueError, match="adapt would have no effect"):
            layer.adapt(np.ones((2, 2)))
        with pytest.raises(ValueError, match="together"):
            layers.Normalization(mean=1.0)
        with pytest.raises(ShapeError, match=r"normalization.*sizes of axis \(-1,\) must be known"):
            layers.Normalization().build((None, None))
        with pytest.raises(ValueError, match="no data"):
            layers.Normalization().adapt(iter([]))
        learned = layers.Normalization()
        learned.adapt(np.ones((4, 3)))
        with pytest.raises(ShapeError, match=r"built for sizes \[1, 3\], got a batch of \(4, 2\)"):
            learned.adapt(np.ones((4, 2)))


class TestDiscretization:
    def test_bins(self):
        layer = layers.Discretization([0.0, 1.0, 2.0])
        x = np.array([[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, np.nan, 1.999]])
        np.testing.assert_array_equal(layer(x), [[0, 2, 3, 1], [1, 3, 3, 2]])
        ones = layers.Discretization([0.0, 1.0], output_mode="count")(np.array([[-1.0, 0.5, 0.6]]))
        np.testing.assert_array_equal(ones, [[1, 2, 0]])

    def test_learned_bins_hold_equally_many(self):
        x = np.random.default_rng(0).normal(size=10_000)
        layer = layers.Discretization(num_bins=5)
        layer.adapt(x[i : i + 1000] for i in range(0, 10_000, 1000))
        np.testing.assert_allclose(np.bincount(layer(x)) / x.size, 0.2, atol=0.02)
        again = layers.Discretization.from_config(layer.get_config())
        assert again.bin_boundaries == layer.bin_boundaries
        again.adapt(x + 1)  # what was learned may be learned anew
        assert again.bin_boundaries != layer.bin_boundaries

    def test_in_a_recorded_step(self, tmp_path):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(64, 3)).astype(np.float32)
        inputs = Input((3,))
        y = layers.Embedding(4, 2)(layers.Discretization([-0.5, 0.0, 0.5])(inputs))
        counts = layers.Discretization([-0.5, 0.0, 0.5], output_mode="count")(inputs)
        model = Model(inputs, layers.Dense(1)(layers.Concatenate()([layers.Flatten()(y), counts])))
        eager = nerve.models.Model.from_config(model.get_config())
        eager.set_weights(model.get_weights())
        for each, slow in ((model, False), (eager, True)):
            each.compile("sgd", "mse", run_eagerly=slow)
            each.fit(x, x[:, :1], epochs=4, shuffle=False, verbose=0)
        assert model._recorders["train"].refusal == ""
        for a, b in zip(model.get_weights(), eager.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        model.save(tmp_path / "m.nerve")
        loaded = nerve.models.load_model(tmp_path / "m.nerve")
        np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))

    def test_errors(self):
        with pytest.raises(ValueError, match="either num_bins or bin_boundaries"):
            layers.Discretization()
        with pytest.raises(ValueError, match="ascending"):
            layers.Discretization([1.0, 0.0])
        with pytest.raises(ValueError, match="no boundaries yet"):
            layers.Discretization(num_bins=3)(np.zeros(3))
        with pytest.raises(ValueError, match="take num_bins"):
            layers.Discretization([1.0]).adapt(np.zeros(3))


class TestCategoryEncoding:
    def test_modes(self):
        x = np.array([[0, 3, 3], [1, 1, 1]])
        np.testing.assert_array_equal(layers.CategoryEncoding(4)(x), [[1, 0, 0, 1], [0, 1, 0, 0]])
        np.testing.assert_array_equal(layers.CategoryEncoding(4, "count")(x), [[1, 0, 0, 2], [0, 3, 0, 0]])
        np.testing.assert_array_equal(layers.CategoryEncoding(4, "one_hot")(x), np.eye(4)[x])
        np.testing.assert_array_equal(layers.CategoryEncoding(4, "one_hot")(x[:, :1]), np.eye(4)[x[:, 0]])
        np.testing.assert_array_equal(layers.CategoryEncoding(4)(np.array([0, 2])), [1, 0, 1, 0])
        weighted = layers.CategoryEncoding(4, "count")(x, count_weights=[[0.5, 1, 2], [1, 1, 1]])
        np.testing.assert_array_equal(weighted, [[0.5, 0, 0, 3], [0, 3, 0, 0]])

    @pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
    def test_in_a_recorded_step(self, mode):
        x = np.random.default_rng(0).integers(0, 5, (64, 3))
        model = Sequential(
            [Input((3,), dtype="int64"), layers.CategoryEncoding(5, mode), layers.Flatten(), layers.Dense(1)]
        )
        eager = Sequential.from_config(model.get_config())
        eager.set_weights(model.get_weights())
        for each, slow in ((model, False), (eager, True)):
            each.compile("sgd", "mse", run_eagerly=slow)
            each.fit(x, x[:, :1].astype(np.float32), epochs=4, shuffle=False, verbose=0)
        assert model._recorders["train"].refusal == ""
        for a, b in zip(model.get_weights(), eager.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)

    def test_errors(self):
        with pytest.raises(ValueError, match=r"integers in 0\.\.2, got 3"):
            layers.CategoryEncoding(3)(np.array([[0, 3]]))
        with pytest.raises(ValueError, match="num_tokens must be a positive int"):
            layers.CategoryEncoding()
        with pytest.raises(ValueError, match="output_mode must be one of"):
            layers.CategoryEncoding(3, "int")
        with pytest.raises(ShapeError, match=r"category_encoding.*\(samples, indices\).*\(1, 1, 1\)"):
            layers.CategoryEncoding(3)(np.zeros((1, 1, 1), int))
        with pytest.raises(ValueError, match="sparse must be False"):
            layers.CategoryEncoding(3, sparse=True)


class TestHashing:
    def test_documented_values(self):
        """The examples of Keras's documentation."""
        x = [["A"], ["B"], ["C"], ["D"], ["E"]]
        np.testing.assert_array_equal(layers.Hashing(3)(x), [[1], [0], [1], [1], [2]])
        np.testing.assert_array_equal(
            layers.Hashing(3, mask_value="")([["A"], ["B"], [""], ["C"], ["D"]]).ravel(), [1, 1, 0, 2, 2]
        )
        np.testing.assert_array_equal(layers.Hashing(3, salt=[133, 137])(x).ravel(), [1, 2, 1, 0, 2])
        crossed = layers.HashedCrossing(5)((np.array(["A", "B", "A", "B", "A"]), np.array([101, 101, 101, 102, 102])))
        np.testing.assert_array_equal(crossed, [1, 4, 1, 1, 3])

    def test_modes_and_errors(self):
        assert layers.Hashing(4, output_mode="count")([["a", "a", "b"]]).sum() == 3
        assert layers.HashedCrossing(4, output_mode="one_hot")([np.array([1, 2]), np.array([3, 4])]).shape == (2, 4)
        with pytest.raises(ShapeError, match="one shape"):
            layers.HashedCrossing(4)([np.array([1, 2]), np.array([3])])
        with pytest.raises(ValueError, match="two or more inputs"):
            layers.HashedCrossing(4)([np.array([1, 2])])
        with pytest.raises(ValueError, match="salt must be one int or two"):
            layers.Hashing(4, salt="no")
        layer = layers.Hashing(4, salt=3, mask_value="x")
        assert layers.Hashing.from_config(layer.get_config()).get_config() == layer.get_config()


class TestLookups:
    def test_places(self):
        layer = layers.StringLookup(vocabulary=["a", "b", "c", "d"])
        np.testing.assert_array_equal(layer([["a", "c", "d"], ["d", "z", "b"]]), [[1, 3, 4], [4, 0, 2]])
        np.testing.assert_array_equal(layer("c"), 3)
        masked = layers.StringLookup(vocabulary=["a", "b"], mask_token="", num_oov_indices=2)
        assert masked.get_vocabulary() == ["", "[UNK]", "[UNK]", "a", "b"]
        assert set(masked(np.array(["", "a", "x", "y", "zz", "u"])).tolist()) == {0, 1, 2, 3}
        back = layers.StringLookup(vocabulary=layer.get_vocabulary(), invert=True)
        assert back(np.array([[1, 0], [4, 9]])).tolist() == [["a", "[UNK]"], ["d", "[UNK]"]]

    def test_documented_values(self):
        """The examples of Keras's documentation."""
        x = np.array([[12, 1138, 42, 42], [42, 7, 36, 7]])
        vocabulary = [12, 36, 1138, 42]
        for mode, expected in (
            ("multi_hot", [[0, 1, 0, 1, 1], [1, 0, 1, 0, 1]]),
            ("count", [[0, 1, 0, 1, 2], [2, 0, 1, 0, 1]]),
        ):
            np.testing.assert_array_equal(layers.IntegerLookup(vocabulary=vocabulary, output_mode=mode)(x), expected)
        layer = layers.IntegerLookup(output_mode="tf_idf", vocabulary=vocabulary, idf_weights=[0.25, 0.75, 0.6, 0.4])
        np.testing.assert_allclose(layer(x), [[0, 0.25, 0, 0.6, 0.8], [1.0, 0, 0.75, 0, 0.4]], rtol=1e-6)
        layer = layers.IntegerLookup(vocabulary=vocabulary, num_oov_indices=2)
        np.testing.assert_array_equal(layer(np.array([[12, 1138, 42], [37, 1000, 36]])), [[2, 4, 5], [1, 0, 3]])
        values = np.array([100, 300, 700, 1100, 1700, 2000])
        layer = layers.IntegerLookup(vocabulary=[10, 20, 30], num_oov_indices=4, oov_method="farmhash")
        np.testing.assert_array_equal(layer(values), [3, 3, 2, 2, 0, 1])
        back = layers.IntegerLookup(vocabulary=vocabulary, invert=True)
        np.testing.assert_array_equal(back(np.array([[1, 3, 4], [4, 0, 2]])), [[12, 1138, 42], [42, -1, 36]])

    def test_learning(self):
        layer = layers.StringLookup(max_tokens=4, mask_token="")
        layer.adapt(["b", "a", "b", "", "c", "a", "d"])
        assert layer.get_vocabulary() == ["", "[UNK]", "b", "a"]
        layer.adapt(iter([np.array(["x", "y"]), np.array(["y"])]))
        assert layer.get_vocabulary(include_special_tokens=False) == ["y", "x"]
        weights = layers.IntegerLookup(output_mode="tf_idf", pad_to_max_tokens=True, max_tokens=6)
        weights.adapt(np.array([[1, 1, 2], [1, 3, 3]]))
        assert weights.get_vocabulary() == [-1, 1, 3, 2]
        own = np.log(1 + 2 / (1 + np.array([2, 1, 1])))
        np.testing.assert_allclose(weights.idf_weights, [own.mean(), *own, 0, 0], rtol=1e-6)

    @pytest.mark.parametrize("mode", ["int", "tf_idf"])
    def test_what_was_learned_is_kept(self, mode):
        layer = layers.StringLookup(output_mode=mode)
        layer.adapt(np.array([["b", "a"], ["b", "c"]]))
        again = layers.StringLookup.from_config(layer.get_config())
        x = np.array([["b", "q", "a"]])
        np.testing.assert_array_equal(again(x), layer(x))
        again.adapt(["only"])
        assert again.get_vocabulary()[-1] == "only"

    def test_in_a_model_file(self, tmp_path):
        vocabulary = tmp_path / "words.txt"
        vocabulary.write_text("10\n20\n30\n")
        model = Sequential(
            [Input((2,), dtype="int64"), layers.IntegerLookup(vocabulary=str(vocabulary)), layers.Embedding(4, 3)]
        )
        model.compile("sgd", "mse", run_eagerly=True)
        x = np.array([[10, 30], [20, 7]])
        model.fit(x, np.zeros((2, 2, 3), np.float32), verbose=0)
        model.save(tmp_path / "m.nerve")
        vocabulary.unlink()  # the tokens themselves are in the model's file
        loaded = nerve.models.load_model(tmp_path / "m.nerve")
        np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
        assert loaded.layers[0].get_vocabulary() == [-1, 10, 20, 30]

    def test_a_model_file_opens_no_other(self, tmp_path):
        secret = tmp_path / "secret.txt"
        secret.write_text("1\n2\n")

        class Naming(layers.IntegerLookup):
            def get_config(self):
                return {**super().get_config(), "vocabulary": str(secret)}

        Naming.__name__ = "IntegerLookup"
        model = Sequential([Input((2,), dtype="int64"), Naming(vocabulary=[1, 2]), layers.Embedding(4, 3)])
        model.save(tmp_path / "m.nerve")
        assert str(secret).encode() in zipfile.ZipFile(tmp_path / "m.nerve").read("config.json")
        with pytest.raises(ModelFileError, match="names a vocabulary file"):
            nerve.models.load_model(tmp_path / "m.nerve")

    def test_errors(self):
        with pytest.raises(ValueError, match="more than once"):
            layers.StringLookup(vocabulary=["a", "a"])
        with pytest.raises(ValueError, match=r"no index for unknown tokens .*got \['z'\]"):
            layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["a", "z"])
        with pytest.raises(ValueError, match="more than max_tokens=2"):
            layers.StringLookup(vocabulary=["a", "b"], max_tokens=2)
        with pytest.raises(ValueError, match="adapt would replace it"):
            layers.StringLookup(vocabulary=["a"]).adapt(["b"])
        with pytest.raises(RuntimeError, match="no vocabulary yet"):
            layers.StringLookup(output_mode="count")(["b"])
        with pytest.raises(DTypeError, match=r"string_lookup.*expects strings, got dtype int64"):
            layers.StringLookup(vocabulary=["a"])([1])
        with pytest.raises(DTypeError, match="expects integers"):
            layers.IntegerLookup(vocabulary=[1])([1.5])
        with pytest.raises(ValueError, match="oov_method='farmhash'"):
            layers.IntegerLookup(vocabulary=[1], salt=1)


class TestTextVectorization:
    def test_documented_values(self):
        layer = layers.TextVectorization(max_tokens=5000, output_sequence_length=4)
        layer.adapt(["foo bar", "bar baz", "baz bada boom"])
        np.testing.assert_array_equal(layer([["foo qux bar"], ["qux baz"]]), [[4, 1, 3, 0], [1, 2, 0, 0]])

    def test_modes(self):
        layer = layers.TextVectorization()
        layer.adapt(DOCUMENTS)
        assert layer.get_vocabulary() == ["", "[UNK]", "cat", "the", "dog", "birds"[:4], "barks", "a"]
        np.testing.assert_array_equal(layer(DOCUMENTS[:2]), [[3, 2, 3, 4], [7, 4, 6, 0]])
        counts = layers.TextVectorization(output_mode="count", vocabulary=["cat", "dog"])
        np.testing.assert_array_equal(counts(DOCUMENTS), [[2, 1, 1], [2, 0, 1], [1, 2, 0], [0, 0, 0]])
        weights = layers.TextVectorization(output_mode="tf_idf")
        weights.adapt(DOCUMENTS)
        cat = weights.get_vocabulary().index("cat")
        np.testing.assert_allclose(weights(DOCUMENTS)[:, cat], np.array([1, 0, 2, 0]) * np.log(1 + 4 / 3), rtol=1e-6)

    def test_standardize_split_and_ngrams(self):
        layer = layers.TextVectorization(standardize="lower", split="character")
        layer.adapt(["aB!"])
        assert layer.get_vocabulary()[2:] == ["b", "a", "!"]
        pairs = layers.TextVectorization(ngrams=2, vocabulary=["a", "b", "a b", "b c"])
        np.testing.assert_array_equal(pairs(["a b c"]), [[2, 3, 1, 4, 5]])
        own = layers.TextVectorization(
            standardize=np.char.upper, split=lambda texts: [t.split("-") for t in texts], vocabulary=["A", "B"]
        )
        np.testing.assert_array_equal(own(["a-b", "b"]), [[2, 3], [3, 0]])
        whole = layers.TextVectorization(split=None, vocabulary=["a b"], output_sequence_length=2)
        np.testing.assert_array_equal(whole([["A b!"], ["c"]]), [[2, 0], [1, 0]])
        np.testing.assert_array_equal(layers.TextVectorization(vocabulary=["É"])(["É é"]), [[2, 1]])

    @pytest.mark.parametrize("mode", ["int", "tf_idf"])
    def test_configuration(self, mode):
        layer = layers.TextVectorization(max_tokens=6, output_mode=mode, ngrams=(1, 2))
        layer.adapt(iter([DOCUMENTS[:2], DOCUMENTS[2:]]))
        again = layers.TextVectorization.from_config(layer.get_config())
        np.testing.assert_array_equal(again(DOCUMENTS), layer(DOCUMENTS))
        again.adapt(["new"])
        assert again.get_vocabulary()[-1] == "new"

    def test_errors(self):
        with pytest.raises(ValueError, match="standardize must be one of"):
            layers.TextVectorization(standardize="upper")
        with pytest.raises(ValueError, match="ragged must be False"):
            layers.TextVectorization(ragged=True)
        with pytest.raises(ValueError, match="only in mode 'int'"):
            layers.TextVectorization(output_mode="count", output_sequence_length=3)
        with pytest.raises(ShapeError, match=r"texts \(n,\) or \(n, 1\), got shape \(1, 2\)"):
            layers.TextVectorization(vocabulary=["a"])([["a", "b"]])
        with pytest.raises(DTypeError, match="expects strings"):
            layers.TextVectorization(vocabulary=["a"])([1, 2])


def test_every_layer_is_one():
    for name in ("Normalization", "Discretization", "CategoryEncoding", "Hashing", "StringLookup", "TextVectorization"):
        assert issubclass(getattr(layers, name), Layer)


def test_numbers_of_boxes():
    boxes = np.arange(24.0).reshape(2, 3, 4)
    data = {"images": np.zeros((2, 4, 4, 3)), "bounding_boxes": {"boxes": boxes, "labels": np.arange(6).reshape(2, 3)}}
    fewer = layers.MaxNumBoundingBoxes(2)(data)["bounding_boxes"]
    np.testing.assert_array_equal(fewer["boxes"], boxes[:, :2])
    np.testing.assert_array_equal(fewer["labels"], [[0, 1], [3, 4]])
    layer = layers.MaxNumBoundingBoxes(5, fill_value=-7)
    more = layer(data)["bounding_boxes"]
    np.testing.assert_array_equal(more["boxes"], np.pad(boxes, ((0, 0), (0, 2), (0, 0)), constant_values=-7))
    np.testing.assert_array_equal(more["labels"][:, 3:], -7)
    assert layer.from_config(layer.get_config()).fill_value == -7
    with pytest.raises(TypeError, match="expects a dict with bounding_boxes"):
        layer({"images": boxes})
    with pytest.raises(ShapeError, match=r"max_num_bounding_boxes.*labels \(batch, n\)"):
        layer({"bounding_boxes": {"boxes": boxes, "labels": np.zeros(2)}})
