"""Gradient checks: a problem for any cell, two ways to differentiate by evaluating, and what to compare.

`f` maps a flat vector to a number. It must be written so that complex numbers pass through it (no `abs`, no
comparison of the values); everything in this package is.
"""

import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import scan
from .arrays import namespace, views
from .cells import Cell
from .checks import (
    NO_NUMBERS,
    brief,
    check_cell,
    check_count,
    check_function,
    check_kind,
    check_mask,
    check_names,
    check_positive,
    check_rng,
    check_same_shape,
    check_shape,
    listed,
)
from .scan import parameter_shapes
from .types import Array, Arrays, Shapes, State


class Problem(NamedTuple):
    """A loss of one flat vector θ that looks at every h_t and at the final state: L(θ) = Σ dh h_t + Σ dstate s_T.

    θ holds the parameters, the input and the initial state: `shapes` says which, name -> shape, in this order (W, R, b,
    p if the cell's own parameters are there, x, and "h_0", "c_0", … for each array of the state). `theta` is a
    point, and what is no variable is in `fixed`, name -> array.
    scan: what carries the cell through time, a module or another thing with `forward` and `backward`

    >>> found = gradcheck.problem(cells.GRU, (3, 2, 4, 5), rng)
    >>> max(found.errors().values()) < 1e-13
    True
    """

    cell: Cell
    shapes: Shapes
    theta: Array
    dh: Array
    dstate: State
    mask: Array | None = None
    scan: Any = scan
    fixed: Arrays | None = None

    def parts(self, theta: Array | None = None) -> tuple[dict[str, Array], Array, tuple[Array, ...]]:
        """P, x and the initial state at θ (`theta` if None): views of it, but for what is fixed.

        >>> P, x, (h_0,) = gradcheck.problem(cells.RNN, (3, 2, 4, 5), rng).parts()
        >>> P["W"].shape, x.shape, h_0.shape
        ((5, 4), (3, 4, 2), (5, 2))
        """
        theta = self.theta if theta is None else theta
        fixed = {name: array.astype(theta.dtype) for name, array in (self.fixed or {}).items()}
        V = fixed | views(self.shapes, theta)
        P: dict[str, Array] = {name: V[name] for name in ("W", "R", "b", "p") if name in V}
        return P, V["x"], tuple(V[f"{name}_0"] for name in self.cell.states)

    def run(self, theta: Array, **keep: bool) -> tuple[dict[str, Array], Array, tuple[Array, ...], Any]:
        """P, h, final state and cache at θ; `keep` as in `scan.forward`.

        >>> found = gradcheck.problem(cells.RNN, (3, 2, 4, 5), rng)
        >>> P, h, final, cache = found.run(found.theta)
        >>> h.shape
        (3, 5, 2)
        """
        P, x, state = self.parts(theta)
        masked = {} if self.mask is None else {"mask": self.mask}  # a scan of one's own may know neither mask nor keep
        return P, *self.scan.forward(self.cell, P, x, state, **masked, **keep)

    def loss(self, theta: Array) -> Any:
        """L(θ), for real or complex θ.

        >>> found = gradcheck.problem(cells.RNN, (3, 2, 4, 5), rng)
        >>> float(found.loss(found.theta + 0j).imag)  # complex numbers pass through
        0.0
        """
        _, h, final, _ = self.run(theta)
        return (self.dh * h).sum() + sum((d * s).sum() for d, s in zip(self.dstate, final, strict=True))

    def gradient(self, theta: Array | None = None) -> np.ndarray:
        """What the scan's `backward` finds for ∇L at θ (`theta` if None): flat, like θ.

        >>> found = gradcheck.problem(cells.RNN, (3, 2, 4, 5), rng)
        >>> found.gradient().shape == found.theta.shape
        True
        """
        P, _, _, cache = self.run(self.theta if theta is None else theta)
        grads, dx, dstate0 = self.scan.backward(self.cell, P, cache, self.dh, self.dstate)
        grads = {**grads, "x": dx} | {f"{name}_0": d for name, d in zip(self.cell.states, dstate0, strict=True)}
        found = {name: grads[name] for name in self.shapes}
        if (got := {name: d.shape for name, d in found.items()}) != self.shapes:
            raise ValueError(f"backward: expected shapes {self.shapes}, got {got}")
        return np.concatenate([d.ravel() for d in found.values()])

    def errors(self) -> dict[str, float]:
        """Errors of `gradient` against the complex step at `theta`, array by array: name -> `relative_error`.

        >>> wrong = cells.RNN.altered(back=lambda ds, kept, p: (ds, ds, (0,), ()))  # without the slope of tanh
        >>> errors = gradcheck.problem(wrong, (3, 2, 4, 5), rng).errors()
        >>> [*errors], min(errors.values()) > 0.01
        (['W', 'R', 'b', 'x', 'h_0'], True)
        """
        found, expected = views(self.shapes, self.gradient()), views(self.shapes, complex_step(self.loss, self.theta))
        return {name: relative_error(found[name], expected[name]) for name in self.shapes}


