"""n ranks do what one does, to 1e-12; a rank that fails ends the job.

The arithmetic is tested twice: with threads for ranks and a communicator of a few lines, which needs no MPI, and with
mpiexec, where mpi4py and an MPI are there. This file is also the script that mpiexec runs.
"""

import copy
import importlib.util
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import standin

from lstm_core import (
    CrossEntropy,
    History,
    Model,
    bidirectional,
    dense,
    dropout,
    embedding,
    fit,
    gru,
    last,
    lstm,
    mse,
    optim,
    parallel,
    settings,
    softmax_cross_entropy,
    to_host,
    training,
)
from lstm_formats import load, save

N, T, D, C = 23, 7, 3, 2  # in batches of 10: the last one has 3, fewer than 4 ranks

# Sums of at most 70 terms in another order, over 9 updates; float64 rounds at 1.1e-16, and theta is of order 1.
TOLERANCE = 1e-12

LENGTHS = np.random.default_rng(7).integers(1, T + 1, N)
SHORT = np.where(np.arange(N) == 4, T, 2)  # all but one string have ended before the second piece of three steps

CASES = {
    "last step": ([gru(D, 5), last(), dense(5, C)], {}),
    "every step": ([lstm(D, 4, peepholes=True), dense(4, C)], {}),
    "values": ([gru(D, 5), dense(5, C)], {"loss": mse, "rate": optim.constant(0.1), "optimizer": optim.momentum()}),
    "clipped": ([lstm(D, 4), dense(4, C)], {"clip": 0.05, "optimizer": optim.sgd(), "rate": optim.constant(0.5)}),
    "schedule": ([lstm(D, 4), dense(4, C)], {"rate": optim.cosine(0.05, 3, 0.5)}),
    "lengths": ([lstm(D, 4), dense(4, C)], {"lengths": LENGTHS}),
    "lengths, last step": ([gru(D, 5), last(), dense(5, C)], {"lengths": LENGTHS}),
    "buckets": ([lstm(D, 4), dense(4, C)], {"lengths": LENGTHS, "buckets": True}),
    "truncated": ([lstm(D, 4), dense(4, C)], {"truncate": 3}),
    "truncated, last step": ([lstm(D, 4), last(), dense(4, C)], {"truncate": 3, "lengths": LENGTHS}),
    "truncated, lengths": ([lstm(D, 4), dense(4, C)], {"truncate": 3, "lengths": LENGTHS}),
    "truncated, dropout": ([gru(D, 5), dropout(0.3), gru(5, 4), last(), dense(4, C)], {"truncate": 3}),
    "strings that ended": ([lstm(D, 4), dropout(0.3), dense(4, C)], {"truncate": 3, "lengths": SHORT}),
    "both ways": ([bidirectional(gru(D, 4), last=True), dense(8, C)], {"lengths": LENGTHS}),
    "dropout": ([gru(D, 5), dropout(0.4), lstm(5, 4), dropout(0.4), dense(4, C)], {"lengths": LENGTHS}),
    "variational dropout, zoneout": (
        [dropout(0.3, True, D), lstm(D, 5, zoneout_h=0.2, zoneout_c=0.4), dropout(0.4, True), dense(5, C)],
        {"lengths": LENGTHS, "truncate": 3},
    ),
    "class weights": ([lstm(D, 4), dense(4, C)], {"loss": CrossEntropy([0.2, 1.5]), "lengths": LENGTHS, "truncate": 3}),
    "ignored": ([gru(D, 5), last(), dense(5, C)], {"loss": CrossEntropy(ignore_index=1), "batch": 5}),
    "ignored, one by one": ([gru(D, 5), last(), dense(5, C)], {"loss": CrossEntropy(ignore_index=1), "batch": 1}),
    "labels": ([embedding(5, 3), gru(3, 4), dense(4, C)], {}),
    "batches of one": ([gru(D, 5), last(), dense(5, C)], {"batch": 1, "epochs": 1}),
    "patience": ([gru(D, 5), last(), dense(5, C)], {"patience": 1, "epochs": 9, "rate": optim.constant(0.05)}),
    "one batch": ([gru(D, 5), last(), dense(5, C)], {"batch": N, "epochs": 1, "optimizer": optim.sgd()}),
}


