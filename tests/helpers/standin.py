"""A strict stand-in for CuPy: where there is no GPU, the suite runs on it instead.

`Array` keeps a NumPy array out of sight and, like `cupy.ndarray`, refuses to become one (`__array__` raises) and to
meet one: operators, methods, functions and assignments take stand-in arrays and scalars only, the rest is a TypeError.
The way in is `asarray`, the way out is `get`; both are logged in `transfers`. Reductions give 0-dimensional arrays.

Stricter than CuPy, on purpose: NumPy's functions refuse it (CuPy answers np.tanh(x) with cupy.tanh(x)), so do host
arrays as an index (CuPy uploads them unasked), and `empty` is full of NaN. It does not compute like a GPU: its results
are NumPy's to the last bit.
"""

import functools
import operator
import sys

import numpy as np

METHODS = """all any argmax argmin astype clip conj copy cumsum diagonal dot fill flatten max mean min nonzero prod
    ravel repeat reshape round sort squeeze std sum swapaxes take trace transpose var view""".split()
ATTRIBUTES = "T dtype flags imag itemsize nbytes ndim real shape size strides".split()
FUNCTIONS = """abs add all any argmax argmin array_equal ascontiguousarray broadcast_to clip concatenate cos diff
    divide dot einsum exp expand_dims floor heaviside isfinite isinf isnan log log1p matmul max maximum mean
    min minimum moveaxis multiply prod ravel repeat reshape sign sin split sqrt square squeeze stack
    subtract sum swapaxes take tanh tensordot tile transpose unique arange eye full full_like linspace ones
    ones_like zeros zeros_like""".split()
SCALARS = bool | int | float | complex | np.number | np.bool_
OTHERS = str | slice | type | np.dtype | type(None) | type(Ellipsis)

transfers = []  # ("in" | "out", shape), oldest first


def _open(x):
    """What NumPy may see of an argument; a TypeError for host arrays and everything unknown."""
    if isinstance(x, Array):
        return x._host
    if isinstance(x, tuple | list):
        return type(x)(map(_open, x))
    if isinstance(x, SCALARS | OTHERS):
        return x
    raise TypeError(f"stand-in: unsupported type {type(x)}")


def _close(x):
    if isinstance(x, np.ndarray | np.generic):
        return Array(np.asarray(x))
    return type(x)(map(_close, x)) if type(x) in (tuple, list) else x


def _guarded(function):
    """`function` on what is inside stand-in arrays."""

    @functools.wraps(function, assigned=["__name__"], updated=[])
    def guarded(*args, **kwargs):
        return _close(function(*map(_open, args), **{key: _open(value) for key, value in kwargs.items()}))

    return guarded


def _operator(function):
    """`function` as the method of a binary operator: the other operand is a stand-in array or a scalar.

    Or, as for CuPy (NEP 13), an object that opts out with `__array_ufunc__ = None`: then it decides.
    """

    def method(self, other):
        if isinstance(other, Array | SCALARS):
            return _close(function(self._host, _open(other)))
        if getattr(other, "__array_ufunc__", True) is None:
            return NotImplemented
        raise TypeError(f"stand-in: unsupported operand {type(other)}")

    return method


def _inplace(function):
    method = _operator(function)

    def assign(self, other):
        method(self, other)  # works in place, on what is inside
        return self

    return assign


class Array:
    """See the module."""

    __slots__ = ("_host",)
    __array_ufunc__ = None  # NumPy's arrays leave operators to us, and its ufuncs raise TypeError
    __hash__ = None

    def __init__(self, host):
        self._host = host

    def __array__(self, *args, **kwargs):
        raise TypeError("stand-in: implicit conversion to a NumPy array is not allowed; use get()")

    def __array_function__(self, function, *_):
        raise TypeError(f"stand-in: numpy.{function.__name__} does not take device arrays")

    def __array_namespace__(self, api_version=None):
        return sys.modules[__name__]

    def get(self):
        transfers.append(("out", self.shape))
        return self._host.copy()

    def item(self):
        return self._host.item()

    def __getitem__(self, key):
        return _close(self._host[_open(key)])

    def __setitem__(self, key, value):
        if not isinstance(value, Array | SCALARS):
            raise TypeError(f"stand-in: unsupported value {type(value)}")
        self._host[_open(key)] = _open(value)

    def __len__(self):
        return len(self._host)

    def __iter__(self):
        return (self[k] for k in range(len(self)))

    def __repr__(self):
        return f"standin.{self._host!r}"


