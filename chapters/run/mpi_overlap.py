"""Messages that travel while the backward pass still runs, in buckets:

mpiexec -n 2 python mpi_overlap.py --bucket 2000000 --network office
"""

import argparse
import json
import time
from types import SimpleNamespace

import numpy as np

from lstm_core import Model, data, dense, lstm, parallel, softmax_cross_entropy

# Latency in seconds and seconds a byte. "none": MPI as it is, and nothing is added.
NETWORKS = {"none": (0.0, 0.0), "cluster": (2e-6, 8e-11), "office": (50e-6, 8e-9)}


def backward(model, caches, dy, grad):
    """As `model.backward`, but after each layer yields where its gradient is in `grad`.

    The last layer is the first whose gradient is known.
    """
    end = grad.size
    for name, layer, cache in zip(model.names[::-1], model.layers[::-1], caches[::-1]):
        params = {key: model.params[f"{name}.{key}"] for key in layer.shapes}
        grads, dy, _ = layer.backward(params, cache, dy, ())
        begin = end - sum(part.size for part in params.values())
        flat = [grads[key].ravel() for key in layer.shapes]
        np.concatenate(flat, out=grad[begin:end])
        yield begin, end
        end = begin


class Buckets:
    """Sends the pieces of a gradient that are ready, by Allreduces that do not block.

    On a network that is slower than this machine's memory a message takes its own
    time: it begins when the last rank has handed it in and the one before it is done,
    and takes rounds · α + β · bytes. That time passes asleep, as if a network card had
    the message; MPI's own time, through the memory, is part of it.
    """

    def __init__(self, comm, grad, size, network="none"):
        self.comm, self.grad, self.size = comm, grad, size
        self.alpha, self.beta = NETWORKS[network]
        self.begin = self.end = grad.size  # what is ready and not yet sent
        self.requests, self.parts, self.handed_in = [], [], []

    def ready(self, begin):
        """All from `begin` on is known: send what fills a bucket, or is the last."""
        self.begin = begin
        step = max(1, self.size // self.grad.itemsize)
        while self.end - self.begin >= step or self.begin == 0 < self.end:
            first = max(self.end - step, self.begin)
            self.handed_in.append(time.perf_counter())
            self.parts.append(self.grad[first : self.end])
            self.requests.append(self.comm.Iallreduce(None, self.parts[-1]))
            self.end = first

    def wait(self):
        """Until all have arrived. Returns when each began to travel, and arrived."""
        for request in self.requests:
            request.Wait()
        if not self.alpha:
            return []
        started = np.array(self.handed_in)
        latest = np.empty_like(started)
        self.comm.Allreduce(started, latest, op=maximum())  # one clock: one machine
        n, free, travels = self.comm.size, 0.0, []
        rounds, passes = 2 * np.ceil(np.log2(n)), 2 * (n - 1) / n  # by halving
        for part, start in zip(self.parts, latest):
            begin = max(free, start)
            free = begin + rounds * self.alpha + passes * self.beta * part.nbytes
            travels.append((begin, free))
        time.sleep(max(0.0, free - time.perf_counter()))
        return travels


def maximum():
    from mpi4py import MPI

    return MPI.MAX


def update(comm, model, x, y, way, options):
    """One forward and backward pass, and the mean of the gradient over the ranks.

    way: "after", one message when the backward pass is over; "buckets", several, then;
    "overlap", several, each as soon as its part is known. Returns the gradient and the
    seconds at which everything happened.
    """
    grad = np.empty_like(model.theta)
    size = grad.nbytes if way == "after" else options.bucket
    buckets = Buckets(comm, grad, size, options.network)
    stamps = [time.perf_counter()]
    y_hat, _, caches = model.forward(x)
    _, dy = model.loss(y_hat, y)
    stamps.append(time.perf_counter())
    for begin, _ in backward(model, caches, dy, grad):
        if way == "overlap":
            buckets.ready(begin)
        stamps.append(time.perf_counter())
    if way != "overlap":
        buckets.ready(0)
    travels = buckets.wait()
    stamps.append(time.perf_counter())
    grad /= comm.size  # equal shares
    model.theta -= 1e-3 * grad
    stamps.append(time.perf_counter())
    return SimpleNamespace(grad=grad, stamps=stamps, travels=travels)


def main(comm, options):
    H, depth = options.hidden, options.layers
    layers = [lstm(2, H), *(lstm(H, H) for _ in range(depth - 1)), dense(H, 2)]
    model = Model(layers, softmax_cross_entropy, rng=np.random.default_rng(0))
    x, y = data.parity(np.random.default_rng(comm.rank), options.batch, options.length)
    x, y = x.astype(np.float32).transpose(1, 2, 0).copy(), y.T.copy()
    start, runs, off = model.theta.copy(), {}, 0.0
    mean = model.loss_and_gradient(x, y)[1]  # to compare with
    comm.Allreduce(None, mean)
    mean /= comm.size
    for turn in range(options.turns):
        for way in options.ways:  # in turns: what disturbs, disturbs all
            model.theta[...] = start
            comm.Barrier()
            run = update(comm, model, x, y, way, options)
            off = max(off, float(abs(run.grad - mean).max() / abs(mean).max()))
            stamps = comm.gather(run.stamps)
            if turn and comm.rank == 0:  # the first one warms up
                runs.setdefault(way, []).append((stamps, run.travels))
    off = max(comm.allgather(off))
    if comm.rank == 0:
        found = {"bytes": model.theta.nbytes, "off": off, "runs": runs}
        found["parts"] = [
            sum(int(np.prod(s)) * 4 for s in layer.shapes.values())
            for layer in model.layers[::-1]
        ]
        print(json.dumps(found))


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--bucket", type=int, default=2_000_000, help="bytes")
parser.add_argument("--network", choices=NETWORKS, default="none", help="to imitate")
parser.add_argument("--ways", nargs="+", default=["after", "buckets", "overlap"])
parser.add_argument("--turns", type=int, default=10, help="updates of each way")
parser.add_argument("--layers", type=int, default=4)
parser.add_argument("--hidden", type=int, default=256)
parser.add_argument("--length", type=int, default=50)
parser.add_argument("--batch", type=int, default=16, help="sequences of each rank")

if __name__ == "__main__":
    with parallel.job() as comm:
        main(comm, parser.parse_args())
