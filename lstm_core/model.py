"""A model: layers one after the other, then a loss, all parameters in one flat vector.

Inside, an example is a column: (T, features, B). Users hand in (batch, time, features); `columns` is the one place
where the one becomes the other.
"""

import copy
import math
import numbers
from collections import Counter
from collections.abc import Sequence
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
)
from .edge import as_target, check_classes, refusal, to_end, to_front
from .layers import Fixed, Layer, Pass, check_draws
from .parameters import Parameters
from .types import Array, Loss, Module, Shape, State


def step_mask(lengths: Array, T: int) -> Array:
    """Which steps are there, (T, B) booleans: the first n of T, for each n of the integers `lengths` (B,).

    >>> from lstm_core.model import step_mask
    >>> step_mask(np.array([3, 1]), T=3)
    array([[ True,  True],
           [ True, False],
           [ True, False]])
    """
    xp, T = namespace(lengths=lengths), check_count("T", T)
    if lengths.dtype.kind not in "iu":
        raise TypeError(f"lengths: expected integers, got dtype {lengths.dtype}")
    check_shape("lengths", lengths, {"B": None})
    return xp.arange(T)[:, None] < lengths


def columns(x: Array) -> Array:
    """(B, T, ...) as users hand it in -> (T, ..., B) as the layers want it, contiguous.

    >>> from lstm_core.model import columns
    >>> columns(np.zeros((2, 5, 3))).shape  # 2 examples of 5 steps
    (5, 3, 2)
    """
    xp = namespace(x=x)
    if not x.ndim:
        raise ValueError("x: expected shape (B, T, ...), got ()")
    return xp.ascontiguousarray(xp.moveaxis(x, 0, -1))


