"""Parameters: the named arrays of a model, views of its one vector θ."""

from collections.abc import Mapping, MutableMapping

from .arrays import namespace
from .checks import brief, check_dtype, check_same_shape, listed
from .types import Array


class Parameters(MutableMapping):
    """The named parameters of a model: views of its θ, so that there is one truth. What is assigned is copied into θ.

    `params["dense.b"] = array` raises KeyError for a name that is not there, ValueError for another shape or for
    numbers that are not finite, TypeError for another dtype or array module; then nothing is changed.

    >>> model = Model([dense(2, 1)], mse, rng=rng)
    >>> model.params["dense.b"] = np.full((1, 1), 7, np.float32)
    >>> float(model.theta[-1])
    7.0
    >>> model.params["dense.W"] = np.zeros(2, np.float32)
    Traceback (most recent call last):
    ValueError: params['dense.W']: expected shape (1, 2), got (2,)
    """

    def __init__(self, views: Mapping[str, Array]):
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
