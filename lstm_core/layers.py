"""Layers: what a model is a list of. A layer is a few functions on arrays (T, features, B), no more.

`recurrent` is a cell in the scan, `reverse` and `bidirectional` run it from the end; `last` keeps the final step,
`dense` is an affine map at every step; `embedding`, `activation` and `dropout` are what they are called.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from . import cells, init, scan, variants, zoneout
from .arrays import namespace
from .checks import (
    brief,
    check_choice,
    check_count,
    check_dtype,
    check_flag,
    check_floating,
    check_fraction,
    check_function,
    check_kind,
    check_labels,
    check_mask,
    check_number,
    check_rng,
    check_same_shape,
    check_shape,
    listed,
)
from .compiled import preparation
from .types import Array, Initialiser, Shapes


class Pass(NamedTuple):
    """What a forward pass is told beside its input.

    keep: whether `backward` will follow (see `scan.forward`)
    mask: (T, B) booleans, True where there is a step; None: every step is there
    rng:  numpy.random.Generator for dropout; None: no dropout

    >>> from lstm_core.layers import Pass
    >>> mask = np.array([[True], [False]])  # of two steps of one example the first is there
    >>> last().forward({}, np.array([[[1.0]], [[2.0]]]), (), Pass(mask=mask))[0]
    array([[[1.]]])
    """

    keep: bool = True
    mask: Array | None = None
    rng: Any = None


PLAIN = Pass()


class Fixed(dict):
    """A dict that stays as it is: what a layer is was said when it was made, and its functions go by that.

    >>> lstm(2, 3).config["hidden"] = 4
    Traceback (most recent call last):
    TypeError: layer: expected to stay what it is, got a change; make another layer
    """

    def _refuse(self, *args, **kwargs):
        raise TypeError("layer: expected to stay what it is, got a change; make another layer")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return Fixed, (dict(self),)


class Layer(NamedTuple):
    """One layer of a model.

    name:     for tables and parameter names
    config:   what makes it again, by `make`, all but its initialisers: a dict of numbers, words and booleans
    forward:  P, x, state, how -> y, state', cache; state is () for layers that keep none, how is a `Pass`
    backward: P, cache, dy, dstate, inputs=True -> grads, dx, dstate0; dx may be None where inputs is False
    features: input features D it expects; None for any
    shapes:   parameter name -> shape
    init:     rng -> starting values, a dict like P
    output:   (T, D) -> (T', D'), the shape it makes
    labels:   how many labels 0, 1, … it reads, one a step, in the place of features; None if it reads features
    cell:     the `Cell` that it carries through time; None if it has none
    directions: the ways it runs through time: ("forward",), ("reverse",) or ("forward", "reverse"); () if each step is
              on its own. With two of them, the parameters of each are called "forward.W", "reverse.W", …
    causal:   whether what it puts out at a step depends on that step and earlier ones only

    >>> layer = dense(2, 3)
    >>> layer.name, layer.shapes, layer.output(5, 2)
    ('dense', {'W': (3, 2), 'b': (3, 1)}, (5, 3))
    """

    name: str
    config: Mapping[str, Any]
    forward: Callable[..., tuple[Array, tuple[Array, ...], Any]]
    backward: Callable[..., tuple[dict[str, Array], Array | None, tuple[Array, ...]]]
    features: int | None = None
    shapes: Shapes = Fixed()
    init: Callable[[np.random.Generator], Mapping[str, Any]] = lambda rng: {}
    output: Callable[[Any, Any], tuple[Any, Any]] = lambda T, D: (T, D)
    labels: int | None = None
    cell: cells.Cell | None = None
    directions: tuple[str, ...] = ()
    causal: bool = True

    @property
    def collapses(self) -> bool:
        """Whether it makes one step of all steps. What stands behind it sees no time."""
        return self.output("T", 1)[0] == 1


def rnn(features: int, hidden: int, activation: str = "tanh", **options: Any) -> Layer:
    """Vanilla RNN layer, activation "tanh" or "relu": see `cells.RNN`, `variants.RNN_RELU`.

    options: W, R of `recurrent`

    >>> rnn(2, 3, activation="relu").name
    'rnn relu'
    """
    forms = {"tanh": "rnn", "relu": "rnn relu"}
    return recurrent(forms[check_choice("activation", activation, forms)], features, hidden, **options)


def lstm(features: int, hidden: int, peepholes: bool = False, **options: Any) -> Layer:
    """LSTM layer, plain or with peepholes: see `cells.LSTM`. Its variants are made by `recurrent`.

    options: W, R, forget_bias of `recurrent`

    >>> lstm(2, 3, peepholes=True).shapes
    {'W': (12, 2), 'R': (12, 3), 'b': (12, 1), 'p': (3, 3, 1)}
    """
    return recurrent(cells.LSTM, features, hidden, own=check_flag("peepholes", peepholes), **options)


def gru(features: int, hidden: int, reset: str = "after", **options: Any) -> Layer:
    """GRU layer, reset "after" or "before" the recurrent product: see `cells.GRU`, `cells.GRU_BEFORE`.

    options: W, R of `recurrent`

    >>> gru(2, 3, reset="after").shapes["p"], "p" in gru(2, 3, reset="before").shapes
    ((1, 3, 1), False)
    """
    forms = {"after": cells.GRU, "before": cells.GRU_BEFORE}
    return recurrent(forms[check_choice("reset", reset, forms)], features, hidden, **options)


def recurrent(
    cell: cells.Cell | str, features: int, hidden: int, own: bool = True, W: Initialiser = init.xavier_uniform,
    R: Initialiser = init.orthogonal, forget_bias: float = 1.0, zoneout_h: float = 0.0, zoneout_c: float = 0.0,
    compiled: bool | None = None, p: Initialiser | None = None,
) -> Layer:  # fmt: skip
    """Layer that carries `cell` through time: x (T, D, B) -> h (T, H, B).

    cell: a `Cell`, or the name of one of `variants.CELLS`
    own:  whether the cell's own parameters p are learned; if not they are 0 (LSTM: no peepholes)
    W, R: initialisers of `init`, used gate by gate
    forget_bias: the start of the forget gate's bias (1: Jozefowicz et al. 2015); cells that have no such gate take no
          notice of it. All other biases start at 0
    zoneout_h, zoneout_c: the probability with which, in training, a unit's h, or c, stays at a step as it was; at
          inference it keeps that share of what it was (Krueger et al. 2017, see `zoneout`)
    compiled: whether Numba compiles the cell when it first runs, which takes some seconds (see `compiled`); None: if
          Numba is installed. The results are the same, up to rounding. No part of the config
    p:    initialiser of the cell's own parameters, a row for each; None: `init.ring()` of an LRU, 0 of others

    >>> layer = recurrent("lstm", 3, 4, zoneout_c=0.5)
    >>> layer.name, layer.shapes["R"], layer.output(7, 3)
    ('zoneout lstm', (16, 4), (7, 4))
    >>> recurrent("nig", 2, 3).cell.inputs  # the LSTM without input gate
    ('o', 'f', 'g')
    """
    if not isinstance(cell, cells.Cell):
        cell = variants.CELLS[check_choice("cell", cell, variants.CELLS)]
    features, hidden, own = check_count("features", features), check_count("hidden", hidden), check_flag("own", own)
    forget_bias = check_number("forget_bias", forget_bias)
    rates = zoneout.check_rates(cell, h=zoneout_h, c=zoneout_c)
    p = (init.ring() if cell.name == "lru" else init.zeros) if p is None else p
    for name, initialiser in {"W": W, "R": R, "p": p}.items():
        _check_initialiser(name, initialiser)
    prepare = preparation(compiled)

    def start(rng):
        return {
            "W": [W(rng, hidden, features) for _ in cell.inputs],
            "R": [R(rng, hidden, hidden) for _ in cell.recurs],
            "b": [[forget_bias if gate == cell.forget else 0.0] * hidden for gate in cell.inputs],
            "p": p(rng, len(cell.own), hidden) if own and cell.own else 0.0,
        }

    def forward(P, x, state, how=PLAIN):
        _check_pass(how)
        return zoneout.forward(cell, rates, P, x, _or_zeros(state), how.keep, how.mask, how.rng, prepare)

    def backward(P, cache, dy, dstate, inputs=True):
        scan.check_cache(cache)
        _check_upstream(dy, cache.x, {"T": len(cache.x), "H": hidden, "B": cache.x.shape[2]})
        return zoneout.backward(cell, rates, P, cache, dy, _or_zeros(dstate), inputs, prepare)

    zoned = {f"zoneout_{name}": rate for name, rate in zip(cell.states, rates, strict=True) if rate}
    config = Fixed(layer="recurrent", cell=cell.name, features=features, hidden=hidden, own=own, **zoned)
    shapes = Fixed(scan.parameter_shapes(cell, features, hidden, own))
    output = lambda T, D: (T, hidden)
    at_rest = zoneout.expected(cell, rates)
    return Layer(
        at_rest.name, config, forward, backward, features, shapes, start, output, cell=at_rest, directions=("forward",)
    )


def reverse(of: Layer) -> Layer:
    """The recurrent layer `of`, run from the last step to the first; y_t is still the output at step t.

    With a mask the padding comes first, where the state waits: each string begins at its own end.

    >>> reverse(gru(2, 3)).directions, reverse(gru(2, 3)).causal
    (('reverse',), False)
    """
    _check_recurrent(of)

    def forward(P, x, state, how=PLAIN):
        _check_input(x, how)
        mask = None if how.mask is None else how.mask[::-1]
        y, state, cache = of.forward(P, x[::-1], state, how._replace(mask=mask))
        return y[::-1], state, cache

    def backward(P, cache, dy, dstate, inputs=True):
        scan.check_cache(cache)
        hidden = of.output(1, of.features)[1]
        _check_upstream(dy, cache.x, {"T": len(cache.x), "H": hidden, "B": cache.x.shape[2]})
        grads, dx, dstate0 = of.backward(P, cache, dy[::-1], dstate, inputs)
        return grads, dx[::-1] if inputs else None, dstate0

    return of._replace(
        name=f"reverse {of.name}", config=Fixed(layer="reverse", of=of.config), forward=forward, backward=backward,
        directions=("reverse",), causal=False,
    )  # fmt: skip


def bidirectional(of: Layer, last: bool = False) -> Layer:
    """Two layers like the recurrent `of`, one in each direction (Schuster & Paliwal 1997): (T, D, B) -> (T, 2H, B).

    last: keep the final h of each only, (1, 2H, B): forward's at t = T, reverse's at t = 1

    The features are forward's, then reverse's, and so is the state: their arrays one after the other.

    >>> layer = bidirectional(lstm(2, 3))
    >>> [*layer.shapes], layer.output(5, 2)
    (['forward.W', 'forward.R', 'forward.b', 'reverse.W', 'reverse.R', 'reverse.b'], (5, 6))
    """
    _check_recurrent(of)
    last = check_flag("last", last)
    pair = {"forward": of, "reverse": reverse(of)}
    hidden = of.output(1, of.features)[1]
    ends = (slice(-1, None), slice(0, 1)) if last else (slice(None),) * 2

    def split(P, name):
        check_kind("P", P, Mapping, "a dict of arrays")
        if P.keys() != shapes.keys():
            raise ValueError(f"P: expected the names {listed(shapes)}, got {listed(P)}")
        return {key: P[f"{name}.{key}"] for key in of.shapes}

    def half(state, k, name):
        if _or_zeros(state) is None:
            return ()
        if not isinstance(state, tuple | list) or len(state) != 2 * len(of.cell.states):
            raise ValueError(f"{name}: expected {2 * len(of.cell.states)} arrays, got {brief(state)}")
        return state[k * len(state) // 2 : (k + 1) * len(state) // 2]

    def forward(P, x, state, how=PLAIN):
        _check_input(x, how)
        ys, states, caches = [], (), []
        for k, (name, layer) in enumerate(pair.items()):
            y, after, cache = layer.forward(split(P, name), x, half(state, k, "state"), how)
            ys.append(y[ends[k]])
            states, caches = states + tuple(after), [*caches, (y, cache)]
        return namespace(x).concatenate(ys, axis=1), states, caches

    def backward(P, cache, dy, dstate, inputs=True):
        if not isinstance(cache, list) or len(cache) != 2 or not all(isinstance(c, tuple) for c in cache):
            raise TypeError(f"cache: expected that of forward, got {brief(cache)}")
        grads, dx, dstate0 = {}, 0, ()
        for k, (name, layer) in enumerate(pair.items()):
            y, cache_k = cache[k]
            _check_upstream(dy, y, {"T": len(y[ends[k]]), "2H": 2 * hidden, "B": y.shape[2]})
            dh = namespace(dy=dy).zeros_like(y)
            dh[ends[k]] = dy[:, k * hidden : (k + 1) * hidden]
            mine, dx_k, ds_k = layer.backward(split(P, name), cache_k, dh, half(dstate, k, "dstate"), inputs)
            grads |= {f"{name}.{key}": g for key, g in mine.items()}
            dx, dstate0 = dx + dx_k if inputs else None, dstate0 + tuple(ds_k)
        return grads, dx, dstate0

    def start(rng):
        return {f"{name}.{key}": value for name in pair for key, value in of.init(rng).items()}

    config = Fixed(layer="bidirectional", of=of.config, last=last)
    shapes = Fixed({f"{name}.{key}": shape for name in pair for key, shape in of.shapes.items()})
    output = lambda T, D: (1 if last else T, 2 * hidden)
    return of._replace(
        name=f"bidirectional {of.name}",
        config=config,
        forward=forward,
        backward=backward,
        shapes=shapes,
        init=start,
        output=output,
        directions=tuple(pair),
        causal=False,
    )


def last() -> Layer:
    """Layer that keeps the last step only: x (T, D, B) -> (1, D, B); with a mask, each example's last that is there.

    >>> last().forward({}, np.arange(6.0).reshape(3, 2, 1), ())[0]
    array([[[4.],
            [5.]]])
    """

    def forward(P, x, state, how=PLAIN):
        _check_input(x, how)
        check_floating("x", x)
        if how.mask is None:
            return x[-1:], (), (x, None)
        xp = namespace(x=x, mask=how.mask)
        t = len(x) - 1 - how.mask[::-1].argmax(axis=0)  # of each example; (B,)
        return x[t, :, xp.arange(x.shape[2])].T[None], (), (x, t)

    def backward(P, cache, dy, dstate, inputs=True):
        x, t = _tuple(cache, 2)
        namespace(cache=x)
        _check_upstream(dy, x, {"T": 1, "D": x.shape[1], "B": x.shape[2]})
        xp = namespace(x=x)
        dx = xp.zeros_like(x)
        if t is None:
            dx[-1:] = dy
        else:
            dx[t, :, xp.arange(x.shape[2])] = dy[0].T
        return {}, dx, ()

    return Layer("last", Fixed(layer="last"), forward, backward, output=lambda T, D: (1, D))


def dense(features: int, outputs: int, W: Initialiser = init.xavier_uniform) -> Layer:
    """Affine layer, the same at every step: y_t = W x_t + b, x (T, D, B) -> (T, C, B). `W` starts it; b = 0.

    >>> P = {"W": np.array([[1.0, 2.0]]), "b": np.array([[3.0]])}
    >>> dense(2, 1).forward(P, np.ones((1, 2, 1)), ())[0]
    array([[[6.]]])
    """
    features, outputs = check_count("features", features), check_count("outputs", outputs)
    _check_initialiser("W", W)

    def forward(P, x, state, how=PLAIN):
        _check_parameters(P, shapes)
        _check_input(x, how, P["W"])
        check_shape("x", x, {"T": None, "D": features, "B": None})
        check_dtype("x", x, P["W"].dtype)
        return P["W"] @ x + P["b"], (), x

    def backward(P, cache, dy, dstate, inputs=True):
        x = _array(cache, "TDB")
        check_kind("P", P, Mapping, "a dict of arrays")
        _check_parameters({key: P[key] for key in P if key == "W"}, {"W": shapes["W"]})  # b is not asked for
        namespace(x=x, **{"P['W']": P["W"]})
        check_dtype("P['W']", P["W"], x.dtype)
        _check_upstream(dy, x, {"T": x.shape[0], "C": outputs, "B": x.shape[2]})
        xp = namespace(x=x)
        dW = xp.tensordot(dy, x, ((0, 2), (0, 2)))
        return {"W": dW, "b": dy.sum(axis=(0, 2)).reshape(outputs, 1)}, P["W"].T @ dy if inputs else None, ()

    def start(rng):
        return {"W": W(rng, outputs, features), "b": 0.0}

    config = Fixed(layer="dense", features=features, outputs=outputs)
    shapes = Fixed(W=(outputs, features), b=(outputs, 1))
    return Layer("dense", config, forward, backward, features, shapes, start, lambda T, D: (T, outputs))


def embedding(labels: int, outputs: int) -> Layer:
    """A learned column for each label: x (T, B) integers 0 … labels-1 -> y_t = W[:, x_t], (T, C, B). First layer only.

    It is `dense` without b on one-hot columns, looked up instead of multiplied. W starts as standard normal numbers.

    >>> W = np.array([[10.0, 20.0, 30.0]])  # a column of one number for each of three labels
    >>> embedding(3, 1).forward({"W": W}, np.array([[2], [0]]), ())[0].ravel()
    array([30., 10.])
    """
    labels, outputs = check_count("labels", labels), check_count("outputs", outputs)

    def forward(P, x, state, how=PLAIN):
        _check_parameters(P, shapes)
        namespace(x=x, **{"P['W']": P["W"]})
        check_shape("x", x, {"T": None, "B": None})
        check_labels("x", x, labels)
        _check_input(x, how)
        return namespace(x).moveaxis(P["W"][:, x], 0, 1), (), x

    def backward(P, cache, dy, dstate, inputs=True):
        x = _array(cache, "TB")
        check_labels("cache", x, labels)
        namespace(x=x, dy=dy)
        check_floating("dy", dy)
        check_shape("dy", dy, {"T": x.shape[0], "C": outputs, "B": x.shape[1]})
        xp = namespace(x)
        used, position = xp.unique(x, return_inverse=True)
        dW = xp.zeros((outputs, labels), dy.dtype)
        dW[:, used] = _sum_by_position(xp, dy, position.reshape(x.shape), len(used))
        return {"W": dW}, None, ()

    def start(rng):
        return {"W": rng.standard_normal((outputs, labels))}

    config, shapes = Fixed(layer="embedding", labels=labels, outputs=outputs), Fixed(W=(outputs, labels))
    output = lambda T, D: (T, outputs)
    return Layer("embedding", config, forward, backward, None, shapes, start, output, labels=labels)


def _sum_by_position(xp, dy, position, count):
    """For k = 0 … count-1 the sum of those columns of dy (T, C, B) where `position` (T, B) is k: (C, count).

    A product with one-hot columns, so many steps at a time that these take no more than 1 MB or so.
    """
    total, steps = 0, max(1, 2**18 // (position.shape[1] * count))
    zero, one = xp.zeros((), dy.dtype), xp.ones((), dy.dtype)
    for t in range(0, len(dy), steps):
        onehot = xp.where(position[t : t + steps, :, None] == xp.arange(count), one, zero)
        total = total + xp.tensordot(dy[t : t + steps], onehot, ((0, 2), (0, 1)))
    return total


def activation(function: str) -> Layer:
    """Layer that applies a function to any (T, D, B), and makes as many: y (T, D, B).

    function: "tanh", "sigmoid" or "relu" elementwise, or "softmax" or its logarithm, "log_softmax", over the features.
    Raises ValueError for any other.

    >>> x = np.array([-1.0, 0.0, 2.0]).reshape(1, 3, 1)
    >>> activation("relu").forward({}, x, ())[0].ravel()
    array([-0.,  0.,  2.])
    >>> y, _, _ = activation("log_softmax").forward({}, np.zeros((1, 2, 1)), ())
    >>> bool((y == -np.log(2)).all())
    True
    """
    function = check_choice("function", function, ("tanh", "sigmoid", "relu", "softmax", "log_softmax"))

    def forward(P, x, state, how=PLAIN):
        _check_input(x, how)
        check_floating("x", x)
        xp = namespace(x)
        if function in ("softmax", "log_softmax"):
            x = x - xp.max(x.real, axis=1, keepdims=True)  # so no exp overflows, and the quotient is the same
            e = xp.exp(x)
            total = e.sum(axis=1, keepdims=True)
            slope = e / total
            y = slope if function == "softmax" else x - xp.log(total)
        elif function == "relu":
            slope = cells.positive(x)
            y = slope * x
        else:
            y = xp.tanh(x) if function == "tanh" else cells.sigmoid(x, xp.tanh)
            slope = 1 - y * y if function == "tanh" else y * (1 - y)
        return y, (), slope

    def backward(P, cache, dy, dstate, inputs=True):
        slope = _array(cache, "TDB")
        _check_upstream(dy, slope, dict(zip("TDB", slope.shape)))
        if function == "softmax":  # dx = y ⊙ (dy - Σ y dy)
            dy = dy - (slope * dy).sum(axis=1, keepdims=True)
        if function == "log_softmax":  # dx = dy - softmax(x) Σ dy
            return {}, dy - slope * dy.sum(axis=1, keepdims=True), ()
        return {}, slope * dy, ()

    return Layer(function, Fixed(layer="activation", function=function), forward, backward)


def dropout(rate: float, variational: bool = False, features: int | None = None) -> Layer:
    """Layer that, in training, sets each input to 0 with probability `rate`, the rest divided by 1 - rate.

    variational: whether what is dropped is the same at all steps of an example (Gal & Ghahramani 2016); with truncated
              BPTT, at all steps of a piece. Else each step draws its own
    features: how many there are, D; where it is the first layer it has to say so. None: any number

    Srivastava et al. 2014, inverted: nothing is done without a generator (`Pass.rng`). Put it before, between or behind
    layers: the recurrence itself is left alone (Zaremba, Sutskever & Vinyals 2014). On any device the numbers are
    NumPy's.

    >>> from lstm_core.layers import Pass
    >>> layer, x = dropout(0.5, variational=True), np.ones((3, 1, 4))
    >>> y, _, _ = layer.forward({}, x, (), Pass(rng=np.random.default_rng(0)))
    >>> y[:, 0].tolist()
    [[2.0, 0.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0]]
    """
    rate, variational = check_fraction("rate", rate), check_flag("variational", variational)
    features = None if features is None else check_count("features", features)

    def forward(P, x, state, how=PLAIN):
        _check_input(x, how)
        check_floating("x", x)
        check_shape("x", x, {"T": None, "D": features, "B": None})
        if how.rng is None:
            return x, (), (x.shape, x.dtype, None)
        factor = (how.rng.random((1, *x.shape[1:]) if variational else x.shape) >= rate) / (1 - rate)
        factor = namespace(x).asarray(factor.astype(x.real.dtype))
        return x * factor, (), (x.shape, x.dtype, factor)

    def backward(P, cache, dy, dstate, inputs=True):
        shape, dtype, factor = _tuple(cache, 3)
        namespace(dy=dy, **({} if factor is None else {"cache": factor}))
        check_same_shape("dy", dy, shape)
        check_dtype("dy", dy, dtype)
        return {}, dy if factor is None else dy * factor, ()

    more: dict[str, Any] = {"variational": True} if variational else {}
    more |= {} if features is None else {"features": features}
    return Layer("dropout", Fixed(layer="dropout", rate=rate, **more), forward, backward, features)


# ---- what the layers above are given -----------------------------------------------------------------------------


def _check_initialiser(name, function):
    check_function(name, function, "an initialiser of `init`, a function rng, rows, columns -> numbers", 3)


def _check_parameters(P, shapes):
    """Raise unless P has arrays of these names and shapes, and of one dtype."""
    check_kind("P", P, Mapping, "a dict of arrays")
    if P.keys() != shapes.keys():
        raise ValueError(f"P: expected the names {listed(shapes)}, got {listed(P)}")
    namespace(**{f"P[{name!r}]": P[name] for name in shapes})
    for name, shape in shapes.items():
        check_same_shape(f"P[{name!r}]", P[name], shape)
        check_dtype(f"P[{name!r}]", P[name], P["W"].dtype)
        check_floating(f"P[{name!r}]", P[name])


def _check_pass(how):
    """Raise unless `how` is a good `Pass`, as far as can be said without an input."""
    check_kind("how", how, Pass, "a Pass")
    check_flag("keep", how.keep)
    check_draws(how.rng)


def _check_input(x, how, W=None):
    """Raise unless `how` is a good `Pass` for an input x (T, D, B), or labels (T, B), where the parameters W are."""
    _check_pass(how)
    namespace(x=x, **({} if how.mask is None else {"mask": how.mask}), **({} if W is None else {"P['W']": W}))
    if x.ndim != 2:
        check_shape("x", x, {"T": None, "D": None, "B": None})
    if how.mask is not None:
        check_mask(how.mask, x.shape[0], x.shape[-1])


def check_draws(rng: Any) -> None:
    """Raise TypeError unless `rng` is None, a NumPy Generator or what draws from one, as `parallel.Draws` does.

    >>> from lstm_core.layers import check_draws
    >>> check_draws(7)
    Traceback (most recent call last):
    TypeError: rng: expected a numpy.random.Generator, e.g. numpy.random.default_rng(0), got 7
    """
    if rng is not None:
        check_rng(getattr(rng, "rng", rng))


def _check_upstream(dy, x, axes):
    """Raise unless `dy` has these axes, and the dtype and module of `x`: it is never broadcast."""
    namespace(x=x, dy=dy)
    check_shape("dy", dy, axes)
    check_dtype("dy", dy, x.dtype)


def _or_zeros(state):
    """None, which stands for zeros, where a layer was handed no arrays."""
    return None if isinstance(state, tuple | list) and not state else state


def _tuple(cache, count):
    """What `last` and `dropout` keep: so many things, not all of them None."""
    if not (isinstance(cache, tuple) and len(cache) == count and cache[0] is not None):
        raise TypeError(f"cache: expected that of forward, got {brief(cache)}")
    return cache


def _array(cache, axes):
    """What `dense`, `embedding` and `activation` keep: one array."""
    namespace(cache=cache)
    check_shape("cache", cache, dict.fromkeys(axes))
    return cache


def make(config: Mapping[str, Any]) -> Layer:
    """The layer whose `config` this is. Raises ValueError, naming what is wrong, for anything else.

    >>> from lstm_core.layers import make
    >>> make(lstm(2, 3).config).shapes == lstm(2, 3).shapes
    True
    >>> make({"layer": "dense", "features": 2})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: config: expected that of a layer, got {'features': 2, 'layer': 'dense'} (...)
    """
    makers = (recurrent, reverse, bidirectional, last, dense, embedding, activation, dropout)
    try:
        options = dict(config)
        maker = {f.__name__: f for f in makers}[options.pop("layer")]
        if maker in (reverse, bidirectional):
            options["of"] = recurrent(**{key: value for key, value in options["of"].items() if key != "layer"})
        layer = maker(**options)
        if layer.config != config:  # words too many, or of another kind
            raise ValueError(f"there is {layer.config}")
        return layer
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"config: expected that of a layer, got {brief(config)} ({listed([error])})") from error


def _check_recurrent(of):
    if not (isinstance(of, Layer) and of.directions == ("forward",)):
        raise ValueError(f"of: expected a recurrent layer such as lstm(28, 100), got {brief(of)}")