def run(case, comm=None, seed=1, **more):
    """Train the model of a case: the model and its History. Ranks start from other parameters and generators."""
    layers, settings = CASES[case]
    settings = {"loss": softmax_cross_entropy, "epochs": 3, "batch": 10} | settings | more
    rank, rng = 0 if comm is None else comm.rank, np.random.default_rng(0)
    x = rng.standard_normal((N, T, D))
    if case == "labels":
        x = rng.integers(0, 5, (N, T))
    model = Model(layers, settings.pop("loss"), rng=np.random.default_rng(rank), dtype=np.float64)
    shape = (N,) if model.reads_last else (N, T)
    y = rng.standard_normal((*shape, C)) if case == "values" else rng.integers(0, C, shape)
    if "patience" in settings:  # the labels swapped: the better the fit, the worse the score, and epoch 0 is best
        settings["validation"] = x, 1 - y
    rng = np.random.default_rng(seed + rank)
    return model, fit(model, x, y, rng=rng, comm=comm, progress=False, **settings), rng


def difference(found, expected):
    """The largest difference between two runs: parameters, optimiser's state, and what the histories say."""
    (model, history, _), (one, alone, _) = found, expected
    pairs = [(model.theta, one.theta)]
    pairs += [(history.optimizer[k], alone.optimizer[k]) for k in alone.optimizer]
    pairs += [(getattr(history, k), getattr(alone, k)) for k in ("loss", "batch_loss", "batch_norm", "rate")]
    pairs += [([s.loss for s in history.validation], [s.loss for s in alone.validation])]
    assert (history.best, len(history.loss)) == (alone.best, len(alone.loss))
    return max(float(np.abs(np.subtract(a, b)).max()) for a, b in pairs if np.size(b))


# ---- threads for ranks -------------------------------------------------------------------------------------------


def on_threads(size, task):
    """[task(comm) of each rank], each in a thread, with a communicator that does what MPI's does."""
    barrier, shared, calls = threading.Barrier(size, timeout=30), [None] * size, []

    def communicator(rank):
        def exchange(value):
            shared[rank] = value
            barrier.wait()
            values = copy.deepcopy(shared)  # before any rank goes on, and changes its own
            barrier.wait()
            return values

        def allreduce(send, receive):
            assert send is None and receive.ndim == 1  # in place, one flat vector
            calls.append((rank, receive.size, receive.dtype))
            receive[...] = sum(exchange(receive.copy()))

        def bcast(value, root=0):
            values = exchange(value)
            return value if rank == root else values[root]

        return SimpleNamespace(rank=rank, size=size, bcast=bcast, Allreduce=allreduce, calls=calls)

    def guarded(rank):
        try:
            return task(communicator(rank))
        except BaseException:
            barrier.abort()
            raise

    with ThreadPoolExecutor(size) as pool:
        return [future.result() for future in [pool.submit(guarded, rank) for rank in range(size)]]


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("case", CASES)
def test_ranks_do_what_one_does(case, size):
    expected, ranks = run(case), on_threads(size, lambda comm: run(case, comm))
    for found in ranks:
        assert difference(found, expected) <= TOLERANCE
        np.testing.assert_array_equal(found[0].theta, ranks[0][0].theta)  # the same sum everywhere: to the last bit
        assert found[2].bit_generator.state == expected[2].bit_generator.state
    assert any((expected[0].theta != run(case, seed=2)[0].theta).ravel())  # the order matters to these numbers


def test_one_rank_is_no_other_run():
    (found,) = on_threads(1, lambda comm: run("dropout", comm))
    assert difference(found, run("dropout")) == 0


