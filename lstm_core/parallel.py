"""Synchronous data parallelism over MPI: `fit(…, comm=comm)` trains one model with all processes of a job.

Each process, a *rank*, runs the same script, has the same data and sees the same batches; of each batch it takes its
share of the examples. The gradients of the shares are added up by one Allreduce, and every rank makes the same update:
n ranks do what one does, up to the rounding of that sum. Of mpi4py only the communicator is needed, and of that
`rank`, `size`, `bcast` and `Allreduce`.
"""

import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .arrays import namespace, to_device, to_host
from .checks import brief, check_positive
from .history import History
from .model import Model
from .types import Array, Shape


@contextmanager
def job(timeout: float | None = 3600.0) -> Iterator[Any]:
    """`with job() as comm: …` is the body of a script for `mpiexec -n 4 python script.py`; comm is MPI's COMM_WORLD.

    A rank that leaves the body by an exception, `sys.exit` included, prints it and ends the whole job with status 1:
    the others would wait for it for ever. So does a rank that has waited for the others for `timeout` seconds: one of
    them hangs, or was stopped. (Choose more than what rank 0 alone may take to score the validation set, or in
    after_epoch. None: wait for ever.) Raises ImportError without mpi4py, ValueError for a timeout that is no positive
    number; started without mpiexec, it is one rank.

    >>> with parallel.job(timeout=0) as comm:
    ...     print(f"rank {comm.rank} of {comm.size}")
    Traceback (most recent call last):
    ValueError: timeout: expected a positive number, got 0
    """
    timeout = None if timeout is None else check_positive("timeout", timeout)
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise ImportError('job: MPI needs mpi4py and an MPI library: pip install "lstm-core[mpi]"') from error

    def end():
        time.sleep(1)  # for mpiexec to pass on what was printed: it drops what is under way when it ends the others
        MPI.COMM_WORLD.Abort(1)

    watched = None if timeout is None else Watched(MPI.COMM_WORLD, timeout, end)
    try:
        yield watched or MPI.COMM_WORLD
    except BaseException:
        traceback.print_exc()
        end()
    finally:
        if watched is not None:
            watched.over.set()


class Watched:
    """A communicator all of whose calls may take so many seconds; after that it prints so and calls `end`.

    A thread of its own looks at the clock, since the call itself does not come back; until `over` is set.

    >>> class Comm:
    ...     rank, size = 0, 1
    ...     def bcast(self, value):
    ...         return value
    >>> watched = parallel.Watched(Comm(), 60, end=lambda: None)
    >>> watched.bcast(5), watched.size
    (5, 1)
    >>> watched.over.set()
    """

    def __init__(self, comm: Any, timeout: float, end: Callable[[], Any]):
        self._comm, self._timeout, self._end = comm, timeout, end
        self._waiting: tuple[str, float] | None = None
        self.over = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def __getattr__(self, name):
        found = getattr(self._comm, name)
        if not callable(found):
            return found

        def call(*args, **kwargs):
            self._waiting = name, time.monotonic()
            try:
                return found(*args, **kwargs)
            finally:
                self._waiting = None

        return call

    def _watch(self):
        while not self.over.wait(min(1.0, self._timeout / 10)):
            waiting = self._waiting
            if waiting is not None and time.monotonic() - waiting[1] > self._timeout:
                message = f"rank {self._comm.rank}: {waiting[0]} has waited for the other ranks for {self._timeout} s"
                print(f"TimeoutError: {message}; one of them hangs or was stopped", file=sys.stderr, flush=True)
                self._end()


class Share(NamedTuple):
    """What a rank learns from of a batch: some of its `examples`, a slice, and whether they count, 1 or 0.

    >>> parallel.ALONE.share(10)
    Share(examples=slice(0, None, 1), counts=1)
    """

    examples: slice
    counts: int


class Team(NamedTuple):
    """The processes that train one model, as one of them sees it.

    rank, size: which of them it is, 0 … size-1, and how many there are
    together:   fingerprints, check -> what `check` returns, if it does so on all ranks, and with the same fingerprints
    agree:      model, rng, history -> None: all go on, in place, from those of rank 0
    bcast:      value -> the value of rank 0
    mean:       loss, flat gradient, weight -> weighted means of both over the ranks, and the sum of the weights

    >>> parallel.team(None) is parallel.ALONE
    True
    >>> parallel.ALONE.size, parallel.ALONE.bcast(3)
    (1, 3)
    """

    rank: int
    size: int
    together: Callable[[Callable, Callable], Any]
    agree: Callable[[Model, np.random.Generator, History], None]
    bcast: Callable[[Any], Any]
    mean: Callable[[Any, Array, float], tuple[Any, Array, Any]]

    def share(self, count: int) -> Share:
        """This rank's `Share` of a batch of `count` examples: every size-th of them.

        Where there are fewer examples than ranks, some rank gets none. It takes the first one, so that it makes the
        same calls as all others, and what it finds counts for nothing.

        >>> team = parallel.ALONE._replace(rank=1, size=3)
        >>> np.arange(10)[team.share(10).examples], team.share(1).counts
        (array([1, 4, 7]), 0)
        """
        if self.rank < count:
            return Share(slice(self.rank, None, self.size), 1)
        return Share(slice(1), 0)


ALONE = Team(
    rank=0,
    size=1,
    together=lambda fingerprints, check: check(),
    agree=lambda model, rng, history: None,
    bcast=lambda value: value,
    mean=lambda loss, grad, weight: (loss, grad, weight),
)


