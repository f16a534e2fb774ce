"""A model: layers one after the other, then a loss, all parameters in one flat vector.

Inside, an example is a column: (T, features, B). Users hand in (batch, time, features); `columns` is the one place
where the one becomes the other.
"""

import copy
import math
import numbers
from collections import Counter
from collections.abc import MutableMapping
from typing import Any

import numpy as np

from .arrays import namespace, to_device, views
from .checks import (
    NO_NUMBERS,
    brief,
    check_choice,
    check_count,
    check_dtype,
    check_finite,
    check_flag,
    check_floating,
    check_function,
    check_kind,
    check_labels,
    check_mask,
    check_rng,
    check_same_shape,
    check_shape,
    listed,
)
from .edge import as_target, check_classes, refusal, to_end, to_front
from .layers import Fixed, Layer, Pass, check_draws


def step_mask(lengths, T):
    """Which steps are there, (T, B) booleans: the first n of T, for each n of the integers `lengths` (B,)."""
    xp, T = namespace(lengths=lengths), check_count("T", T)
    if lengths.dtype.kind not in "iu":
        raise TypeError(f"lengths: expected integers, got dtype {lengths.dtype}")
    check_shape("lengths", lengths, {"B": None})
    return xp.arange(T)[:, None] < lengths


def columns(x):
    """(B, T, ...) as users hand it in -> (T, ..., B) as the layers want it, contiguous."""
    xp = namespace(x=x)
    if not x.ndim:
        raise ValueError("x: expected shape (B, T, ...), got ()")
    return xp.ascontiguousarray(xp.moveaxis(x, 0, -1))


class Parameters(MutableMapping):
    """The named parameters of a model: views of its θ, so that there is one truth. What is assigned is copied into θ.

    `params["dense.b"] = array` raises KeyError for a name that is not there, ValueError for another shape or for
    numbers that are not finite, TypeError for another dtype or array module; then nothing is changed.
    """

    def __init__(self, views):
        self._views = views

    def __getitem__(self, name):
        if not isinstance(name, str) or name not in self._views:
            raise KeyError(f"params: expected one of {listed(self._views)}, got {brief(name)}")
        return self._views[name]

    def __setitem__(self, name, array):
        view = self[name]
        if array is view:  # after `params["dense.b"] += 1`
            return
        where = f"params[{name!r}]"
        namespace(**{"theta": view, where: array})
        check_same_shape(where, array, view.shape)
        check_dtype(where, array, view.dtype)
        if not bool(namespace(array).isfinite(array).all()):
            raise ValueError(f"{where}: expected finite numbers, got NaN or infinity")
        view[...] = array

    def __delitem__(self, name):
        raise TypeError(f"params: expected a model to keep its parameters, got the deletion of {name!r}")

    def __iter__(self):
        return iter(self._views)

    def __len__(self):
        return len(self._views)

    def __repr__(self):
        return f"Parameters({', '.join(f'{name} {view.shape}' for name, view in self._views.items())})"


