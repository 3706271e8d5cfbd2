"""Model files: what comes back, and what happens to files and models when something is wrong."""

from __future__ import annotations

import json
import os
import pickle
import zipfile

import numpy as np
import pytest
from safetensors.numpy import load, save

import nerve
from nerve import Input, Model, ModelFileError, Sequential, ShapeError, layers, losses, models, ops, optimizers
from nerve.models import saving
from nerve.serialization import deserialize, serialize

rng = np.random.default_rng(3)
X = rng.normal(size=(40, 3)).astype(np.float32)
Y = rng.integers(0, 2, 40)


def make(seed=0):
    nerve.random.seed(seed)
    model = Sequential(
        [
            Input((3,)),
            layers.Dense(8, activation="relu", kernel_initializer=nerve.initializers.HeNormal(seed=seed)),
            layers.BatchNormalization(),
            layers.Dropout(0.2, seed=1),
            layers.Dense(2),
        ]
    )
    model.compile(
        optimizers.Adam(learning_rate=0.01),
        losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.nerve"


def fit(model, **options):
    return model.fit(X, Y, batch_size=10, verbose=0, **options)


def rewrite(path, changes, drop=()):
    """Another zip with the same members, but for `changes`."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if name not in drop}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**members, **changes}.items():
            archive.writestr(name, data)


def forge(path, config=None, weights=None):
    """Change members and mend the checksums, as an attacker would."""
    import hashlib

    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    if config is not None:
        data = json.loads(members["config.json"])
        config(data)
        members["config.json"] = json.dumps(data).encode()
    if weights is not None:
        arrays = load(members["weights.safetensors"])
        weights(arrays)
        members["weights.safetensors"] = save(arrays)
    metadata = json.loads(members["metadata.json"])
    metadata["sha256"] = {name: hashlib.sha256(members[name]).hexdigest() for name in metadata["sha256"]}
    rewrite(path, {**members, "metadata.json": json.dumps(metadata)})


class TestRoundTrip:
    def test_predictions_and_training_go_on_as_if_nothing_happened(self, path):
        model = make()
        fit(model, epochs=2)
        model.save(path)
        loaded = models.load_model(path)
        assert np.array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
        assert loaded.optimizer.iterations == model.optimizer.iterations == 8
        assert loaded.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
        # Another stream of dropout masks would tell the two apart: leave it out.
        for one in (model, loaded):
            one.layers[2].rate = 0.0
            nerve.random.seed(9)
            fit(one, epochs=2)
        assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True))

    def test_loading_leaves_the_random_stream_alone(self, path):
        make().save(path)
        nerve.random.seed(4)
        models.load_model(path)
        assert nerve.random.next_offset(1) == (4, 0)

    def test_functional_model_with_ops(self, path):
        a, b = Input((3,), name="a"), Input((3,), name="b")
        shared = layers.Dense(2, activation=nerve.activations.gelu)
        model = Model([a, b], {"out": shared(a) * 2.0 + shared(b)[:, ::-1], "mean": ops.mean(a, axis=1)})
        model.save(path)
        loaded = models.load_model(path)
        for name, y in model.predict([X, X], verbose=0).items():
            assert np.array_equal(loaded.predict([X, X], verbose=0)[name], y)
        assert not loaded.compiled

    def test_nested_models_and_frozen_layers(self, path):
        inner = Sequential([layers.Dense(2), layers.Dense(2)])
        inputs = Input((3,))
        model = Model(inputs, inner(inputs))
        inner.layers[0].trainable = False
        model.save(path)
        loaded = models.load_model(path)
        assert np.array_equal(loaded(X).numpy(), model(X).numpy())
        assert len(loaded.trainable_weights) == 2

    def test_sequential_built_by_its_data(self, path):
        model = Sequential([layers.Dense(2)])
        model(X)
        model.save(path)
        assert np.array_equal(models.load_model(path)(X).numpy(), model(X).numpy())

    def test_freezing_after_training(self, path):
        model = make()
        fit(model)
        model.layers[0].trainable = False
        model.save(path)
        loaded = models.load_model(path)
        assert len(loaded.trainable_weights) == 4
        assert np.array_equal(loaded.optimizer.slots["momentum"][1], model.optimizer.slots["momentum"][1])

    def test_schedules(self, path):
        model = make()
        model.compile(optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)), "mse")
        model.save(path)
        assert models.load_model(path).optimizer.learning_rate == 0.1

    def test_the_same_model_gives_the_same_bytes(self, tmp_path):
        model = make()
        model.save(tmp_path / "a.nerve")
        model.save(tmp_path / "b.nerve")
        assert (tmp_path / "a.nerve").read_bytes() == (tmp_path / "b.nerve").read_bytes()

    def test_weights_alone(self, tmp_path):
        model, other = make(0), make(1)
        model.save_weights(tmp_path / "w.safetensors")
        other.load_weights(tmp_path / "w.safetensors")
        assert np.array_equal(model(X).numpy(), other(X).numpy())
        model.save(tmp_path / "m.nerve")
        third = make(2)
        third.load_weights(tmp_path / "m.nerve")
        assert np.array_equal(model(X).numpy(), third(X).numpy())


def test_code_is_never_read(path):
    make().save(path)
    with pytest.raises(ValueError, match=r"safe_mode must be True: .* custom_objects"):
        models.load_model(path, safe_mode=False)
    assert models.load_model(path, None, True, True).compiled
    assert not models.load_model(path, compile=False).compiled


class Gate(layers.Layer):
    def __init__(self, width, **options):
        super().__init__(**options)
        self.width = width
        self.dense = layers.Dense(width, activation=double)

    def call(self, x):
        return self.dense(x)


def double(x):
    return 2 * x


class Net(Model):
    def __init__(self, width=4, **options):
        super().__init__(**options)
        self.blocks = [Gate(width), layers.Dense(1)]

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x


class TestCustomObjects:
    def test_layers(self, path):
        inputs = Input((3,))
        model = Model(inputs, Gate(2)(inputs))
        model.save(path)
        with pytest.raises(ModelFileError, match=r"uses the class 'Gate', which is not part of nerve"):
            models.load_model(path)
        loaded = models.load_model(path, custom_objects={"Gate": Gate})
        assert np.array_equal(loaded(X).numpy(), model(X).numpy())

    def test_subclassed_models(self, path):
        model = Net(5)
        model.compile("sgd", mean_power)
        model.fit(X, Y[:, None], verbose=0)
        model.save(path)
        with pytest.raises(ModelFileError, match="custom_objects"):
            models.load_model(path, custom_objects={"Net": Net, "Gate": Gate})
        loaded = models.load_model(path, custom_objects={"Net": Net, "Gate": Gate, "mean_power": mean_power})
        assert np.array_equal(loaded(X).numpy(), model(X).numpy())
        assert loaded.evaluate(X, Y[:, None], verbose=0) == model.evaluate(X, Y[:, None], verbose=0)

    def test_functions(self, path):
        model = Sequential([Input((3,)), layers.Dense(2, activation=double)])
        model.save(path)
        with pytest.raises(ModelFileError, match="uses the function 'double'"):
            models.load_model(path)
        loaded = models.load_model(path, {"double": double})
        assert np.array_equal(loaded(X).numpy(), model(X).numpy())

    def test_what_no_file_can_hold(self, path):
        model = Sequential([Input((3,)), layers.Dense(2, activation=lambda x: x)])
        with pytest.raises(TypeError, match=r"cannot save .*lambda"):
            model.save(path)
        assert os.listdir(path.parent) == []


def mean_power(y_true, y_pred):
    return ops.mean((y_pred - y_true) ** 4, axis=-1)


class TestSerialization:
    @pytest.mark.parametrize(
        "value",
        [
            None, True, 3, 2.5, "text", [1, [2]], (1, (2, [3])), {"a": (1, None)}, slice(1, None, 2), Ellipsis,
            ops.relu, nerve.activations.softplus,
        ],
        ids=repr,
    )  # fmt: skip
    def test_values(self, value):
        assert deserialize(json.loads(json.dumps(serialize(value)))) == value

    def test_arrays(self):
        array = np.arange(6, dtype=np.float64).reshape(2, 3)[:, ::-1]
        again = deserialize(json.loads(json.dumps(serialize([array]))))[0]
        assert again.dtype == np.float64
        assert np.array_equal(again, array)

    @pytest.mark.parametrize("value", [object(), {1: 2}, 1j, {1, 2}, int, np.array(["a"])], ids=str)
    def test_what_cannot_be_saved(self, value):
        with pytest.raises(TypeError, match="cannot save"):
            serialize(value)

    @pytest.mark.parametrize(
        "data",
        [
            {"class_name": "system", "config": {}, "module": "os"},
            {"class_name": "Popen", "config": {"args": "true"}, "module": "subprocess"},
            {"class_name": "nerve.os.system", "config": {}},
            {"class_name": "load_model", "config": {}, "module": "models"},
            {"class_name": "get", "config": {}, "module": "losses"},
            {"class_name": ["Dense"], "config": {}},
            {"class_name": "Dense", "config": 3, "module": "layers"},
            {"function": "system", "module": "os"},
            {"function": "eval"},
            {"function": "__import__", "module": "activations"},
            {"array": "????", "dtype": "<f4", "shape": [1]},
            {"array": "", "dtype": "O", "shape": [1]},
        ],
        ids=str,
    )
    def test_names_are_looked_up_nowhere_else(self, data):
        with pytest.raises(ModelFileError):
            deserialize({"layers": [data]})


class TestDamage:
    @pytest.fixture
    def saved(self, path):
        model = make()
        fit(model)
        model.save(path)
        return path

    @pytest.mark.parametrize("keep", [0, 1, 3, 10, 100, 0.3, 0.9, -1])
    def test_truncated(self, saved, keep):
        data = saved.read_bytes()
        saved.write_bytes(data[: int(len(data) * keep) if isinstance(keep, float) else keep])
        with pytest.raises(ModelFileError, match=r"model\.nerve: is (not a nerve model|truncated or damaged)"):
            models.load_model(saved)

    def test_any_byte_changed(self, saved):
        """Whatever byte changes, the file is refused, or gives the very same model."""
        data = saved.read_bytes()
        expected = [w.tobytes() for w in models.load_model(saved).get_weights()]
        refused = 0
        for position in rng.integers(0, len(data), 60):
            changed = bytearray(data)
            changed[position] ^= 0x55
            saved.write_bytes(bytes(changed))
            try:
                model = models.load_model(saved)
            except ModelFileError:
                refused += 1
            else:
                assert [w.tobytes() for w in model.get_weights()] == expected
        assert refused > 40

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "is not a nerve model: it is not a zip"),
            (b"\x89HDF\r\n\x1a\n" + bytes(100), "is an HDF5 file, as Keras writes; nerve reads its own files only"),
            (pickle.dumps({"a": 1}), "is not a nerve model: it is not a zip"),
        ],
    )
    def test_other_programs(self, path, content, message):
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match=message):
            models.load_model(path)

    def test_a_zip_of_another_program(self, path):
        for metadata in (None, {"program_version": "3.9.0"}, [1], "nerve"):
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("config.json", "{}")
                if metadata is not None:
                    archive.writestr("metadata.json", json.dumps(metadata))
            with pytest.raises(ModelFileError, match=r"no metadata\.json that says so"):
                models.load_model(path)

    def test_a_model_of_keras(self, path):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", "{}")
            archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        with pytest.raises(ModelFileError, match=r"was written by Keras 3\.15\.1; nerve reads its own files only"):
            models.load_model(path)

    def test_no_file(self, path):
        with pytest.raises(FileNotFoundError):
            models.load_model(path)

    def test_newer_version(self, saved):
        rewrite(saved, {"metadata.json": json.dumps({"format": "nerve", "format_version": 99})})
        with pytest.raises(ModelFileError, match="format version 99, this nerve reads 1"):
            models.load_model(saved)

    def test_missing_and_altered_members(self, saved):
        data = saved.read_bytes()
        rewrite(saved, {}, drop=("weights.safetensors",))
        with pytest.raises(ModelFileError, match=r"has no weights\.safetensors"):
            models.load_model(saved)
        saved.write_bytes(data)
        rewrite(saved, {"config.json": '{"model": 1}'})
        with pytest.raises(ModelFileError, match=r"was altered after it was saved: config\.json"):
            models.load_model(saved)

    def test_members_larger_than_any_model(self, saved):
        """A few kilobytes that claim to hold gigabytes are refused before they are unpacked."""
        with zipfile.ZipFile(saved, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("more.json", "w") as member:
            for _ in range(257):
                member.write(bytes(2**20))
        with pytest.raises(ModelFileError, match=r"more\.json claims 269484032 bytes"):
            models.load_model(saved)

    def test_weights_that_do_not_fit(self, saved):
        data = saved.read_bytes()
        forge(saved, weights=lambda arrays: arrays.pop("weights/dense/kernel"))
        with pytest.raises(ModelFileError, match=r"has no weight 'dense/kernel' \(1 of 8 are missing\)"):
            models.load_model(saved)
        saved.write_bytes(data)
        forge(saved, weights=lambda arrays: arrays.update({"weights/dense/kernel": np.ones((2, 2), np.float32)}))
        with pytest.raises(ModelFileError, match=r"has weight 'dense/kernel' of shape \(2, 2\), expected \(3, 8\)"):
            models.load_model(saved)
        saved.write_bytes(data)
        forge(saved, weights=lambda arrays: arrays.update({"weights/more": np.ones(1, np.float32)}))
        with pytest.raises(ModelFileError, match="holds a weight 'more'"):
            models.load_model(saved)
        saved.write_bytes(data)
        forge(saved, weights=lambda arrays: arrays.pop("optimizer/iterations"))
        with pytest.raises(ModelFileError, match="state of the optimizer does not fit"):
            models.load_model(saved)

    def test_configurations_that_make_no_model(self, saved):
        data = saved.read_bytes()

        def at_layer(change):
            return lambda config: change(config["model"]["config"]["layers"][1])

        for change in (
            lambda config: config["model"].update(config={}),
            lambda config: config.update(model={"class_name": "Dense", "config": {}, "module": "layers"}),
            lambda config: config.update(model=[1, 2]),
            lambda config: (config.pop("compile"), config.update(model=float("nan"))),
            lambda config: (config.pop("compile"), config["model"].update(config["model"]["config"]["layers"][1])),
            lambda config: config["compile"].update(optimizer="none"),
            at_layer(lambda layer: layer["config"].update(units=-1)),
            at_layer(lambda layer: layer["config"].update(units=10**18)),
            at_layer(lambda layer: layer["config"].update(unknown=1)),
            at_layer(lambda layer: layer.update(class_name="Tense")),
        ):
            forge(saved, config=change)
            with pytest.raises(ModelFileError):
                models.load_model(saved)
            saved.write_bytes(data)

    def test_load_weights_changes_all_or_nothing(self, tmp_path):
        model = make()
        before = [w.copy() for w in model.get_weights()]
        path = tmp_path / "w.safetensors"
        model.save_weights(path)
        good = path.read_bytes()
        arrays = load(good)
        wrong = {
            "fewer": {key: value for key, value in arrays.items() if key != "dense_1/bias"},
            "shape": {**arrays, "dense_1/bias": np.ones(7, np.float32)},
        }
        for content in (*map(save, wrong.values()), b"", good[:50], good[:-1], good[:-1] + bytes([good[-1] ^ 1])):
            path.write_bytes(content)
            with pytest.raises(ModelFileError, match=r"w\.safetensors: "):
                model.load_weights(path)
        other = Sequential([Input((3,)), layers.Dense(2)])
        path.write_bytes(good)
        with pytest.raises(ModelFileError, match=r"expected|does not have"):
            other.load_weights(path)
        assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


class TestWriting:
    def test_an_error_leaves_the_old_file(self, path, monkeypatch):
        make().save(path)
        before = path.read_bytes()

        def fail(*args):
            raise OSError("disk full")

        monkeypatch.setattr(saving.os, "fsync", fail)
        with pytest.raises(OSError, match="disk full"):
            make(1).save(path)
        assert path.read_bytes() == before
        assert os.listdir(path.parent) == ["model.nerve"]

    def test_interrupted_before_the_end(self, path):
        make().save(path)
        before = path.read_bytes()

        def interrupted():
            with saving.atomic_file(path, True) as file:
                file.write(b"half")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert path.read_bytes() == before
        assert os.listdir(path.parent) == ["model.nerve"]

    def test_places_that_are_no_files(self, path, tmp_path):
        (tmp_path / "folder.nerve").mkdir()
        with pytest.raises(IsADirectoryError, match=r"folder\.nerve is a folder"):
            make().save(tmp_path / "folder.nerve")
        with pytest.raises(FileNotFoundError, match=r"there is no folder .*none to save model\.nerve in"):
            make().save(tmp_path / "none" / "model.nerve")

    def test_overwrite(self, path):
        make().save(path, overwrite=False)
        before = path.read_bytes()
        with pytest.raises(FileExistsError):
            make(1).save(path, overwrite=False)
        assert path.read_bytes() == before
        make(1).save(path)
        assert path.read_bytes() != before

    @pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
    def test_through_a_link(self, path, tmp_path):
        link = tmp_path / "link.nerve"
        link.symlink_to(path)
        make().save(link)
        assert link.is_symlink()
        assert path.exists()

    def test_suffix_and_unbuilt_models(self, tmp_path):
        with pytest.raises(ValueError, match=r"must end in '\.nerve' or '\.keras', got"):
            make().save(tmp_path / "model.h5")
        with pytest.raises(ValueError, match=r"must end in '\.safetensors' or '\.weights\.h5', got"):
            make().save_weights(tmp_path / "model.h5")
        model = Sequential([layers.Dense(2)])
        for act in (model.save, model.load_weights):
            with pytest.raises(ValueError, match="has no weights yet"):
                act(tmp_path / "m.nerve")
        with pytest.raises(ValueError, match="has no weights yet"):
            model.save_weights(tmp_path / "m.safetensors")
        with pytest.raises(FileNotFoundError):
            make().save(tmp_path / "no" / "model.nerve")


class TestPrograms:
    """What programs for Keras do with files."""

    def test_names_as_in_keras(self, tmp_path):
        model = make()
        fit(model)
        model.save(tmp_path / "m.keras")
        model.save(tmp_path / "m.nerve")
        assert (tmp_path / "m.keras").read_bytes() == (tmp_path / "m.nerve").read_bytes()
        expected = model.predict(X, verbose=0)
        assert np.array_equal(models.load_model(tmp_path / "m.keras").predict(X, verbose=0), expected)
        model.save_weights(tmp_path / "m.weights.h5")
        for name in ("m.weights.h5", "m.keras"):
            other = make(1)
            other.load_weights(tmp_path / name)
            assert np.array_equal(other.predict(X, verbose=0), expected)
        (tmp_path / "x.weights.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
        with pytest.raises(ModelFileError, match=r"x\.weights\.h5: is an HDF5 file, as Keras writes"):
            other.load_weights(tmp_path / "x.weights.h5")
        assert np.array_equal(other.predict(X, verbose=0), expected)

    def test_layers_that_are_built_in_their_own_way(self, tmp_path):
        class Filled(layers.Layer):
            def build(self, input_shape, value):
                self.value, self.shape = value, input_shape
                self.kernel = self.add_weight((input_shape[-1],), initializer=value, name="kernel")

            def call(self, inputs):
                return inputs * self.kernel

            def get_config(self):
                return super().get_config()

            def get_build_config(self):
                return {"shape": self.shape, "value": self.value}

            def build_from_config(self, config):
                self.build(config["shape"], config["value"])

        layer = Filled()
        layer.build((None, 3), "ones")
        model = Sequential([Input((3,)), layer])
        model.save(tmp_path / "m.nerve")
        again = models.load_model(tmp_path / "m.nerve", custom_objects={"Filled": Filled})
        assert again.layers[0].value == "ones"
        assert np.array_equal(again.predict(X, verbose=0), X)
        assert layers.Dense(2).get_build_config() is None
        dense = layers.Dense(2)
        dense.build((None, 3))
        other = layers.Dense(2)
        other.build_from_config(dense.get_build_config())
        assert other.kernel.shape == (3, 2)

    def test_layers_that_save_in_their_own_way(self, tmp_path):
        class Words(layers.Layer):
            words = None

            def build(self, input_shape):
                self.scale = self.add_weight(input_shape[-1:], name="scale")

            def call(self, inputs):
                return inputs * self.scale

            def save_own_variables(self, store):
                super().save_own_variables(store)
                store["words"] = np.array([3, 1, 2])

            def load_own_variables(self, store):
                self.words = store.pop("words")
                super().load_own_variables(store)

        model = Sequential([Input((3,)), layers.Dense(3), Words(name="w")])
        model.save(tmp_path / "m.nerve")
        model.save_weights(tmp_path / "m.safetensors")
        again = models.load_model(tmp_path / "m.nerve", custom_objects={"Words": Words})
        other = Sequential([Input((3,)), layers.Dense(3), Words(name="w")])
        kept = other.layers[1].scale.numpy().copy()
        other.load_weights(tmp_path / "m.safetensors", objects_to_skip=[other.layers[1]])
        assert other.layers[1].words is None
        assert np.array_equal(other.layers[1].scale.numpy(), kept)
        other.load_weights(tmp_path / "m.safetensors")
        for one in (again, other):
            assert one.layers[1].words.tolist() == [3, 1, 2]
            assert all(map(np.array_equal, one.get_weights(), model.get_weights()))
        with pytest.raises(ShapeError, match=r"\[w\] expects 1 arrays, got \['0', '1'\]"):
            layers.Layer.load_own_variables(model.layers[1], {"0": np.ones(3), "1": np.ones(3)})

    @pytest.mark.parametrize("described", [True, False])
    def test_a_compile_of_its_own(self, described, tmp_path):
        class Own(Model):
            def __init__(self, **options):
                super().__init__(**options)
                self.dense = layers.Dense(1)

            def call(self, x):
                return self.dense(x)

            def compile(self, optimizer, criterion):
                super().compile(optimizer)
                self.criterion = criterion

        if described:
            Own.get_compile_config = lambda self: {"rate": optimizers.SGD(0.5), "criterion": self.criterion}
            Own.compile_from_config = lambda self, config: self.compile(
                nerve.utils.deserialize_keras_object(config["rate"]), config["criterion"]
            )
            Own.compile_from_config.__module__ = __name__
        model = Own()
        model(X)
        model.compile("adam", "mine")
        model.save(tmp_path / "m.nerve")
        if described:
            again = models.load_model(tmp_path / "m.nerve", custom_objects={"Own": Own})
            assert (again.criterion, float(again.optimizer.learning_rate)) == ("mine", 0.5)
        else:
            with pytest.warns(UserWarning, match="Own has a compile of its own, and no get_compile_config"):
                again = models.load_model(tmp_path / "m.nerve", custom_objects={"Own": Own})
            assert not again.compiled
        assert np.array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