def test_one_message_an_update():
    calls = on_threads(2, lambda comm: (run("every step", comm), comm.calls)[1])[0]
    size = run("every step")[0].theta.size
    assert sorted(calls) == [(r, size + 2, np.float64) for r in (0, 1) for _ in range(9)]


def test_float32():
    """In the model's precision, too: rounding at 6e-8 in three updates of gradient descent."""

    def train(comm=None):
        rng = np.random.default_rng(0)
        model = Model([lstm(D, 4), dense(4, C)], softmax_cross_entropy, rng=rng)
        x, y = rng.standard_normal((N, T, D)).astype(np.float32), rng.integers(0, C, (N, T))
        settings = {"optimizer": optim.sgd(), "rate": optim.constant(0.1), "progress": False}
        history = fit(model, x, y, epochs=1, batch=10, rng=rng, comm=comm, **settings)
        return model.theta, history, getattr(comm, "calls", [])

    expected, alone, _ = train()
    for theta, history, calls in on_threads(3, train):
        assert theta.dtype == np.float32 and {dtype for _, _, dtype in calls} == {np.dtype(np.float32)}
        np.testing.assert_allclose(theta, expected, rtol=0, atol=1e-6)
        # the history as ever: Python's numbers, an epoch's mean in double precision
        assert all(type(v) is float for name in ("loss", "batch_loss", "batch_norm") for v in getattr(history, name))
        np.testing.assert_allclose(history.loss, np.dot(history.batch_loss, [10, 10, 3]) / N, rtol=1e-15)
        np.testing.assert_allclose(history.batch_loss, alone.batch_loss, rtol=1e-6)


def test_on_a_device():
    """The gradient comes to the host for its message and goes back; nothing else changes."""
    expected = run("dropout")
    for model, history, _ in on_threads(3, lambda comm: run("dropout", comm, device=standin)):
        assert type(model.theta) is type(standin.empty(1))
        assert np.abs(to_host(model.theta) - expected[0].theta).max() <= TOLERANCE
        np.testing.assert_allclose(history.loss, expected[1].loss, rtol=0, atol=TOLERANCE)


def test_rank_0_alone_shows_progress_and_saves(capsys):
    def train(comm):
        model, x, y = Model([dense(D, C)], mse, rng=np.random.default_rng(0)), np.ones((4, 1, D)), np.ones((4, 1, C))
        called = []
        after = lambda history: called.append(len(history.loss))
        rng = np.random.default_rng(0)
        fit(model, x, y.astype(np.float32), epochs=2, rng=rng, comm=comm, after_epoch=after)
        return called

    assert on_threads(3, train) == [[1, 2], [], []]
    assert capsys.readouterr().err.count("\n") == 1  # a bar ends with a line end


def test_rank_0_scores_for_all(monkeypatch):
    """Ranks that round in other ways may see other best epochs: one that stopped alone would leave the rest waiting."""
    scored, real = [], training.score
    monkeypatch.setattr(training, "score", lambda *given: scored.append(threading.get_ident()) or real(*given))

    def train(comm):
        _, history, _ = run("patience", comm)
        return threading.get_ident(), history.validation, history.best, len(history.loss)

    first, *others = on_threads(3, train)
    assert scored == [first[0]] * 2 and first[2:] == (0, 2)  # two epochs, and only by rank 0
    assert all(other[1:] == first[1:] for other in others)


