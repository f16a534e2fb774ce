"""What is measured: programs that all do the same work, a training step or a forward pass of one recurrent layer.

The model is a recurrent layer of H units and a dense readout of C classes, with softmax and cross-entropy, in float32.
It reads the readout at each step, or at the last step only. A training step is forward, loss, backward and Adam. The
same random numbers go in everywhere, in the layout that each program likes best.
"""

import os
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from lstm_core import Model, _chunks, cells, dense, last, optim, recurrent, scan, softmax_cross_entropy
from lstm_core.plan import plan
from lstm_core.training import keep_memory

SHAPES = {  # T, B, D, H, classes, whether the last step only is read
    "mnist": (28, 100, 28, 100, 10, True),
    "parity": (50, 32, 2, 100, 2, False),
    "charlm": (50, 50, 65, 256, 65, False),
    "large": (64, 64, 128, 512, 128, False),
}
CELLS = {"lstm": ("lstm", False), "peephole lstm": ("lstm", True), "gru": ("gru", True), "rnn": ("rnn", False)}
RATE = 1e-3


def data(shape):
    """x (T, D, B) and labels, (T, B) or (1, B)."""
    T, B, D, _, C, reads_last = SHAPES[shape]
    rng = np.random.default_rng(0)
    return rng.standard_normal((T, D, B), np.float32), rng.integers(0, C, (1 if reads_last else T, B))


# ---- lstm_core ---------------------------------------------------------------------------------------------------


def our_model(cell, shape, compiled):
    _, _, D, H, C, reads_last = SHAPES[shape]
    name, own = CELLS[cell]
    layers = [recurrent(name, D, H, own=own, compiled=compiled), *([last()] if reads_last else []), dense(H, C)]
    return Model(layers, softmax_cross_entropy, rng=np.random.default_rng(0))


def ours(cell: str, shape: str, compiled: bool) -> Callable:
    """A training step of lstm_core."""
    keep_memory()
    model, (x, y), optimizer = our_model(cell, shape, compiled), data(shape), optim.adam()
    state = optimizer.init(model.theta)

    def step():
        _, grad, _ = model.learn(x, y)
        optimizer.update(model.theta, grad, state, RATE)

    return step


def halves(shape: str) -> Callable:
    """Two halves of the columns, each with a thread of its own, forward to gradient; `OMP_NUM_THREADS` is to be 1."""
    keep_memory()
    model, (x, y), optimizer = our_model("lstm", shape, True), data(shape), optim.adam()
    state, half, threads = optimizer.init(model.theta), x.shape[2] // 2, ThreadPoolExecutor(2)
    blocks = [(np.ascontiguousarray(x[:, :, s]), np.ascontiguousarray(y[:, s])) for s in np.s_[:half, half:]]

    def step():
        (_, first, _), (_, second, _) = threads.map(lambda block: model.learn(*block), blocks)
        optimizer.update(model.theta, (first + second) / 2, state, RATE)

    return step


def scanned(shape: str, prepared: Callable, chunk: int) -> Callable:
    """Forward and backward of the LSTM in `scan`, with the products of so many steps put together."""
    keep_memory()
    _, _, D, H, _, _ = SHAPES[shape]
    cell, rng, (x, _) = prepared(cells.LSTM), np.random.default_rng(0), data(shape)
    sizes = scan.parameter_shapes(cell, D, H, own=False)
    P = {name: 0.1 * rng.standard_normal(size, np.float32) for name, size in sizes.items()}

    def step():
        _chunks.CHUNK = chunk
        h, _, cache = scan.forward(cell, P, x)
        scan.backward(cell, P, cache, h, inputs=False)

    return step


