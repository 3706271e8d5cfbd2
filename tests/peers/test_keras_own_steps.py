"""Programs with losses and training steps of their own, on nerve and on Keras 3 with PyTorch, by a changed import."""

from __future__ import annotations

import pytest
from test_keras import LABELS, WEIGHTS, X, Y, array, both

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]


def test_a_step_of_ones_own():
    def program(library, start):
        class Own(library.Model):
            def train_step(self, data):
                x, y, weight = data
                self.zero_grad()
                y_pred = self(x, training=True)
                loss = self.compute_loss(x, y, y_pred, weight)
                loss.backward()
                variables = list(self.trainable_variables)
                self.optimizer.apply([v.value.grad for v in variables], variables)
                for metric in self.metrics:
                    if metric.name == "loss":
                        metric.update_state(loss)
                    else:
                        metric.update_state(y, y_pred)
                return {metric.name: metric.result() for metric in self.metrics}

            def test_step(self, data):
                x, y = data
                return {"error": library.ops.mean(library.ops.absolute(y - self(x, training=False)))}

        inputs = library.Input((6,))
        hidden = library.layers.Dense(8, "tanh", kernel_regularizer="l2")(inputs)
        model = start(Own(inputs, library.layers.Dense(1)(hidden)))
        model.compile("adam", "mse", metrics=["mae"])
        fit = {"sample_weight": WEIGHTS, "shuffle": False, "verbose": 0, "batch_size": 16}
        history = model.fit(X, Y, epochs=3, validation_data=(X, Y), **fit).history
        return dict(sorted(history.items())), model.get_weights()

    both(program)


