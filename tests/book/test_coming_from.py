"""The page for those who know another program: all that stands under *here* is run, and all that stands under *there*
where that program is installed; and its facts about PyTorch and Keras are asked of these."""

import ast
import copy
import os
import re
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lstm_core import Model, adam, dense, embedding, gru, init, lstm, optim
from lstm_core.losses import mse
from lstm_formats import keras_io

PAGE = Path(__file__).parents[2] / "chapters" / "back" / "coming-from.md"
SECTIONS = "PyTorch", "Keras", "TMVA", "torch-rnn"


def snippets():
    """(section, kind, code) in the order of the page; kind: block, here, there or text."""
    section, block, found = "", None, []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            if block is not None:
                found.append((section, "block", "\n".join(block)))
            block = [] if line == "```python" else None
        elif block is not None:
            block.append(line)
        elif line.startswith("## "):
            section = line.removeprefix("## ")
        elif line.startswith("| `") or line.startswith("| weight file"):
            there, here = re.split(r"(?<!\\)\|", line)[1:-1]
            for kind, cell in (("there", there), ("here", here)):
                codes = re.findall(r"`([^`]+)`", cell)
                found += [(section, kind, code.replace(r"\|", "|")) for code in codes]
        else:
            found += [(section, "text", code) for code in re.findall(r"`([^`]+)`\{l=python\}", line)]
    return found


class Net:
    """What the text of the page asks of a Keras model."""

    def __init__(self, weights):
        self.layers = [SimpleNamespace(get_weights=lambda arrays=arrays: arrays) for arrays in weights]

    def set_weights(self, weights):
        assert [x.shape for x in weights] == [x.shape for layer in self.layers for x in layer.get_weights()]


def run(code, names):
    exec(compile(code, PAGE.name, "exec"), names)


@pytest.mark.filterwarnings("error")
def test_everything_here_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names, count = {}, dict.fromkeys(SECTIONS, 0)
    for section, kind, code in snippets():
        if kind == "there":
            continue
        if section == "Keras":
            names["net"] = Net(keras_io.get_weights(names["model"]))
        try:
            run(code, names)
        except Exception as error:
            raise AssertionError(f"{section}: {code}: {error!r}") from error
        if kind == "here":
            count[section] += 1
    assert count == {"PyTorch": 28, "Keras": 29, "TMVA": 20, "torch-rnn": 14}
    assert {path.name for path in tmp_path.iterdir()} == {"net.safetensors", "net.xml", "cv"}
    assert isinstance(names["again"], Model)


def test_every_row_says_what_is_there_and_what_is_here():
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert all(len(re.split(r"(?<!\\)\|", row)) == 4 for row in rows)
    assert sum(kind == "here" for _, kind, _ in snippets()) == len(rows) - len(SECTIONS)


@pytest.mark.parametrize("section", ["PyTorch", "Keras"])
def test_what_stands_there_is_python(section):
    codes = [code for where, kind, code in snippets() if where == section and kind == "there"]
    assert len(codes) == {"PyTorch": 28, "Keras": 29}[section]
    for code in codes:
        ast.parse(code)


