"""Synchronous data parallelism over MPI: `fit(…, comm=comm)` trains one model with all processes of a job.

Each process, a *rank*, runs the same script, has the same data and sees the same batches; of each batch it takes its
share of the examples. The gradients of the shares are added up by one Allreduce, and every rank makes the same update:
n ranks do what one does, up to the rounding of that sum. Of mpi4py only the communicator is needed, and of that
`rank`, `size`, `bcast` and `Allreduce`.
"""

import time
import traceback
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from .arrays import namespace, to_device, to_host


@contextmanager
def job():
    """`with job() as comm: …` is the body of a script for `mpiexec -n 4 python script.py`; comm is MPI's COMM_WORLD.

    A rank that leaves the body by an exception, `sys.exit` included, prints it and ends the whole job with status 1:
    the others would wait for it for ever. Raises ImportError without mpi4py; started without mpiexec, it is one rank.
    """
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise ImportError("job: MPI needs mpi4py and an MPI library: pip install mpi4py mpich") from error
    try:
        yield MPI.COMM_WORLD
    except BaseException:
        traceback.print_exc()
        time.sleep(1)  # for mpiexec to pass it on: it drops what is under way when it ends the others
        MPI.COMM_WORLD.Abort(1)


class Share(NamedTuple):
    """What a rank learns from of a batch: some of its `examples`, a slice, and whether they count, 1 or 0."""

    examples: slice
    counts: int


class Team(NamedTuple):
    """The processes that train one model, as one of them sees it.

    rank, size: which of them it is, 0 … size-1, and how many there are
    agree:      model, rng, history -> None: all go on, in place, from those of rank 0
    bcast:      value -> the value of rank 0
    mean:       loss, flat gradient, weight -> weighted means of both over the ranks, and the sum of the weights
    """

    rank: int
    size: int
    agree: Callable
    bcast: Callable
    mean: Callable

    def share(self, count):
        """This rank's `Share` of a batch of `count` examples: every size-th of them.

        Where there are fewer examples than ranks, some rank gets none. It takes the first one, so that it makes the
        same calls as all others, and what it finds counts for nothing.
        """
        if self.rank < count:
            return Share(slice(self.rank, None, self.size), 1)
        return Share(slice(1), 0)


ALONE = Team(
    rank=0,
    size=1,
    agree=lambda model, rng, history: None,
    bcast=lambda value: value,
    mean=lambda loss, grad, weight: (loss, grad, weight),
)


def team(comm):
    """The `Team` of an MPI communicator, or `ALONE` where there is none, or one rank only.

    A mean over one rank is the number itself. `mean` would multiply it by its weight and divide it again, and round.
    """
    if comm is None or comm.size == 1:
        return ALONE
    return Team(comm.rank, comm.size, partial(agree, comm), comm.bcast, partial(mean, comm))


@dataclass(frozen=True)
class Draws:
    """The random numbers of a batch, for dropout on one rank: a generator as far as dropout needs one.

    All ranks draw the numbers of all `count` examples from generators in the same state, which so stay the same; each
    keeps those of its own `examples`, a slice.
    """

    rng: np.random.Generator
    count: int
    examples: slice

    def random(self, shape):
        """Numbers in [0, 1), an array of `shape` (…, B), for the B examples of this rank."""
        return self.rng.random((*shape[:-1], self.count))[..., self.examples]


def agree(comm, model, rng, history):
    """Give every rank the parameters, the generator's state and the history of rank 0, in place: two broadcasts."""
    model.theta[...], rng.bit_generator.state = comm.bcast((model.theta, rng.bit_generator.state))
    vars(history).update(comm.bcast(vars(history)))


def mean(comm, loss, grad, weight):
    """Means of loss and flat gradient over the ranks, weighted, and the sum of the weights: one Allreduce.

    With the number of steps that count as the weight, means over a rank's steps become the means over all steps.
    """
    xp = namespace(grad)
    message = to_host(weight * xp.concatenate([grad, xp.asarray([float(loss), 1], grad.dtype)]))
    comm.Allreduce(None, message)  # None: in place, as MPI.IN_PLACE
    message[:-1] /= message[-1]
    return message[-2], to_device(message[:-2], xp), message[-1]
