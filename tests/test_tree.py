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
