"""The scripts beside the chapter on MPI: what is stored is what they measure, and buckets lose nothing."""

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

RUN = Path(__file__).parents[2] / "chapters" / "run"
STORED = json.loads((RUN / "mpi_speed.json").read_text())


def script(name):
    spec = importlib.util.spec_from_file_location(name, RUN / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_all_jobs_of_the_script_are_stored_and_their_parts_add_up():
    speed = script("mpi_speed")
    jobs = [*speed.ONES, *speed.TWOS, *speed.ROOTS, *speed.MESSAGES]
    stored = [(row["ranks"], row["batch"], row["hidden"], row["root"]) for row in STORED["updates"]]
    assert stored == [(*job[:3], len(job) > 3) for job in jobs]
    for row in STORED["updates"]:
        middle, least = np.transpose([row[part] for part in ("works", "waits", "talks")])
        assert (least <= middle).all() and row["update"][1] <= row["update"][0]
        assert least.sum() <= row["update"][1] * 1.001 and min(row["turns"]) <= row["update"][0] * 1.001
        assert row["bytes"] == 4 * (4 * row["hidden"] * (2 + row["hidden"] + 1) + 2 * (row["hidden"] + 1))
    assert {"processor", "cores", "MPI", "NumPy", "scheduling", "date"} == STORED["machine"].keys()


def test_the_stored_timelines_are_whole():
    ways = {(row["network"], row["bucket"], row["way"]) for row in STORED["overlap"]}
    assert len(ways) == len(STORED["overlap"]) == 3 * (1 + len(script("mpi_speed").BUCKETS))
    for row in STORED["overlap"]:
        stamps, travels = np.array(row["stamps"]), np.array(row["travels"])
        assert stamps.shape == (2, len(row["parts"]) + 4) and (np.diff(stamps) >= 0).all()
        assert sum(row["parts"]) == row["bytes"]
        if row["network"] == "none":
            assert not travels.size
            continue
        size = row["bytes"] if row["way"] == "after" else row["bucket"]
        assert len(travels) == -(-row["bytes"] // size)
        assert (travels[1:, 0] >= travels[:-1, 1] - 2e-6).all()  # one after the other; stamps are rounded
        alpha, beta = script("mpi_overlap").NETWORKS[row["network"]]
        assert np.diff(travels).sum() == pytest.approx(2 * alpha * len(travels) + beta * row["bytes"], rel=1e-2)
        assert stamps[:, -2].min() >= travels[-1, 1] - 1e-5  # nobody goes on before the last has arrived


@pytest.mark.parametrize("size", [4, 12, 36, 1000])
def test_buckets_send_each_number_once_the_last_first(size):
    """By a communicator that writes down what it is handed."""
    sent = []
    comm = SimpleNamespace(Iallreduce=lambda _, part: sent.append(part.copy()))
    grad = np.arange(25, dtype=np.float32)
    buckets = script("mpi_overlap").Buckets(comm, grad, size)
    for begin in (24, 17, 17, 9, 0):
        before = len(sent)
        buckets.ready(begin)
        assert not np.concatenate([*sent[before:], grad[:0]]).size or min(p[0] for p in sent[before:]) >= begin
    np.testing.assert_array_equal(np.concatenate(sent[::-1]), grad)
    assert all(part.size == size // 4 for part in sent[:-1])


def test_the_backward_pass_in_pieces_is_the_whole_one():
    module = script("mpi_overlap")
    from lstm_core import Model, dense, gru, lstm, softmax_cross_entropy

    rng = np.random.default_rng(0)
    model = Model([lstm(3, 4), gru(4, 5), dense(5, 2)], softmax_cross_entropy, rng=rng, dtype=np.float64)
    x, target = rng.standard_normal((7, 3, 6)), rng.integers(0, 2, (7, 6))
    y, _, caches = model.forward(x)
    grad = np.full_like(model.theta, np.nan)
    pieces = list(module.backward(model, caches, model.loss(y, target)[1], grad))
    np.testing.assert_array_equal(grad, model.loss_and_gradient(x, target)[1])
    assert pieces[0][1] == grad.size and pieces[-1][0] == 0
    assert [begin for begin, _ in pieces[:-1]] == [end for _, end in pieces[1:]]
