"""Types: the words of the hints, for readers and for a type checker.

Hints say what a thing is; which shape an array has stands in the docstring, for no checker can read it. An array is
NumPy's, or one that behaves as NumPy's does: a type checker lets CuPy's pass.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray  # of numbers or symbols, on the host or on a device
Module: TypeAlias = Any  # what computes on arrays: numpy, cupy or `symbols.namespace`
Shape: TypeAlias = tuple[int, ...]  # of an array, (T, D, B)
Shapes: TypeAlias = Mapping[str, Shape]  # name -> shape
Arrays: TypeAlias = Mapping[str, Array]  # name -> array: the parameters P of a layer, or their gradients
State: TypeAlias = Sequence[Array]  # an array (H, B) for each of `cell.states`

Planes: TypeAlias = Sequence[Any]  # arrays (H, B) of a cell, or what else bears + - * /: symbols, recorded operations
Tanh: TypeAlias = Callable[[Any], Any]  # the tanh of a plane
Step: TypeAlias = Callable[[Any, Any, Any, Any, Tanh], tuple[Planes, Any]]  # a, u, s, p, tanh -> s', kept
Back: TypeAlias = Callable[[Any, Any, Any], tuple[Planes, Planes, Planes, Planes]]  # ds', kept, p -> da, du, ds, dp

Initialiser: TypeAlias = Callable[[np.random.Generator, int, int], Array]  # rng, rows, columns -> (rows, columns)
Loss: TypeAlias = Callable[..., tuple[Any, Array]]  # y (T, C, B), target, mask -> the mean loss and dy (T, C, B)
Schedule: TypeAlias = Callable[[float], float]  # progress, in epochs -> learning rate
