"""
Kernels on the CPU, over NumPy arrays; see nerve.kernels for the public functions.
"""

from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import typing

__all__: list[str] = [
    "Cell",
    "Recording",
    "absolute",
    "absolute_backward",
    "accumulate_mean",
    "adadelta_step",
    "adagrad_step",
    "adam_step",
    "adamax_step",
    "add",
    "add_relu",
    "address",
    "affine_sample",
    "affine_sample_backward",
    "argmax",
    "argmax_is",
    "argmin",
    "attention",
    "attention_backward",
    "average_pool2d",
    "average_pool2d_backward",
    "average_pool3d",
    "average_pool3d_backward",
    "batch_norm_backward",
    "batch_norm_inference",
    "batch_norm_training",
    "ceil",
    "ceil_backward",
    "conv2d",
    "conv2d_backward_input",
    "conv2d_backward_kernel",
    "conv3d",
    "conv3d_backward_input",
    "conv3d_backward_kernel",
    "copy",
    "cos",
    "cos_backward",
    "cpu_features",
    "ctc_loss",
    "default_num_threads",
    "dissimilarity_matrix",
    "dissimilarity_sums",
    "divide",
    "dropout",
    "edge_dot",
    "edge_order",
    "elkan_assign",
    "elu",
    "elu_backward",
    "empty",
    "empty_cache",
    "equal",
    "erf",
    "erf_backward",
    "exp",
    "exp_backward",
    "expm1",
    "expm1_backward",
    "floor",
    "floor_backward",
    "fold_batch_norm",
    "from_int64",
    "ftrl_step",
    "fuzzy_assign",
    "gather_max",
    "gather_max_backward",
    "gather_sum",
    "gaussian_em_step",
    "gaussian_log_density",
    "gaussian_moments",
    "gaussian_posterior",
    "gelu",
    "gelu_backward",
    "gelu_tanh",
    "gelu_tanh_backward",
    "gram",
    "greater",
    "greater_equal",
    "grid_sample",
    "grid_sample_backward",
    "group_norm",
    "group_norm_backward",
    "gru",
    "gru_backward",
    "hard_sigmoid",
    "hard_sigmoid_backward",
    "huge_pages",
    "in_range",
    "isa",
    "isas",
    "join_neighbors",
    "kd_tree",
    "kd_tree_nearest",
    "kd_tree_radius",
    "kd_tree_radius_counts",
    "kmeans_assign",
    "kmeans_plusplus",
    "kmeans_plusplus_step",
    "label_merges",
    "layer_norm",
    "layer_norm_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "less",
    "less_equal",
    "lion_step",
    "log",
    "log1p",
    "log1p_backward",
    "log_backward",
    "log_softmax",
    "log_softmax_backward",
    "lstm",
    "lstm_backward",
    "matmul",
    "matmul_packed",
    "matmul_pieces",
    "matmul_precision",
    "matrix_linkage",
    "max",
    "max_pool2d",
    "max_pool2d_backward",
    "max_pool3d",
    "max_pool3d_backward",
    "maximum",
    "mean",
    "memory_stats",
    "min",
    "minimum",
    "moving_average_step",
    "multiply",
    "nadam_step",
    "nearest_neighbors",
    "negative",
    "negative_backward",
    "not_equal",
    "num_threads",
    "one_hot",
    "pack",
    "pad",
    "pad_backward",
    "pairwise_distances",
    "power",
    "radius_counts",
    "radius_neighbors",
    "random_normal",
    "random_uniform",
    "rbf_kernel",
    "reciprocal",
    "reciprocal_backward",
    "relu",
    "relu6",
    "relu6_backward",
    "relu_backward",
    "resize",
    "rms_norm",
    "rms_norm_backward",
    "rmsprop_step",
    "round",
    "round_backward",
    "rsqrt",
    "rsqrt_backward",
    "schedule_free_adamw_step",
    "selu",
    "selu_backward",
    "set_isa",
    "set_matmul_precision",
    "set_num_threads",
    "sgd_step",
    "sigmoid",
    "sigmoid_backward",
    "sign",
    "sign_backward",
    "silhouette",
    "silu",
    "silu_backward",
    "simple_rnn",
    "simple_rnn_backward",
    "sin",
    "sin_backward",
    "single_linkage",
    "softmax",
    "softmax_backward",
    "softmax_cross_entropy",
    "softplus",
    "softplus_backward",
    "softsign",
    "softsign_backward",
    "sparse_softmax_cross_entropy",
    "splinter_group",
    "sqrt",
    "sqrt_backward",
    "square",
    "square_backward",
    "subtract",
    "sum",
    "take",
    "take_backward",
    "take_backward_rows",
    "tanh",
    "tanh_backward",
    "to_float32",
    "to_float64",
    "to_int64",
    "ward_linkage",
    "where",
]

class Cell:
    """
    A number that recorded calls look up when they run.
    """
    def __float__(self) -> float: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.Any) -> None: ...
    def after(self, count: typing.SupportsInt | typing.SupportsIndex) -> Cell:
        """
        A cell that always holds `count` more than this one, a whole number.
        """
    def set(self, value: typing.Any) -> None:
        """
        Change the number.
        """

class Recording:
    """
    Kernel calls, recorded while it is on, to be run again.
    """
    def __init__(self, line: typing.Any) -> None:
        """
        `line` says, when called, which line of the program is at work.
        """
    def accept(self, values: tuple[typing.Any, ...]) -> bool:
        """
        Copy the inputs from arrays or tensors of just their shapes and dtypes; False if they are others.
        """
    def allocated(self, array: typing.Any) -> None:
        """
        Note an array that recorded calls will fill.
        """
    def check(self) -> None:
        """
        Raise `error()` of the first of these that does not hold.
        """
    def computed(self, array: typing.Any) -> bool:
        """
        Whether an array lies in one of those.
        """
    def difference(self, later: Recording) -> str:
        """
        Why another recording of the same code is not the same list of calls; empty if it is.
        """
    def forget(self) -> None:
        """
        Give the memory of those arrays back: this recording is only to be compared.
        """
    def gather(self, arrays: list[typing.Any], indices: typing.Any) -> bool:
        """
        Copy the inputs from those rows of larger arrays; False if these are not just like them.
        """
    def guard_numbers(self, values: typing.Any, error: collections.abc.Callable[[], typing.Any]) -> None:
        """
        Expect no NaN in an array of floats.
        """
    def guard_range(
        self,
        values: typing.Any,
        least: typing.SupportsInt | typing.SupportsIndex,
        most: typing.SupportsInt | typing.SupportsIndex,
        error: collections.abc.Callable[[], typing.Any],
    ) -> None:
        """
        Expect an int64 array's elements in a range.
        """
    def plan(self) -> None:
        """
        Move arrays nobody else holds into one block, where they share memory.
        """
    def replay(self, values: tuple[typing.Any, ...]) -> typing.Any:
        """
        `accept`, `check` and `run`; None if not accepted.
        """
    def require_range(
        self,
        values: typing.Any,
        least: typing.SupportsInt | typing.SupportsIndex,
        most: typing.SupportsInt | typing.SupportsIndex,
        index: bool,
        message: str,
    ) -> None:
        """
        Check in each run that computed integers lie in a range.
        """
    def run(self) -> list[typing.Any]:
        """
        Make all calls again; gives copies of the outputs.
        """
    def set_inputs(self, arrays: list[typing.Any]) -> None:
        """
        Say which arrays `accept` is to fill.
        """
    def set_outputs(self, arrays: list[typing.Any]) -> None:
        """
        Say of which arrays a run gives copies.
        """
    def start(self) -> None:
        """
        Record the calls that this thread makes from now on.
        """
    def stop(self) -> None:
        """
        Record no more.
        """
    def timed_run(self) -> list[float]:
        """
        Make all calls again, and give the seconds that each took.
        """
    @property
    def kernels(self) -> list[str]: ...
    @property
    def planned_bytes(self) -> int: ...
    @property
    def recorded_bytes(self) -> int: ...
    @property
    def runs(self) -> int:
        """
        How often all calls were made again, to the last one.
        """