def problem(
    cell: Cell,
    sizes: Sequence[int],
    rng: np.random.Generator,
    own: bool = True,
    mask: Array | None = None,
    scan: Any = scan,
) -> Problem:
    """A random `Problem` for any cell; all numbers are standard normal, float64.

    sizes: T, B, D, H: steps, examples, features, hidden units. Choose them all different, and no swapped axis hides
    own:   whether the cell's own parameters p are among the variables; if not they are 0
    mask:  booleans as in `scan.forward`, or None

    >>> gradcheck.problem(cells.LSTM, (3, 2, 4, 5), rng, own=False).shapes
    {'W': (20, 4), 'R': (20, 5), 'b': (20, 1), 'x': (3, 4, 2), 'h_0': (5, 2), 'c_0': (5, 2)}
    """
    check_cell(cell)
    check_kind("sizes", sizes, tuple | list, "T, B, D, H")
    if len(sizes) != 4:
        raise ValueError(f"sizes: expected T, B, D, H, got {brief(sizes)}")
    T, B, D, H = (check_count(f"sizes[{k}]", n) for k, n in enumerate(sizes))
    check_rng(rng)
    _check_scan(scan)
    if mask is not None:
        check_mask(mask, T, B, len(cell.states), H)
    shapes = parameter_shapes(cell, D, H, own) | {"x": (T, D, B)} | {f"{name}_0": (H, B) for name in cell.states}
    theta = rng.standard_normal(sum(int(np.prod(shape)) for shape in shapes.values()))
    dh = rng.standard_normal((T, H, B))
    return Problem(cell, shapes, theta, dh, tuple(rng.standard_normal((len(cell.states), H, B))), mask, scan)


def problem_at(
    cell: Cell,
    P: Arrays,
    x: Array,
    dh: Array,
    state: State | None = None,
    dstate: State | None = None,
    variables: Sequence[str] | None = None,
    mask: Array | None = None,
    scan: Any = scan,
) -> Problem:
    """The `Problem` at a point of one's own: arrays as in `scan.forward` and `scan.backward`, zeros if None.

    variables: names of the arrays that θ holds, of W, R, b, p, x, h_0, c_0, …; all if None. The others are fixed

    >>> P = {name: np.ones(shape) for name, shape in scan.parameter_shapes(cells.RNN, 1, 1).items()}
    >>> x, dh = np.zeros((2, 1, 1)), np.ones((2, 1, 1))
    >>> gradcheck.problem_at(cells.RNN, P, x, dh, variables=["R"]).errors()["R"] < 1e-15
    True
    """
    check_cell(cell)
    check_kind("P", P, Mapping, "a dict of arrays")
    _check_scan(scan)
    namespace(x=x, dh=dh)
    check_shape("x", x, {"T": None, "D": None, "B": None})
    check_shape("dh", dh, {"T": len(x), "H": None, "B": x.shape[2]})
    zeros = tuple(np.zeros_like(dh[0]) for _ in cell.states)
    names = [f"{name}_0" for name in cell.states]
    for name, given in {"state": state, "dstate": dstate}.items():
        is_sequence = isinstance(given, tuple | list) or (isinstance(given, np.ndarray) and given.ndim)
        if given is not None and (not is_sequence or len(given) != len(names)):
            raise ValueError(f"{name}: expected {len(names)} arrays for cell {cell.name}, got {brief(given)}")
    arrays = {**P, "x": x} | dict(zip(names, zeros if state is None else state, strict=True))
    if isinstance(variables, Mapping):
        variables = [*variables]
    variables = arrays if variables is None else check_names("variables", variables)
    if not variables:
        raise ValueError("variables: expected at least one array, got none")
    places = [f"P[{name!r}]" for name in P] + ["x"] + [f"state[{k}]" for k in range(len(names))]
    given = dict(zip(places, arrays.values(), strict=True))
    namespace(**given)
    for name, array in given.items():
        if array.dtype.kind not in "fc":
            raise TypeError(f"{name}: expected floating-point numbers, got dtype {array.dtype}")
    if not {*variables} <= {*arrays}:
        raise ValueError(f"variables: expected some of {', '.join(arrays)}, got {listed(variables)}")
    varied = {name: array for name, array in arrays.items() if name in variables}
    fixed = {name: array for name, array in arrays.items() if name not in variables}
    shapes = {name: array.shape for name, array in varied.items()}
    theta = np.concatenate([array.ravel() for array in varied.values()])
    return Problem(cell, shapes, theta, dh, zeros if dstate is None else tuple(dstate), mask, scan, fixed)


