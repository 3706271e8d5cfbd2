"""Layers under Keras 3's names."""

from __future__ import annotations

from nerve.layers.attention import Attention, MultiHeadAttention
from nerve.layers.convolution import Conv2D
from nerve.layers.core import Activation, Dense, Input, InputLayer, ReLU, Softmax
from nerve.layers.embedding import Embedding
from nerve.layers.layer import Layer
from nerve.layers.merging import Add, Average, Concatenate, Maximum, Minimum, Multiply, Subtract
from nerve.layers.normalization import BatchNormalization, LayerNormalization
from nerve.layers.operation import Operation
from nerve.layers.pooling import AveragePooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D, MaxPooling2D
from nerve.layers.recurrent import GRU, LSTM, SimpleRNN
from nerve.layers.regularization import Dropout
from nerve.layers.reshaping import Flatten, Reshape

__all__ = [
    "GRU",
    "LSTM",
    "Activation",
    "Add",
    "Attention",
    "Average",
    "AveragePooling2D",
    "BatchNormalization",
    "Concatenate",
    "Conv2D",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "Input",
    "InputLayer",
    "Layer",
    "LayerNormalization",
    "MaxPooling2D",
    "Maximum",
    "Minimum",
    "MultiHeadAttention",
    "Multiply",
    "Operation",
    "ReLU",
    "Reshape",
    "SimpleRNN",
    "Softmax",
    "Subtract",
]
