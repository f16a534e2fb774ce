"""Parity, trained by all processes of an MPI job, two or a cluster's thousand:

mpiexec -n 4 python parity_mpi.py --batch 128
"""

import argparse
import json
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from lstm_core import (
    History,
    Model,
    data,
    dense,
    evaluate,
    fit,
    lstm,
    optim,
    parallel,
    softmax_cross_entropy,
)
from lstm_formats import load, save


def through_root(comm):
    """The report's scheme: all send to rank 0, which adds and sends back."""

    def allreduce(_, message):
        if comm.rank > 0:
            comm.Send(message, dest=0)
            comm.Recv(message, source=0)
            return
        part = np.empty_like(message)
        for rank in range(1, comm.size):
            comm.Recv(part, source=rank)
            message += part
        for rank in range(1, comm.size):
            comm.Send(message, dest=rank)

    return allreduce


def now():
    """Seconds of this process on a processor, and seconds by the clock."""
    return time.process_time(), time.perf_counter()


def timed(comm, allreduce, waiting, talking):
    """A communicator for `fit` that notes how long each Allreduce takes.

    Waiting is until the last rank is there, talking is from then on.
    """

    def both(_, message):
        start = np.array(now())
        comm.Barrier()
        ready = np.array(now())
        allreduce(None, message)
        waiting.append((ready - start).tolist())
        talking.append((now() - ready).tolist())

    return SimpleNamespace(
        rank=comm.rank, size=comm.size, bcast=comm.bcast, Allreduce=both
    )


def main(comm, options):
    rng = np.random.default_rng(0)  # on every rank the same
    x, y = data.parity(rng, options.batch * options.updates, options.length)
    layers = [lstm(2, options.hidden), dense(options.hidden, 2)]
    model, history = Model(layers, softmax_cross_entropy, rng=rng), History()
    if options.save and options.save.exists():
        model, history, rng = load(options.save)

    stamps, waiting, talking = [now()], [], []
    adam = optim.adam()

    def update(*given):
        adam.update(*given)
        stamps.append(now())

    def after(history):
        if options.save:
            save(model, options.save, history, rng)

    allreduce = through_root(comm) if options.through_root else comm.Allreduce
    fit(
        model,
        x,
        y,
        epochs=options.epochs,
        batch=options.batch,
        rate=optim.constant(options.rate),
        optimizer=optim.Optimizer(adam.init, update),
        clip=1.0,
        rng=rng,
        history=history,
        after_epoch=after,
        comm=timed(comm, allreduce, waiting, talking),
        progress=options.progress,
    )
    if comm.rank == 0:
        unseen = data.parity(np.random.default_rng(1), 1000, options.length)
        print(
            json.dumps(
                {
                    "whole": 1 - evaluate(model, *unseen).whole,
                    "bytes": model.theta.nbytes,
                    "update": np.diff(stamps, axis=0).tolist(),
                    "waiting": waiting,
                    "talking": talking,
                }
            )
        )


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument(
    "--batch", type=int, default=32, help="sequences of all ranks together"
)
parser.add_argument("--updates", type=int, default=500, help="batches an epoch")
parser.add_argument("--epochs", type=int, default=1)
parser.add_argument("--length", type=int, default=50)
parser.add_argument("--hidden", type=int, default=32)
parser.add_argument("--rate", type=float, default=5e-3)
parser.add_argument(
    "--save", type=Path, help="a checkpoint to write, and to go on from"
)
parser.add_argument("--through-root", action="store_true", help="not by Allreduce")
parser.add_argument("--progress", action="store_true")

if __name__ == "__main__":
    with parallel.job() as comm:
        main(comm, parser.parse_args())
