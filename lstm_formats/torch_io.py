"""PyTorch's state dicts, as dicts of NumPy arrays: `lstm`, `gru`, `rnn`, bidirectional ones, dense and embedding.

    torch_module.load_state_dict({name: torch.tensor(x) for name, x in torch_io.state_dict(model).items()})
    torch_io.load_state_dict(model, torch_module.state_dict())

PyTorch stacks the gates of an LSTM as i f g o and those of a GRU as r z n; here they are i o f g and z r n. It adds two
biases, b_ih + b_hh, where one would do: here b is their sum. Only the candidate of a GRU, n = tanh(W x + b_ih
+ r ⊙ (R h + b_hh)), needs both: its b_hh is our p. On the way out b becomes b_ih, and every other b_hh is 0.
"""

import numpy as np

from lstm_core.arrays import to_host, views

from .checkpoint import fill

ORDER = {"rnn": [0], "rnn relu": [0], "lstm": [0, 2, 3, 1], "gru": [1, 0, 2]}  # PyTorch's gates, by our numbers


def state_dict(model, stacked=False):
    """The parameters of `model` in PyTorch's names, shapes and order: name -> NumPy array.

    A module is called as the layer is (`model.names`, blanks made underscores): "lstm.weight_ih_l0", "dense.bias", ….
    The arrays are copies and contiguous, as safetensors.numpy needs them.
    stacked: recurrent layers of one kind are one module, as of torch.nn.LSTM(num_layers=2): "lstm.weight_ih_l1".
    Raises ValueError for layers that PyTorch does not have: peepholes, variants, a GRU with reset before, reverse.
    """
    theta = to_host(model.theta)
    places = _places(model, stacked, out=True).items()
    return {name: np.ascontiguousarray(np.where(where < 0, 0, theta[where])) for name, where in places}


def load_state_dict(model, state, stacked=False):
    """Set the parameters of `model` to those of PyTorch's `state`, name -> tensor or NumPy array: all or none.

    Names are those of `state_dict`. Raises ValueError for a wrong name, shape, dtype, NaN or infinity.
    """
    state = {name: x.detach().cpu().numpy() if hasattr(x, "detach") else np.asarray(x) for name, x in state.items()}
    places, theta = _places(model, stacked), np.zeros(model.theta.shape, model.theta.dtype)
    if state.keys() != places.keys():
        raise ValueError(f"state: expected {', '.join(places)}, got {', '.join(state)}")
    for name, where in places.items():
        x = state[name]
        if x.shape != where.shape or x.dtype != theta.dtype:
            raise ValueError(f"{name}: expected shape {where.shape} of {theta.dtype}, got {x.shape} of {x.dtype}")
        with np.errstate(over="ignore", invalid="ignore"):  # fill says so
            theta[where] += x
    fill(model, views(model.shapes, theta))


def _places(model, stacked, out=False):
    """Where in θ PyTorch's numbers are: name -> integers, in its array's shape; -1: a bias that is 0 on the way `out`.

    A b_hh that is added to b_ih on the way in has the place of that b_ih.
    """
    found, index, kinds = {}, views(model.shapes, np.arange(model.theta.size)), [layer.name for layer in model.layers]
    for k, (name, layer) in enumerate(zip(model.names, model.layers)):
        P, of = {key: index[f"{name}.{key}"] for key in layer.shapes}, layer.config.get("of", layer.config)
        if "cell" not in of:
            W = {"weight": P["W"].T if layer.name == "embedding" else P["W"]} if P else {}
            found |= {f"{name}.{key}": x for key, x in (W | ({"bias": P["b"][:, 0]} if "b" in P else {})).items()}
            continue
        order, gru = ORDER.get(of["cell"]), of["cell"] == "gru"
        if layer.config["layer"] == "reverse" or order is None or any(key.endswith("p") for key in P) != gru:
            raise ValueError(f"layers: expected such as PyTorch has, without peepholes, got {name}: {layer.config}")
        module, above = (layer.name, kinds[:k].count(layer.name)) if stacked else (name, 0)
        for side, end in ({"forward.": "", "reverse.": "_reverse"} if "of" in layer.config else {"": ""}).items():
            W, R, b = P[f"{side}W"], P[f"{side}R"], P[f"{side}b"][:, 0]
            u = np.where(out, -1, b)
            if gru:
                u[2 * R.shape[1] :] = P[f"{side}p"].ravel()
            for part, x in {"weight_ih": W, "weight_hh": R, "bias_ih": b, "bias_hh": u}.items():
                gates = x.reshape(len(order), R.shape[1], *x.shape[1:])[order]
                found[f"{module.replace(' ', '_')}.{part}_l{above}{end}"] = gates.reshape(x.shape)
    return found