def memory_of_a_gradient(T: int, H: int, B: int, D: int) -> float:
    """The peak of `learn` for an LSTM and a readout of two classes, in numbers of float32."""
    model = Model([recurrent("lstm", D, H, own=False, compiled=False), dense(H, 2)], softmax_cross_entropy,
                  rng=np.random.default_rng(0))  # fmt: skip
    x, y = np.ones((T, D, B), np.float32), np.zeros((T, B), np.int64)
    model.learn(x, y)
    tracemalloc.start()
    model.learn(x, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 4


def our_forward(shape: str, compiled: bool) -> Callable:
    keep_memory()
    model, (x, _) = our_model("lstm", shape, compiled), data(shape)
    return lambda: model.forward(x, keep=False)


def products(cell: str, shape: str) -> Callable:
    """The matrix products of the recurrent layer alone: R h at each step; W x, dW and dR once for all steps.

    dW and dR are one product where both are made from the same derivatives: in all cells but the GRU.
    """
    T, B, D, H, _, _ = SHAPES[shape]
    kind = getattr(cells, CELLS[cell][0].upper())
    rows, shared = len(kind.recurs) * H, plan(kind).stages[0].sums
    rng = np.random.default_rng(0)
    W, R, x, h, dz = (rng.standard_normal(s, np.float32) for s in ((rows, D), (rows, H), (D, T * B), (H, B), (rows, B)))
    d, read, u, dh = (np.empty(s, np.float32) for s in ((rows, T * B), (H + D, T * B), (rows, B), (H, B)))
    d[:], read[:] = 1, 1
    gradients = [read] if shared else [read[:H], read[H:]]

    def step():
        W @ x
        for _ in range(T):
            np.matmul(R, h, out=u)
            np.matmul(R.T, dz, out=dh)
        for part in gradients:
            d @ part.T

    return step


def rows(shape: str) -> Callable:
    """R h at each step, with an example a row, as most libraries have it, instead of a column."""
    T, B, _, H, _, _ = SHAPES[shape]
    h, R, u = np.ones((B, H), np.float32), np.ones((H, 4 * H), np.float32), np.empty((B, 4 * H), np.float32)
    return lambda: [np.matmul(h, R, out=u) for _ in range(T)]


def columns(shape: str) -> Callable:
    """The same with an example a column."""
    T, B, _, H, _, _ = SHAPES[shape]
    h, R, u = np.ones((H, B), np.float32), np.ones((4 * H, H), np.float32), np.empty((4 * H, B), np.float32)
    return lambda: [np.matmul(R, h, out=u) for _ in range(T)]


# ---- the textbook ------------------------------------------------------------------------------------------------


def textbook(shape: str, dtype: str = "float32") -> Callable:
    """A training step of an LSTM as textbooks write it: two matrices for each gate, a gradient sum at each step."""
    T, B, D, H, C, reads_last = SHAPES[shape]
    rng, (x, y) = np.random.default_rng(0), data(shape)
    x = x.astype(dtype)
    P = {"V": rng.standard_normal((C, H)) / H, "a": np.zeros((C, 1))}
    for k in "iofg":
        P |= {"W" + k: rng.standard_normal((H, D)) / D, "R" + k: rng.standard_normal((H, H)) / H}
        P["b" + k] = np.zeros((H, 1))
    P = {name: array.astype(dtype) for name, array in P.items()}
    mean, square = ({k: np.zeros_like(v) for k, v in P.items()} for _ in range(2))
    columns, count = np.arange(B), [0]

    def sigmoid(v):
        return 1 / (1 + np.exp(-v))

    def step():
        h, c, kept = np.zeros((H, B), dtype), np.zeros((H, B), dtype), []
        for t in range(T):
            i, o, f = (sigmoid(P["W" + k] @ x[t] + P["R" + k] @ h + P["b" + k]) for k in "iof")
            g = np.tanh(P["Wg"] @ x[t] + P["Rg"] @ h + P["bg"])
            h_prev, c_prev, c = h, c, f * c + i * g
            h = o * np.tanh(c)
            kept.append((h_prev, c_prev, i, o, f, g, c, h))
        grads = {name: np.zeros_like(array) for name, array in P.items()}
        dh_next, dc_next = np.zeros_like(h), np.zeros_like(c)
        for t in reversed(range(T)):
            h_prev, c_prev, i, o, f, g, c, h = kept[t]
            dh, dc = dh_next, dc_next
            if not reads_last or t == T - 1:
                z = P["V"] @ h + P["a"]
                p = np.exp(z - z.max(axis=0))
                p /= p.sum(axis=0)
                p[y[0 if reads_last else t], columns] -= 1
                p /= B * len(y)
                grads["V"] += p @ h.T
                grads["a"] += p.sum(axis=1, keepdims=True)
                dh = dh + P["V"].T @ p
            dc = dc + dh * o * (1 - np.tanh(c) ** 2)
            bars = {
                "i": dc * g * i * (1 - i), "o": dh * np.tanh(c) * o * (1 - o),
                "f": dc * c_prev * f * (1 - f), "g": dc * i * (1 - g**2),
            }  # fmt: skip
            dh_next, dc_next = np.zeros_like(h), dc * f
            for k, bar in bars.items():
                grads["W" + k] += bar @ x[t].T
                grads["R" + k] += bar @ h_prev.T
                grads["b" + k] += bar.sum(axis=1, keepdims=True)
                dh_next += P["R" + k].T @ bar
        count[0] += 1
        for k, grad in grads.items():
            mean[k] = 0.9 * mean[k] + 0.1 * grad
            square[k] = 0.999 * square[k] + 0.001 * grad**2
            P[k] -= RATE * mean[k] / (1 - 0.9 ** count[0]) / (np.sqrt(square[k] / (1 - 0.999 ** count[0])) + 1e-8)
        return grads

    step.parameters = P
    return step


# ---- the libraries -----------------------------------------------------------------------------------------------


def torch_modules(cell, shape):
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    _, _, D, H, C, _ = SHAPES[shape]
    kinds = {"lstm": torch.nn.LSTM, "peephole lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}
    x, y = data(shape)
    x, y = torch.tensor(np.ascontiguousarray(x.transpose(0, 2, 1))), torch.tensor(y).reshape(-1)
    return torch, kinds[cell](D, H), torch.nn.Linear(H, C), x, y


def torch_step(cell: str, shape: str, fused: bool) -> Callable:
    """A training step of PyTorch, eager; its LSTM has no peepholes, and stands beside ours with and without."""
    torch, layer, readout, x, y = torch_modules(cell, shape)
    C, reads_last = SHAPES[shape][4:]
    optimizer = torch.optim.Adam([*layer.parameters(), *readout.parameters()], RATE, fused=fused)

    def step():
        optimizer.zero_grad()
        h, _ = layer(x)
        loss = torch.nn.functional.cross_entropy(readout(h[-1:] if reads_last else h).reshape(-1, C), y)
        loss.backward()
        optimizer.step()

    return step


def torch_forward(shape: str) -> Callable:
    torch, layer, readout, x, _ = torch_modules("lstm", shape)

    def step():
        with torch.inference_mode():
            h, _ = layer(x)
            readout(h[-1:] if SHAPES[shape][5] else h)

    return step


def jax_step(shape: str) -> Callable:
    """A training step of JAX: `scan` over time, one matrix for all gates, everything in one `jit`."""
    import jax
    import jax.numpy as jnp

    _, B, D, H, C, reads_last = SHAPES[shape]
    rng, (x, y) = np.random.default_rng(0), data(shape)
    P = {"W": rng.standard_normal((D, 4 * H)) / D, "R": rng.standard_normal((H, 4 * H)) / H, "b": np.zeros(4 * H),
         "V": rng.standard_normal((H, C)) / H, "a": np.zeros(C)}  # fmt: skip
    P = {k: jnp.asarray(v, jnp.float32) for k, v in P.items()}
    x, y = jnp.asarray(np.ascontiguousarray(x.transpose(0, 2, 1))), jnp.asarray(y)

    def loss(P):
        def cell(state, z):
            h, c = state
            i, o, f, g = jnp.split(z + h @ P["R"], 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        zeros = jnp.zeros((B, H))
        _, h = jax.lax.scan(cell, (zeros, zeros), x @ P["W"] + P["b"])
        logits = jax.nn.log_softmax((h[-1:] if reads_last else h) @ P["V"] + P["a"])
        return -jnp.take_along_axis(logits, y[:, :, None], axis=2).mean()

    @jax.jit
    def update(P, mean, square, count):
        grads = jax.grad(loss)(P)
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, grads)
        square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, square, grads)

        def moved(p, m, v):
            return p - RATE * m / (1 - 0.9**count) / (jnp.sqrt(v / (1 - 0.999**count)) + 1e-8)

        return jax.tree.map(moved, P, mean, square), mean, square, count + 1

    state = [P, jax.tree.map(jnp.zeros_like, P), jax.tree.map(jnp.zeros_like, P), 1.0]

    def step():
        state[:] = update(*state)
        jax.block_until_ready(state)

    return step


def keras_step(shape: str) -> Callable:
    """A training step of Keras 3 on JAX, compiled by Keras' own default."""
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    T, B, D, H, C, reads_last = SHAPES[shape]
    x, y = data(shape)
    net = keras.Sequential(
        [keras.Input((T, D), B), keras.layers.LSTM(H, return_sequences=not reads_last), keras.layers.Dense(C)]
    )
    net.compile(keras.optimizers.Adam(RATE), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = np.ascontiguousarray(x.transpose(2, 0, 1)), y[0] if reads_last else np.ascontiguousarray(y.T)
    return lambda: net.train_on_batch(x, y)


def onnxruntime_forward(shape: str) -> Callable:
    """The forward pass of onnxruntime, of our own exported file."""
    import tempfile

    import onnxruntime

    from lstm_formats import onnx_io

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
    with tempfile.TemporaryDirectory() as folder:
        onnx_io.save(our_model("lstm", shape, False), f"{folder}/model.onnx")
        session = onnxruntime.InferenceSession(f"{folder}/model.onnx", options)
    x = np.ascontiguousarray(data(shape)[0].transpose(2, 0, 1))
    given = session.get_inputs()[0]
    return lambda: session.run(None, {given.name: x})