@typing.overload
def absolute(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def absolute(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def absolute_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def absolute_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def accumulate_mean(
    totals: numpy.typing.NDArray[numpy.float64] | None,
    values: numpy.typing.NDArray[numpy.float32] | None,
    weights: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    weighted: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def accumulate_mean(
    totals: numpy.typing.NDArray[numpy.float64] | None,
    values: numpy.typing.NDArray[numpy.float64] | None,
    weights: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    weighted: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def adadelta_step(
    parameters: list[numpy.typing.NDArray[numpy.float32]] | None,
    accumulators: list[numpy.typing.NDArray[numpy.float32]] | None,
    deltas: list[numpy.typing.NDArray[numpy.float32]] | None,
    gradients: list[numpy.typing.NDArray[numpy.float32]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    rho: typing.SupportsFloat | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def adadelta_step(
    parameters: list[numpy.typing.NDArray[numpy.float64]] | None,
    accumulators: list[numpy.typing.NDArray[numpy.float64]] | None,
    deltas: list[numpy.typing.NDArray[numpy.float64]] | None,
    gradients: list[numpy.typing.NDArray[numpy.float64]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    rho: typing.SupportsFloat | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def adagrad_step(
    parameters: list[numpy.typing.NDArray[numpy.float32]] | None,
    accumulators: list[numpy.typing.NDArray[numpy.float32]] | None,
    gradients: list[numpy.typing.NDArray[numpy.float32]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def adagrad_step(
    parameters: list[numpy.typing.NDArray[numpy.float64]] | None,
    accumulators: list[numpy.typing.NDArray[numpy.float64]] | None,
    gradients: list[numpy.typing.NDArray[numpy.float64]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def adam_step(
    parameters: list[numpy.typing.NDArray[numpy.float32]] | None,
    momenta: list[numpy.typing.NDArray[numpy.float32]] | None,
    velocities: list[numpy.typing.NDArray[numpy.float32]] | None,
    maxima: list[numpy.typing.NDArray[numpy.float32]] | None,
    gradients: list[numpy.typing.NDArray[numpy.float32]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    beta_1: typing.SupportsFloat | typing.SupportsIndex,
    beta_2: typing.SupportsFloat | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    step: typing.SupportsInt | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def adam_step(
    parameters: list[numpy.typing.NDArray[numpy.float64]] | None,
    momenta: list[numpy.typing.NDArray[numpy.float64]] | None,
    velocities: list[numpy.typing.NDArray[numpy.float64]] | None,
    maxima: list[numpy.typing.NDArray[numpy.float64]] | None,
    gradients: list[numpy.typing.NDArray[numpy.float64]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    beta_1: typing.SupportsFloat | typing.SupportsIndex,
    beta_2: typing.SupportsFloat | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    step: typing.SupportsInt | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def adamax_step(
    parameters: list[numpy.typing.NDArray[numpy.float32]] | None,
    momenta: list[numpy.typing.NDArray[numpy.float32]] | None,
    norms: list[numpy.typing.NDArray[numpy.float32]] | None,
    gradients: list[numpy.typing.NDArray[numpy.float32]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    beta_1: typing.SupportsFloat | typing.SupportsIndex,
    beta_2: typing.SupportsFloat | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    step: typing.SupportsInt | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def adamax_step(
    parameters: list[numpy.typing.NDArray[numpy.float64]] | None,
    momenta: list[numpy.typing.NDArray[numpy.float64]] | None,
    norms: list[numpy.typing.NDArray[numpy.float64]] | None,
    gradients: list[numpy.typing.NDArray[numpy.float64]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    beta_1: typing.SupportsFloat | typing.SupportsIndex,
    beta_2: typing.SupportsFloat | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    step: typing.SupportsInt | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def add(
    out: numpy.typing.NDArray[numpy.float32] | None,
    a: numpy.typing.NDArray[numpy.float32] | None,
    b: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def add(
    out: numpy.typing.NDArray[numpy.float64] | None,
    a: numpy.typing.NDArray[numpy.float64] | None,
    b: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def add_relu(
    out: numpy.typing.NDArray[numpy.float32] | None,
    a: numpy.typing.NDArray[numpy.float32] | None,
    b: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def add_relu(
    out: numpy.typing.NDArray[numpy.float64] | None,
    a: numpy.typing.NDArray[numpy.float64] | None,
    b: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def address(array: numpy.ndarray) -> int:
    """
    Where in memory the first element lies.
    """

@typing.overload
def affine_sample(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    transforms: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
    fill_value: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def affine_sample(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    transforms: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
    fill_value: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def affine_sample_backward(
    grad_x: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    transforms: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def affine_sample_backward(
    grad_x: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    transforms: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def argmax(
    out: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    reduced: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def argmax(
    out: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    reduced: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def argmax_is(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    labels: numpy.typing.NDArray[numpy.int64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def argmax_is(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    labels: numpy.typing.NDArray[numpy.int64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def argmin(
    out: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    reduced: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def argmin(
    out: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    reduced: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def attention(
    out: numpy.typing.NDArray[numpy.float32] | None,
    logsumexp: numpy.typing.NDArray[numpy.float32] | None,
    query: numpy.typing.NDArray[numpy.float32] | None,
    key: numpy.typing.NDArray[numpy.float32] | None,
    value: numpy.typing.NDArray[numpy.float32] | None,
    mask: numpy.typing.NDArray[numpy.bool_] | None,
    shape: tuple[typing.Any, ...],
    scale: typing.SupportsFloat | typing.SupportsIndex,
    causal: bool,
) -> None: ...
@typing.overload
def attention(
    out: numpy.typing.NDArray[numpy.float64] | None,
    logsumexp: numpy.typing.NDArray[numpy.float64] | None,
    query: numpy.typing.NDArray[numpy.float64] | None,
    key: numpy.typing.NDArray[numpy.float64] | None,
    value: numpy.typing.NDArray[numpy.float64] | None,
    mask: numpy.typing.NDArray[numpy.bool_] | None,
    shape: tuple[typing.Any, ...],
    scale: typing.SupportsFloat | typing.SupportsIndex,
    causal: bool,
) -> None: ...
@typing.overload
def attention_backward(
    grad_query: numpy.typing.NDArray[numpy.float32] | None,
    grad_key: numpy.typing.NDArray[numpy.float32] | None,
    grad_value: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    query: numpy.typing.NDArray[numpy.float32] | None,
    key: numpy.typing.NDArray[numpy.float32] | None,
    value: numpy.typing.NDArray[numpy.float32] | None,
    out: numpy.typing.NDArray[numpy.float32] | None,
    logsumexp: numpy.typing.NDArray[numpy.float32] | None,
    mask: numpy.typing.NDArray[numpy.bool_] | None,
    shape: tuple[typing.Any, ...],
    scale: typing.SupportsFloat | typing.SupportsIndex,
    causal: bool,
) -> None: ...
@typing.overload
def attention_backward(
    grad_query: numpy.typing.NDArray[numpy.float64] | None,
    grad_key: numpy.typing.NDArray[numpy.float64] | None,
    grad_value: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    query: numpy.typing.NDArray[numpy.float64] | None,
    key: numpy.typing.NDArray[numpy.float64] | None,
    value: numpy.typing.NDArray[numpy.float64] | None,
    out: numpy.typing.NDArray[numpy.float64] | None,
    logsumexp: numpy.typing.NDArray[numpy.float64] | None,
    mask: numpy.typing.NDArray[numpy.bool_] | None,
    shape: tuple[typing.Any, ...],
    scale: typing.SupportsFloat | typing.SupportsIndex,
    causal: bool,
) -> None: ...
@typing.overload
def average_pool2d(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def average_pool2d(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def average_pool2d_backward(
    grad_x: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def average_pool2d_backward(
    grad_x: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def average_pool3d(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def average_pool3d(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def average_pool3d_backward(
    grad_x: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def average_pool3d_backward(
    grad_x: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def batch_norm_backward(
    grad_x: numpy.typing.NDArray[numpy.float32] | None,
    grad_gamma: numpy.typing.NDArray[numpy.float32] | None,
    grad_beta: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    mean: numpy.typing.NDArray[numpy.float32] | None,
    variance: numpy.typing.NDArray[numpy.float32] | None,
    gamma: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    channels: typing.SupportsInt | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def batch_norm_backward(
    grad_x: numpy.typing.NDArray[numpy.float64] | None,
    grad_gamma: numpy.typing.NDArray[numpy.float64] | None,
    grad_beta: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    mean: numpy.typing.NDArray[numpy.float64] | None,
    variance: numpy.typing.NDArray[numpy.float64] | None,
    gamma: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    channels: typing.SupportsInt | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def batch_norm_inference(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    mean: numpy.typing.NDArray[numpy.float32] | None,
    variance: numpy.typing.NDArray[numpy.float32] | None,
    gamma: numpy.typing.NDArray[numpy.float32] | None,
    beta: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    channels: typing.SupportsInt | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def batch_norm_inference(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    mean: numpy.typing.NDArray[numpy.float64] | None,
    variance: numpy.typing.NDArray[numpy.float64] | None,
    gamma: numpy.typing.NDArray[numpy.float64] | None,
    beta: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    channels: typing.SupportsInt | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def batch_norm_training(
    out: numpy.typing.NDArray[numpy.float32] | None,
    mean: numpy.typing.NDArray[numpy.float32] | None,
    variance: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    gamma: numpy.typing.NDArray[numpy.float32] | None,
    beta: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    channels: typing.SupportsInt | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def batch_norm_training(
    out: numpy.typing.NDArray[numpy.float64] | None,
    mean: numpy.typing.NDArray[numpy.float64] | None,
    variance: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    gamma: numpy.typing.NDArray[numpy.float64] | None,
    beta: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    channels: typing.SupportsInt | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def ceil(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def ceil(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def ceil_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def ceil_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def conv2d(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    kernel: numpy.typing.NDArray[numpy.float32] | None,
    bias: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
    activation: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def conv2d(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    kernel: numpy.typing.NDArray[numpy.float64] | None,
    bias: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
    activation: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def conv2d_backward_input(
    grad_x: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    kernel: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def conv2d_backward_input(
    grad_x: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    kernel: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def conv2d_backward_kernel(
    grad_kernel: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def conv2d_backward_kernel(
    grad_kernel: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def conv3d(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    kernel: numpy.typing.NDArray[numpy.float32] | None,
    bias: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
    activation: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def conv3d(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    kernel: numpy.typing.NDArray[numpy.float64] | None,
    bias: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
    activation: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def conv3d_backward_input(
    grad_x: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    kernel: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def conv3d_backward_input(
    grad_x: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    kernel: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def conv3d_backward_kernel(
    grad_kernel: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def conv3d_backward_kernel(
    grad_kernel: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def copy(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def copy(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def cos(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def cos(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def cos_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def cos_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def cpu_features() -> list[str]:
    """
    What detection found, matrix units included.
    """

@typing.overload
def ctc_loss(
    loss: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    occupancy: numpy.typing.NDArray[numpy.float32] | None,
    work: numpy.typing.NDArray[numpy.float32] | None,
    log_probabilities: numpy.typing.NDArray[numpy.float32] | None,
    labels: numpy.typing.NDArray[numpy.int64] | None,
    label_lengths: numpy.typing.NDArray[numpy.int64] | None,
    lengths: numpy.typing.NDArray[numpy.int64] | None,
    batch: typing.SupportsInt | typing.SupportsIndex,
    time: typing.SupportsInt | typing.SupportsIndex,
    classes: typing.SupportsInt | typing.SupportsIndex,
    length: typing.SupportsInt | typing.SupportsIndex,
    blank: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def ctc_loss(
    loss: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    occupancy: numpy.typing.NDArray[numpy.float64] | None,
    work: numpy.typing.NDArray[numpy.float64] | None,
    log_probabilities: numpy.typing.NDArray[numpy.float64] | None,
    labels: numpy.typing.NDArray[numpy.int64] | None,
    label_lengths: numpy.typing.NDArray[numpy.int64] | None,
    lengths: numpy.typing.NDArray[numpy.int64] | None,
    batch: typing.SupportsInt | typing.SupportsIndex,
    time: typing.SupportsInt | typing.SupportsIndex,
    classes: typing.SupportsInt | typing.SupportsIndex,
    length: typing.SupportsInt | typing.SupportsIndex,
    blank: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def default_num_threads() -> int:
    """
    Threads from OMP_NUM_THREADS, the affinity mask and the control group's quota.
    """

@typing.overload
def dissimilarity_matrix(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
    metric: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def dissimilarity_matrix(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
    metric: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def dissimilarity_sums(
    sums: numpy.typing.NDArray[numpy.float64] | None,
    largest: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
    metric: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def dissimilarity_sums(
    sums: numpy.typing.NDArray[numpy.float64] | None,
    largest: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
    metric: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def divide(
    out: numpy.typing.NDArray[numpy.float32] | None,
    a: numpy.typing.NDArray[numpy.float32] | None,
    b: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def divide(
    out: numpy.typing.NDArray[numpy.float64] | None,
    a: numpy.typing.NDArray[numpy.float64] | None,
    b: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def dropout(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
    rate: typing.SupportsFloat | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    offset: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def dropout(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
    rate: typing.SupportsFloat | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    offset: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def edge_dot(
    out: numpy.typing.NDArray[numpy.float32] | None,
    a: numpy.typing.NDArray[numpy.float32] | None,
    b: numpy.typing.NDArray[numpy.float32] | None,
    targets: numpy.typing.NDArray[numpy.int64] | None,
    sources: numpy.typing.NDArray[numpy.int64] | None,
    edges: typing.SupportsInt | typing.SupportsIndex,
    heads: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def edge_dot(
    out: numpy.typing.NDArray[numpy.float64] | None,
    a: numpy.typing.NDArray[numpy.float64] | None,
    b: numpy.typing.NDArray[numpy.float64] | None,
    targets: numpy.typing.NDArray[numpy.int64] | None,
    sources: numpy.typing.NDArray[numpy.int64] | None,
    edges: typing.SupportsInt | typing.SupportsIndex,
    heads: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def edge_order(
    order: numpy.typing.NDArray[numpy.int64] | None,
    offsets: numpy.typing.NDArray[numpy.int64] | None,
    inverse_counts: numpy.typing.NDArray[numpy.float32] | None,
    ids: numpy.typing.NDArray[numpy.int64] | None,
    nodes: typing.SupportsInt | typing.SupportsIndex,
    edges: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def edge_order(
    order: numpy.typing.NDArray[numpy.int64] | None,
    offsets: numpy.typing.NDArray[numpy.int64] | None,
    inverse_counts: numpy.typing.NDArray[numpy.float64] | None,
    ids: numpy.typing.NDArray[numpy.int64] | None,
    nodes: typing.SupportsInt | typing.SupportsIndex,
    edges: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def elkan_assign(
    labels: numpy.typing.NDArray[numpy.int32] | None,
    upper: numpy.typing.NDArray[numpy.float32] | None,
    lower: numpy.typing.NDArray[numpy.float32] | None,
    distances: numpy.typing.NDArray[numpy.float32] | None,
    sums: numpy.typing.NDArray[numpy.float32] | None,
    totals: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    weights: numpy.typing.NDArray[numpy.float32] | None,
    centers: numpy.typing.NDArray[numpy.float32] | None,
    half_distances: numpy.typing.NDArray[numpy.float32] | None,
    shifts: numpy.typing.NDArray[numpy.float32] | None,
    moved: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    clusters: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def elkan_assign(
    labels: numpy.typing.NDArray[numpy.int32] | None,
    upper: numpy.typing.NDArray[numpy.float64] | None,
    lower: numpy.typing.NDArray[numpy.float64] | None,
    distances: numpy.typing.NDArray[numpy.float64] | None,
    sums: numpy.typing.NDArray[numpy.float64] | None,
    totals: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    weights: numpy.typing.NDArray[numpy.float64] | None,
    centers: numpy.typing.NDArray[numpy.float64] | None,
    half_distances: numpy.typing.NDArray[numpy.float64] | None,
    shifts: numpy.typing.NDArray[numpy.float64] | None,
    moved: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    clusters: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def elu(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def elu(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def elu_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def elu_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def empty(shape: tuple[int, ...], dtype: numpy.dtype[typing.Any]) -> numpy.ndarray:
    """
    An uninitialised array from the arena.
    """

def empty_cache() -> None:
    """
    Give unused large blocks back to the system.
    """

@typing.overload
def equal(
    out: numpy.typing.NDArray[numpy.bool_] | None,
    a: numpy.typing.NDArray[numpy.float32] | None,
    b: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def equal(
    out: numpy.typing.NDArray[numpy.bool_] | None,
    a: numpy.typing.NDArray[numpy.float64] | None,
    b: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def erf(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def erf(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def erf_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def erf_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def exp(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def exp(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def exp_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def exp_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def expm1(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def expm1(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def expm1_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def expm1_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def floor(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def floor(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def floor_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def floor_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def fold_batch_norm(
    folded_kernel: numpy.typing.NDArray[numpy.float32] | None,
    folded_bias: numpy.typing.NDArray[numpy.float32] | None,
    kernel: numpy.typing.NDArray[numpy.float32] | None,
    bias: numpy.typing.NDArray[numpy.float32] | None,
    mean: numpy.typing.NDArray[numpy.float32] | None,
    variance: numpy.typing.NDArray[numpy.float32] | None,
    gamma: numpy.typing.NDArray[numpy.float32] | None,
    beta: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    channels: typing.SupportsInt | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def fold_batch_norm(
    folded_kernel: numpy.typing.NDArray[numpy.float64] | None,
    folded_bias: numpy.typing.NDArray[numpy.float64] | None,
    kernel: numpy.typing.NDArray[numpy.float64] | None,
    bias: numpy.typing.NDArray[numpy.float64] | None,
    mean: numpy.typing.NDArray[numpy.float64] | None,
    variance: numpy.typing.NDArray[numpy.float64] | None,
    gamma: numpy.typing.NDArray[numpy.float64] | None,
    beta: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    channels: typing.SupportsInt | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def from_int64(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.int64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def from_int64(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.int64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def ftrl_step(
    parameters: list[numpy.typing.NDArray[numpy.float32]] | None,
    accumulators: list[numpy.typing.NDArray[numpy.float32]] | None,
    linears: list[numpy.typing.NDArray[numpy.float32]] | None,
    gradients: list[numpy.typing.NDArray[numpy.float32]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    learning_rate_power: typing.SupportsFloat | typing.SupportsIndex,
    l1: typing.SupportsFloat | typing.SupportsIndex,
    l2: typing.SupportsFloat | typing.SupportsIndex,
    l2_shrinkage: typing.SupportsFloat | typing.SupportsIndex,
    beta: typing.SupportsFloat | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def ftrl_step(
    parameters: list[numpy.typing.NDArray[numpy.float64]] | None,
    accumulators: list[numpy.typing.NDArray[numpy.float64]] | None,
    linears: list[numpy.typing.NDArray[numpy.float64]] | None,
    gradients: list[numpy.typing.NDArray[numpy.float64]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    learning_rate_power: typing.SupportsFloat | typing.SupportsIndex,
    l1: typing.SupportsFloat | typing.SupportsIndex,
    l2: typing.SupportsFloat | typing.SupportsIndex,
    l2_shrinkage: typing.SupportsFloat | typing.SupportsIndex,
    beta: typing.SupportsFloat | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def fuzzy_assign(
    memberships: numpy.typing.NDArray[numpy.float32] | None,
    costs: numpy.typing.NDArray[numpy.float32] | None,
    sums: numpy.typing.NDArray[numpy.float32] | None,
    totals: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    weights: numpy.typing.NDArray[numpy.float32] | None,
    centers: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    clusters: typing.SupportsInt | typing.SupportsIndex,
    fuzzifier: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def fuzzy_assign(
    memberships: numpy.typing.NDArray[numpy.float64] | None,
    costs: numpy.typing.NDArray[numpy.float64] | None,
    sums: numpy.typing.NDArray[numpy.float64] | None,
    totals: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    weights: numpy.typing.NDArray[numpy.float64] | None,
    centers: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    clusters: typing.SupportsInt | typing.SupportsIndex,
    fuzzifier: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gather_max(
    out: numpy.typing.NDArray[numpy.float32] | None,
    index: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    sources: numpy.typing.NDArray[numpy.int64] | None,
    order: numpy.typing.NDArray[numpy.int64] | None,
    offsets: numpy.typing.NDArray[numpy.int64] | None,
    nodes: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gather_max(
    out: numpy.typing.NDArray[numpy.float64] | None,
    index: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    sources: numpy.typing.NDArray[numpy.int64] | None,
    order: numpy.typing.NDArray[numpy.int64] | None,
    offsets: numpy.typing.NDArray[numpy.int64] | None,
    nodes: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gather_max_backward(
    grad_x: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    index: numpy.typing.NDArray[numpy.int64] | None,
    targets: numpy.typing.NDArray[numpy.int64] | None,
    order: numpy.typing.NDArray[numpy.int64] | None,
    offsets: numpy.typing.NDArray[numpy.int64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gather_max_backward(
    grad_x: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    index: numpy.typing.NDArray[numpy.int64] | None,
    targets: numpy.typing.NDArray[numpy.int64] | None,
    order: numpy.typing.NDArray[numpy.int64] | None,
    offsets: numpy.typing.NDArray[numpy.int64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gather_sum(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    sources: numpy.typing.NDArray[numpy.int64] | None,
    weights: numpy.typing.NDArray[numpy.float32] | None,
    order: numpy.typing.NDArray[numpy.int64] | None,
    offsets: numpy.typing.NDArray[numpy.int64] | None,
    nodes: typing.SupportsInt | typing.SupportsIndex,
    heads: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gather_sum(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    sources: numpy.typing.NDArray[numpy.int64] | None,
    weights: numpy.typing.NDArray[numpy.float64] | None,
    order: numpy.typing.NDArray[numpy.int64] | None,
    offsets: numpy.typing.NDArray[numpy.int64] | None,
    nodes: typing.SupportsInt | typing.SupportsIndex,
    heads: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gaussian_em_step(
    log_density: numpy.typing.NDArray[numpy.float32] | None,
    counts: numpy.typing.NDArray[numpy.float32] | None,
    sums: numpy.typing.NDArray[numpy.float32] | None,
    squares: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    means: numpy.typing.NDArray[numpy.float32] | None,
    factors: numpy.typing.NDArray[numpy.float32] | None,
    offsets: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    components: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    covariance: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gaussian_em_step(
    log_density: numpy.typing.NDArray[numpy.float64] | None,
    counts: numpy.typing.NDArray[numpy.float64] | None,
    sums: numpy.typing.NDArray[numpy.float64] | None,
    squares: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    means: numpy.typing.NDArray[numpy.float64] | None,
    factors: numpy.typing.NDArray[numpy.float64] | None,
    offsets: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    components: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    covariance: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gaussian_log_density(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    means: numpy.typing.NDArray[numpy.float32] | None,
    factors: numpy.typing.NDArray[numpy.float32] | None,
    offsets: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    components: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    covariance: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gaussian_log_density(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    means: numpy.typing.NDArray[numpy.float64] | None,
    factors: numpy.typing.NDArray[numpy.float64] | None,
    offsets: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    components: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    covariance: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gaussian_moments(
    counts: numpy.typing.NDArray[numpy.float32] | None,
    sums: numpy.typing.NDArray[numpy.float32] | None,
    squares: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    weights: numpy.typing.NDArray[numpy.float32] | None,
    shifts: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    components: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    covariance: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gaussian_moments(
    counts: numpy.typing.NDArray[numpy.float64] | None,
    sums: numpy.typing.NDArray[numpy.float64] | None,
    squares: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    weights: numpy.typing.NDArray[numpy.float64] | None,
    shifts: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    components: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    covariance: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gaussian_posterior(
    log_density: numpy.typing.NDArray[numpy.float32] | None,
    labels: numpy.typing.NDArray[numpy.int64] | None,
    responsibilities: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    means: numpy.typing.NDArray[numpy.float32] | None,
    factors: numpy.typing.NDArray[numpy.float32] | None,
    offsets: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    components: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    covariance: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gaussian_posterior(
    log_density: numpy.typing.NDArray[numpy.float64] | None,
    labels: numpy.typing.NDArray[numpy.int64] | None,
    responsibilities: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    means: numpy.typing.NDArray[numpy.float64] | None,
    factors: numpy.typing.NDArray[numpy.float64] | None,
    offsets: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    components: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    covariance: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gelu(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gelu(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gelu_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gelu_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gelu_tanh(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gelu_tanh(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gelu_tanh_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gelu_tanh_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gram(
    out: numpy.typing.NDArray[numpy.float32] | None,
    mean: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
    transposed: bool,
    divisor: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gram(
    out: numpy.typing.NDArray[numpy.float64] | None,
    mean: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
    transposed: bool,
    divisor: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def greater(
    out: numpy.typing.NDArray[numpy.bool_] | None,
    a: numpy.typing.NDArray[numpy.float32] | None,
    b: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def greater(
    out: numpy.typing.NDArray[numpy.bool_] | None,
    a: numpy.typing.NDArray[numpy.float64] | None,
    b: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def greater_equal(
    out: numpy.typing.NDArray[numpy.bool_] | None,
    a: numpy.typing.NDArray[numpy.float32] | None,
    b: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def greater_equal(
    out: numpy.typing.NDArray[numpy.bool_] | None,
    a: numpy.typing.NDArray[numpy.float64] | None,
    b: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def grid_sample(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    positions: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
    fill_value: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def grid_sample(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    positions: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
    fill_value: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def grid_sample_backward(
    grad_x: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    positions: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def grid_sample_backward(
    grad_x: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    positions: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def group_norm(
    out: numpy.typing.NDArray[numpy.float32] | None,
    mean: numpy.typing.NDArray[numpy.float32] | None,
    rstd: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    gamma: numpy.typing.NDArray[numpy.float32] | None,
    beta: numpy.typing.NDArray[numpy.float32] | None,
    batch: typing.SupportsInt | typing.SupportsIndex,
    positions: typing.SupportsInt | typing.SupportsIndex,
    groups: typing.SupportsInt | typing.SupportsIndex,
    channels: typing.SupportsInt | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def group_norm(
    out: numpy.typing.NDArray[numpy.float64] | None,
    mean: numpy.typing.NDArray[numpy.float64] | None,
    rstd: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    gamma: numpy.typing.NDArray[numpy.float64] | None,
    beta: numpy.typing.NDArray[numpy.float64] | None,
    batch: typing.SupportsInt | typing.SupportsIndex,
    positions: typing.SupportsInt | typing.SupportsIndex,
    groups: typing.SupportsInt | typing.SupportsIndex,
    channels: typing.SupportsInt | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def group_norm_backward(
    grad_x: numpy.typing.NDArray[numpy.float32] | None,
    grad_gamma: numpy.typing.NDArray[numpy.float32] | None,
    grad_beta: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    mean: numpy.typing.NDArray[numpy.float32] | None,
    rstd: numpy.typing.NDArray[numpy.float32] | None,
    gamma: numpy.typing.NDArray[numpy.float32] | None,
    batch: typing.SupportsInt | typing.SupportsIndex,
    positions: typing.SupportsInt | typing.SupportsIndex,
    groups: typing.SupportsInt | typing.SupportsIndex,
    channels: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def group_norm_backward(
    grad_x: numpy.typing.NDArray[numpy.float64] | None,
    grad_gamma: numpy.typing.NDArray[numpy.float64] | None,
    grad_beta: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    mean: numpy.typing.NDArray[numpy.float64] | None,
    rstd: numpy.typing.NDArray[numpy.float64] | None,
    gamma: numpy.typing.NDArray[numpy.float64] | None,
    batch: typing.SupportsInt | typing.SupportsIndex,
    positions: typing.SupportsInt | typing.SupportsIndex,
    groups: typing.SupportsInt | typing.SupportsIndex,
    channels: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gru(
    out: numpy.typing.NDArray[numpy.float32] | None,
    state: numpy.typing.NDArray[numpy.float32] | None,
    saved: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    kernel: numpy.typing.NDArray[numpy.float32] | None,
    recurrent_kernel: numpy.typing.NDArray[numpy.float32] | None,
    bias: numpy.typing.NDArray[numpy.float32] | None,
    initial_state: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def gru(
    out: numpy.typing.NDArray[numpy.float64] | None,
    state: numpy.typing.NDArray[numpy.float64] | None,
    saved: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    kernel: numpy.typing.NDArray[numpy.float64] | None,
    recurrent_kernel: numpy.typing.NDArray[numpy.float64] | None,
    bias: numpy.typing.NDArray[numpy.float64] | None,
    initial_state: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def gru_backward(
    grad_gates: numpy.typing.NDArray[numpy.float32] | None,
    grad_x: numpy.typing.NDArray[numpy.float32] | None,
    grad_kernel: numpy.typing.NDArray[numpy.float32] | None,
    grad_recurrent_kernel: numpy.typing.NDArray[numpy.float32] | None,
    grad_bias: numpy.typing.NDArray[numpy.float32] | None,
    grad_initial_state: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    grad_state: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    out: numpy.typing.NDArray[numpy.float32] | None,
    saved: numpy.typing.NDArray[numpy.float32] | None,
    kernel: numpy.typing.NDArray[numpy.float32] | None,
    recurrent_kernel: numpy.typing.NDArray[numpy.float32] | None,
    initial_state: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def gru_backward(
    grad_gates: numpy.typing.NDArray[numpy.float64] | None,
    grad_x: numpy.typing.NDArray[numpy.float64] | None,
    grad_kernel: numpy.typing.NDArray[numpy.float64] | None,
    grad_recurrent_kernel: numpy.typing.NDArray[numpy.float64] | None,
    grad_bias: numpy.typing.NDArray[numpy.float64] | None,
    grad_initial_state: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    grad_state: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    out: numpy.typing.NDArray[numpy.float64] | None,
    saved: numpy.typing.NDArray[numpy.float64] | None,
    kernel: numpy.typing.NDArray[numpy.float64] | None,
    recurrent_kernel: numpy.typing.NDArray[numpy.float64] | None,
    initial_state: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def hard_sigmoid(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def hard_sigmoid(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def hard_sigmoid_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def hard_sigmoid_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def huge_pages() -> str:
    """
    The system's setting for transparent huge pages.
    """

def in_range(
    values: numpy.typing.NDArray[numpy.int64] | None,
    least: typing.SupportsInt | typing.SupportsIndex,
    most: typing.SupportsInt | typing.SupportsIndex,
) -> bool:
    """
    Whether every element of a contiguous int64 array lies in a range, its ends included.
    """

def isa() -> str:
    """
    The instruction set in use.
    """

def isas() -> list[str]:
    """
    The instruction sets usable here, lowest first.
    """

@typing.overload
def join_neighbors(
    parents: numpy.typing.NDArray[numpy.int64] | None,
    density: numpy.typing.NDArray[numpy.float32] | None,
    points: numpy.typing.NDArray[numpy.int64] | None,
    offsets: numpy.typing.NDArray[numpy.int64] | None,
    indices: numpy.typing.NDArray[numpy.int64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    least: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def join_neighbors(
    parents: numpy.typing.NDArray[numpy.int64] | None,
    density: numpy.typing.NDArray[numpy.float64] | None,
    points: numpy.typing.NDArray[numpy.int64] | None,
    offsets: numpy.typing.NDArray[numpy.int64] | None,
    indices: numpy.typing.NDArray[numpy.int64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    least: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def kd_tree(
    leaves: numpy.typing.NDArray[numpy.float32] | None,
    order: numpy.typing.NDArray[numpy.int64] | None,
    low: numpy.typing.NDArray[numpy.float32] | None,
    high: numpy.typing.NDArray[numpy.float32] | None,
    points: numpy.typing.NDArray[numpy.float32] | None,
    tree: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def kd_tree(
    leaves: numpy.typing.NDArray[numpy.float64] | None,
    order: numpy.typing.NDArray[numpy.int64] | None,
    low: numpy.typing.NDArray[numpy.float64] | None,
    high: numpy.typing.NDArray[numpy.float64] | None,
    points: numpy.typing.NDArray[numpy.float64] | None,
    tree: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def kd_tree_nearest(
    distances: numpy.typing.NDArray[numpy.float32] | None,
    indices: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    leaves: numpy.typing.NDArray[numpy.float32] | None,
    order: numpy.typing.NDArray[numpy.int64] | None,
    low: numpy.typing.NDArray[numpy.float32] | None,
    high: numpy.typing.NDArray[numpy.float32] | None,
    tree: tuple[typing.Any, ...],
    shape: tuple[typing.Any, ...],
    neighbors: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def kd_tree_nearest(
    distances: numpy.typing.NDArray[numpy.float64] | None,
    indices: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    leaves: numpy.typing.NDArray[numpy.float64] | None,
    order: numpy.typing.NDArray[numpy.int64] | None,
    low: numpy.typing.NDArray[numpy.float64] | None,
    high: numpy.typing.NDArray[numpy.float64] | None,
    tree: tuple[typing.Any, ...],
    shape: tuple[typing.Any, ...],
    neighbors: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def kd_tree_radius(
    distances: numpy.typing.NDArray[numpy.float32] | None,
    indices: numpy.typing.NDArray[numpy.int64] | None,
    offsets: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    leaves: numpy.typing.NDArray[numpy.float32] | None,
    order: numpy.typing.NDArray[numpy.int64] | None,
    low: numpy.typing.NDArray[numpy.float32] | None,
    high: numpy.typing.NDArray[numpy.float32] | None,
    tree: tuple[typing.Any, ...],
    shape: tuple[typing.Any, ...],
    radius: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def kd_tree_radius(
    distances: numpy.typing.NDArray[numpy.float64] | None,
    indices: numpy.typing.NDArray[numpy.int64] | None,
    offsets: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    leaves: numpy.typing.NDArray[numpy.float64] | None,
    order: numpy.typing.NDArray[numpy.int64] | None,
    low: numpy.typing.NDArray[numpy.float64] | None,
    high: numpy.typing.NDArray[numpy.float64] | None,
    tree: tuple[typing.Any, ...],
    shape: tuple[typing.Any, ...],
    radius: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def kd_tree_radius_counts(
    counts: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    leaves: numpy.typing.NDArray[numpy.float32] | None,
    order: numpy.typing.NDArray[numpy.int64] | None,
    low: numpy.typing.NDArray[numpy.float32] | None,
    high: numpy.typing.NDArray[numpy.float32] | None,
    tree: tuple[typing.Any, ...],
    shape: tuple[typing.Any, ...],
    radius: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def kd_tree_radius_counts(
    counts: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    leaves: numpy.typing.NDArray[numpy.float64] | None,
    order: numpy.typing.NDArray[numpy.int64] | None,
    low: numpy.typing.NDArray[numpy.float64] | None,
    high: numpy.typing.NDArray[numpy.float64] | None,
    tree: tuple[typing.Any, ...],
    shape: tuple[typing.Any, ...],
    radius: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def kmeans_assign(
    labels: numpy.typing.NDArray[numpy.int32] | None,
    distances: numpy.typing.NDArray[numpy.float32] | None,
    sums: numpy.typing.NDArray[numpy.float32] | None,
    totals: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    weights: numpy.typing.NDArray[numpy.float32] | None,
    centers: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    clusters: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def kmeans_assign(
    labels: numpy.typing.NDArray[numpy.int32] | None,
    distances: numpy.typing.NDArray[numpy.float64] | None,
    sums: numpy.typing.NDArray[numpy.float64] | None,
    totals: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    weights: numpy.typing.NDArray[numpy.float64] | None,
    centers: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    clusters: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def kmeans_plusplus(
    indices: numpy.typing.NDArray[numpy.int64] | None,
    closest: numpy.typing.NDArray[numpy.float32] | None,
    distances: numpy.typing.NDArray[numpy.float32] | None,
    rounded: numpy.typing.NDArray[numpy.int32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    weights: numpy.typing.NDArray[numpy.float32] | None,
    draws: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    chosen: typing.SupportsInt | typing.SupportsIndex,
    clusters: typing.SupportsInt | typing.SupportsIndex,
    trials: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def kmeans_plusplus(
    indices: numpy.typing.NDArray[numpy.int64] | None,
    closest: numpy.typing.NDArray[numpy.float64] | None,
    distances: numpy.typing.NDArray[numpy.float64] | None,
    rounded: numpy.typing.NDArray[numpy.int32] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    weights: numpy.typing.NDArray[numpy.float64] | None,
    draws: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    chosen: typing.SupportsInt | typing.SupportsIndex,
    clusters: typing.SupportsInt | typing.SupportsIndex,
    trials: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def kmeans_plusplus_step(
    distances: numpy.typing.NDArray[numpy.float32] | None,
    potentials: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    closest: numpy.typing.NDArray[numpy.float32] | None,
    weights: numpy.typing.NDArray[numpy.float32] | None,
    candidates: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    count: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def kmeans_plusplus_step(
    distances: numpy.typing.NDArray[numpy.float64] | None,
    potentials: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    closest: numpy.typing.NDArray[numpy.float64] | None,
    weights: numpy.typing.NDArray[numpy.float64] | None,
    candidates: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    count: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def label_merges(
    children: numpy.typing.NDArray[numpy.int64] | None,
    sorted: numpy.typing.NDArray[numpy.float32] | None,
    counts: numpy.typing.NDArray[numpy.int64] | None,
    pairs: numpy.typing.NDArray[numpy.int64] | None,
    heights: numpy.typing.NDArray[numpy.float32] | None,
    merges: typing.SupportsInt | typing.SupportsIndex,
    ordered: bool,
) -> None: ...
@typing.overload
def label_merges(
    children: numpy.typing.NDArray[numpy.int64] | None,
    sorted: numpy.typing.NDArray[numpy.float64] | None,
    counts: numpy.typing.NDArray[numpy.int64] | None,
    pairs: numpy.typing.NDArray[numpy.int64] | None,
    heights: numpy.typing.NDArray[numpy.float64] | None,
    merges: typing.SupportsInt | typing.SupportsIndex,
    ordered: bool,
) -> None: ...
@typing.overload
def layer_norm(
    out: numpy.typing.NDArray[numpy.float32] | None,
    mean: numpy.typing.NDArray[numpy.float32] | None,
    rstd: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    gamma: numpy.typing.NDArray[numpy.float32] | None,
    beta: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def layer_norm(
    out: numpy.typing.NDArray[numpy.float64] | None,
    mean: numpy.typing.NDArray[numpy.float64] | None,
    rstd: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    gamma: numpy.typing.NDArray[numpy.float64] | None,
    beta: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def layer_norm_backward(
    grad_x: numpy.typing.NDArray[numpy.float32] | None,
    grad_gamma: numpy.typing.NDArray[numpy.float32] | None,
    grad_beta: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    mean: numpy.typing.NDArray[numpy.float32] | None,
    rstd: numpy.typing.NDArray[numpy.float32] | None,
    gamma: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def layer_norm_backward(
    grad_x: numpy.typing.NDArray[numpy.float64] | None,
    grad_gamma: numpy.typing.NDArray[numpy.float64] | None,
    grad_beta: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    mean: numpy.typing.NDArray[numpy.float64] | None,
    rstd: numpy.typing.NDArray[numpy.float64] | None,
    gamma: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def leaky_relu(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def leaky_relu(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def leaky_relu_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def leaky_relu_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def less(
    out: numpy.typing.NDArray[numpy.bool_] | None,
    a: numpy.typing.NDArray[numpy.float32] | None,
    b: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def less(
    out: numpy.typing.NDArray[numpy.bool_] | None,
    a: numpy.typing.NDArray[numpy.float64] | None,
    b: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def less_equal(
    out: numpy.typing.NDArray[numpy.bool_] | None,
    a: numpy.typing.NDArray[numpy.float32] | None,
    b: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def less_equal(
    out: numpy.typing.NDArray[numpy.bool_] | None,
    a: numpy.typing.NDArray[numpy.float64] | None,
    b: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def lion_step(
    parameters: list[numpy.typing.NDArray[numpy.float32]] | None,
    momenta: list[numpy.typing.NDArray[numpy.float32]] | None,
    gradients: list[numpy.typing.NDArray[numpy.float32]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    beta_1: typing.SupportsFloat | typing.SupportsIndex,
    beta_2: typing.SupportsFloat | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def lion_step(
    parameters: list[numpy.typing.NDArray[numpy.float64]] | None,
    momenta: list[numpy.typing.NDArray[numpy.float64]] | None,
    gradients: list[numpy.typing.NDArray[numpy.float64]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    beta_1: typing.SupportsFloat | typing.SupportsIndex,
    beta_2: typing.SupportsFloat | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def log(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def log(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def log1p(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def log1p(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def log1p_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def log1p_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def log_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def log_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def log_softmax(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def log_softmax(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def log_softmax_backward(
    grad_x: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def log_softmax_backward(
    grad_x: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def lstm(
    out: numpy.typing.NDArray[numpy.float32] | None,
    state: numpy.typing.NDArray[numpy.float32] | None,
    cell: numpy.typing.NDArray[numpy.float32] | None,
    saved: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    kernel: numpy.typing.NDArray[numpy.float32] | None,
    recurrent_kernel: numpy.typing.NDArray[numpy.float32] | None,
    bias: numpy.typing.NDArray[numpy.float32] | None,
    initial_state: numpy.typing.NDArray[numpy.float32] | None,
    initial_cell: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def lstm(
    out: numpy.typing.NDArray[numpy.float64] | None,
    state: numpy.typing.NDArray[numpy.float64] | None,
    cell: numpy.typing.NDArray[numpy.float64] | None,
    saved: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    kernel: numpy.typing.NDArray[numpy.float64] | None,
    recurrent_kernel: numpy.typing.NDArray[numpy.float64] | None,
    bias: numpy.typing.NDArray[numpy.float64] | None,
    initial_state: numpy.typing.NDArray[numpy.float64] | None,
    initial_cell: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def lstm_backward(
    grad_gates: numpy.typing.NDArray[numpy.float32] | None,
    grad_x: numpy.typing.NDArray[numpy.float32] | None,
    grad_kernel: numpy.typing.NDArray[numpy.float32] | None,
    grad_recurrent_kernel: numpy.typing.NDArray[numpy.float32] | None,
    grad_bias: numpy.typing.NDArray[numpy.float32] | None,
    grad_initial_state: numpy.typing.NDArray[numpy.float32] | None,
    grad_initial_cell: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    grad_state: numpy.typing.NDArray[numpy.float32] | None,
    grad_cell: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    out: numpy.typing.NDArray[numpy.float32] | None,
    saved: numpy.typing.NDArray[numpy.float32] | None,
    kernel: numpy.typing.NDArray[numpy.float32] | None,
    recurrent_kernel: numpy.typing.NDArray[numpy.float32] | None,
    initial_state: numpy.typing.NDArray[numpy.float32] | None,
    initial_cell: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def lstm_backward(
    grad_gates: numpy.typing.NDArray[numpy.float64] | None,
    grad_x: numpy.typing.NDArray[numpy.float64] | None,
    grad_kernel: numpy.typing.NDArray[numpy.float64] | None,
    grad_recurrent_kernel: numpy.typing.NDArray[numpy.float64] | None,
    grad_bias: numpy.typing.NDArray[numpy.float64] | None,
    grad_initial_state: numpy.typing.NDArray[numpy.float64] | None,
    grad_initial_cell: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    grad_state: numpy.typing.NDArray[numpy.float64] | None,
    grad_cell: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    out: numpy.typing.NDArray[numpy.float64] | None,
    saved: numpy.typing.NDArray[numpy.float64] | None,
    kernel: numpy.typing.NDArray[numpy.float64] | None,
    recurrent_kernel: numpy.typing.NDArray[numpy.float64] | None,
    initial_state: numpy.typing.NDArray[numpy.float64] | None,
    initial_cell: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def matmul(
    out: numpy.typing.NDArray[numpy.float32] | None,
    a: numpy.typing.NDArray[numpy.float32] | None,
    b: numpy.typing.NDArray[numpy.float32] | None,
    bias: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
    activation: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def matmul(
    out: numpy.typing.NDArray[numpy.float64] | None,
    a: numpy.typing.NDArray[numpy.float64] | None,
    b: numpy.typing.NDArray[numpy.float64] | None,
    bias: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
    activation: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def matmul_packed(
    out: numpy.typing.NDArray[numpy.float32] | None,
    a: numpy.typing.NDArray[numpy.float32] | None,
    packed: numpy.typing.NDArray[numpy.float32] | None,
    bias: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
    activation: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def matmul_packed(
    out: numpy.typing.NDArray[numpy.float64] | None,
    a: numpy.typing.NDArray[numpy.float64] | None,
    packed: numpy.typing.NDArray[numpy.float64] | None,
    bias: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
    activation: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def matmul_pieces() -> str:
    """
    What float32 products are made of now.
    """

def matmul_precision() -> str:
    """
    The precision float32 products are to have.
    """

@typing.overload
def matrix_linkage(
    pairs: numpy.typing.NDArray[numpy.int64] | None,
    heights: numpy.typing.NDArray[numpy.float32] | None,
    distances: numpy.typing.NDArray[numpy.float32] | None,
    sizes: numpy.typing.NDArray[numpy.float32] | None,
    slots: numpy.typing.NDArray[numpy.int64] | None,
    chain: numpy.typing.NDArray[numpy.int64] | None,
    progress: numpy.typing.NDArray[numpy.int64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    method: typing.SupportsInt | typing.SupportsIndex,
    budget: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def matrix_linkage(
    pairs: numpy.typing.NDArray[numpy.int64] | None,
    heights: numpy.typing.NDArray[numpy.float64] | None,
    distances: numpy.typing.NDArray[numpy.float64] | None,
    sizes: numpy.typing.NDArray[numpy.float64] | None,
    slots: numpy.typing.NDArray[numpy.int64] | None,
    chain: numpy.typing.NDArray[numpy.int64] | None,
    progress: numpy.typing.NDArray[numpy.int64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    method: typing.SupportsInt | typing.SupportsIndex,
    budget: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def max(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    reduced: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def max(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    reduced: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def max_pool2d(
    out: numpy.typing.NDArray[numpy.float32] | None,
    index: numpy.typing.NDArray[numpy.uint8] | None,
    wide_index: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def max_pool2d(
    out: numpy.typing.NDArray[numpy.float64] | None,
    index: numpy.typing.NDArray[numpy.uint8] | None,
    wide_index: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def max_pool2d_backward(
    grad_x: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    index: numpy.typing.NDArray[numpy.uint8] | None,
    wide_index: numpy.typing.NDArray[numpy.int64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def max_pool2d_backward(
    grad_x: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    index: numpy.typing.NDArray[numpy.uint8] | None,
    wide_index: numpy.typing.NDArray[numpy.int64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def max_pool3d(
    out: numpy.typing.NDArray[numpy.float32] | None,
    index: numpy.typing.NDArray[numpy.int32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def max_pool3d(
    out: numpy.typing.NDArray[numpy.float64] | None,
    index: numpy.typing.NDArray[numpy.int32] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def max_pool3d_backward(
    grad_x: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    index: numpy.typing.NDArray[numpy.int32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def max_pool3d_backward(
    grad_x: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    index: numpy.typing.NDArray[numpy.int32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def maximum(
    out: numpy.typing.NDArray[numpy.float32] | None,
    a: numpy.typing.NDArray[numpy.float32] | None,
    b: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def maximum(
    out: numpy.typing.NDArray[numpy.float64] | None,
    a: numpy.typing.NDArray[numpy.float64] | None,
    b: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def mean(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    reduced: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def mean(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    reduced: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def memory_stats() -> dict[str, int]:
    """
    Bytes in arrays handed out, waiting in the cache, and the most ever handed out.
    """

@typing.overload
def min(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    reduced: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def min(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    reduced: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def minimum(
    out: numpy.typing.NDArray[numpy.float32] | None,
    a: numpy.typing.NDArray[numpy.float32] | None,
    b: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def minimum(
    out: numpy.typing.NDArray[numpy.float64] | None,
    a: numpy.typing.NDArray[numpy.float64] | None,
    b: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def moving_average_step(
    averages: list[numpy.typing.NDArray[numpy.float32]] | None,
    values: list[numpy.typing.NDArray[numpy.float32]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    momentum: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def moving_average_step(
    averages: list[numpy.typing.NDArray[numpy.float64]] | None,
    values: list[numpy.typing.NDArray[numpy.float64]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    momentum: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def multiply(
    out: numpy.typing.NDArray[numpy.float32] | None,
    a: numpy.typing.NDArray[numpy.float32] | None,
    b: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def multiply(
    out: numpy.typing.NDArray[numpy.float64] | None,
    a: numpy.typing.NDArray[numpy.float64] | None,
    b: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def nadam_step(
    parameters: list[numpy.typing.NDArray[numpy.float32]] | None,
    momenta: list[numpy.typing.NDArray[numpy.float32]] | None,
    velocities: list[numpy.typing.NDArray[numpy.float32]] | None,
    gradients: list[numpy.typing.NDArray[numpy.float32]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    beta_1: typing.SupportsFloat | typing.SupportsIndex,
    beta_2: typing.SupportsFloat | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    step: typing.SupportsInt | typing.SupportsIndex,
    momentum_now: typing.SupportsFloat | typing.SupportsIndex,
    momentum_next: typing.SupportsFloat | typing.SupportsIndex,
    product_now: typing.SupportsFloat | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def nadam_step(
    parameters: list[numpy.typing.NDArray[numpy.float64]] | None,
    momenta: list[numpy.typing.NDArray[numpy.float64]] | None,
    velocities: list[numpy.typing.NDArray[numpy.float64]] | None,
    gradients: list[numpy.typing.NDArray[numpy.float64]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    beta_1: typing.SupportsFloat | typing.SupportsIndex,
    beta_2: typing.SupportsFloat | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    step: typing.SupportsInt | typing.SupportsIndex,
    momentum_now: typing.SupportsFloat | typing.SupportsIndex,
    momentum_next: typing.SupportsFloat | typing.SupportsIndex,
    product_now: typing.SupportsFloat | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def nearest_neighbors(
    distances: numpy.typing.NDArray[numpy.float32] | None,
    indices: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
    neighbors: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def nearest_neighbors(
    distances: numpy.typing.NDArray[numpy.float64] | None,
    indices: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
    neighbors: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def negative(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def negative(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def negative_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def negative_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def not_equal(
    out: numpy.typing.NDArray[numpy.bool_] | None,
    a: numpy.typing.NDArray[numpy.float32] | None,
    b: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def not_equal(
    out: numpy.typing.NDArray[numpy.bool_] | None,
    a: numpy.typing.NDArray[numpy.float64] | None,
    b: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def num_threads() -> int:
    """
    Threads a kernel may use.
    """

@typing.overload
def one_hot(
    out: numpy.typing.NDArray[numpy.float32] | None,
    labels: numpy.typing.NDArray[numpy.int64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    classes: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def one_hot(
    out: numpy.typing.NDArray[numpy.float64] | None,
    labels: numpy.typing.NDArray[numpy.int64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    classes: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def pack(
    packed: numpy.typing.NDArray[numpy.float32] | None,
    b: numpy.typing.NDArray[numpy.float32] | None,
    inner: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
    transposed: bool,
) -> None: ...
@typing.overload
def pack(
    packed: numpy.typing.NDArray[numpy.float64] | None,
    b: numpy.typing.NDArray[numpy.float64] | None,
    inner: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
    transposed: bool,
) -> None: ...
@typing.overload
def pad(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
    value: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def pad(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
    value: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def pad_backward(
    grad_x: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def pad_backward(
    grad_x: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def pairwise_distances(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def pairwise_distances(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def power(
    out: numpy.typing.NDArray[numpy.float32] | None,
    a: numpy.typing.NDArray[numpy.float32] | None,
    b: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def power(
    out: numpy.typing.NDArray[numpy.float64] | None,
    a: numpy.typing.NDArray[numpy.float64] | None,
    b: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def radius_counts(
    counts: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
    radius: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def radius_counts(
    counts: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
    radius: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def radius_neighbors(
    distances: numpy.typing.NDArray[numpy.float32] | None,
    indices: numpy.typing.NDArray[numpy.int64] | None,
    offsets: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
    radius: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def radius_neighbors(
    distances: numpy.typing.NDArray[numpy.float64] | None,
    indices: numpy.typing.NDArray[numpy.int64] | None,
    offsets: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
    radius: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def random_normal(
    out: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    offset: typing.SupportsInt | typing.SupportsIndex,
    mean: typing.SupportsFloat | typing.SupportsIndex,
    stddev: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def random_normal(
    out: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    offset: typing.SupportsInt | typing.SupportsIndex,
    mean: typing.SupportsFloat | typing.SupportsIndex,
    stddev: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def random_uniform(
    out: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    offset: typing.SupportsInt | typing.SupportsIndex,
    low: typing.SupportsFloat | typing.SupportsIndex,
    high: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def random_uniform(
    out: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    offset: typing.SupportsInt | typing.SupportsIndex,
    low: typing.SupportsFloat | typing.SupportsIndex,
    high: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def rbf_kernel(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
    gamma: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def rbf_kernel(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
    gamma: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def reciprocal(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def reciprocal(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def reciprocal_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def reciprocal_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def relu(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def relu(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def relu6(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def relu6(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def relu6_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def relu6_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def relu_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def relu_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def resize(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    row_starts: numpy.typing.NDArray[numpy.int64] | None,
    row_weights: numpy.typing.NDArray[numpy.float32] | None,
    column_starts: numpy.typing.NDArray[numpy.int64] | None,
    column_weights: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def resize(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    row_starts: numpy.typing.NDArray[numpy.int64] | None,
    row_weights: numpy.typing.NDArray[numpy.float64] | None,
    column_starts: numpy.typing.NDArray[numpy.int64] | None,
    column_weights: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def rms_norm(
    out: numpy.typing.NDArray[numpy.float32] | None,
    rstd: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    gamma: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def rms_norm(
    out: numpy.typing.NDArray[numpy.float64] | None,
    rstd: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    gamma: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def rms_norm_backward(
    grad_x: numpy.typing.NDArray[numpy.float32] | None,
    grad_gamma: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    rstd: numpy.typing.NDArray[numpy.float32] | None,
    gamma: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def rms_norm_backward(
    grad_x: numpy.typing.NDArray[numpy.float64] | None,
    grad_gamma: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    rstd: numpy.typing.NDArray[numpy.float64] | None,
    gamma: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def rmsprop_step(
    parameters: list[numpy.typing.NDArray[numpy.float32]] | None,
    velocities: list[numpy.typing.NDArray[numpy.float32]] | None,
    momenta: list[numpy.typing.NDArray[numpy.float32]] | None,
    averages: list[numpy.typing.NDArray[numpy.float32]] | None,
    gradients: list[numpy.typing.NDArray[numpy.float32]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    rho: typing.SupportsFloat | typing.SupportsIndex,
    momentum: typing.SupportsFloat | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def rmsprop_step(
    parameters: list[numpy.typing.NDArray[numpy.float64]] | None,
    velocities: list[numpy.typing.NDArray[numpy.float64]] | None,
    momenta: list[numpy.typing.NDArray[numpy.float64]] | None,
    averages: list[numpy.typing.NDArray[numpy.float64]] | None,
    gradients: list[numpy.typing.NDArray[numpy.float64]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    rho: typing.SupportsFloat | typing.SupportsIndex,
    momentum: typing.SupportsFloat | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def round(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def round(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def round_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def round_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def rsqrt(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def rsqrt(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def rsqrt_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def rsqrt_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def schedule_free_adamw_step(
    parameters: list[numpy.typing.NDArray[numpy.float32]] | None,
    momenta: list[numpy.typing.NDArray[numpy.float32]] | None,
    velocities: list[numpy.typing.NDArray[numpy.float32]] | None,
    gradients: list[numpy.typing.NDArray[numpy.float32]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    beta_1: typing.SupportsFloat | typing.SupportsIndex,
    beta_2: typing.SupportsFloat | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    step: typing.SupportsInt | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def schedule_free_adamw_step(
    parameters: list[numpy.typing.NDArray[numpy.float64]] | None,
    momenta: list[numpy.typing.NDArray[numpy.float64]] | None,
    velocities: list[numpy.typing.NDArray[numpy.float64]] | None,
    gradients: list[numpy.typing.NDArray[numpy.float64]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    beta_1: typing.SupportsFloat | typing.SupportsIndex,
    beta_2: typing.SupportsFloat | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    step: typing.SupportsInt | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def selu(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def selu(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def selu_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def selu_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def set_isa(name: str) -> None:
    """
    Use the kernels of another instruction set.
    """

def set_matmul_precision(name: str) -> None:
    """
    Set the precision float32 products are to have.
    """

def set_num_threads(threads: typing.SupportsInt | typing.SupportsIndex) -> None:
    """
    Set the threads a kernel may use.
    """

@typing.overload
def sgd_step(
    parameters: list[numpy.typing.NDArray[numpy.float32]] | None,
    momenta: list[numpy.typing.NDArray[numpy.float32]] | None,
    gradients: list[numpy.typing.NDArray[numpy.float32]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    momentum: typing.SupportsFloat | typing.SupportsIndex,
    nesterov: bool,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def sgd_step(
    parameters: list[numpy.typing.NDArray[numpy.float64]] | None,
    momenta: list[numpy.typing.NDArray[numpy.float64]] | None,
    gradients: list[numpy.typing.NDArray[numpy.float64]] | None,
    sizes: numpy.typing.NDArray[numpy.int64] | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    momentum: typing.SupportsFloat | typing.SupportsIndex,
    nesterov: bool,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def sigmoid(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def sigmoid(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def sigmoid_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def sigmoid_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def sign(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def sign(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def sign_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def sign_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def silhouette(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    offsets: numpy.typing.NDArray[numpy.int64] | None,
    clusters: typing.SupportsInt | typing.SupportsIndex,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def silhouette(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    offsets: numpy.typing.NDArray[numpy.int64] | None,
    clusters: typing.SupportsInt | typing.SupportsIndex,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def silu(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def silu(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def silu_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def silu_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def simple_rnn(
    out: numpy.typing.NDArray[numpy.float32] | None,
    state: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    kernel: numpy.typing.NDArray[numpy.float32] | None,
    recurrent_kernel: numpy.typing.NDArray[numpy.float32] | None,
    bias: numpy.typing.NDArray[numpy.float32] | None,
    initial_state: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
    activation: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def simple_rnn(
    out: numpy.typing.NDArray[numpy.float64] | None,
    state: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    kernel: numpy.typing.NDArray[numpy.float64] | None,
    recurrent_kernel: numpy.typing.NDArray[numpy.float64] | None,
    bias: numpy.typing.NDArray[numpy.float64] | None,
    initial_state: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
    activation: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def simple_rnn_backward(
    grad_gates: numpy.typing.NDArray[numpy.float32] | None,
    grad_x: numpy.typing.NDArray[numpy.float32] | None,
    grad_kernel: numpy.typing.NDArray[numpy.float32] | None,
    grad_recurrent_kernel: numpy.typing.NDArray[numpy.float32] | None,
    grad_bias: numpy.typing.NDArray[numpy.float32] | None,
    grad_initial_state: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    grad_state: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    out: numpy.typing.NDArray[numpy.float32] | None,
    kernel: numpy.typing.NDArray[numpy.float32] | None,
    recurrent_kernel: numpy.typing.NDArray[numpy.float32] | None,
    initial_state: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
    activation: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def simple_rnn_backward(
    grad_gates: numpy.typing.NDArray[numpy.float64] | None,
    grad_x: numpy.typing.NDArray[numpy.float64] | None,
    grad_kernel: numpy.typing.NDArray[numpy.float64] | None,
    grad_recurrent_kernel: numpy.typing.NDArray[numpy.float64] | None,
    grad_bias: numpy.typing.NDArray[numpy.float64] | None,
    grad_initial_state: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    grad_state: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    out: numpy.typing.NDArray[numpy.float64] | None,
    kernel: numpy.typing.NDArray[numpy.float64] | None,
    recurrent_kernel: numpy.typing.NDArray[numpy.float64] | None,
    initial_state: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
    activation: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def sin(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def sin(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def sin_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def sin_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def single_linkage(
    pairs: numpy.typing.NDArray[numpy.int64] | None,
    heights: numpy.typing.NDArray[numpy.float64] | None,
    points: numpy.typing.NDArray[numpy.float64] | None,
    nearest: numpy.typing.NDArray[numpy.float64] | None,
    slots: numpy.typing.NDArray[numpy.int64] | None,
    progress: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
    metric: typing.SupportsInt | typing.SupportsIndex,
    budget: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def single_linkage(
    pairs: numpy.typing.NDArray[numpy.int64] | None,
    heights: numpy.typing.NDArray[numpy.float64] | None,
    points: numpy.typing.NDArray[numpy.float64] | None,
    nearest: numpy.typing.NDArray[numpy.float64] | None,
    slots: numpy.typing.NDArray[numpy.int64] | None,
    progress: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
    metric: typing.SupportsInt | typing.SupportsIndex,
    budget: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def softmax(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def softmax(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def softmax_backward(
    grad_x: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def softmax_backward(
    grad_x: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def softmax_cross_entropy(
    loss: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    logits: numpy.typing.NDArray[numpy.float32] | None,
    targets: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def softmax_cross_entropy(
    loss: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    logits: numpy.typing.NDArray[numpy.float64] | None,
    targets: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def softplus(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def softplus(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def softplus_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def softplus_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def softsign(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def softsign(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def softsign_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def softsign_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def sparse_softmax_cross_entropy(
    loss: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    logits: numpy.typing.NDArray[numpy.float32] | None,
    labels: numpy.typing.NDArray[numpy.int64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def sparse_softmax_cross_entropy(
    loss: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    logits: numpy.typing.NDArray[numpy.float64] | None,
    labels: numpy.typing.NDArray[numpy.int64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def splinter_group(
    moved: numpy.typing.NDArray[numpy.bool_] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    sums: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
    metric: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def splinter_group(
    moved: numpy.typing.NDArray[numpy.bool_] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    sums: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
    metric: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def sqrt(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def sqrt(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def sqrt_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def sqrt_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def square(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def square(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def square_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def square_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def subtract(
    out: numpy.typing.NDArray[numpy.float32] | None,
    a: numpy.typing.NDArray[numpy.float32] | None,
    b: numpy.typing.NDArray[numpy.float32] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def subtract(
    out: numpy.typing.NDArray[numpy.float64] | None,
    a: numpy.typing.NDArray[numpy.float64] | None,
    b: numpy.typing.NDArray[numpy.float64] | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
@typing.overload
def sum(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    reduced: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def sum(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    reduced: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def take(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    indices: numpy.typing.NDArray[numpy.int64] | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    axis: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
    count: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def take(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    indices: numpy.typing.NDArray[numpy.int64] | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    axis: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
    count: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def take_backward(
    grad_x: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    indices: numpy.typing.NDArray[numpy.int64] | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    axis: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
    count: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def take_backward(
    grad_x: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    indices: numpy.typing.NDArray[numpy.int64] | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    axis: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
    count: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def take_backward_rows(
    rows: numpy.typing.NDArray[numpy.int64] | None,
    sums: numpy.typing.NDArray[numpy.float32] | None,
    found: numpy.typing.NDArray[numpy.int64] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    indices: numpy.typing.NDArray[numpy.int64] | None,
    axis: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
    count: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def take_backward_rows(
    rows: numpy.typing.NDArray[numpy.int64] | None,
    sums: numpy.typing.NDArray[numpy.float64] | None,
    found: numpy.typing.NDArray[numpy.int64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    indices: numpy.typing.NDArray[numpy.int64] | None,
    axis: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
    count: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def tanh(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def tanh(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def tanh_backward(
    out: numpy.typing.NDArray[numpy.float32] | None,
    grad: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def tanh_backward(
    out: numpy.typing.NDArray[numpy.float64] | None,
    grad: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def to_float32(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def to_float32(
    out: numpy.typing.NDArray[numpy.float32] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def to_float64(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def to_float64(
    out: numpy.typing.NDArray[numpy.float64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def to_int64(
    out: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def to_int64(
    out: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def ward_linkage(
    pairs: numpy.typing.NDArray[numpy.int64] | None,
    heights: numpy.typing.NDArray[numpy.float64] | None,
    centroids: numpy.typing.NDArray[numpy.float64] | None,
    sizes: numpy.typing.NDArray[numpy.float64] | None,
    slots: numpy.typing.NDArray[numpy.int64] | None,
    chain: numpy.typing.NDArray[numpy.int64] | None,
    progress: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float32] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
    budget: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def ward_linkage(
    pairs: numpy.typing.NDArray[numpy.int64] | None,
    heights: numpy.typing.NDArray[numpy.float64] | None,
    centroids: numpy.typing.NDArray[numpy.float64] | None,
    sizes: numpy.typing.NDArray[numpy.float64] | None,
    slots: numpy.typing.NDArray[numpy.int64] | None,
    chain: numpy.typing.NDArray[numpy.int64] | None,
    progress: numpy.typing.NDArray[numpy.int64] | None,
    x: numpy.typing.NDArray[numpy.float64] | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
    budget: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def where(
    out: numpy.typing.NDArray[numpy.float32] | None,
    condition: numpy.typing.NDArray[numpy.bool_] | None,
    a: numpy.typing.NDArray[numpy.float32] | None,
    b: numpy.typing.NDArray[numpy.float32] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def where(
    out: numpy.typing.NDArray[numpy.float64] | None,
    condition: numpy.typing.NDArray[numpy.bool_] | None,
    a: numpy.typing.NDArray[numpy.float64] | None,
    b: numpy.typing.NDArray[numpy.float64] | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