def run_there(section, names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # how they get on with NumPy is not our business
        for where, kind, code in snippets():
            if where == section and kind == "there":
                run(code, names)


@pytest.fixture(scope="module")
def torch():
    reason = 'PyTorch is not installed: .venv/bin/python -m pip install -e ".[torch]"'
    return pytest.importorskip("torch", reason=reason)


@pytest.fixture(scope="module")
def keras():
    os.environ.setdefault("KERAS_BACKEND", "jax")
    return pytest.importorskip("keras", reason='Keras is not installed: .venv/bin/python -m pip install -e ".[keras]"')


def test_what_stands_there_runs_in_pytorch(torch, tmp_path, monkeypatch):
    both = torch.nn.LSTM(3, 4, batch_first=True, bidirectional=True)
    names = {"torch": torch, "nn": torch.nn, "optim": torch.optim, "copy": copy, "both": both,
             "net": torch.nn.LSTM(3, 4, batch_first=True), "x": torch.randn(8, 5, 3),
             "lengths": torch.tensor([5, 3, 4, 5, 1, 2, 5, 5]),
             "pack_padded_sequence": torch.nn.utils.rnn.pack_padded_sequence}  # fmt: skip
    run_there("PyTorch", names, tmp_path, monkeypatch)


def test_what_stands_there_runs_in_keras(keras, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    layers = keras.layers
    net = keras.Sequential([keras.Input((5, 3)), layers.LSTM(4, return_sequences=True), layers.Dense(2)])
    net.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    names = {"keras": keras, "net": net, "x": rng.standard_normal((8, 5, 3)), "y": rng.integers(0, 2, (8, 5))}
    names |= {name: getattr(keras, name) for name in ("layers", "losses", "optimizers", "callbacks")}
    run_there("Keras", names, tmp_path, monkeypatch)
    model = Model([lstm(3, 4), dense(4, 2)], mse, rng=rng)
    weights = keras_io.get_weights(model)
    names |= {"keras_io": keras_io, "model": model, "weights": weights}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for where, kind, code in snippets():
            if where == "Keras" and kind == "text":
                run(code, names)
        for x, y in zip(net.get_weights(), [array for arrays in weights for array in arrays], strict=True):
            np.testing.assert_array_equal(x, y)


# ---- what the page says of them --------------------------------------------------------------------------------------


def trained(optimizer, rate, grads):
    """θ after each update of an optimiser of ours, from zeros."""
    theta, found = np.zeros_like(grads[0]), []
    state = optimizer.init(theta)
    for grad in grads:
        optimizer.update(theta, grad, state, rate)
        found.append(theta.copy())
    return np.array(found)


GRADS = np.random.default_rng(0).standard_normal((5, 6)) * 10.0 ** np.arange(-8, -2)  # some as small as ε


def test_pytorch_starts_clips_and_adapts_as_the_page_says(torch):
    made = torch.nn.LSTM(3, 50)
    for parameter in made.parameters():  # the forget gate's bias, too
        largest = parameter.abs().max().item()
        assert 0.9 / 50**0.5 < largest <= 1 / 50**0.5
    for options, ours in (({}, adam()), ({"weight_decay": 0.01}, adam(weight_decay=0.01))):
        theta = torch.zeros(6, dtype=torch.float64, requires_grad=True)
        optimizer = (torch.optim.AdamW if options else torch.optim.Adam)([theta], lr=1e-3, **options)
        for grad, expected in zip(GRADS, trained(ours, 1e-3, GRADS), strict=True):
            theta.grad = torch.tensor(grad)
            optimizer.step()
            np.testing.assert_allclose(theta.detach().numpy(), expected, rtol=1e-12)
    assert torch.optim.AdamW([theta]).defaults["weight_decay"] == 0.01
    weight = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
    weight.grad = torch.tensor([3e-6, 4e-6], dtype=torch.float64)
    torch.nn.utils.clip_grad_norm_([weight], 1e-6)
    np.testing.assert_allclose(weight.grad.numpy(), np.array([3e-6, 4e-6]) * 1e-6 / (5e-6 + 1e-6))
    grad = np.array([3e-6, 4e-6])
    optim.clip_global_norm(grad, 1e-6)
    np.testing.assert_allclose(grad, [0.6e-6, 0.8e-6])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # how Keras gets on with NumPy
def test_keras_starts_and_adapts_as_the_page_says(keras):
    D, H = 30, 40
    layer = keras.layers.LSTM(H)
    layer.build((None, 5, D))
    kernel, recurrent_kernel, bias = layer.get_weights()
    limit = np.sqrt(6 / (D + 4 * H))
    assert 0.95 * limit < np.abs(kernel).max() <= limit
    ours = init.xavier_uniform(np.random.default_rng(0), H, D)
    assert abs(np.abs(ours).max() / np.abs(kernel).max() / np.sqrt((D + 4 * H) / (D + H)) - 1) < 0.05
    np.testing.assert_allclose(recurrent_kernel @ recurrent_kernel.T, np.eye(H), atol=1e-5)
    np.testing.assert_array_equal(np.split(bias, 4), np.outer([0, 1, 0, 0], np.ones(H)))
    table = keras.layers.Embedding(100, 20)
    table.build((None, 5))
    assert 0.049 < np.abs(table.get_weights()[0]).max() <= 0.05
    assert keras.optimizers.AdamW().weight_decay == 0.004 and keras.optimizers.Adam().epsilon == 1e-7

    theta = keras.Variable(np.zeros(6), dtype="float32")
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build([theta])
    m = v = np.zeros(6)
    expected = np.zeros(6)
    for k, grad in enumerate(GRADS, 1):
        m, v = 0.9 * m + 0.1 * grad, 0.999 * v + 0.001 * grad * grad
        corrected, epsilon = np.sqrt(v / (1 - 0.999**k)), 1e-7 / np.sqrt(1 - 0.999**k)
        expected = expected - 1e-3 * m / (1 - 0.9**k) / (corrected + epsilon)
        optimizer.apply([keras.ops.convert_to_tensor(grad.astype("f4"))], [theta])
        np.testing.assert_allclose(np.array(theta), expected, rtol=1e-4)
        if k == 1:
            np.testing.assert_allclose(trained(adam(epsilon=epsilon), 1e-3, GRADS[:1])[0], expected)
            assert round(epsilon / 1e-7) == 32


def test_starts_here_are_as_the_page_says():
    rng = np.random.default_rng(0)
    model = Model([lstm(30, 40)], mse, rng=rng, dtype=np.float64)
    limit = np.sqrt(6 / 70)
    assert 0.95 * limit < np.abs(model.params["lstm.W"]).max() <= limit
    for R in np.split(model.params["lstm.R"], 4):
        np.testing.assert_allclose(R @ R.T, np.eye(40), atol=1e-12)
    np.testing.assert_array_equal(np.split(model.params["lstm.b"].ravel(), 4), np.outer([0, 0, 1, 0], np.ones(40)))
    assert not Model([gru(3, 4)], mse, rng=rng).params["gru.b"].any()
    table = Model([embedding(500, 20)], mse, rng=rng).params["embedding.W"]
    assert abs(table.std() - 1) < 0.05