def team(comm: Any) -> Team:
    """The `Team` of an MPI communicator, or `ALONE` where there is none, or one rank only.

    A mean over one rank is the number itself. `mean` would multiply it by its weight and divide it again, and round.

    >>> parallel.team("world")
    Traceback (most recent call last):
    TypeError: comm: expected an MPI communicator, as parallel.job gives it, got 'world'
    """
    if comm is not None and not hasattr(comm, "Allreduce"):
        raise TypeError(f"comm: expected an MPI communicator, as parallel.job gives it, got {brief(comm)}")
    if comm is None or comm.size == 1:
        return ALONE
    return Team(comm.rank, comm.size, partial(together, comm), partial(agree, comm), comm.bcast, partial(mean, comm))


@dataclass(frozen=True)
class Draws:
    """The random numbers of a batch, for dropout on one rank: a generator as far as dropout needs one.

    All ranks draw the numbers of all `count` examples from generators in the same state, which so stay the same; each
    keeps those of its own `examples`, a slice.

    >>> draws = parallel.Draws(rng, 4, slice(1, None, 2))  # of 4 examples this rank has the second and the last
    >>> draws.random((5, 3, 2)).shape
    (5, 3, 2)
    """

    rng: np.random.Generator
    count: int
    examples: slice

    def random(self, shape: Shape) -> np.ndarray:
        """Numbers in [0, 1), an array of `shape` (…, B), for the B examples of this rank.

        >>> ranks = [parallel.Draws(np.random.default_rng(0), 2, slice(k, None, 2)) for k in range(2)]
        >>> both = np.concatenate([draws.random((3, 1)) for draws in ranks], axis=1)
        >>> np.array_equal(both, np.random.default_rng(0).random((3, 2)))
        True
        """
        return self.rng.random((*shape[:-1], self.count))[..., self.examples]


def together(comm: Any, fingerprints: Callable[[Any], Mapping[str, str]], check: Callable[[], Any]) -> Any:
    """What `check()` returns, on every rank; or an error on every rank.

    A rank whose `check` fails raises its error, the others a ValueError that quotes it. Where the `fingerprints` of
    what `check` returned, a dict of texts, are not those of rank 0, every rank raises a ValueError that names them.

    >>> class Comm:  # one rank
    ...     rank, size = 0, 1
    ...     def bcast(self, value, root=0):
    ...         return value
    >>> parallel.together(Comm(), lambda found: {"x": str(found)}, lambda: 5)
    5
    """
    found, failure = None, None
    try:
        found = check()
        mine = fingerprints(found)
    except Exception as error:
        mine, failure = {}, error
    expected = comm.bcast(mine)
    fault = f"{type(failure).__name__}: {failure}"[:300] if failure is not None else ""
    other = ", ".join(name for name in expected if mine.get(name) != expected[name]) if failure is None else ""
    reports = [comm.bcast((fault, other), root=rank) for rank in range(comm.size)]  # of each rank, on each rank
    if failure is not None:
        raise failure
    for rank, (fault, _) in enumerate(reports):
        if fault:
            raise ValueError(f"comm: expected good arguments on all ranks, got on rank {rank} {fault}")
    for rank, (_, names) in enumerate(reports):
        if names:
            raise ValueError(f"comm: expected the same on all ranks, got on rank {rank} another {names}")
    return found


def agree(comm: Any, model: Model, rng: np.random.Generator, history: History) -> None:
    """Give every rank the parameters, the generator's state and the history of rank 0, in place: two broadcasts.

    >>> class Comm:  # rank 0 has trained for longer
    ...     def bcast(self, value):
    ...         return (np.ones(2, np.float32), value[1]) if isinstance(value, tuple) else {"loss": [0.5]}
    >>> model, history = Model([dense(1, 1)], mse, rng=rng), History()
    >>> parallel.agree(Comm(), model, rng, history)
    >>> model.theta, history.loss
    (array([1., 1.], dtype=float32), [0.5])
    """
    model.theta[...], rng.bit_generator.state = comm.bcast((model.theta, rng.bit_generator.state))
    vars(history).update(comm.bcast(vars(history)))


def mean(comm: Any, loss: Any, grad: Array, weight: float) -> tuple[Any, Array, Any]:
    """Means of loss and flat gradient over the ranks, weighted, and the sum of the weights: one Allreduce.

    With the number of steps that count as the weight, means over a rank's steps become the means over all steps. Where
    all weights are 0 there is none, and all that comes back is 0.

    >>> class Comm:  # the other rank has the same number of steps, loss 3 and gradient [0, 2]
    ...     def Allreduce(self, _, message):
    ...         message += 5 * np.array([0.0, 2.0, 3.0, 1.0])
    >>> loss, grad, weight = parallel.mean(Comm(), 1.0, np.array([1.0, 1.0]), 5)
    >>> float(loss), grad, float(weight)
    (2.0, array([0.5, 1.5]), 10.0)
    """
    xp = namespace(grad)
    message = to_host(weight * xp.concatenate([grad, xp.asarray([float(loss), 1], grad.dtype)]))
    comm.Allreduce(None, message)  # None: in place, as MPI.IN_PLACE
    if message[-1]:  # else no rank has a step that counts, and there is no mean
        message[:-1] /= message[-1]
    return message[-2], to_device(message[:-2], xp), message[-1]