class Model:
    """Layers, a loss and their parameters.

    layers: list of `Layer`, e.g. [lstm(28, 100), last(), dense(100, 10)]
    loss:   a function of `losses`
    rng:    numpy.random.Generator for the starting values
    dtype:  float32 or float64

    A model has, beside `layers` and their `names` ("lstm", or "lstm1" and "lstm2" if a name repeats):

    theta:        the flat parameter vector (N,). A vector that is assigned to it replaces the parameters, in that
                  vector's precision and on its device
    params:       named views of theta, "lstm.W", …; see `Parameters`. Training changes these numbers in place:
                  `best = model.theta` goes on changing, and `best = model.theta.copy()` keeps what it is now
    shapes:       name -> shape of each parameter
    outputs:      C, how many numbers it puts out at a step
    labels:       how many labels an embedding reads, else None
    reads_last:   whether the output is one step
    runs_forward: whether pieces, the state carried on, give what the whole gives: each step depends on earlier steps
                  only, and none of the layers that run through time stands behind `last`

    `copy.copy` and `copy.deepcopy` give a model with a θ of its own; `pickle` is refused, since layers are functions:
    `lstm_formats.save(model, path)` writes a file.

    Raises ValueError if two neighbouring layers do not fit, or two have one name; TypeError for another dtype.

    >>> model = Model([lstm(28, 100), last(), dense(100, 10)], softmax_cross_entropy, rng=rng)
    >>> model.predict(np.zeros((5, 28, 28), np.float32)).shape
    (5, 10)
    """

    def __init__(self, layers: Sequence[Layer], loss: Loss, *, rng: np.random.Generator, dtype: Any = np.float32):
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
        self.shapes: dict[str, Shape] = {}
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
    def theta(self) -> Array:
        """All parameters in one flat vector (N,)."""
        return self._theta

    @theta.setter
    def theta(self, theta: Array) -> None:
        namespace(theta=theta)
        check_floating("theta", theta)
        check_shape("theta", theta, {"N": sum(map(math.prod, self.shapes.values()))})
        self._theta, self._params = theta, Parameters(views(self.shapes, theta))

    @property
    def params(self) -> Parameters:
        """Named views of `theta`."""
        return self._params

    def __copy__(self):
        return self.at(self.theta.copy())

    def __deepcopy__(self, memo):
        return self.at(copy.deepcopy(self.theta, memo))  # a θ beside the model in what is copied stays the model's

    def __reduce__(self):
        raise TypeError("model: expected lstm_formats.save(model, path), which writes what a model is, got a pickle")

    def at(self, theta: Array) -> "Model":
        """The same network with the parameter vector `theta` (N,), of any dtype or module, in place of its own.

        The vector itself, no copy: what changes it, changes this network. Raises as an assignment to `theta` does.

        >>> model = Model([dense(2, 1)], mse, rng=rng)
        >>> model.at(np.zeros(3)).params["dense.W"]  # `model` itself stays as it is
        array([[0., 0.]])
        """
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.theta = theta
        return other

    def to(self, device: str | Module) -> "Model":
        """Move the parameters to `device` (see `arrays.device_module`); returns the model.

        >>> model = Model([dense(2, 1)], mse, rng=rng)
        >>> model.to("numpy") is model
        True
        """
        self.theta = to_device(self.theta, device)
        return self

    def table(self) -> list[tuple[str, str, int]]:
        """The layer table: rows (name, output shape, parameters with biases), the last row the total.

        >>> model = Model([lstm(28, 100), last(), dense(100, 10)], softmax_cross_entropy, rng=rng)
        >>> for row in model.table():
        ...     print(*row)
        lstm (T, 100) 51600
        last (1, 100) 0
        dense (1, 10) 1010
        total  52610
        """
        rows, shape = [], ("T", self.layers[0].features)
        for name, layer in zip(self.names, self.layers, strict=True):
            shape = layer.output(*shape)
            rows.append((name, f"({shape[0]}, {shape[1]})", sum(map(math.prod, layer.shapes.values()))))
        return [*rows, ("total", "", self.theta.size)]

    # ---- inside: examples are columns -------------------------------------------------------------------

    def forward(
        self,
        x: Array,
        states: Sequence[State] | None = None,
        keep: bool = True,
        mask: Array | None = None,
        rng: Any = None,
    ) -> tuple[Array, list[tuple[Array, ...]], list[Any]]:
        """x (T, D, B) -> y (T', C, B), final states and caches, one of each a layer; the rest as in `layers.Pass`.

        >>> model = Model([gru(3, 4), dense(4, 2)], mse, rng=rng)
        >>> y, states, caches = model.forward(np.zeros((5, 3, 1), np.float32))
        >>> y.shape, [len(state) for state in states], len(caches)
        ((5, 2, 1), [1, 0], 2)
        """
        after, caches = [], []
        self._check_columns(x, states, keep, mask, rng)
        for k, (P, layer) in enumerate(zip(self._split(self.params), self.layers, strict=True)):
            x, state, cache = layer.forward(P, x, states[k] if states else (), Pass(keep, mask, rng))
            mask = None if layer.collapses else mask  # every example has the one step that is left
            after.append(state)
            caches.append(cache)
        return x, after, caches

    def backward(
        self, caches: Sequence[Any], dy: Array, dstates: Sequence[State] | None = None, inputs: bool = True
    ) -> tuple[Array, Array | None, list[tuple[Array, ...]]]:
        """Derivative of the loss with respect to θ (flat, like theta), x and the initial states.

        inputs: whether that with respect to x is asked for; if not, it may be None

        >>> model = Model([gru(3, 4), dense(4, 2)], mse, rng=rng)
        >>> y, _, caches = model.forward(np.zeros((5, 3, 1), np.float32))
        >>> grad, dx, dstates0 = model.backward(caches, np.ones_like(y))
        >>> grad.shape == model.theta.shape, dx.shape, dstates0[0][0].shape
        (True, (5, 3, 1), (4, 1))
        """
        check_flag("inputs", inputs)
        xp = namespace(dy=dy, theta=self.theta)
        check_dtype("dy", dy, self.theta.dtype)
        check_shape("dy", dy, {"T": None, "C": self.outputs, "B": None})
        self._check_states("dstates", dstates, dy.shape[2])
        if not isinstance(caches, tuple | list) or len(caches) != len(self.layers):
            raise TypeError(f"caches: expected those of forward, for {len(self.layers)} layers, got {brief(caches)}")
        grad = xp.empty_like(self.theta)
        params, parts, dstates0 = self._split(self.params), self._split(views(self.shapes, grad)), []
        for k in reversed(range(len(self.layers))):
            dstate, asked = dstates[k] if dstates else (), {} if inputs or k else {"inputs": False}
            grads, dy, dstate0 = self.layers[k].backward(params[k], caches[k], dy, dstate, **asked)
            for key, part in parts[k].items():
                part[...] = grads[key]
            dstates0.append(dstate0)
        return grad, dy, dstates0[::-1]

    def loss_and_gradient(self, x: Array, target: Array, mask: Array | None = None) -> tuple[Any, Array]:
        """Loss (a 0-dimensional array) and flat gradient for columns x (T, D, B) and the target the loss wants.

        >>> model = Model([dense(1, 1)], mse, rng=rng, dtype=np.float64).at(np.array([2.0, 0.0]))  # y = 2 x
        >>> loss, grad = model.loss_and_gradient(np.ones((1, 1, 1)), np.zeros((1, 1, 1)))
        >>> float(loss), grad
        (4.0, array([4., 4.]))
        """
        return self.learn(x, target, mask=mask)[:2]

    def learn(
        self, x: Array, target: Array, states: Sequence[State] | None = None, mask: Array | None = None, rng: Any = None
    ) -> tuple[Any, Array, list[tuple[Array, ...]]]:
        """Loss, flat gradient and final states, from the initial `states`: a piece of truncated BPTT.

        Where `mask`, (T, B), says that no step is there, x has to be finite all the same (`run` and `fit` see to that).

        >>> model = Model([rnn(1, 2), dense(2, 1)], mse, rng=rng)
        >>> x = np.ones((6, 1, 1), np.float32)
        >>> _, _, states = model.learn(x[:3], 0 * x[:3])  # the first piece
        >>> loss, grad, states = model.learn(x[3:], 0 * x[3:], states)  # and the second, from where that ended
        >>> states[0][0].shape
        (2, 1)
        """
        y, states, caches = self.forward(x, states, mask=mask, rng=rng)
        loss, dy = self.loss(y, target, mask)
        return loss, self.backward(caches, dy, inputs=False)[0], states

    def loss(self, y: Array, target: Array, mask: Array | None = None) -> tuple[Any, Array]:
        """The loss function's value and dy for outputs y; it is told of the mask only where y has these steps.

        >>> model = Model([dense(1, 1)], mse, rng=rng, dtype=np.float64)
        >>> loss, dy = model.loss(np.full((1, 1, 1), 3.0), np.ones((1, 1, 1)))
        >>> float(loss), dy
        (4.0, array([[[4.]]]))
        """
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

    def predict(self, x: Array, lengths: Array | None = None, batch: int | None = None, padding: str = "post") -> Array:
        """x (B, T, D) -> outputs (B, C) if the model reads the last step, else (B, T, C). See `run`.

        batch: so many examples at a time, for less memory: the same numbers, up to rounding. None: all at once

        >>> model = Model([lstm(3, 4), dense(4, 2)], mse, rng=rng)
        >>> model.predict(np.zeros((10, 5, 3), np.float32)).shape
        (10, 5, 2)
        >>> model.predict(np.zeros((10, 5, 4), np.float32))
        Traceback (most recent call last):
        ValueError: x: expected shape (B, T, D=3), got (10, 5, 4)
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

    def run(
        self,
        x: Array,
        states: Sequence[State] | None = None,
        lengths: Array | None = None,
        padding: str = "post",
    ) -> tuple[Array, list[tuple[Array, ...]]]:
        """x (B, T, D), or labels (B, T) for an embedding, from initial `states` -> outputs and final states.

        states:  what an earlier run gave, to go on from there: where the model `runs_forward`, three pieces of a
                 sequence give what the whole gives. A list with one tuple of arrays (H, B) for each layer, examples
                 as columns and in the model's dtype; () for a layer without state. None: zeros
        lengths: (B,) integers: only so many steps of each are there; beyond, outputs say nothing
        padding: with lengths, where the steps are that are not there: "post", behind the others, or "pre", before them.
                 An example gives what it gives alone

        >>> model = Model([lstm(3, 4), last()], mse, rng=rng)
        >>> x = rng.standard_normal((2, 6, 3), np.float32)
        >>> _, states = model.run(x[:, :4])
        >>> y, states = model.run(x[:, 4:], states)  # the last two steps, from where the first four ended
        >>> np.allclose(y, model.predict(x))
        True
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

    def check_input(self, x: Array, lengths: Array | None = None, padding: str = "post") -> Array:
        """x (B, T, D) in the model's precision, or labels (B, T) for an embedding; 0 beyond `lengths`.

        What is padded in front (see `run`) is padded behind afterwards.
        Or an error that says what is wrong: shape, dtype, NaN, a label or length out of range.

        >>> model = Model([dense(1, 1)], mse, rng=rng)
        >>> model.check_input(np.ones((1, 3, 1)), lengths=np.array([2]))[0, :, 0]
        array([1., 1., 0.], dtype=float32)
        >>> model.check_input(np.array([[[np.nan], [1.0], [2.0]]]), np.array([2]), "pre")[0, :, 0]
        array([1., 2., 0.], dtype=float32)
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

    def check_target(self, y: Array, x: Array, lengths: Array | None = None, padding: str = "post") -> Array:
        """Targets for `x` with a step axis, (B, T'[, C]), padded behind, with 0; or a clear error.

        Integers are class labels, (B,) if the model reads the last step, else (B, T); and so are booleans, 0 and 1.
        With an axis more, (B, C) or (B, T, C), any real numbers are values, in the model's precision.

        >>> model = Model([dense(2, 3), last()], softmax_cross_entropy, rng=rng)
        >>> model.check_target(np.array([0, 2]), np.zeros((2, 5, 2), np.float32)).shape
        (2, 1)
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