for _name in "add sub mul truediv floordiv mod pow matmul and or xor".split():
    _function = getattr(operator, f"__{_name}__")
    setattr(Array, f"__{_name}__", _operator(_function))
    setattr(Array, f"__r{_name}__", _operator(lambda x, other, f=_function: f(other, x)))
    if _name != "matmul":  # CuPy has no __imatmul__: x @= y is x = x @ y
        setattr(Array, f"__i{_name}__", _inplace(getattr(operator, f"__i{_name}__")))
for _name in "eq ne lt le gt ge".split():
    setattr(Array, f"__{_name}__", _operator(getattr(operator, _name)))
for _name in "neg pos abs invert".split():
    setattr(Array, f"__{_name}__", _guarded(getattr(operator, _name)))
for _name in METHODS:
    setattr(Array, _name, _guarded(getattr(np.ndarray, _name)))
for _name in ATTRIBUTES:
    setattr(Array, _name, property(lambda self, name=_name: _close(getattr(self._host, name))))
for _type in bool, int, float, complex:
    setattr(Array, f"__{_type.__name__}__", lambda self, type=_type: type(self._host.item()))  # size 1 only
for _name in FUNCTIONS:
    globals()[_name] = _guarded(getattr(np, _name))


def where(condition, x, y):
    """CuPy's needs an array of conditions; here they are booleans, and no more than one of x and y is a scalar."""
    if not isinstance(condition, Array) or condition.dtype != bool:
        raise TypeError(f"stand-in: unsupported condition {condition!r}")
    if not isinstance(x, Array) and not isinstance(y, Array):
        raise TypeError("stand-in: where of two scalars has no dtype")
    return _where(condition, x, y)


_where = _guarded(np.where)


def empty(shape, dtype=float):
    """Uninitialised, so full of NaN: whoever reads before writing shall notice."""
    return Array(np.full(shape, np.nan if np.dtype(dtype).kind in "fc" else 0, dtype))


def empty_like(x):
    return Array(np.full_like(x._host, np.nan if x.dtype.kind in "fc" else 0))  # in x's own order of axes, too


def asarray(x, dtype=None):
    """The way in."""
    if isinstance(x, Array):
        return x if dtype is None else x.astype(dtype, copy=False)
    host = np.array(x, dtype)
    if host.dtype.kind not in "biufc":
        raise ValueError(f"stand-in: unsupported dtype {host.dtype}")
    transfers.append(("in", host.shape))
    return Array(host)


class ElementwiseKernel:
    """CuPy's, for kernels whose statements are Python as well as C++: `T v = a * b; out = v`; T(x), tanh and such."""

    def __init__(self, in_params, out_params, operation, name):
        self.given, self.made = ([_parameter(x) for x in params.split(", ")] for params in (in_params, out_params))
        self.statements, self.name = operation.split("; "), name

    def __call__(self, *args):
        if len(args) != len(self.given):
            raise TypeError(f"stand-in: kernel {self.name} takes {len(self.given)} arguments")
        if [x for x in args if not isinstance(x, Array | SCALARS)]:
            raise TypeError(f"stand-in: kernel {self.name} takes stand-in arrays and scalars")
        (dtype,) = {x.dtype for x in args if isinstance(x, Array)}  # T is one type
        shape = np.broadcast_shapes(*(x.shape for x in args if isinstance(x, Array)))
        known = {name: np.asarray(_open(x), dtype) for name, x in zip(self.given, args, strict=True)}
        found = {}
        for statement in self.statements:
            target, formula = statement.split(" = ")
            *types, name = target.split()
            functions = {"T": dtype.type, "tanh": np.tanh, "exp": np.exp, "sqrt": np.sqrt}
            value = eval(formula, functions | {"__builtins__": {}}, known)
            if types == ["T"] and name not in known:
                known[name] = value
            elif not types and name in self.made:
                found[name] = np.broadcast_to(np.asarray(value, dtype), shape).copy()
            else:
                raise SyntaxError(f"stand-in: {statement}")
        results = tuple(Array(found[name]) for name in self.made)
        return results if len(results) > 1 else results[0]


def _parameter(text):
    kind, name = text.split()
    if kind != "T" or name in ("n", "i", "_ind", "T"):  # names that CuPy keeps for itself
        raise ValueError(f"stand-in: parameter {text}")
    return name
