"""PyTorch's state dicts: the mapping against the equations that PyTorch documents, written out here in NumPy; and,
where PyTorch is installed, against its modules: what they compute, and what a training step makes of them."""

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from test_checkpoint import network

import lstm_core as core
from lstm_core import activation, bidirectional, dense, dropout, embedding, gru, last, lstm, recurrent, reverse, rnn
from lstm_formats import torch_io

# ---- what PyTorch computes, from the documentation of torch.nn.RNN, LSTM, GRU, Linear, Embedding -----------------
# S is a state dict, x (N, L, H_in) as with batch_first=True, every state starts at 0.


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn_cell(S, end, x, h, c, f=np.tanh):
    h = f(x @ S[f"weight_ih_{end}"].T + S[f"bias_ih_{end}"] + h @ S[f"weight_hh_{end}"].T + S[f"bias_hh_{end}"])
    return h, c


def relu_cell(S, end, x, h, c):
    return rnn_cell(S, end, x, h, c, lambda x: np.maximum(x, 0))


def lstm_cell(S, end, x, h, c):
    """weight_ih is (W_ii|W_if|W_ig|W_io)."""
    W, R, b, u = (np.split(S[f"{key}_{end}"], 4) for key in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    i, f, g, o = (x @ W[k].T + b[k] + h @ R[k].T + u[k] for k in range(4))
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_cell(S, end, x, h, c):
    """weight_ih is (W_ir|W_iz|W_in)."""
    W, R, b, u = (np.split(S[f"{key}_{end}"], 3) for key in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    r = sigmoid(x @ W[0].T + b[0] + h @ R[0].T + u[0])
    z = sigmoid(x @ W[1].T + b[1] + h @ R[1].T + u[1])
    n = np.tanh(x @ W[2].T + b[2] + r * (h @ R[2].T + u[2]))
    return (1 - z) * n + z * h, c


def layers(cell, S, x, count=1, both=False):
    """A module of `count` layers, in one direction or both."""
    for k in range(count):
        outputs = []
        for end in [f"l{k}", f"l{k}_reverse"][: 1 + both]:
            steps = x.swapaxes(0, 1)[:: -1 if end.endswith("reverse") else 1]
            h = c = np.zeros((len(x), S[f"weight_hh_{end}"].shape[1]))
            hs = []
            for x_t in steps:
                h, c = cell(S, end, x_t, h, c)
                hs.append(h)
            outputs.append(np.stack(hs[:: -1 if end.endswith("reverse") else 1], axis=1))
        x = np.concatenate(outputs, axis=2)
    return x


def module(S, name):
    """The entries of the module `name`, without it."""
    return {key.removeprefix(f"{name}."): x for key, x in S.items() if key.startswith(f"{name}.")}


def linear(S, x):
    return x @ S["weight"].T + S["bias"]


D, H, C = 3, 4, 2  # all different, as are the numbers of examples and steps
CELLS = {"lstm": (lstm, lstm_cell), "gru": (gru, gru_cell), "rnn": (rnn, rnn_cell)}


def relu(features, hidden):
    return rnn(features, hidden, "relu")


CELLS["rnn_relu"] = relu, relu_cell
each_cell = pytest.mark.parametrize("name", CELLS)
X = np.random.default_rng(1).standard_normal((5, 6, D))


def close(found, expected):
    """To 1e-13: some dozens of sums of ten terms of about 1, each rounded by 1e-16, in an order of our own."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * np.abs(expected).max())


def of(*layers, loss=core.mse, dtype=np.float64):
    return network(layers, loss, dtype)


@each_cell
def test_a_layer_is_pytorchs(name):
    make, cell = CELLS[name]
    model = of(make(D, H), dense(H, C))
    S = torch_io.state_dict(model)
    close(model.predict(X), linear(module(S, "dense"), layers(cell, module(S, name), X)))


@each_cell
def test_both_directions_are_pytorchs(name):
    make, cell = CELLS[name]
    model = of(bidirectional(make(D, H)))
    S = torch_io.state_dict(model)
    close(model.predict(X), layers(cell, module(S, f"bidirectional_{name}"), X, both=True))


@each_cell
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("dropped", [0, 1])
def test_stacked_layers_are_one_module_of_pytorchs(name, dropped, both):
    make, cell = CELLS[name]
    wrap = bidirectional if both else lambda layer: layer
    width = H * (1 + both)
    between = [dropout(0.5)] * dropped
    stack = [wrap(make(D, H)), *between, wrap(make(width, H)), *between, wrap(make(width, H))]
    model = of(*stack, dropout(0.1), dense(width, C))
    S = torch_io.state_dict(model, stacked=True)
    kind = f"bidirectional_{name}" if both else name
    assert {key.split(".")[0] for key in S} == {kind, "dense"} and len(S) == 12 * (1 + both) + 2
    close(model.predict(X), linear(module(S, "dense"), layers(cell, module(S, kind), X, 3, both)))


NOT_STACKED = {
    "a dense between": [lstm(D, H), dense(H, H), lstm(H, H)],
    "an activation between": [lstm(D, H), activation("tanh"), lstm(H, H)],
    "another kind between": [lstm(D, H), gru(H, H), lstm(H, H)],
    "another direction between": [lstm(D, H), bidirectional(lstm(H, H)), lstm(2 * H, H)],
    "the last step between": [gru(D, H), last(), gru(H, H)],
    "dropout and more between": [lstm(D, H), dropout(0.5), activation("relu"), lstm(H, H)],
    "dropout twice": [lstm(D, H), dropout(0.5), dropout(0.5), lstm(H, H)],
    "dropout in one place of two": [lstm(D, H), dropout(0.5), lstm(H, H), lstm(H, H)],
    "dropout of two rates": [lstm(D, H), dropout(0.5), lstm(H, H), dropout(0.4), lstm(H, H)],
    "other hidden units": [rnn(D, H), rnn(H, D)],
    "other hidden units in both directions": [bidirectional(rnn(D, H)), bidirectional(rnn(2 * H, D))],
    "ends only": [bidirectional(gru(D, H), last=True), bidirectional(gru(2 * H, H))],
}


@pytest.mark.parametrize("layers", NOT_STACKED.values(), ids=NOT_STACKED.keys())
def test_layers_that_no_module_of_pytorchs_computes_are_not_stacked(layers):
    model = of(*layers)
    before, S = model.theta.copy(), torch_io.state_dict(model)
    for call in (lambda: torch_io.state_dict(model, stacked=True),
                 lambda: torch_io.load_state_dict(model, S, stacked=True)):  # fmt: skip
        with pytest.raises(ValueError, match=r"^stacked: expected the layers of kind .* behind one another, .* got \{"):
            call()
    torch_io.load_state_dict(model, {key: 2 * x for key, x in S.items()})
    np.testing.assert_array_equal(model.theta, 2 * before)


def test_stacks_of_two_kinds_and_a_stack_that_ends_with_ends():
    stack = [gru(D, H), gru(H, H), dense(H, D), lstm(D, C), dropout(0.2), lstm(C, C), bidirectional(gru(C, H)),
             bidirectional(gru(2 * H, H), last=True)]  # fmt: skip
    S = torch_io.state_dict(of(*stack), stacked=True)
    assert {key.split(".")[0] for key in S} == {"gru", "dense", "lstm", "bidirectional_gru"}
    with pytest.raises(TypeError, match=r"^stacked: expected True or False, got 'no'"):
        torch_io.state_dict(of(*stack), stacked="no")


def test_layers_that_are_not_stacked_are_numbered():
    model = of(lstm(D, H), lstm(H, C))
    S = torch_io.state_dict(model)
    assert list(S)[:2] == ["lstm1.weight_ih_l0", "lstm1.weight_hh_l0"]
    close(model.predict(X), layers(lstm_cell, module(S, "lstm2"), layers(lstm_cell, module(S, "lstm1"), X)))


def test_an_embedding_is_pytorchs():
    model = of(embedding(7, D), gru(D, H))
    S = torch_io.state_dict(model)
    labels = np.random.default_rng(0).integers(0, 7, (5, 6))
    close(model.predict(labels), layers(gru_cell, module(S, "gru"), S["embedding.weight"][labels]))


@each_cell
def test_import_adds_the_two_biases(name):
    """A state in which both biases are there, as PyTorch's always are."""
    make, cell = CELLS[name]
    model, rng = of(bidirectional(make(D, H))), np.random.default_rng(2)
    S = {key: rng.standard_normal(x.shape) for key, x in torch_io.state_dict(model).items()}
    torch_io.load_state_dict(model, S)
    close(model.predict(X), layers(cell, module(S, f"bidirectional_{name}"), X, both=True))


def test_names_and_shapes():
    model = of(embedding(7, D), bidirectional(lstm(D, H)), gru(2 * H, H), last(), dense(H, C), dtype=np.float32)
    S = torch_io.state_dict(model)
    assert {key: x.shape for key, x in S.items()} == {
        "embedding.weight": (7, D),
        "bidirectional_lstm.weight_ih_l0": (4 * H, D), "bidirectional_lstm.weight_hh_l0": (4 * H, H),
        "bidirectional_lstm.bias_ih_l0": (4 * H,), "bidirectional_lstm.bias_hh_l0": (4 * H,),
        "bidirectional_lstm.weight_ih_l0_reverse": (4 * H, D), "bidirectional_lstm.weight_hh_l0_reverse": (4 * H, H),
        "bidirectional_lstm.bias_ih_l0_reverse": (4 * H,), "bidirectional_lstm.bias_hh_l0_reverse": (4 * H,),
        "gru.weight_ih_l0": (3 * H, 2 * H), "gru.weight_hh_l0": (3 * H, H),
        "gru.bias_ih_l0": (3 * H,), "gru.bias_hh_l0": (3 * H,),
        "dense.weight": (C, H), "dense.bias": (C,),
    }  # fmt: skip
    assert {x.dtype for x in S.values()} == {np.dtype(np.float32)}
    assert (S["bidirectional_lstm.bias_hh_l0"] == 0).all() and (S["gru.bias_hh_l0"][: 2 * H] == 0).all()
    np.testing.assert_array_equal(S["gru.bias_hh_l0"][2 * H :], model.params["gru.p"].ravel())


@given(st.integers(0, 2**32), st.sampled_from([np.float32, np.float64]), st.booleans())
def test_there_and_back_is_exact(seed, dtype, stacked):
    stack = [embedding(7, D), lstm(D, H), lstm(H, H), bidirectional(gru(H, H)), relu(2 * H, H), dense(H, C)]
    model, other = network(stack, core.mse, dtype, seed), network(stack, core.mse, dtype, seed + 1)
    S = torch_io.state_dict(model, stacked)
    theta = other.theta
    torch_io.load_state_dict(other, S, stacked)
    np.testing.assert_array_equal(other.theta, model.theta)
    assert other.theta is theta
    again = torch_io.state_dict(other, stacked)
    assert again.keys() == S.keys()
    for key, x in S.items():
        np.testing.assert_array_equal(again[key], x, strict=True)


def test_a_state_dict_goes_through_safetensors():
    """Which stores an array's memory as it lies: a transposed one would come back with other numbers."""
    S = torch_io.state_dict(of(embedding(7, D), bidirectional(gru(D, H)), lstm(2 * H, H), dense(H, C)))
    found = safetensors.numpy.load(safetensors.numpy.save(S))
    assert found.keys() == S.keys()
    for key, x in S.items():
        np.testing.assert_array_equal(found[key], x, strict=True)


def test_a_state_dict_is_a_copy():
    model = of(lstm(D, H), dense(H, C))
    before = model.theta.copy()
    for x in torch_io.state_dict(model).values():
        x[...] = 9
    np.testing.assert_array_equal(model.theta, before)


def test_a_model_on_a_device(xp):
    model = of(gru(D, H)).to(xp)
    S = torch_io.state_dict(model)
    assert all(type(x) is np.ndarray for x in S.values())
    torch_io.load_state_dict(model, {key: 2 * x for key, x in S.items()})
    assert type(model.theta) is type(xp.empty(1))
    np.testing.assert_array_equal(core.to_host(model.theta), 2 * of(gru(D, H)).theta)


class Tensor:
    """What there is of a torch.Tensor that load_state_dict needs."""

    def __init__(self, x):
        self.x = x

    def detach(self):
        return self

    def cpu(self):
        return self

    def numpy(self):
        return self.x


def test_tensors_are_taken_as_they_are():
    model, other = of(lstm(D, H)), network([lstm(D, H)], core.mse, np.float64, seed=1)
    torch_io.load_state_dict(other, {key: Tensor(x) for key, x in torch_io.state_dict(model).items()})
    np.testing.assert_array_equal(other.theta, model.theta)


NOT_THERE = {
    "peepholes": [lstm(D, H, peepholes=True)],
    "peepholes in both directions": [bidirectional(lstm(D, H, peepholes=True))],
    "reset before": [gru(D, H, "before")],
    "a GRU without recurrent bias": [recurrent("gru", D, H, own=False)],
    "reverse": [reverse(lstm(D, H))],
    "a variant": [recurrent("cifg", D, H)],
    "a variant without p": [recurrent("cifg", D, H, own=False)],
    "NAS": [recurrent("nas", D, H)],
}


@pytest.mark.parametrize("layers", NOT_THERE.values(), ids=NOT_THERE.keys())
def test_layers_that_pytorch_does_not_have(layers):
    model = of(*layers, dense(2 * H if "bidirectional" in layers[0].name else H, C))
    before = model.theta.copy()
    for call in (lambda: torch_io.state_dict(model), lambda: torch_io.load_state_dict(model, {})):
        with pytest.raises(ValueError, match=rf"^layers: expected .*, got {layers[0].name}: "):
            call()
    np.testing.assert_array_equal(model.theta, before)


WRONG = {
    "a missing name": ({"dense.weight": None}, r"^state: expected .*, got unknown: none; missing: dense\.weight$"),
    "one bias of two": ({"lstm.bias_hh_l0": None}, r"^state: expected .*, got .*; missing: lstm\.bias_hh_l0$"),
    "an unknown name": ({"dense.weights": np.ones((C, H))}, r"^state: .*, got unknown: dense\.weights; missing: none$"),
    "one name for another": ({"dense.weight": None, "fc.weight": np.ones((C, H))},
                             r"^state: expected .*, got unknown: fc\.weight; missing: dense\.weight$"),
    "an empty name": ({"": np.ones(1)}, r"^state: expected .*, got unknown: ''; missing: none$"),
    "a wrapper's name alone": ({"module": np.ones(1)}, r"^state: expected .*, got unknown: module; missing: none$"),
    "a name that is none": ({3: np.ones(1)}, r"^state: expected .*, got unknown: 3; missing: none$"),
    "a second layer of one module": ({"lstm.weight_ih_l1": np.ones((4 * H, H))},
                                     r"got unknown: lstm\.weight_ih_l1; .*; stacked=True takes"),
    "plain names where there are two modules": ({"weight_ih_l0": np.ones((4 * H, D)), "lstm.weight_ih_l0": None},
                                                r"got unknown: weight_ih_l0; missing: lstm\.weight_ih_l0$"),
    "an array twice": ({"module.dense.bias": np.ones(C)},
                       r"^state: expected each array once, got dense\.bias, module\.dense\.bias$"),
    "proj_size": ({"lstm.weight_hr_l0": np.ones((2, H))},
                  r"^state: expected an LSTM without proj_size, .*, got lstm\.weight_hr_l0$"),
    "proj_size, wrapped": ({"module.lstm.weight_hr_l0_reverse": np.ones((2, H))}, r"^state: expected .* proj_size"),
    "lists of unlike lengths": ({"dense.bias": [1.0, [2.0]]}, r"^dense\.bias: expected a plain tensor or array, got "),
    "a wrong shape": ({"lstm.weight_ih_l0": np.ones((D, 4 * H))}, r"^lstm\.weight_ih_l0: expected shape \(16, 3\)"),
    "a shape that would broadcast": ({"dense.bias": np.ones(1)}, r"^dense\.bias: expected shape \(2,\)"),
    "less precision": ({"dense.bias": np.ones(C, np.float32)},
                       r"^dense\.bias: expected .*float64, got .*float32; cast=True converts it$"),
    "integers": ({"dense.bias": np.ones(C, int)}, r"^dense\.bias: expected .*float64, got .*int64"),
    "words": ({"dense.bias": ["a", "b"]}, r"^dense\.bias: expected .*, got "),
    "NaN": ({"dense.weight": np.full((C, H), np.nan)}, r"^dense\.W: expected finite"),
    "infinity": ({"lstm.bias_hh_l0": np.full(4 * H, np.inf)}, r"^lstm\.b: expected finite"),
    "infinities that meet": ({"lstm.bias_hh_l0": np.full(4 * H, np.inf), "lstm.bias_ih_l0": np.full(4 * H, -np.inf)},
                             r"^lstm\.b: expected finite"),
    "a sum beyond all": ({"lstm.bias_hh_l0": np.full(4 * H, 1.7e308), "lstm.bias_ih_l0": np.full(4 * H, 1.7e308)},
                         r"^lstm\.b: expected finite"),
}  # fmt: skip


@pytest.mark.parametrize("change, message", WRONG.values(), ids=WRONG.keys())
def test_a_state_that_does_not_fit_changes_nothing(change, message):
    model = of(lstm(D, H), dense(H, C))
    S = {key: x + 1 for key, x in torch_io.state_dict(model).items()} | change
    before = model.theta.copy()
    with pytest.raises(ValueError, match=message):
        torch_io.load_state_dict(model, {key: x for key, x in S.items() if x is not None})
    np.testing.assert_array_equal(model.theta, before)


def test_a_masked_array_is_refused():
    """Its mask would be lost without a word."""
    model = of(dense(H, C))
    S = torch_io.state_dict(model)
    with pytest.raises(TypeError, match=r"^dense\.bias: expected a plain NumPy array, got MaskedArray"):
        torch_io.load_state_dict(model, S | {"dense.bias": np.ma.masked_greater(S["dense.bias"], 0)})


# ---- names as they come, and other precisions --------------------------------------------------------------------


@given(st.data(), st.booleans())
def test_wrappers_do_not_count_wherever_they_stand(data, stacked):
    """DataParallel writes "module.", torch.compile "_orig_mod."; of one another, of the whole or of a part."""
    stack = [lstm(D, H), lstm(H, H), dense(H, C)]
    model, other = of(*stack), network(stack, core.mse, np.float64, seed=1)
    wrappers = st.lists(st.sampled_from(["module", "_orig_mod"]), max_size=3)

    def wrapped(name):
        *modules, array = name.split(".")
        return ".".join([*data.draw(wrappers), *modules, *data.draw(wrappers), array])

    state = {wrapped(name): x for name, x in torch_io.state_dict(model, stacked).items()}
    torch_io.load_state_dict(other, state, stacked)
    np.testing.assert_array_equal(other.theta, model.theta)


ONE_MODULE = [dense(D, C)], [embedding(7, D)], [bidirectional(gru(D, H))], [lstm(D, H), dropout(0.5), lstm(H, H)]


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module."])
@pytest.mark.parametrize("stack", ONE_MODULE, ids=lambda stack: stack[0].name)
def test_of_one_module_the_name_may_be_left_out(stack, prefix):
    model, other = of(*stack), network(stack, core.mse, np.float64, seed=1)
    (name,) = {name.split(".")[0] for name in torch_io.state_dict(model, stacked=True)}
    state = {prefix + key: x for key, x in module(torch_io.state_dict(model, stacked=True), name).items()}
    torch_io.load_state_dict(other, state, stacked=True)
    np.testing.assert_array_equal(other.theta, model.theta)


@each_cell
@pytest.mark.parametrize("without", ["recurrent", "dense", "both"])
def test_a_module_without_bias_has_bias_0(name, without):
    make, cell = CELLS[name]
    model = of(make(D, H), dense(H, C))
    model.theta += 1  # so that no bias is 0 by itself
    S = torch_io.state_dict(model)
    dropped = [
        key for key in S if ".bias" in key and (without == "both" or key.startswith("dense") == (without == "dense"))
    ]
    torch_io.load_state_dict(model, {key: x for key, x in S.items() if key not in dropped})
    S |= {key: np.zeros_like(S[key]) for key in dropped}
    close(model.predict(X), linear(module(S, "dense"), layers(cell, module(S, name), X)))


@pytest.mark.parametrize("given", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("ours", [np.float32, np.float64])
def test_another_precision_is_cast_where_that_is_asked_for(given, ours):
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed: pip install ml_dtypes")
    dtype = np.dtype(ml_dtypes.bfloat16 if given == "bfloat16" else given)
    model = of(embedding(7, D), gru(D, H), dense(H, C), dtype=ours)
    S = {key: (x + 0.1).astype(dtype) for key, x in torch_io.state_dict(model).items()}
    before = model.theta.copy()
    if dtype != ours:
        with pytest.raises(
            ValueError, match=rf"^embedding\.weight: .* of {np.dtype(ours)}, got .* of {given}; cast=True"
        ):
            torch_io.load_state_dict(model, S)
        np.testing.assert_array_equal(model.theta, before)
    torch_io.load_state_dict(model, S, cast=True)
    assert model.theta.dtype == ours
    np.testing.assert_array_equal(model.params["embedding.W"], S["embedding.weight"].T.astype(ours))
    np.testing.assert_array_equal(model.params["gru.p"].ravel(), S["gru.bias_hh_l0"][2 * H :].astype(ours))


@pytest.mark.parametrize("dtype", [int, np.int8, bool, complex, "U3", object], ids=str)
def test_what_is_no_floating_point_number_is_not_cast(dtype):
    model = of(dense(H, C))
    S = torch_io.state_dict(model) | {"dense.bias": np.ones(C).astype(dtype)}
    with pytest.raises(ValueError, match=r"^dense\.bias: expected .* float16 or bfloat16 .*, got .* of [\w]+$"):
        torch_io.load_state_dict(model, S, cast=True)


def test_a_number_beyond_the_precision_is_refused():
    model = of(dense(H, C), dtype=np.float32)
    S = {key: x.astype(float) for key, x in torch_io.state_dict(model).items()}
    S["dense.bias"][0] = 1e300
    with pytest.raises(ValueError, match=r"^dense\.b: expected finite"):
        torch_io.load_state_dict(model, S, cast=True)
    with pytest.raises(TypeError, match=r"^cast: expected True or False, got 'yes'"):
        torch_io.load_state_dict(model, S, cast="yes")


# ---- PyTorch itself ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torch():
    reason = 'PyTorch is not installed: .venv/bin/python -m pip install -e ".[torch]"'
    return pytest.importorskip("torch", reason=reason)


MODULES = {
    "lstm": ([lstm(D, H)], "LSTM", {}),
    "gru": ([gru(D, H)], "GRU", {}),
    "rnn": ([rnn(D, H)], "RNN", {}),
    "rnn_relu": ([relu(D, H)], "RNN", {"nonlinearity": "relu"}),
    "bidirectional_lstm": ([bidirectional(lstm(D, H))], "LSTM", {"bidirectional": True}),
    "bidirectional_gru": ([bidirectional(gru(D, H))], "GRU", {"bidirectional": True}),
    "two lstm": ([lstm(D, H), lstm(H, H)], "LSTM", {"num_layers": 2}),
    "two bidirectional_gru": ([bidirectional(gru(D, H)), bidirectional(gru(2 * H, H))], "GRU",
                              {"num_layers": 2, "bidirectional": True}),
}  # fmt: skip


def network_of_pytorch(torch, name, kind, options, width):
    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.add_module(name, getattr(torch.nn, kind)(D, H, batch_first=True, dtype=torch.float64, **options))
            self.dense = torch.nn.Linear(width, C, dtype=torch.float64)

        def forward(self, x):
            return self.dense(getattr(self, name)(x)[0])

    return Network()


@pytest.mark.parametrize("name", MODULES)
def test_outputs_and_a_training_step_are_those_of_pytorchs_modules(name, torch):
    """Out: our weights in PyTorch's module. Then a step of gradient descent on both sides, and PyTorch's weights back.

    b_ih and b_hh have the same gradient, and if both take the step, their sum takes it twice. So b_hh stays where it is
    part of our b; a GRU's p takes its own.
    """
    layers, kind, options = MODULES[name]
    width = layers[0].output(1, D)[1]
    model = of(*layers, dense(width, C))
    network = network_of_pytorch(torch, name.removeprefix("two "), kind, options, width)
    S = torch_io.state_dict(model, stacked=True)
    network.load_state_dict({key: torch.tensor(x) for key, x in S.items()}, strict=True)
    x, y = torch.tensor(X), np.random.default_rng(3).standard_normal((*X.shape[:2], C))
    close(model.predict(X), network(x).detach().numpy())

    torch.nn.functional.mse_loss(network(x), torch.tensor(y)).backward()
    with torch.no_grad():
        for key, parameter in network.named_parameters():
            if "bias_hh" in key:  # only what is not in b already: the GRU's p
                parameter.grad[: 2 * H if kind == "GRU" else None] = 0
            parameter -= 0.1 * parameter.grad
    rate = core.optim.constant(0.1)
    core.fit(model, X, y, epochs=1, rng=np.random.default_rng(0), batch=len(X), rate=rate,
             optimizer=core.optim.sgd(), progress=False)  # fmt: skip
    trained = of(*layers, dense(width, C))
    torch_io.load_state_dict(trained, network.state_dict(), stacked=True)
    assert np.abs(trained.theta - of(*layers, dense(width, C)).theta).max() > 1e-3
    close(trained.theta, model.theta)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_that_pytorch_has_made(name, torch):
    layers, kind, options = MODULES[name]
    width = layers[0].output(1, D)[1]
    torch.manual_seed(0)
    network = network_of_pytorch(torch, name.removeprefix("two "), kind, options, width)
    model = of(*layers, dense(width, C))
    torch_io.load_state_dict(model, network.state_dict(), stacked=True)
    close(model.predict(X), network(torch.tensor(X)).detach().numpy())


def test_an_embedding_of_pytorch(torch):
    made = torch.nn.Embedding(7, D)
    model = of(embedding(7, D), dtype=np.float32)
    torch_io.load_state_dict(model, {"embedding.weight": made.weight})
    labels = np.random.default_rng(0).integers(0, 7, (5, 6))
    np.testing.assert_array_equal(model.predict(labels), made(torch.tensor(labels)).detach().numpy())


PRECISIONS = "float16", "bfloat16", "float32", "float64"
NAMES = {"LSTM": "lstm", "GRU": "gru", "RNN": "rnn", "RELU": "rnn_relu"}


@settings(deadline=None)
@given(st.data())
def test_drawn_modules_of_pytorch(torch, data):
    """Any recurrent module, with or without bias, wrapped, in any precision, and a Linear behind it or not.

    In: the weights without rounding and the outputs, to 1e-13 in float64, as `close`, and to 1e-6 in float32. Out, into
    the same modules without the wrappers: the outputs again.
    """
    draw = data.draw
    kind, precision = draw(st.sampled_from([*NAMES])), draw(st.sampled_from(PRECISIONS))
    both, bias, behind, bias_behind, plain = (draw(st.booleans()) for _ in range(5))
    levels, D, H, C, T, B = draw(st.integers(1, 3)), *(draw(st.integers(1, 6)) for _ in range(5))
    wrappers = draw(st.sampled_from([(), "D", "C", "DD", "DC", "CD"]))  # DataParallel, compile
    torch.manual_seed(draw(st.integers(0, 2**31)))

    options = {"num_layers": levels, "bidirectional": both, "bias": bias, "batch_first": True}
    options |= {"nonlinearity": "relu"} if kind == "RELU" else {}
    recurrent = getattr(torch.nn, "RNN" if kind == "RELU" else kind)(D, H, **options)
    width, name = H * (1 + both), "bidirectional_" * both + NAMES[kind]
    modules = torch.nn.ModuleDict({name: recurrent})
    if behind:
        modules["dense"] = torch.nn.Linear(width, C, bias=bias_behind)
    modules = modules.to(getattr(torch, precision))
    whole = recurrent if plain and not behind else modules
    for wrapper in wrappers:
        whole = torch.nn.DataParallel(whole) if wrapper == "D" else torch.compile(whole, backend="eager")

    make = CELLS[NAMES[kind]][0]
    stack = [make(width if k else D, H) for k in range(levels)]
    stack = [*(map(bidirectional, stack) if both else stack), *([dense(width, C)] if behind else [])]
    models = {dtype: of(*stack, dtype=dtype) for dtype in ("float64", "float32")}
    for model in models.values():
        torch_io.load_state_dict(model, whole.state_dict(), stacked=True, cast=True)
    again = torch_io.state_dict(models["float64"], stacked=True)
    for key, tensor in modules.state_dict().items():
        if "weight" in key:
            np.testing.assert_array_equal(again[key], tensor.double().numpy())

    x = torch.randn(B, T, D, dtype=torch.float64)

    def agree(dtype, tolerance):
        modules.to(getattr(torch, dtype))
        with torch.no_grad():
            y = recurrent(x.to(getattr(torch, dtype)))[0]
            y = (modules["dense"](y) if behind else y).numpy()
        found = models[dtype].predict(x.numpy())
        np.testing.assert_allclose(found, y, rtol=0, atol=tolerance * max(1, np.abs(y).max()))

    if precision != "float64":  # else float32 would round the weights first
        agree("float32", 1e-6)
    agree("float64", 1e-13)
    there = {key: torch.tensor(again[key]) for key in modules.state_dict()}
    for tensor in modules.parameters():
        tensor.data.zero_()
    modules.load_state_dict(there)
    agree("float64", 1e-13)


def test_proj_size_of_pytorch_is_refused_by_name(torch):
    model = of(lstm(D, H))
    state = torch.nn.LSTM(D, H, proj_size=2).state_dict()
    with pytest.raises(ValueError, match=r"^state: expected an LSTM without proj_size, .* got weight_hr_l0$"):
        torch_io.load_state_dict(model, state, cast=True)


@pytest.mark.parametrize("change", ["meta", "sparse", "int8", "complex"])
def test_a_tensor_that_is_no_array_of_numbers_is_refused_by_name(torch, change):
    model = of(dense(H, C))
    weight = torch.ones(C, H, dtype=torch.float64)
    wrong = {"meta": lambda: weight.to("meta"), "sparse": weight.to_sparse, "int8": lambda: weight.to(torch.int8),
             "complex": lambda: weight.to(torch.complex128)}[change]()  # fmt: skip
    before = model.theta.copy()
    with pytest.raises(ValueError, match=r"^dense\.weight: expected "):
        torch_io.load_state_dict(model, {"dense.weight": wrong, "dense.bias": torch.ones(C).double()}, cast=True)
    np.testing.assert_array_equal(model.theta, before)
