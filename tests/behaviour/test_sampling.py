"""Sampling: labels drawn with the probabilities that the model states, from the state that it has reached."""

import numpy as np
import pytest

import lstm_core as core
from lstm_core import Model, bidirectional, dense, embedding, gru, last, lstm, sample, softmax_cross_entropy

C = 4


def model(*layers, seed=0):
    made = Model(list(layers), softmax_cross_entropy, rng=np.random.default_rng(seed), dtype=np.float64)
    made.theta += 0.5 * np.random.default_rng(seed + 1).standard_normal(made.theta.shape)
    return made


MODELS = {
    "embedding": lambda: model(embedding(C, 3), lstm(3, 5), dense(5, C)),
    "one-hot": lambda: model(gru(C, 5), lstm(5, 4, peepholes=True), dense(4, C)),
    "last": lambda: model(embedding(C, 3), gru(3, 5), last(), dense(5, C)),
}


def scores(made, labels):
    """The scores after reading all labels at once, without any state carried."""
    x = np.array([labels])
    y = made.predict(x if made.labels else np.eye(C)[x])
    return y[0] if made.reads_last else y[0, -1]


@pytest.mark.parametrize("made", [pytest.param(make(), id=name) for name, make in MODELS.items()])
def test_temperature_0_takes_the_likeliest_after_all_before(made):
    start = [2, 0, 3]
    found = sample(made, np.array(start), 20, rng=np.random.default_rng(0), temperature=0)
    for label in found:
        assert label == scores(made, start).argmax()
        start.append(label)
    assert found.dtype == np.int64 and found.shape == (20,)


@pytest.mark.parametrize("made", [pytest.param(make(), id=name) for name, make in MODELS.items()])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3])
def test_labels_come_as_often_as_the_model_says(made, temperature):
    rng, n = np.random.default_rng(0), 4000
    y = scores(made, [1, 2]) / temperature
    p = np.exp(y) / np.exp(y).sum()
    first = [sample(made, np.array([1, 2]), 1, rng=rng, temperature=temperature)[0] for _ in range(n)]
    counts = np.bincount(first, minlength=C)
    assert np.all(np.abs(counts - n * p) < 5 * np.sqrt(n * p * (1 - p)))  # five standard errors
    assert p.max() - p.min() > 0.02  # and they are not all alike


def test_the_seed_decides():
    made = MODELS["embedding"]()
    draws = [sample(made, np.array([1]), 30, rng=np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert (draws[0] == draws[1]).all() and (draws[0] != draws[2]).any()


def test_large_scores_do_not_overflow():
    made = MODELS["embedding"]()
    made.params["dense.b"][:, 0] = [-1e300, 1e300, 0, 5]
    assert (sample(made, np.array([0]), 5, rng=np.random.default_rng(0), temperature=1e-3) == 1).all()


def test_a_model_that_has_learnt_to_count_counts():
    x = np.arange(60)[None] % C
    made = Model(
        [embedding(C, 4), lstm(4, 12), dense(12, C)], softmax_cross_entropy, rng=np.random.default_rng(0)
    )
    options = {"epochs": 60, "truncate": 20, "rate": core.constant(0.02), "progress": False}
    core.fit(made, x[:, :-1], x[:, 1:], rng=np.random.default_rng(1), **options)
    found = sample(made, np.array([0, 1]), 40, rng=np.random.default_rng(2))
    assert (found == np.arange(2, 42) % C).mean() > 0.9


BAD = [
    ("temperature: expected a number >= 0, got -1", {"temperature": -1}),
    ("temperature: expected a number >= 0, got nan", {"temperature": float("nan")}),
    ("count: expected a positive integer, got 0", {"count": 0}),
    ("rng: expected a numpy.random.Generator", {"rng": 3}),
    ("start: expected labels in 0 ... 3, got 1 ... 4", {"start": np.array([1, 4])}),
    ("start: expected n >= 1", {"start": np.array([], int)}),
    ("start: expected integer class labels, got dtype float64", {"start": np.array([1.0])}),
    ("model: expected one that runs forward and scores the labels it reads, got", {
        "model": model(embedding(C, 3), bidirectional(lstm(3, 2)), dense(4, C))}),
    ("model: expected one that runs forward and scores the labels it reads, got", {
        "model": model(embedding(C, 3), lstm(3, 2), dense(2, C + 1))}),
]  # fmt: skip


@pytest.mark.parametrize("message, changes", BAD, ids=[message[:40] for message, _ in BAD])
def test_bad_input(message, changes):
    options = {"model": MODELS["embedding"](), "start": np.array([1]), "count": 3, "rng": np.random.default_rng(0)}
    with pytest.raises((TypeError, ValueError)) as caught:
        sample(**options | changes)
    assert str(caught.value).startswith(message)