def test_a_checkpoint_of_rank_0_is_enough(tmp_path):
    """Broken off after two epochs; rank 0 alone has the file, and goes on with other ranks: as if without a break."""
    whole = run("dropout", epochs=4)
    model, history, rng = on_threads(3, lambda comm: run("dropout", comm, epochs=2))[0]
    save(model, tmp_path / "run", history, rng)

    def go_on(comm):
        layers, settings = CASES["dropout"]
        model = Model(layers, softmax_cross_entropy, rng=np.random.default_rng(9), dtype=np.float64)
        history, rng = History(), np.random.default_rng(9)
        if comm.rank == 0:
            model, history, rng = load(tmp_path / "run")
        data = np.random.default_rng(0)
        x, y = data.standard_normal((N, T, D)), data.integers(0, C, (N, T))
        fit(model, x, y, epochs=4, batch=10, rng=rng, history=history, comm=comm, progress=False, **settings)
        return model, history, rng

    for found in on_threads(2, go_on):
        assert difference(found, whole) <= TOLERANCE


def test_divergence_ends_all_ranks_alike():
    """One rank's loss is not finite: all ranks raise, at the same update, with the weights before it."""

    def train(comm):
        layers, _ = CASES["every step"]
        model = Model(layers, softmax_cross_entropy, rng=np.random.default_rng(0), dtype=np.float64)
        true, before = model.learn, model.theta.copy()

        def learn(*given):
            loss, grad, states = true(*given)
            return loss * (np.nan if comm.rank == 1 else 1), grad, states

        model.learn = learn
        x, y = np.ones((4, T, D)), np.ones((4, T), int)
        with pytest.raises(FloatingPointError, match="loss nan"):
            fit(model, x, y, epochs=1, rng=np.random.default_rng(0), comm=comm, progress=False)
        return (model.theta == before).all()

    assert on_threads(2, train) == [True, True]


def test_without_mpi4py_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ImportError, match=r'^job: .* pip install "lstm-core\[mpi\]"$'), parallel.job():
        pass


@pytest.mark.parametrize("error", [ValueError("no more"), KeyboardInterrupt(), SystemExit(0)], ids=repr)
def test_a_job_that_fails_says_why_gives_mpiexec_a_second_and_aborts(error, monkeypatch, capsys):
    """In this order, without MPI; and a job that does not fail ends without a word."""
    done = []
    world = SimpleNamespace(Abort=lambda status: done.append(("abort", status, capsys.readouterr().err)))
    monkeypatch.setitem(sys.modules, "mpi4py", SimpleNamespace(MPI=SimpleNamespace(COMM_WORLD=world)))
    monkeypatch.setattr(time, "sleep", lambda seconds: done.append(("sleep", seconds)))
    with parallel.job(timeout=None) as comm:
        assert comm is world
    with parallel.job() as comm:
        assert comm.Abort.__name__ == "call"  # watched
    assert done == []
    with parallel.job():
        raise error
    assert done[0] == ("sleep", 1) and done[1][:2] == ("abort", 1) and len(done) == 2
    assert type(error).__name__ in done[1][2] and str(error) in done[1][2]


