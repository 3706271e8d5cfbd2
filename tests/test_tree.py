"""Nested structures and fixed settings, under Keras's names."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest

import nerve
from nerve import tree

Pair = namedtuple("Pair", "first second")
NESTED = {"b": [1, (2, None)], "a": Pair(3, 4)}


def test_there_and_back():
    assert tree.flatten(NESTED) == [3, 4, 1, 2, None]
    assert tree.pack_sequence_as(NESTED, tree.flatten(NESTED)) == NESTED
    assert tree.flatten_with_path(NESTED)[:3] == [(("a", 0), 3), (("a", 1), 4), (("b", 0), 1)]
    assert tree.flatten_with_path(5) == [((), 5)]
    with pytest.raises(ValueError, match="the structure has 5 leaves, got 1"):
        tree.pack_sequence_as(NESTED, [1])
    assert [tree.is_nested(x) for x in ([], (), {}, 1, np.ones(2))] == [True, True, True, False, False]


def test_maps():
    doubled = tree.map_structure(lambda x: 2 * x, NESTED, none_is_leaf=False)
    assert doubled == {"a": Pair(6, 8), "b": [2, (4, None)]}
    assert isinstance(doubled["a"], Pair)
    assert tree.map_structure(lambda a, b: a + b, [1, {"x": 2}], [10, {"x": 20}]) == [11, {"x": 22}]
    assert tree.map_structure_up_to({"a": 0, "b": 0}, len, {"a": [1, 2], "b": (3,)}) == {"a": 2, "b": 1}
    assert tree.map_structure_up_to([0, Pair(0, 0)], len, [[1], Pair([1, 2], [])]) == [1, Pair(2, 0)]
    assert tree.lists_to_tuples({"a": [1, [2]], "b": ([3],)}) == {"a": (1, (2,)), "b": ((3,),)}
    assert tree.lists_to_tuples([Pair([1], 2)]) == (Pair((1,), 2),)
    for one, other in (([1], (1,)), ({"a": 1}, {"b": 1}), ([1], [1, 2]), ([[1]], [1])):
        with pytest.raises(ValueError, match="structures differ"):
            tree.map_structure(lambda a, b: a, one, other)
    tree.assert_same_structure([1, {"a": 2}], ["x", {"a": None}])
    with pytest.raises(ValueError, match="needs a structure"):
        tree.map_structure(len)


def test_traversal():
    assert tree.traverse(lambda x: tuple(x) if isinstance(x, list) else None, [1, [2]]) == (1, [2])
    assert tree.traverse(lambda x: tuple(x) if isinstance(x, list) else None, [1, [2]], top_down=False) == (1, (2,))
    assert tree.traverse(lambda x: -x if isinstance(x, int) else None, {"a": Pair(1, [2])}) == {"a": Pair(-1, [-2])}


def test_what_is_fixed():
    config = nerve.config
    assert config.backend() == "nerve"
    assert config.floatx() == nerve.layers.Dense(1).dtype
    assert config.image_data_format() == nerve.layers.Conv2D(1, 1).data_format
    assert config.epsilon() == 1e-7


def test_what_is_fixed_can_be_set_to_what_it_is():
    for module in (nerve.config, nerve.backend):
        module.set_floatx("float32")
        module.set_epsilon(1e-7)
        module.set_image_data_format("channels_last")
        for setting, value, instead in (
            (module.set_floatx, "float64", "pass dtype='float64' to the layers"),
            (module.set_epsilon, 1e-3, "layers take an epsilon of their own"),
            (module.set_image_data_format, "channels_first", "pass data_format to the layers"),
        ):
            with pytest.raises(ValueError, match=instead):
                setting(value)


def test_backend_is_a_module_and_a_choice():
    from nerve import backend as K

    assert (K.backend(), K.epsilon(), K.floatx(), K.image_data_format()) == ("nerve", 1e-7, "float32", "channels_last")
    assert K.is_keras_tensor(nerve.Input((2,)))
    assert (K.standardize_dtype(np.float64), K.is_float_dtype("float32"), K.is_int_dtype("uint8")) == (
        "float64",
        True,
        True,
    )
    assert not K.is_int_dtype("bool")
    with K("reference"):
        assert nerve.kernels.matmul(np.ones((1, 2)), np.ones((2, 1)))[0, 0] == 2
    with pytest.raises(ValueError, match=r"\[backend\] expects"), nerve.backend("torch"):
        pass


def test_what_keras_has_and_nerve_has_not_is_explained():
    for name, reason in (
        ("mixed_precision", "float32 or float64"),
        ("distribution", "one machine"),
        ("wrappers", "nerve.cluster"),
    ):
        with pytest.raises(AttributeError, match=f"no attribute '{name}', which Keras has: .*{reason}"):
            getattr(nerve, name)
    with pytest.raises(
        AttributeError, match=r"no attribute 'VGG16': it has LeNet5, ResNet20\. Keras's come with weights"
    ):
        _ = nerve.applications.VGG16
    with pytest.raises(AttributeError, match=r"^module 'nerve' has no attribute 'nothing'$"):
        _ = nerve.nothing


def test_older_names_of_modules():
    assert nerve.preprocessing.sequence.pad_sequences is nerve.utils.pad_sequences
    assert nerve.preprocessing.image.load_img is nerve.utils.load_img
    assert nerve.preprocessing.image_dataset_from_directory is nerve.utils.image_dataset_from_directory
    assert nerve.ops.nn.relu is nerve.ops.numpy.relu is nerve.ops.relu
