"""The two clubs that Zachary's karate club fell into, found from one known member of each: a graph convolution network.

Kipf and Welling, "Semi-supervised classification with graph convolutional networks", 2017.
"""

import networkx as nx
import numpy as np

import nerve as keras

BATCH, EPOCHS = 34, 200
GRAPH = nx.karate_club_graph()


def data():
    """Nobody knows more of a member than who it is, and of two members which club they chose."""
    clubs = np.array([int(GRAPH.nodes[node]["club"] == "Officer") for node in GRAPH], "int32")
    known = np.zeros(len(clubs), "float32")
    known[[0, 33]] = 1
    return np.eye(len(clubs), dtype="float32"), clubs, known


def propagation():
    """The adjacency matrix with every node its own neighbour, divided by the roots of both degrees."""
    adjacency = nx.to_numpy_array(GRAPH, weight=None) + np.eye(len(GRAPH))
    scale = 1 / np.sqrt(adjacency.sum(1))
    return (scale[:, None] * adjacency * scale).astype("float32")


class GraphConvolution(keras.layers.Layer):
    """The dense layer's output of all neighbours, summed with fixed weights; a batch is all nodes."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.dense = keras.layers.Dense(units, use_bias=False)
        self.weights_of_neighbors = propagation()

    def build(self, input_shape):
        """The dense layer's weights."""
        self.dense.build(input_shape)

    def call(self, x):
        """Nodes along the first axis."""
        return keras.ops.matmul(self.weights_of_neighbors, self.dense(x))


def build():
    """Two convolutions: what a neighbour's neighbour says counts too."""
    nodes = len(GRAPH)
    inputs = keras.Input(batch_shape=(nodes, nodes))
    x = keras.ops.tanh(GraphConvolution(16)(inputs))
    model = keras.Model(inputs, GraphConvolution(2)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-2), loss, weighted_metrics=[])
    return model


def main():
    """Train on two members and say how many of all the network puts into the right club."""
    x, clubs, known = data()
    model = build()
    model.fit(x, clubs, sample_weight=known, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
    found = model.predict(x, batch_size=BATCH, verbose=0).argmax(1)
    print(f"{int((found == clubs).sum())} of {len(clubs)} members in the right club")


if __name__ == "__main__":
    main()