def test_the_order_of_logs():
    """By name, in histories, callbacks and evaluations, whatever the order in which a step of one's own gives them."""

    def program(library, start):
        seen = []

        class Own(library.Model):
            def __init__(self):
                super().__init__()
                self.dense = library.layers.Dense(1)
                self.zeta, self.alpha = (library.metrics.Mean(name=name) for name in ("zeta", "alpha"))

            def call(self, x):
                return self.dense(x)

            def train_step(self, data):
                self.zeta.update_state(1.0)
                self.alpha.update_state(2.0)
                return {"zeta": self.zeta.result(), "loss": self.alpha.result(), "alpha": self.alpha.result()}

            test_step = train_step

        class Listener(library.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                seen.append(list(logs))

            def on_test_batch_end(self, batch, logs=None):
                seen.append(list(logs))

            def on_epoch_end(self, epoch, logs=None):
                seen.append(list(logs))

        model = Own()
        model.compile("sgd", "mse")
        seen.append(list(model.fit(X, Y, validation_data=(X, Y), callbacks=[Listener()], verbose=0).history))
        seen.append(list(model.evaluate(X, Y, verbose=0, return_dict=True)))
        model = library.Sequential([library.Input((6,)), library.layers.Dense(1)])
        model.compile("sgd", "mse", metrics=["mse", "mae"], weighted_metrics=["mape"])
        seen.append(list(model.fit(X, Y, validation_split=0.5, callbacks=[Listener()], verbose=0).history))
        return {" ".join(names): index for index, names in enumerate(seen)}

    both(program)


def test_an_autoencoder_with_a_latent_loss():
    def program(library, start):
        ops, layers = library.ops, library.layers

        class Autoencoder(library.Model):
            def __init__(self):
                super().__init__()
                self.encoder = library.Sequential([library.Input((6,)), layers.Dense(4)])
                self.decoder = library.Sequential([library.Input((2,)), layers.Dense(6)])
                self.loss_tracker = library.metrics.Mean(name="loss")
                self.kl_tracker = library.metrics.Mean(name="kl")

            @property
            def metrics(self):
                return [self.loss_tracker, self.kl_tracker]

            def call(self, x):
                return self.decoder(self.encoder(x)[:, :2])

            def train_step(self, data):
                code = self.encoder(data)
                mean, log_variance = code[:, :2], code[:, 2:]
                reconstruction = self.decoder(mean * ops.exp(0.5 * log_variance))
                kl = -0.5 * ops.mean(1 + log_variance - ops.square(mean) - ops.exp(log_variance))
                loss = ops.mean(ops.sum(ops.square(data - reconstruction), axis=1)) + kl
                self.zero_grad()
                loss.backward()
                weights = list(self.trainable_weights)
                self.optimizer.apply([v.value.grad for v in weights], weights)
                self.loss_tracker.update_state(loss)
                self.kl_tracker.update_state(kl)
                return {"loss": self.loss_tracker.result(), "kl": self.kl_tracker.result()}

        model = start(Autoencoder())
        model.compile(library.optimizers.Adam(0.01))
        history = model.fit(X, epochs=3, batch_size=20, shuffle=False, verbose=0).history
        return history, model.get_weights()

    both(program)


@pytest.mark.parametrize("kind", ["dense", "layer", "attention", "lstm"])
def test_activity_regularizers(kind):
    def program(library, start):
        layers = library.layers
        inputs = library.Input((6,))
        options = {"activity_regularizer": library.regularizers.L1L2(0.02, 0.03)}
        x = layers.Dense(8, "relu", **(options if kind == "dense" else {}))(inputs)
        if kind == "layer":
            x = layers.ActivityRegularization(0.01, 0.02)(x)
        if kind in ("attention", "lstm"):
            x = layers.Reshape((2, 4))(x)
            x = layers.LSTM(3, **options)(x) if kind == "lstm" else layers.MultiHeadAttention(2, 3, **options)(x, x)
            x = layers.Flatten()(x)
        model = start(library.Model(inputs, layers.Dense(3, "softmax")(x)))
        model.compile("adam", "sparse_categorical_crossentropy")
        history = model.fit(X, LABELS, epochs=2, batch_size=20, shuffle=False, verbose=0).history
        return history, model.evaluate(X, LABELS, verbose=0)

    both(program)


def test_losses_that_a_layer_adds():
    def program(library, start):
        class Add(library.layers.Layer):
            def call(self, x):
                self.add_loss(0.1 * library.ops.mean(library.ops.square(x)))
                return x

        inputs = library.Input((6,))
        model = start(library.Model(inputs, Add()(library.layers.Dense(2)(inputs))))
        model.compile("sgd")
        history = model.fit(X, epochs=2, batch_size=20, shuffle=False, verbose=0).history
        model(X)
        return history, [float(loss) for loss in model.losses], model.get_weights()

    both(program)


@pytest.mark.parametrize("on_epoch", [False, True])
def test_moving_averages_in_evaluations(on_epoch):
    def program(library, start):
        inputs = library.Input((6,))
        model = start(library.Model(inputs, library.layers.Dense(1)(inputs)))
        model.compile(library.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.8), "mse")
        swap = library.callbacks.SwapEMAWeights(swap_on_epoch=on_epoch)
        fit = {"epochs": 3, "shuffle": False, "verbose": 0, "callbacks": [swap]}
        return model.fit(X, Y, validation_data=(X, Y), **fit).history, model.get_weights()

    both(program)


def test_fine_tuning_a_part_of_another_model():
    def program(library, start):
        layers = library.layers
        inputs = library.Input((6,))
        x = layers.BatchNormalization(momentum=0.9)(layers.Dense(8, name="first")(inputs))
        source = start(library.Model(inputs, layers.Dense(1)(layers.Activation("tanh")(x))))
        source.compile(library.optimizers.Adam(0.01), "mse")
        source.fit(X, Y, epochs=2, shuffle=False, verbose=0)
        base = library.Model(source.inputs, source.layers[-2].output)
        base.trainable = False
        model = start(library.Sequential([base, layers.Dense(3, activation="softmax")]))
        found = []
        for frozen in (True, False):
            base.trainable = not frozen
            base.layers[2].trainable = False
            model.compile(library.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
            found.append(model.fit(X, LABELS, epochs=2, shuffle=False, verbose=0).history)
            found.append([array(w) for w in base.get_weights()])
        return found, model.evaluate(X, LABELS, verbose=0)

    both(program)
