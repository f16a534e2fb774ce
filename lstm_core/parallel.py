"""Synchronous data parallelism over MPI: `fit(…, comm=comm)` trains one model with all processes of a job.

Each process, a *rank*, runs the same script, has the same data and sees the same batches; of each batch it takes its
share of the examples. The gradients of the shares are added up by one Allreduce, and every rank makes the same update:
n ranks do what one does, up to the rounding of that sum. Of mpi4py only the communicator is needed, and of that
`rank`, `size`, `bcast` and `Allreduce`.
"""

import time
import traceback
from contextlib import contextmanager
from types import SimpleNamespace

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


def draws(rng, count, mine):
    """A generator for dropout: random numbers for `count` examples, the same on every rank, it takes `mine`."""
    return SimpleNamespace(random=lambda shape: rng.random((*shape[:-1], count))[..., mine])


def mean(comm, loss, grad, weight):
    """Means of loss and flat gradient over the ranks, weighted, and the sum of the weights: one Allreduce.

    With the number of steps that count as the weight, means over a rank's steps become the means over all steps.
    """
    xp = namespace(grad)
    message = to_host(weight * xp.concatenate([grad, xp.asarray([float(loss), 1], grad.dtype)]))
    comm.Allreduce(None, message)  # None: in place, as MPI.IN_PLACE
    message[:-1] /= message[-1]
    return message[-2], to_device(message[:-2], xp), message[-1]
