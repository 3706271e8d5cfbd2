"""Tensor, Variable, gradients, no_gradients."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import nerve
from nerve import DTypeError, ShapeError, Tensor, Variable, gradients, no_gradients, ops


def test_gradients_of_a_composition() -> None:
    x, w = Tensor(np.array([[1.0, -2.0], [3.0, 4.0]])), Tensor(np.array([[0.5], [2.0]]))
    loss = ((x @ w) ** 2).sum()
    by_x, by_w = gradients(loss, [x, w])
    residual = x.array @ w.array
    np.testing.assert_allclose(by_w, 2 * x.array.T @ residual)
    np.testing.assert_allclose(by_x, 2 * residual @ w.array.T)


def test_a_tensor_used_twice_adds_its_gradients() -> None:
    x = Tensor(np.array([3.0]))
    (gradient,) = gradients((x * x + x).sum(), [x])
    np.testing.assert_allclose(gradient, [7.0])


def test_broadcasting_is_undone() -> None:
    x, row, number = Tensor(np.ones((4, 3))), Tensor(np.ones(3)), Tensor(np.float64(2))
    by_row, by_number = gradients((x * row * number).sum(), [row, number])
    np.testing.assert_array_equal(by_row, np.full(3, 8.0))
    assert by_number.shape == ()
    assert by_number == 12


def test_what_the_loss_does_not_depend_on_gets_zeros() -> None:
    x, other = Tensor(np.ones(2)), Tensor(np.ones((2, 3), np.float32))
    _, zeros = gradients(x.sum(), [x, other])
    np.testing.assert_array_equal(zeros, np.zeros((2, 3), np.float32))
    assert zeros.dtype == np.float32


def test_gradients_do_not_share_memory() -> None:
    x, y = Tensor(np.ones(3)), Tensor(np.ones(3))
    by_x, by_y = gradients((x + y).sum(), [x, y])
    by_x += 1
    np.testing.assert_array_equal(by_y, np.ones(3))


def test_mixed_precision_gradients_keep_each_dtype() -> None:
    x, y = Tensor(np.ones(3, np.float32)), Tensor(np.ones(3))
    by_x, by_y = gradients((x * y).sum(), [x, y])
    assert (by_x.dtype, by_y.dtype) == (np.float32, np.float64)


def test_python_numbers_do_not_widen() -> None:
    assert (Tensor(np.ones(2, np.float32)) * 2.5 + 1).dtype == np.float32
    assert Tensor([1, 2]).dtype == np.float32


def test_constants_and_no_gradients_remember_nothing() -> None:
    x = Tensor(np.ones(2))
    assert not ops.exp(np.ones(2)).tracked
    assert not ops.exp(Tensor(np.ones(2), tracked=False)).tracked
    with no_gradients():
        y = ops.exp(x)
    assert not y.tracked
    assert ops.exp(x).tracked
    assert not Tensor(np.array([1, 2])).tracked


def test_no_gradients_is_of_its_own_thread() -> None:
    seen: list[bool] = []
    with no_gradients():
        thread = threading.Thread(target=lambda: seen.append(ops.exp(Tensor(np.ones(2))).tracked))
        thread.start()
        thread.join()
    assert seen == [True]


def test_a_loss_of_several_elements_is_refused() -> None:
    x = Tensor(np.ones(2))
    with pytest.raises(ShapeError, match=r"\[gradients\] expects a loss of one element, got shape \(2,\)"):
        gradients(x * 2, [x])
    with pytest.raises(TypeError, match=r"\[gradients\] expects a Tensor"):
        gradients(3.0, [x])  # type: ignore[arg-type]


def test_deep_graphs_need_no_recursion() -> None:
    x = Tensor(np.ones(1))
    y = x
    for _ in range(5000):
        y = y + 1.0
    (gradient,) = gradients(y.sum(), [x])
    assert gradient == 1


def test_operators_match_numpy() -> None:
    a, b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[2.0, 0.5], [1.0, 4.0]])
    x, y = Tensor(a), Tensor(b)
    cases = [
        (x + y, a + b), (1 - x, 1 - a), (x / 2, a / 2), (2 / x, 2 / a), (x**2, a**2), (2**x, 2**a), (-x, -a),
        (b @ x, b @ a), (abs(-x), a), (x.T, a.T), (x[0], a[0]), (x[:, ::-1], a[:, ::-1]), (x > y, a > b),
        (x <= y, a <= b), (x == y, a == b), (x != y, a != b), (a + y, a + b), (x.mean(0), a.mean(0)),
        (x.max(), a.max()), (x.min(1), a.min(1)), (x.reshape(4), a.reshape(4)), (x.reshape((1, -1)), a.reshape(1, -1)),
    ]  # fmt: skip
    for got, want in cases:
        assert isinstance(got, Tensor)
        np.testing.assert_allclose(got.numpy(), want)
    assert len(x) == 2
    assert [row.shape for row in x] == [(2,), (2,)]
    assert float(x.sum()) == 10
    made = Variable(lambda shape, dtype: np.full(shape, 2, dtype), shape=(2, 3), dtype="float64", name="made")
    assert (made.shape, made.dtype, made.name, made.numpy().sum()) == ((2, 3), np.float64, "made", 12)
    assert Variable(np.zeros(2), dtype="float32", trainable=False).dtype == np.float32
    for given in (np.ones, "ones"):
        with pytest.raises(TypeError, match="needs the shape of what an initializer is to give"):
            Variable(given)
    by_name = Variable("glorot_uniform", (200, 300))
    assert (by_name.shape, by_name.dtype) == ((200, 300), np.float32)
    assert 0.95 < np.abs(by_name.numpy()).max() / np.sqrt(6 / 500) <= 1
    with pytest.raises(ValueError, match="unknown initializer 'glorot_unifrom': did you mean 'glorot_uniform'"):
        Variable("glorot_unifrom", (2,))
    with pytest.raises(ShapeError, match=r"expects values of shape \(2,\), got \(3,\)"):
        Variable([1.0, 2.0, 3.0], shape=(2,))
    assert int(x.sum()) == 10
    assert "abc"[Tensor(np.array(1))] == "b"
    for value in (np.array([1]), np.array(1.0)):
        with pytest.raises(TypeError, match="only one integer is an index"):
            "abc"[Tensor(value)]
    assert np.asarray(x) is x.array
    assert "shape=(2, 2)" in repr(x)


def test_variable_assign_keeps_its_storage() -> None:
    variable = Variable(np.zeros((2, 2), np.float32), name="dense/kernel")
    storage = variable.array
    variable.assign(np.ones((2, 2)))
    assert variable.array is storage
    np.testing.assert_array_equal(storage, np.ones((2, 2)))
    with pytest.raises(ShapeError, match=r"\[dense/kernel\] has shape \(2, 2\), got values of \(3,\)"):
        variable.assign(np.zeros(3))
    np.testing.assert_array_equal(storage, np.ones((2, 2)))
    variable.trainable = False
    assert not ops.exp(variable).tracked


def test_variables_copy_what_they_are_given() -> None:
    values = np.ones(3)
    variable = Variable(values)
    variable.assign(np.zeros(3))
    np.testing.assert_array_equal(values, np.ones(3))


def test_inputs_by_name() -> None:
    x = Tensor(np.ones((2, 3)))
    w = Tensor(np.ones((3, 2)))
    (gradient,) = gradients(ops.dense(x, kernel=w, bias=np.zeros(2), activation="relu").sum(), [w])
    np.testing.assert_array_equal(gradient, np.full((3, 2), 2.0))


def test_an_argument_may_take_over_the_call() -> None:
    class Symbol:
        def __nerve_op__(self, op: object, args: tuple[object, ...], kwargs: dict[str, object]) -> tuple[object, ...]:
            return op, args, kwargs

    symbol = Symbol()
    assert ops.add(Tensor(np.ones(2)), symbol)[0] is ops.add


def test_backend_is_checked() -> None:
    with pytest.raises(ValueError, match=r"\[backend\] expects"), nerve.backend("torch"):
        pass


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda v: gradients(v.sum(), v), TypeError, r"\[gradients\] expects a list of Tensors, got Variable"),
        (lambda v: gradients(v.sum(), [v, v.array]), TypeError, r"\[gradients\] .* got ndarray at position 1"),
        (lambda v: gradients(1.0, [v]), TypeError, r"\[gradients\] expects a Tensor as loss, got float"),
        (lambda v: Tensor("abc"), DTypeError, r"\[Tensor\] expects real numbers, got dtype <U3"),
        (lambda v: Tensor([[1], [1, 2]]), ShapeError, r"\[Tensor\] expects a rectangular array"),
        (lambda v: Variable(None), DTypeError, r"\[Variable\] expects real numbers, got dtype object"),
        (lambda v: Variable(np.ones(2, complex)), DTypeError, "complex128"),
        (lambda v: v.assign(np.full((2, 3), 1j)), DTypeError, r"\[v\] expects real numbers, got dtype complex128"),
        (lambda v: v.assign(np.full((2, 3), None)), DTypeError, r"\[v\] expects real numbers, got dtype object"),
        (lambda v: v.assign(np.full((2, 3), "1")), DTypeError, r"\[v\] expects real numbers, got dtype <U1"),
        (lambda v: v.assign([[1], [1, 2]]), ShapeError, r"\[v\] expects a rectangular array"),
        (lambda v: v.assign_add(["a"] * 3), DTypeError, r"\[v\] expects real numbers, got dtype <U1"),
        (lambda v: v.reshape(None), ValueError, r"\[reshape\] newshape expects integers, got None"),
        (lambda v: v.reshape(2.0, 3), ValueError, r"\[reshape\] newshape expects integers, got 2.0"),
        (lambda v: v.mean(axis="a"), ValueError, r"\[mean\] axis expects integers, got 'a'"),
        (lambda v: v[0:"a"], IndexError, r"\[getitem\] slice indices must be integers"),
        (lambda v: v[::0], IndexError, r"\[getitem\] slice step cannot be zero"),
        (lambda v: ops.transpose(v, 5), ShapeError, r"\[transpose\] axis 5 does not exist"),
        (lambda v: ops.transpose(v, "ab"), ValueError, r"\[transpose\] axes expects integers, got 'ab'"),
        (lambda v: ops.concatenate(v), TypeError, r"\[concatenate\] expects a list of tensors, got Variable"),
        (lambda v: ops.sum([[1], [1, 2]]), ShapeError, r"\[sum\] expects a rectangular array"),
        (lambda v: ops.stop_gradient([[1], [1, 2]]), ShapeError, r"\[stop_gradient\] expects a rectangular array"),
    ],
)
def test_bad_calls_say_what_is_wrong_and_change_nothing(call, error, message) -> None:
    variable = Variable(np.ones((2, 3), np.float32), name="v")
    with pytest.raises(error, match=message):
        call(variable)
    np.testing.assert_array_equal(variable.array, np.ones((2, 3)))


def test_lists_beside_tensors_have_gradients() -> None:
    w = Variable(np.ones((3, 2), np.float32))
    for op in (ops.matmul, ops.dense):
        for x in ([[1.0, 2.0, 3.0]], [1.0, 2.0, 3.0]):
            (gradient,) = gradients(op(x, w).sum(), [w])
            np.testing.assert_array_equal(gradient, [[1, 1], [2, 2], [3, 3]])


def test_assign_add_and_sub():
    variable = nerve.Variable(np.ones(2, np.float32), name="v")
    storage = variable.array
    variable.assign_add([1.0, 2.0])
    variable.assign_sub(nerve.Tensor(np.float32(0.5)))
    assert variable.array is storage
    assert storage.tolist() == [1.5, 2.5]
    with pytest.raises(ShapeError, match=r"\[v\] has shape \(2,\), got values of \(3, 2\)"):
        variable.assign_add(np.ones((3, 2)))
    assert storage.tolist() == [1.5, 2.5]


def test_tensors_are_shared_by_dlpack() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    tensor = nerve.Tensor(values)
    there = np.from_dlpack(tensor)
    assert np.shares_memory(there, values)

    class Foreign:
        """An array of another library, as NumPy sees it."""

        def __dlpack__(self) -> None: ...

        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
            return values

    assert nerve.Tensor(Foreign()).array is values


def test_integers_and_booleans_have_operators_too() -> None:
    a = np.array([5, 0, -3, 8])
    x = Tensor(a)
    cases = [
        (x // 3, a // 3), (x % 3, a % 3), (7 // Tensor(a[3:]), 7 // a[3:]), (20 % Tensor(a[3:]), 20 % a[3:]),
        ((x > 0) & (x < 6), (a > 0) & (a < 6)), ((x > 6) | (x < 0), (a > 6) | (a < 0)), (~(x > 0), ~(a > 0)),
        ((x > 0) ^ (x > 6), (a > 0) ^ (a > 6)), (x & 3, a & 3), (1 | x, 1 | a), (x ^ 5, a ^ 5), (~x, ~a),
    ]  # fmt: skip
    for got, want in cases:
        assert isinstance(got, Tensor)
        assert got.dtype.kind == want.dtype.kind
        np.testing.assert_array_equal(got.numpy(), want)


def test_tensors_are_written_and_taken_out_of_the_graph() -> None:
    x = Variable(np.array([1.5, 2.25]))
    assert f"{x.sum():.1f}" == "3.8"
    assert f"{x}" == str(x)
    assert f"{Tensor(np.array([7])):03d}" == "007"
    with pytest.raises(TypeError, match=r"'\.2f' formats a tensor of one element, not one of shape \(2,\)"):
        format(x, ".2f")
    for apart in (x.detach(), x.cpu().detach()):
        y = (x * apart).sum()
        np.testing.assert_array_equal(gradients(y, [x])[0], x.numpy())
    assert x.cpu() is x