def complex_step(f: Callable[[Array], Any], theta: Array | Sequence[float], epsilon: float = 1e-30) -> np.ndarray:
    """Gradient of f at theta, element by element: Im f(θ + iεe_k) / ε (Squire & Trapp 1998).

    There is no difference, so nothing cancels: ε may be 1e-30, and the result is right to rounding. float64 (N,).

    >>> gradcheck.complex_step(lambda v: (v**3).sum(), [1.0, 2.0])
    array([ 3., 12.])
    """
    theta, epsilon = _vector("theta", theta), _check_step(f, epsilon)
    return np.array([np.imag(_value(f, theta + 1j * epsilon * unit)) / epsilon for unit in _units(theta.size)])


def central_differences(f: Callable[[Array], Any], theta: Array | Sequence[float], epsilon: float = 1e-5) -> np.ndarray:
    """Gradient of f at theta, element by element: (f(θ + εe_k) - f(θ - εe_k)) / 2ε. float64 (N,).

    Truncation costs ~ε², cancellation ~1e-16/ε: the best ε is near 1e-5, and the best error near 1e-10.

    >>> gradcheck.central_differences(lambda v: (v**3).sum(), [1.0, 2.0]).round(6)
    array([ 3., 12.])
    """
    theta, epsilon = _vector("theta", theta).astype(np.float64), _check_step(f, epsilon)
    ends = ((theta + epsilon * unit, theta - epsilon * unit) for unit in _units(theta.size))
    return np.array([(_value(f, up) - _value(f, down)) / (2 * epsilon) for up, down in ends])


def _check_scan(scan):
    """Raise TypeError unless `scan` has a forward and a backward."""
    if not (callable(getattr(scan, "forward", None)) and callable(getattr(scan, "backward", None))):
        raise TypeError(f"scan: expected something with forward and backward, got {brief(scan)}")


def _vector(name, theta):
    """`theta`, an array or a list of real numbers, as a flat array."""
    try:
        found = np.asarray(theta)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: expected a vector of numbers, got {brief(theta)}") from error
    if isinstance(theta, np.ndarray):
        namespace(**{name: theta})
    if found.dtype.kind not in "fiu":
        raise TypeError(f"{name}: expected real numbers, got dtype {found.dtype}")
    check_shape(name, found, {"N": None})
    return found


def _check_step(f, epsilon):
    """The step as a float; TypeError unless f is a function of one vector."""
    check_function("f", f, "a function of a vector", 1)
    return check_positive("epsilon", epsilon)


def _value(f, theta):
    """f(θ). TypeError unless it is one number."""
    value = f(theta)
    is_number = isinstance(value, numbers.Number | np.ndarray | np.generic) and not isinstance(value, NO_NUMBERS)
    if not is_number or np.ndim(value) or np.asarray(value).dtype.kind not in "fciu":
        raise TypeError(f"f: expected a function that returns a number, got {brief(value)}")
    return value


def _units(N):
    return (np.arange(N) == k for k in range(N))


def projection(
    f: Callable[[Array], Any],
    theta: Array | Sequence[float],
    gradient: Array | Sequence[float],
    rng: np.random.Generator,
    epsilon: float = 1e-30,
) -> tuple[float, float]:
    """Compare one number: the slope of f along a random unit direction v, by complex step, with gradient · v.

    One evaluation of f, however many parameters. Returns (slope, gradient · v).

    >>> theta = np.array([1.0, 2.0])
    >>> slope, along = gradcheck.projection(lambda v: (v**3).sum(), theta, 3 * theta**2, rng)
    >>> abs(slope - along) < 1e-14
    True
    """
    theta, gradient, epsilon = _vector("theta", theta), _vector("gradient", gradient), _check_step(f, epsilon)
    check_same_shape("gradient", gradient, theta.shape)
    check_rng(rng)
    before = rng.bit_generator.state
    v = rng.standard_normal(np.size(theta))
    v /= np.linalg.norm(v)
    try:
        slope = np.imag(_value(f, np.asarray(theta, np.complex128) + 1j * epsilon * v)) / epsilon
    except BaseException:
        rng.bit_generator.state = before
        raise
    return float(slope), float(gradient @ v)


def relative_error(a: Array | Sequence[float] | complex, b: Array | Sequence[float] | complex) -> float:
    """max |a - b| / max(|a|, |b|) over two arrays; 0 where both are all zero.

    >>> gradcheck.relative_error([1.0, 2.0], [1.0, 1.0])
    0.5
    """
    a, b = _numbers("a", a), _numbers("b", b)
    if a.shape != b.shape:
        raise ValueError(f"b: expected the shape of a, {a.shape}, got {b.shape}")
    if not a.size:
        raise ValueError(f"a: expected numbers, got an array of shape {a.shape}")
    scale = max(np.abs(a).max(), np.abs(b).max())
    return float(np.abs(a - b).max() / scale) if scale else 0.0


def _numbers(name, a):
    """`a`, an array or a list of numbers, real or complex, or one, as an array."""
    try:
        found = np.asarray(a)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: expected an array of numbers, got {brief(a)}") from error
    if isinstance(a, np.ndarray):
        namespace(**{name: a})
    if found.dtype.kind not in "fciub":
        raise TypeError(f"{name}: expected numbers, got dtype {found.dtype}")
    return found