class Model:
    """Layers, a loss and their parameters.

    layers: list of `Layer`, e.g. [lstm(28, 100), last(), dense(100, 10)]
    loss:   a function of `losses`
    rng:    numpy.random.Generator for the starting values
    dtype:  float32 or float64

    `reads_last`: whether the output is one step; `outputs`: C; `labels`: how many an embedding reads, else None;
    `runs_forward`: whether pieces, the state carried on, give what the whole gives: each step depends on earlier steps
    only, and none of the layers that run through time stands behind `last`.
    `theta` is the flat parameter vector; `params` holds named views of it ("lstm.W", …, numbered if a name repeats; see
    `Parameters`). Assigning a vector to `theta` replaces the parameters, in that vector's precision and on its device.

    Raises ValueError if two neighbouring layers do not fit, or two have one name; TypeError for another dtype.
    """

    def __init__(self, layers, loss, *, rng, dtype=np.float32):
        dtype = _dtype(dtype)
        check_kind("layers", layers, tuple | list, "a list of layers")
        layers = tuple(layers)
        _check_layers(layers)
        check_function("loss", loss, "a function such as losses.mse", 2)
        if isinstance(loss, type):
            raise TypeError(f"loss: expected a function such as losses.mse, got the class {loss.__name__}; call it")
        check_rng(rng)
        self.layers, self.loss_function, self.names = layers, loss, _numbered([layer.name for layer in layers])
        self.labels = layers[0].labels
        self.reads_last, self.outputs, self.runs_forward = self._check_fit()
        self.shapes = {}
        for name, layer in zip(self.names, layers, strict=True):
            shapes = {f"{name}.{key}": shape for key, shape in layer.shapes.items()}
            if shapes.keys() & self.shapes.keys():
                raise ValueError(f"layers: expected names that differ, got {', '.join(self.names)}")
            self.shapes |= shapes
        self.shapes, size = Fixed(self.shapes), sum(map(math.prod, self.shapes.values()))
        if size * dtype.itemsize >= 2**47:  # more than a process can have
            raise ValueError(f"layers: expected parameters that fit into memory, got {size} of {dtype}")
        self.theta = np.zeros(size, dtype)
        for name, layer in zip(self.names, layers, strict=True):
            start = layer.init(rng)
            for key, shape in layer.shapes.items():
                self.params[f"{name}.{key}"][...] = _start_of(f"{name}.{key}", start[key], shape)

    def _check_fit(self):
        """Raise ValueError if two neighbouring layers do not fit. Returns reads_last, outputs and runs_forward."""
        shape, runs_forward = ("T", self.layers[0].features), True
        for name, layer in zip(self.names, self.layers, strict=True):
            if layer.features not in (None, shape[1]):
                raise ValueError(
                    f"layers: expected {shape[1]} features for {name}, as the layer before makes, got {layer.features}"
                )
            if not layer.causal or (layer.directions and shape[0] == 1):
                runs_forward = False
            shape = layer.output(*shape)
        return shape[0] == 1, shape[1], runs_forward

    @property
    def theta(self):
        return self._theta

    @theta.setter
    def theta(self, theta):
        namespace(theta=theta)
        check_floating("theta", theta)
        check_shape("theta", theta, {"N": sum(map(math.prod, self.shapes.values()))})
        self._theta, self._params = theta, Parameters(views(self.shapes, theta))

    @property
    def params(self):
        return self._params

    def __setstate__(self, state):
        """A copy, deep ones too: its `params` are views of its own `theta`."""
        self.__dict__.update(state)
        self.theta = self._theta

    def at(self, theta):
        """The same network with the parameter vector `theta` (of any dtype or module) in place of its own."""
        other = copy.copy(self)
        other.theta = theta
        return other

    def to(self, device):
        """Move the parameters to `device` (see `arrays.device_module`); returns the model."""
        self.theta = to_device(self.theta, device)
        return self

    def table(self):
        """The layer table: rows (name, output shape, parameters with biases), the last row the total."""
        rows, shape = [], ("T", self.layers[0].features)
        for name, layer in zip(self.names, self.layers, strict=True):
            shape = layer.output(*shape)
            rows.append((name, f"({shape[0]}, {shape[1]})", sum(map(math.prod, layer.shapes.values()))))
        return [*rows, ("total", "", self.theta.size)]

    # ---- inside: examples are columns -------------------------------------------------------------------

    def forward(self, x, states=None, keep=True, mask=None, rng=None):
        """x (T, D, B) -> y (T', C, B), final states and caches, one of each a layer; the rest as in `layers.Pass`."""
        after, caches = [], []
        self._check_columns(x, states, keep, mask, rng)
        for k, (P, layer) in enumerate(zip(self._split(self.params), self.layers, strict=True)):
            x, state, cache = layer.forward(P, x, states[k] if states else (), Pass(keep, mask, rng))
            mask = None if layer.collapses else mask  # every example has the one step that is left
            after.append(state)
            caches.append(cache)
        return x, after, caches

    def backward(self, caches, dy, dstates=None):
        """Derivative of the loss with respect to θ (flat, like theta), x and the initial states."""
        xp = namespace(dy=dy, theta=self.theta)
        check_dtype("dy", dy, self.theta.dtype)
        check_shape("dy", dy, {"T": None, "C": self.outputs, "B": None})
        self._check_states("dstates", dstates, dy.shape[2])
        if not isinstance(caches, tuple | list) or len(caches) != len(self.layers):
            raise TypeError(f"caches: expected those of forward, for {len(self.layers)} layers, got {brief(caches)}")
        grad = xp.empty_like(self.theta)
        params, parts, dstates0 = self._split(self.params), self._split(views(self.shapes, grad)), []
        for k in reversed(range(len(self.layers))):
            grads, dy, dstate0 = self.layers[k].backward(params[k], caches[k], dy, dstates[k] if dstates else ())
            for key, part in parts[k].items():
                part[...] = grads[key]
            dstates0.append(dstate0)
        return grad, dy, dstates0[::-1]

    def loss_and_gradient(self, x, target, mask=None):
        """Loss (a 0-dimensional array) and flat gradient for columns x (T, D, B) and the target the loss wants."""
        return self.learn(x, target, mask=mask)[:2]

    def learn(self, x, target, states=None, mask=None, rng=None):
        """Loss, flat gradient and final states, from the initial `states`: a piece of truncated BPTT.

        Where `mask`, (T, B), says that no step is there, x has to be finite all the same (`run` and `fit` see to that).
        """
        y, states, caches = self.forward(x, states, mask=mask, rng=rng)
        loss, dy = self.loss(y, target, mask)
        return loss, self.backward(caches, dy)[0], states

    def loss(self, y, target, mask=None):
        """The loss function's value and dy for outputs y; it is told of the mask only where y has these steps."""
        masked = () if mask is None or self.reads_last else (mask,)
        return _loss_and_dy(self.loss_function(y, target, *masked), y)

    def _check_columns(self, x, states, keep, mask, rng):
        """Raise unless these are good for `forward`."""
        namespace(x=x, theta=self.theta, **({} if mask is None else {"mask": mask}))
        if self.labels:
            check_shape("x", x, {"T": None, "B": None})
        else:
            check_shape("x", x, {"T": None, "D": self.layers[0].features, "B": None})
            check_dtype("x", x, self.theta.dtype)
        check_flag("keep", keep)
        check_draws(rng)
        if mask is not None:
            check_mask(mask, x.shape[0], x.shape[-1])
        self._check_states("states", states, x.shape[-1])

    def _check_states(self, name, states, B):
        """Raise unless `states` has a tuple of arrays for each layer, () for those without, and for zeros."""
        if states is None:
            return
        kinds = [type(s).__name__ for s in states] if isinstance(states, tuple | list) else type(states).__name__
        if len(kinds) != len(self.layers) or not {*kinds} <= {"tuple", "list"}:
            raise ValueError(f"{name}: expected a tuple of arrays for each of {len(self.layers)} layers, got {kinds}")
        for k, (layer, state) in enumerate(zip(self.layers, states, strict=True)):
            count = len(layer.directions) * len(layer.cell.states if layer.cell else ())
            if len(state) not in (0, count):
                raise ValueError(f"{name}[{k}]: expected {count} arrays for {self.names[k]}, got {len(state)}")
            for j, array in enumerate(state):
                where = f"{name}[{k}][{j}]"
                namespace(theta=self.theta, **{where: array})
                check_shape(where, array, {"H": layer.output(1, layer.features)[1] // len(layer.directions), "B": B})
                check_dtype(where, array, self.theta.dtype)

    def _split(self, params):
        return [
            {key: params[f"{name}.{key}"] for key in layer.shapes}
            for name, layer in zip(self.names, self.layers, strict=True)
        ]

    # ---- at the edge: (batch, time, features) -----------------------------------------------------------

    def predict(self, x: Any, lengths: Any = None, batch: int | None = None, padding: str = "post") -> Any:
        """x (B, T, D) -> outputs (B, C) if the model reads the last step, else (B, T, C). See `run`.

        batch: so many examples at a time, for less memory: the same numbers, up to rounding. None: all at once
        """
        if batch is None:
            return self.run(x, lengths=lengths, padding=padding)[0]
        batch = check_count("batch", batch)
        xp = namespace(x=x, theta=self.theta)
        self.check_input(x, lengths, padding)  # all of it, before the first batch
        parts = []
        for begin in range(0, len(x), batch):
            end = begin + batch
            part = None if lengths is None else lengths[begin:end]
            parts.append(self.run(x[begin:end], lengths=part, padding=padding)[0])
        return xp.concatenate(parts)

    def run(self, x: Any, states: Any = None, lengths: Any = None, padding: str = "post") -> tuple[Any, list]:
        """x (B, T, D), or labels (B, T) for an embedding, from initial `states` -> outputs and final states.

        states:  what an earlier run gave, to go on from there: where the model `runs_forward`, three pieces of a
                 sequence give what the whole gives. A list with one tuple of arrays (H, B) for each layer, examples
                 as columns and in the model's dtype; () for a layer without state. None: zeros
        lengths: (B,) integers: only so many steps of each are there; beyond, outputs say nothing
        padding: with lengths, where the steps are that are not there: "post", behind the others, or "pre", before them.
                 An example gives what it gives alone

        >>> from lstm_core import mse, rnn
        >>> net = Model([rnn(2, 3)], mse, rng=np.random.default_rng(0))
        >>> y, states = net.run(np.ones((4, 5, 2)), lengths=np.array([5, 3, 1, 2]), padding="pre")
        >>> y.shape, states[0][0].shape
        ((4, 5, 3), (3, 4))
        """
        namespace(x=x, theta=self.theta)
        x = self.check_input(x, lengths, padding)
        self._check_states("states", states, len(x))
        _check_finite_states(states)
        mask = None if lengths is None else step_mask(lengths, x.shape[1])
        y, states, _ = self.forward(columns(x), states, keep=False, mask=mask)
        y = namespace(y).moveaxis(y, -1, 0)
        if self.reads_last:
            return y[:, 0], states
        return (to_end(y, lengths) if padding == "pre" else y), states

    def check_input(self, x: Any, lengths: Any = None, padding: str = "post") -> Any:
        """x (B, T, D) in the model's precision, or labels (B, T) for an embedding; 0 beyond `lengths`.

        What is padded in front (see `run`) is padded behind afterwards.
        Or an error that says what is wrong: shape, dtype, NaN, a label or length out of range.

        >>> from lstm_core import mse, rnn
        >>> net = Model([rnn(1, 3)], mse, rng=np.random.default_rng(0))
        >>> net.check_input(np.array([[[np.nan], [1.0], [2.0]]]), np.array([2]), "pre").ravel().tolist()
        [1.0, 2.0, 0.0]
        """
        if check_choice("padding", padding, ("post", "pre")) == "pre" and lengths is None:
            raise ValueError("padding: expected lengths to go by, got lengths=None")
        axes = {"B": None, "T": None} | ({} if self.labels else {"D": self.layers[0].features})
        namespace(x=x, **({} if lengths is None else {"lengths": lengths}))
        check_shape("x", x, axes)
        if lengths is not None:
            check_shape("lengths", lengths, {"B": len(x)})
            if lengths.dtype.kind not in "iu" or not 1 <= int(lengths.min()) <= int(lengths.max()) <= x.shape[1]:
                raise ValueError(f"lengths: expected integers in 1 ... {x.shape[1]}, got {brief(lengths)}")
            x = self._there(x, lengths, padding)
        if self.labels:
            check_labels("x", x, self.labels)
            return x
        if x.dtype.kind != "f":
            raise TypeError(f"x: expected floating-point numbers, got dtype {x.dtype}; scale and convert it first")
        with np.errstate(over="ignore"):
            x = x.astype(self.theta.dtype, copy=False)
        check_finite("x", x)  # after the conversion: float32 ends at 3.4e38
        return x

    def _there(self, x, lengths, padding):
        """x (B, T, …), padded behind, with 0: whatever stands in its padding, NaN even, does not count."""
        mask = step_mask(lengths, x.shape[1]).T
        xp = namespace(x)
        x = to_front(x, lengths) if padding == "pre" else x
        return xp.where(mask.reshape(mask.shape + (1,) * (x.ndim - 2)), x, xp.zeros((), x.dtype))

    def check_target(self, y: Any, x: Any, lengths: Any = None, padding: str = "post") -> Any:
        """Targets for `x` with a step axis, (B, T'[, C]), padded behind, with 0; or a clear error.

        Integers are class labels, (B,) if the model reads the last step, else (B, T); and so are booleans, 0 and 1.
        With an axis more, (B, C) or (B, T, C), any real numbers are values, in the model's precision.

        >>> from lstm_core import last, mse, rnn
        >>> net = Model([rnn(2, 3), last()], mse, rng=np.random.default_rng(0))
        >>> net.check_target(np.ones((5, 3)), np.ones((5, 4, 2))).shape
        (5, 1, 3)
        """
        xp = namespace(x=x, y=y)
        axes = {"B": len(x)} if self.reads_last else {"B": len(x), "T": x.shape[1]}
        with np.errstate(over="ignore"):
            y = as_target(y, axes, self.outputs, self.theta.dtype)
        mask = None if lengths is None or self.reads_last else step_mask(lengths, x.shape[1])
        if mask is not None:
            y = self._there(y, lengths, padding)
        y = y[:, None] if self.reads_last else y
        there = y if mask is None else y[mask.T]
        if y.dtype.kind in "iu":
            check_classes(there, self.outputs, getattr(self.loss_function, "ignore_index", None))
        else:
            check_finite("y", y)  # after the conversion, as x
        try:
            for step in self._steps_to_try(y, there, mask):
                self.loss(xp.zeros((1, self.outputs, 1), self.theta.dtype), step)
        except (TypeError, ValueError) as error:
            better = refusal(error, y, there, axes, self.outputs)
            if better is error:
                raise
            raise better from error
        return y

    def _steps_to_try(self, y, there, mask):
        """Targets of single steps, as columns, that show whether the loss takes y: (1, 1) or (1, C, 1).

        Those with the least and the greatest value; of labels, one that counts. ValueError if none does.
        """
        if y.dtype.kind == "f":
            rows = there.reshape(-1, self.outputs)
            return [rows[int(k) // self.outputs][None, :, None] for k in (rows.argmin(), rows.argmax())]
        if not hasattr(self.loss_function, "weights"):
            return [there.ravel()[:1, None]]
        weights = self.loss_function.weights(columns(y), mask).T
        weights = weights if mask is None else weights[mask.T]
        best = int(weights.argmax())
        if not float(weights.ravel()[best]) > 0:
            raise ValueError("y: expected labels that count, got only such as the loss ignores or gives the weight 0")
        return [there.ravel()[best : best + 1, None]]


def _check_layers(layers):
    """Raise TypeError unless all of `layers` are layers, and ValueError if one cannot stand where it does."""
    if not layers:
        raise ValueError("layers: expected at least one layer, got none")
    for layer in layers:
        if not isinstance(layer, Layer):
            raise TypeError(f"layers: expected layers such as lstm(28, 100), got {brief(layer)}")
    if layers[0].features is None and layers[0].labels is None:
        raise ValueError(f"layers: expected a first layer that states its features, got {layers[0].name}")
    if any(layer.labels is not None for layer in layers[1:]):
        raise ValueError("layers: expected an embedding as the first layer only, got one further on")
    recurrent = None  # the last one so far
    for layer in layers:
        if recurrent and not recurrent.causal and layer.collapses and layer.causal:  # that is `last`
            raise ValueError(
                f"layers: expected bidirectional(…, last=True), got last after {recurrent.name}: what that puts out at "
                "the last step has seen one step only"
            )
        if layer.directions:
            recurrent = layer


def _dtype(dtype):
    """The NumPy dtype float32 or float64 that `dtype` is; else TypeError."""
    try:
        found = None if dtype is None else np.dtype(dtype)  # NumPy would take None for float64
    except Exception:
        found = None
    if found not in (np.float32, np.float64):
        raise TypeError(f"dtype: expected float32 or float64, got {found or brief(dtype)}")
    return found


def _loss_and_dy(found, y):
    """What a loss function returned for outputs y, (value, dy); TypeError or ValueError if it is anything else."""
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise TypeError(f"loss: expected a function that returns the loss and dy, got {brief(found)}")
    value, dy = found
    number = isinstance(value, numbers.Number) and not isinstance(value, NO_NUMBERS)
    array = getattr(value, "shape", None) == () and value.dtype.kind in "fciu"
    if not (number or array or y.dtype == object):  # symbols have expressions for numbers
        raise TypeError(f"loss: expected a function whose loss is one number, got {brief(value)}")
    namespace(**{"y": y, "loss: dy": dy})
    check_same_shape("loss: dy", dy, y.shape)
    check_dtype("loss: dy", dy, y.dtype)
    return value, dy


def _check_finite_states(states):
    """Raise ValueError, naming the array, if one of the initial `states` is not finite."""
    for k, arrays in enumerate(states or ()):
        for j, array in enumerate(arrays):
            if not bool(namespace(array).isfinite(array).all()):
                raise ValueError(f"states[{k}][{j}]: expected finite numbers, got NaN or infinity")


def _numbered(names):
    """`names`, those that repeat with a number behind: lstm1, lstm2."""
    often, so_far, numbered = Counter(names), Counter(), []
    for name in names:
        so_far[name] += 1
        numbered.append(name if often[name] == 1 else f"{name}{so_far[name]}")
    return tuple(numbered)


def _start_of(name, values, shape):
    """The starting values of a parameter: one for all, or as many as it has. ValueError if an initialiser is wrong."""
    try:
        values = np.asarray(values, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"{name}: expected an initialiser that gives numbers, got {brief(values)}") from error
    if values.ndim and values.size != math.prod(shape):
        raise ValueError(f"{name}: expected an initialiser that gives {math.prod(shape)} numbers, got {values.size}")
    if not np.isfinite(values).all():
        raise ValueError(f"{name}: expected an initialiser that gives finite numbers, got NaN or infinity")
    return values.reshape(shape) if values.ndim else values
