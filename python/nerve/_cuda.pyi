"""
Kernels on the GPU, over addresses in device memory; see nerve.kernels for the public functions.
"""

from __future__ import annotations
import collections.abc
import typing

__all__: list[str] = [
    "absolute",
    "absolute_backward",
    "accumulate_mean",
    "adadelta_step",
    "adagrad_step",
    "adam_step",
    "adamax_step",
    "add",
    "add_relu",
    "affine_sample",
    "affine_sample_backward",
    "argmax",
    "argmax_is",
    "argmin",
    "attention",
    "attention_backward",
    "average_pool2d",
    "average_pool2d_backward",
    "batch_norm_backward",
    "batch_norm_inference",
    "batch_norm_training",
    "ceil",
    "ceil_backward",
    "conv2d",
    "conv2d_backward_input",
    "conv2d_backward_kernel",
    "copy",
    "cos",
    "cos_backward",
    "ctc_loss",
    "device_count",
    "divide",
    "dropout",
    "elkan_assign",
    "elu",
    "elu_backward",
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
    "gru",
    "gru_backward",
    "hard_sigmoid",
    "hard_sigmoid_backward",
    "kmeans_assign",
    "kmeans_plusplus_step",
    "launch_again",
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
    "max",
    "max_pool2d",
    "max_pool2d_backward",
    "maximum",
    "mean",
    "min",
    "minimum",
    "moving_average_step",
    "multiply",
    "nadam_step",
    "nearest_neighbors",
    "negative",
    "negative_backward",
    "not_equal",
    "note_nodes",
    "noted_nodes",
    "one_hot",
    "pack",
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
    "replace_arguments",
    "rmsprop_step",
    "round",
    "round_backward",
    "rsqrt",
    "rsqrt_backward",
    "schedule_free_adamw_step",
    "selu",
    "selu_backward",
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
    "softmax",
    "softmax_backward",
    "softmax_cross_entropy",
    "softplus",
    "softplus_backward",
    "softsign",
    "softsign_backward",
    "sparse_softmax_cross_entropy",
    "sqrt",
    "sqrt_backward",
    "square",
    "square_backward",
    "status",
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
    "where",
]