def test_bad_communicator():
    with pytest.raises(TypeError, match=r"^comm: expected an MPI communicator, as parallel.job gives it, got 4"):
        model = Model([dense(D, C)], mse, rng=np.random.default_rng(0))
        fit(model, np.ones((4, 1, D)), np.ones((4, 1, C), np.float32), epochs=1, rng=np.random.default_rng(0), comm=4)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_the_scheme_of_the_report_gives_the_same_sum(size):
    """Through rank 0, in place, three times in a row; and it is timed once a message."""
    path = Path(__file__).parents[2] / "chapters/run/parity_mpi.py"
    spec = importlib.util.spec_from_file_location("parity_mpi", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    mail = {(a, b): queue.Queue() for a in range(size) for b in range(size)}

    def add(comm):
        comm.Send = lambda message, dest: mail[comm.rank, dest].put(message.copy())
        comm.Recv = lambda message, source: np.copyto(message, mail[source, comm.rank].get(timeout=30))
        comm.Barrier, waiting, talking = lambda: None, [], []
        timed = script.timed(comm, script.through_root(comm), waiting, talking)
        message = np.arange(3.0) + 10**comm.rank
        for _ in range(3):
            timed.Allreduce(None, message)
        assert (timed.rank, timed.size, timed.bcast) == (comm.rank, size, comm.bcast)
        return message, len(waiting), len(talking)

    for message, *times in on_threads(size, add):
        expected = size * np.arange(3.0) + sum(10**rank for rank in range(size))
        np.testing.assert_array_equal(message, expected * size**2)
        assert times == [3, 3]


# ---- ranks that disagree -----------------------------------------------------------------------------------------


def arguments():
    """The arguments of a `fit` on which all ranks agree: model's layers, loss, dtype, data and settings."""
    rng = np.random.default_rng(3)
    return {
        "layers": [gru(D, 5), dropout(0.2), dense(5, C)], "loss": softmax_cross_entropy, "dtype": np.float64,
        "x": rng.standard_normal((N, T, D)), "y": rng.integers(0, C, (N, T)), "lengths": LENGTHS, "epochs": 2,
        "batch": 8, "rate": optim.cosine(0.01, 2), "optimizer": optim.adam(), "clip": 1.0, "buckets": False,
        "validation": (rng.standard_normal((5, T, D)), rng.integers(0, C, (5, T))), "patience": 2, "truncate": 4,
    }  # fmt: skip


def train(comm, **changes):
    given = arguments() | changes
    layers, loss, dtype, x, y = (given.pop(name) for name in ("layers", "loss", "dtype", "x", "y"))
    model = Model(layers, loss, rng=np.random.default_rng(comm.rank), dtype=dtype)
    before = model.theta.copy()
    try:
        fit(model, x, y, rng=np.random.default_rng(0), comm=comm, progress=False, **given)
    except Exception:
        np.testing.assert_array_equal(model.theta, before)
        raise


OTHER_X = arguments()["x"] + 1e-9 * (np.arange(T * D).reshape(T, D) == 4)
DIFFERENT = {  # what another rank has -> what it is called in the message
    "one number of x": ({"x": OTHER_X}, "x"),
    "a shard of the data": ({k: arguments()[k][:11] for k in ("x", "y", "lengths")}, "x, y, lengths"),
    "labels": ({"y": 1 - arguments()["y"]}, "y"),
    "lengths": ({"lengths": np.full(N, T)}, "x, y, lengths"),  # beyond its length, an example counts as zeros
    "no lengths": ({"lengths": None}, "x, y, lengths"),
    "dtype": ({"dtype": np.float32}, "model, x, validation"),
    "cell": ({"layers": [lstm(D, 5), dropout(0.2), dense(5, C)]}, "model"),
    "hidden units": ({"layers": [gru(D, 6), dropout(0.2), dense(6, C)]}, "model"),
    "dropout": ({"layers": [gru(D, 5), dropout(0.3), dense(5, C)]}, "model"),
    "a weighted loss": ({"loss": CrossEntropy([1, 2])}, "model"),
    "rate": ({"rate": optim.cosine(0.01, 2, warmup=0.1)}, "rate"),
    "a schedule of one's own": ({"rate": lambda progress: 0.01}, "rate"),
    "optimizer": ({"optimizer": optim.momentum()}, "optimizer"),
    "the optimizer's settings": ({"optimizer": optim.adam(beta2=0.99)}, "optimizer"),
    "clip": ({"clip": 2.0}, "clip"),
    "no clip": ({"clip": None}, "clip"),
    "epochs": ({"epochs": 3, "rate": optim.constant(0.01)}, "rate, epochs"),
    "batch": ({"batch": 9}, "batch"),
    "buckets": ({"buckets": True}, "buckets"),
    "truncate": ({"truncate": None}, "truncate"),
    "patience": ({"patience": 1}, "patience"),
    "no patience": ({"patience": None}, "patience"),
    "validation": ({"validation": (arguments()["x"], arguments()["y"])}, "validation"),
    "no validation": ({"validation": None, "patience": None}, "validation, patience"),
}


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("changes, names", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_ranks_that_disagree_say_so_on_every_rank(changes, names, size):
    """The last rank has something else; and rank 0 has, which the others then blame on themselves."""

    def message(comm, odd):
        with pytest.raises(ValueError) as caught:
            train(comm, **(changes if comm.rank == odd else {}))
        return str(caught.value)

    last_one = {f"comm: expected the same on all ranks, got on rank {size - 1} another {names}"}
    assert {*on_threads(size, lambda comm: message(comm, size - 1))} == last_one
    first = {f"comm: expected the same on all ranks, got on rank 1 another {names}"}
    assert {*on_threads(size, lambda comm: message(comm, 0))} == first


BAD = {
    "NaN in x": ({"x": np.where(OTHER_X == OTHER_X[2, 1, 0], np.nan, OTHER_X)}, "ValueError: x: expected finite"),
    "a rate that is none": ({"rate": 0.1}, "TypeError: rate: expected a schedule"),
    "nothing to validate": ({"validation": (np.zeros((0, T, D)), np.zeros((0, T), int))}, "ValueError: validation: x"),
    "a label out of range": ({"y": 3 * arguments()["y"]}, "ValueError: y: expected labels in 0"),
}


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("changes, says", BAD.values(), ids=BAD.keys())
def test_bad_arguments_on_one_rank_are_an_error_on_every_rank(changes, says, size):
    def message(comm, odd):
        with pytest.raises((ValueError, TypeError)) as caught:
            train(comm, **(changes if comm.rank == odd else {}))
        return f"{type(caught.value).__name__}: {caught.value}"

    for odd in (0, size - 1):
        found = on_threads(size, lambda comm, odd=odd: message(comm, odd))
        assert found.pop(odd).startswith(says)
        assert all(m.startswith(f"ValueError: comm: expected good arguments on all ranks, got on rank {odd} {says}")
                   for m in found)  # fmt: skip


@pytest.mark.parametrize("other", [CrossEntropy([1, 3], -1), CrossEntropy([1, 2], -2)], ids=["weights", "ignored"])
def test_ranks_with_other_numbers_in_their_losses_disagree(other):
    def message(comm):
        with pytest.raises(ValueError) as caught:
            train(comm, loss=other if comm.rank else CrossEntropy([1, 2], -1))
        return str(caught.value)

    assert {*on_threads(2, message)} == {"comm: expected the same on all ranks, got on rank 1 another model"}


def test_ranks_that_agree_train():
    """With schedules and optimisers of their own, too, which note when they are called: only to train."""

    def noting(comm):
        adam, calls = optim.adam(), []

        def update(*given):
            calls.append("update")
            adam.update(*given)

        def rate(progress):
            calls.append("rate")
            return 0.01

        train(comm, rate=rate, optimizer=optim.Optimizer(adam.init, update))
        return calls

    assert settings._text(lambda progress: 0.01) != settings._text(lambda progress: 0.02)
    on_threads(2, train)
    for calls in on_threads(2, noting):
        assert calls == ["rate", "update"] * (len(calls) // 2)


def test_a_call_that_does_not_come_back_ends_the_job(capfd):
    ended = threading.Event()
    slow = SimpleNamespace(rank=1, size=2, Allreduce=lambda *_: time.sleep(0.6), bcast=lambda value: value)
    comm = parallel.Watched(slow, 0.2, ended.set)
    assert comm.size == 2 and comm.bcast(3) == 3 and not ended.wait(0.4)  # nobody waits between calls
    comm.Allreduce(None, None)
    assert ended.is_set()
    assert "rank 1: Allreduce has waited for the other ranks for 0.2 s; one of them hangs" in capfd.readouterr().err
    for bad in (0, -1, "x", True):
        with pytest.raises(ValueError, match=r"^timeout: expected a positive number"), parallel.job(timeout=bad):
            pass


# ---- MPI ---------------------------------------------------------------------------------------------------------

MPIEXEC = shutil.which("mpiexec", path=Path(sys.executable).parent) or shutil.which("mpiexec")
mpi = pytest.mark.skipif(
    MPIEXEC is None or importlib.util.find_spec("mpi4py") is None,
    reason="mpi4py or mpiexec is not installed: pip install mpi4py mpich",
)


def mpiexec(size, *task):
    """Run this file with `size` ranks: its result."""
    command = [MPIEXEC, "-n", str(size), sys.executable, "-W", "error", __file__, *task]
    helpers = [str(Path(standin.__file__).parent)]  # pytest has it on the path, a script has not
    helpers += filter(None, [os.environ.get("PYTHONPATH")])
    local = {"MPICH_INTERFACE_HOSTNAME": "localhost"}  # macOS: the machine's own name may not be found
    env = os.environ | local | {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(helpers)}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=env)


@mpi
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_mpi_ranks_do_what_one_does(size, shown):
    done = mpiexec(size, "equal")
    assert done.returncode == 0, done.stderr
    found = dict(line.rsplit(None, 1) for line in done.stdout.splitlines())
    assert found.pop("ranks") == str(size) and found.keys() == CASES.keys()
    worst = max(map(float, found.values()))
    assert worst <= TOLERANCE
    shown(f"MPI: {size} ranks and 1 rank differ by at most {worst:.0e} in {len(found)} training runs")


@mpi
@pytest.mark.parametrize("how, says", [
    ("raise", "ValueError: no more of this"),
    ("exit", "SystemExit: 0"),
    ("_exit", None),
    ("kill", None),
    ("hang", "for the other ranks for 3.0 s; one of them hangs or was stopped"),
    ("stop", "for the other ranks for 3.0 s; one of them hangs or was stopped"),
])  # fmt: skip
@pytest.mark.parametrize("rank", [0, 2])
def test_mpi_a_rank_that_fails_ends_the_job(rank, how, says, tmp_path):
    """In 10 s, with an exit status, and the error on stderr where Python was still there to write it.

    A rank that was killed can say nothing: there mpiexec's exit status is all that is certain. The 10 s run from the
    failure, not from the start of three Pythons, and the time of it is in a file: mpiexec may lose what a rank printed
    last. It takes 1 s, in which the rank sleeps; a busy machine has the rest. A rank that hangs, or was stopped by a
    signal, is noticed by the others after the 3 s that the job is given for that.
    """
    when = tmp_path / "when"
    done = mpiexec(3, "fail", str(rank), how, str(when))
    assert done.returncode != 0
    assert time.time() - float(when.read_text()) < 10
    assert "the end" not in done.stdout
    assert (says or "") in done.stderr


def main(task, *more):
    with parallel.job(timeout=3.0 if task == "fail" else 60.0) as comm:
        if task == "equal":
            for case in CASES:
                found = run(case, comm)
                thetas = comm.gather(found[0].theta)
                if comm.rank == 0:
                    assert all((theta == found[0].theta).all() for theta in thetas)
                    print(case, difference(found, run(case)))
            if comm.rank == 0:
                print("ranks", comm.size)
        else:
            rank, how = int(more[0]), more[1]
            ways = {"exit": lambda: sys.exit(0), "_exit": lambda: os._exit(3)}
            ways |= {"hang": lambda: time.sleep(300), "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP)}
            ways["kill"] = lambda: os.kill(os.getpid(), signal.SIGKILL)
            calls = []

            def loss(y, target):
                calls.append(0)
                if comm.rank == rank and len(calls) == 5:
                    Path(more[2]).write_text(str(time.time()))
                    if how == "raise":
                        raise ValueError("no more of this")
                    ways[how]()
                return softmax_cross_entropy(y, target)

            CASES["fail"] = CASES["last step"][0], {"loss": loss}
            run("fail", comm)
            print("the end")


if __name__ == "__main__":
    main(*sys.argv[1:])