def absolute(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def absolute_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def accumulate_mean(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    totals: int | None,
    values: int | None,
    weights: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    weighted: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def adadelta_step(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    parameters: list[int] | None,
    accumulators: list[int] | None,
    deltas: list[int] | None,
    gradients: list[int] | None,
    sizes: int | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    rho: typing.SupportsFloat | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def adagrad_step(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    parameters: list[int] | None,
    accumulators: list[int] | None,
    gradients: list[int] | None,
    sizes: int | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def adam_step(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    parameters: list[int] | None,
    momenta: list[int] | None,
    velocities: list[int] | None,
    maxima: list[int] | None,
    gradients: list[int] | None,
    sizes: int | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    beta_1: typing.SupportsFloat | typing.SupportsIndex,
    beta_2: typing.SupportsFloat | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    step: typing.SupportsInt | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def adamax_step(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    parameters: list[int] | None,
    momenta: list[int] | None,
    norms: list[int] | None,
    gradients: list[int] | None,
    sizes: int | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    beta_1: typing.SupportsFloat | typing.SupportsIndex,
    beta_2: typing.SupportsFloat | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    step: typing.SupportsInt | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def add(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    a: int | None,
    b: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def add_relu(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    a: int | None,
    b: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def affine_sample(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    transforms: int | None,
    shape: tuple[typing.Any, ...],
    fill_value: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def affine_sample_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    grad_x: int | None,
    grad: int | None,
    transforms: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def argmax(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    reduced: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def argmax_is(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    labels: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def argmin(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    reduced: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def attention(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    logsumexp: int | None,
    query: int | None,
    key: int | None,
    value: int | None,
    mask: int | None,
    shape: tuple[typing.Any, ...],
    scale: typing.SupportsFloat | typing.SupportsIndex,
    causal: bool,
) -> None: ...
def attention_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    grad_query: int | None,
    grad_key: int | None,
    grad_value: int | None,
    grad: int | None,
    query: int | None,
    key: int | None,
    value: int | None,
    out: int | None,
    logsumexp: int | None,
    mask: int | None,
    shape: tuple[typing.Any, ...],
    scale: typing.SupportsFloat | typing.SupportsIndex,
    causal: bool,
) -> None: ...
def average_pool2d(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def average_pool2d_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    grad_x: int | None,
    grad: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def batch_norm_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    grad_x: int | None,
    grad_gamma: int | None,
    grad_beta: int | None,
    grad: int | None,
    x: int | None,
    mean: int | None,
    variance: int | None,
    gamma: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    channels: typing.SupportsInt | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def batch_norm_inference(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    mean: int | None,
    variance: int | None,
    gamma: int | None,
    beta: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    channels: typing.SupportsInt | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def batch_norm_training(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    mean: int | None,
    variance: int | None,
    x: int | None,
    gamma: int | None,
    beta: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    channels: typing.SupportsInt | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def ceil(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def ceil_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def conv2d(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    kernel: int | None,
    bias: int | None,
    shape: tuple[typing.Any, ...],
    activation: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def conv2d_backward_input(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    grad_x: int | None,
    grad: int | None,
    kernel: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def conv2d_backward_kernel(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    grad_kernel: int | None,
    grad: int | None,
    x: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def copy(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def cos(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def cos_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def ctc_loss(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    loss: int | None,
    grad: int | None,
    occupancy: int | None,
    work: int | None,
    log_probabilities: int | None,
    labels: int | None,
    label_lengths: int | None,
    lengths: int | None,
    batch: typing.SupportsInt | typing.SupportsIndex,
    time: typing.SupportsInt | typing.SupportsIndex,
    classes: typing.SupportsInt | typing.SupportsIndex,
    length: typing.SupportsInt | typing.SupportsIndex,
    blank: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def device_count() -> int:
    """
    GPUs that can be used.
    """

def divide(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    a: int | None,
    b: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def dropout(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
    rate: typing.SupportsFloat | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    offset: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def elkan_assign(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    labels: int | None,
    upper: int | None,
    lower: int | None,
    distances: int | None,
    sums: int | None,
    totals: int | None,
    x: int | None,
    weights: int | None,
    centers: int | None,
    half_distances: int | None,
    shifts: int | None,
    moved: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    clusters: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def elu(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def elu_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def equal(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    a: int | None,
    b: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def erf(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def erf_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def exp(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def exp_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def expm1(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def expm1_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def floor(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def floor_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def fold_batch_norm(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    folded_kernel: int | None,
    folded_bias: int | None,
    kernel: int | None,
    bias: int | None,
    mean: int | None,
    variance: int | None,
    gamma: int | None,
    beta: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    channels: typing.SupportsInt | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def from_int64(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def ftrl_step(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    parameters: list[int] | None,
    accumulators: list[int] | None,
    linears: list[int] | None,
    gradients: list[int] | None,
    sizes: int | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    learning_rate_power: typing.SupportsFloat | typing.SupportsIndex,
    l1: typing.SupportsFloat | typing.SupportsIndex,
    l2: typing.SupportsFloat | typing.SupportsIndex,
    l2_shrinkage: typing.SupportsFloat | typing.SupportsIndex,
    beta: typing.SupportsFloat | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def fuzzy_assign(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    memberships: int | None,
    costs: int | None,
    sums: int | None,
    totals: int | None,
    x: int | None,
    weights: int | None,
    centers: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    clusters: typing.SupportsInt | typing.SupportsIndex,
    fuzzifier: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def gaussian_em_step(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    log_density: int | None,
    counts: int | None,
    sums: int | None,
    squares: int | None,
    x: int | None,
    means: int | None,
    factors: int | None,
    offsets: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    components: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    covariance: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def gaussian_log_density(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    means: int | None,
    factors: int | None,
    offsets: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    components: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    covariance: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def gaussian_moments(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    counts: int | None,
    sums: int | None,
    squares: int | None,
    x: int | None,
    weights: int | None,
    shifts: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    components: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    covariance: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def gaussian_posterior(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    log_density: int | None,
    labels: int | None,
    responsibilities: int | None,
    x: int | None,
    means: int | None,
    factors: int | None,
    offsets: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    components: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    covariance: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def gelu(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def gelu_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def gelu_tanh(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def gelu_tanh_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def gram(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    mean: int | None,
    x: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
    transposed: bool,
    divisor: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def greater(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    a: int | None,
    b: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def greater_equal(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    a: int | None,
    b: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def grid_sample(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    positions: int | None,
    shape: tuple[typing.Any, ...],
    fill_value: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def grid_sample_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    grad_x: int | None,
    grad: int | None,
    positions: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def gru(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    state: int | None,
    saved: int | None,
    x: int | None,
    kernel: int | None,
    recurrent_kernel: int | None,
    bias: int | None,
    initial_state: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def gru_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    grad_gates: int | None,
    grad_x: int | None,
    grad_kernel: int | None,
    grad_recurrent_kernel: int | None,
    grad_bias: int | None,
    grad_initial_state: int | None,
    grad: int | None,
    grad_state: int | None,
    x: int | None,
    out: int | None,
    saved: int | None,
    kernel: int | None,
    recurrent_kernel: int | None,
    initial_state: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def hard_sigmoid(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def hard_sigmoid_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def kmeans_assign(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    labels: int | None,
    distances: int | None,
    sums: int | None,
    totals: int | None,
    x: int | None,
    weights: int | None,
    centers: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    clusters: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def kmeans_plusplus_step(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    distances: int | None,
    potentials: int | None,
    x: int | None,
    closest: int | None,
    weights: int | None,
    candidates: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    features: typing.SupportsInt | typing.SupportsIndex,
    count: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def launch_again() -> None:
    """
    Let launches of this thread be launches again.
    """

def layer_norm(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    mean: int | None,
    rstd: int | None,
    x: int | None,
    gamma: int | None,
    beta: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def layer_norm_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    grad_x: int | None,
    grad_gamma: int | None,
    grad_beta: int | None,
    grad: int | None,
    x: int | None,
    mean: int | None,
    rstd: int | None,
    gamma: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def leaky_relu(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def leaky_relu_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def less(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    a: int | None,
    b: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def less_equal(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    a: int | None,
    b: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def lion_step(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    parameters: list[int] | None,
    momenta: list[int] | None,
    gradients: list[int] | None,
    sizes: int | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    beta_1: typing.SupportsFloat | typing.SupportsIndex,
    beta_2: typing.SupportsFloat | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def log(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def log1p(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def log1p_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def log_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def log_softmax(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def log_softmax_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    grad_x: int | None,
    grad: int | None,
    y: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def lstm(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    state: int | None,
    cell: int | None,
    saved: int | None,
    x: int | None,
    kernel: int | None,
    recurrent_kernel: int | None,
    bias: int | None,
    initial_state: int | None,
    initial_cell: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def lstm_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    grad_gates: int | None,
    grad_x: int | None,
    grad_kernel: int | None,
    grad_recurrent_kernel: int | None,
    grad_bias: int | None,
    grad_initial_state: int | None,
    grad_initial_cell: int | None,
    grad: int | None,
    grad_state: int | None,
    grad_cell: int | None,
    x: int | None,
    out: int | None,
    saved: int | None,
    kernel: int | None,
    recurrent_kernel: int | None,
    initial_state: int | None,
    initial_cell: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def matmul(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    a: int | None,
    b: int | None,
    bias: int | None,
    shape: tuple[typing.Any, ...],
    activation: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def matmul_packed(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    a: int | None,
    packed: int | None,
    bias: int | None,
    shape: tuple[typing.Any, ...],
    activation: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def max(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    reduced: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def max_pool2d(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    index: int | None,
    wide_index: int | None,
    x: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def max_pool2d_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    grad_x: int | None,
    grad: int | None,
    index: int | None,
    wide_index: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def maximum(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    a: int | None,
    b: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def mean(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    reduced: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def min(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    reduced: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def minimum(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    a: int | None,
    b: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def moving_average_step(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    averages: list[int] | None,
    values: list[int] | None,
    sizes: int | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    momentum: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def multiply(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    a: int | None,
    b: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def nadam_step(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    parameters: list[int] | None,
    momenta: list[int] | None,
    velocities: list[int] | None,
    gradients: list[int] | None,
    sizes: int | None,
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
def nearest_neighbors(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    distances: int | None,
    indices: int | None,
    x: int | None,
    y: int | None,
    shape: tuple[typing.Any, ...],
    neighbors: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def negative(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def negative_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def not_equal(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    a: int | None,
    b: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def note_nodes() -> None:
    """
    Note which node of a capture each launch of this thread becomes.
    """

def noted_nodes() -> list[int]:
    """
    These nodes; no further ones are noted.
    """

def one_hot(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    labels: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    classes: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def pack(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    packed: int | None,
    b: int | None,
    inner: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
    transposed: bool,
) -> None: ...
def pairwise_distances(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    y: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def power(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    a: int | None,
    b: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def radius_counts(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    counts: int | None,
    x: int | None,
    y: int | None,
    shape: tuple[typing.Any, ...],
    radius: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def radius_neighbors(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    distances: int | None,
    indices: int | None,
    offsets: int | None,
    x: int | None,
    y: int | None,
    shape: tuple[typing.Any, ...],
    radius: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def random_normal(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    offset: typing.SupportsInt | typing.SupportsIndex,
    mean: typing.SupportsFloat | typing.SupportsIndex,
    stddev: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def random_uniform(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    offset: typing.SupportsInt | typing.SupportsIndex,
    low: typing.SupportsFloat | typing.SupportsIndex,
    high: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def rbf_kernel(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    y: int | None,
    shape: tuple[typing.Any, ...],
    gamma: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def reciprocal(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def reciprocal_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def relu(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def relu6(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def relu6_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def relu_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def replace_arguments(
    executable: typing.SupportsInt | typing.SupportsIndex,
    nodes: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
) -> None:
    """
    Let launches of this thread give their arguments to these nodes of a graph instead.
    """

def rmsprop_step(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    parameters: list[int] | None,
    velocities: list[int] | None,
    momenta: list[int] | None,
    averages: list[int] | None,
    gradients: list[int] | None,
    sizes: int | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    rho: typing.SupportsFloat | typing.SupportsIndex,
    momentum: typing.SupportsFloat | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def round(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def round_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def rsqrt(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def rsqrt_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def schedule_free_adamw_step(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    parameters: list[int] | None,
    momenta: list[int] | None,
    velocities: list[int] | None,
    gradients: list[int] | None,
    sizes: int | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    beta_1: typing.SupportsFloat | typing.SupportsIndex,
    beta_2: typing.SupportsFloat | typing.SupportsIndex,
    epsilon: typing.SupportsFloat | typing.SupportsIndex,
    step: typing.SupportsInt | typing.SupportsIndex,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def selu(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def selu_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def sgd_step(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    parameters: list[int] | None,
    momenta: list[int] | None,
    gradients: list[int] | None,
    sizes: int | None,
    count: typing.SupportsInt | typing.SupportsIndex,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex,
    momentum: typing.SupportsFloat | typing.SupportsIndex,
    nesterov: bool,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def sigmoid(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def sigmoid_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def sign(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def sign_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def silhouette(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    offsets: int | None,
    clusters: typing.SupportsInt | typing.SupportsIndex,
    shape: tuple[typing.Any, ...],
) -> None: ...
def silu(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def silu_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def simple_rnn(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    state: int | None,
    x: int | None,
    kernel: int | None,
    recurrent_kernel: int | None,
    bias: int | None,
    initial_state: int | None,
    shape: tuple[typing.Any, ...],
    activation: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def simple_rnn_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    grad_gates: int | None,
    grad_x: int | None,
    grad_kernel: int | None,
    grad_recurrent_kernel: int | None,
    grad_bias: int | None,
    grad_initial_state: int | None,
    grad: int | None,
    grad_state: int | None,
    x: int | None,
    out: int | None,
    kernel: int | None,
    recurrent_kernel: int | None,
    initial_state: int | None,
    shape: tuple[typing.Any, ...],
    activation: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def sin(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def sin_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def softmax(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def softmax_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    grad_x: int | None,
    grad: int | None,
    y: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def softmax_cross_entropy(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    loss: int | None,
    grad: int | None,
    logits: int | None,
    targets: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def softplus(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def softplus_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def softsign(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def softsign_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def sparse_softmax_cross_entropy(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    loss: int | None,
    grad: int | None,
    logits: int | None,
    labels: int | None,
    rows: typing.SupportsInt | typing.SupportsIndex,
    columns: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def sqrt(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def sqrt_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def square(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def square_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def status() -> str:
    """
    The GPUs that can be used, or the reason why there are none, in words.
    """

def subtract(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    a: int | None,
    b: int | None,
    shape: tuple[typing.Any, ...],
) -> None: ...
def sum(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    reduced: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def take(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    indices: int | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    axis: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
    count: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def take_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    grad_x: int | None,
    grad: int | None,
    indices: int | None,
    outer: typing.SupportsInt | typing.SupportsIndex,
    axis: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
    count: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def take_backward_rows(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    rows: int | None,
    sums: int | None,
    found: int | None,
    grad: int | None,
    indices: int | None,
    axis: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
    count: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def tanh(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def tanh_backward(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    grad: int | None,
    x: int | None,
    y: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def to_float32(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def to_float64(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def to_int64(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    x: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def where(
    dtype: str,
    stream: typing.SupportsInt | typing.SupportsIndex,
    out: int | None,
    condition: int | None,
    a: int | None,
    b: int | None,
    size: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
