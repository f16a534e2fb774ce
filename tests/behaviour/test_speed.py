"""Speed and memory: a disaster is caught, noise is not; the peak of a gradient is as the chapter's formula says."""

import importlib.util
import json
import time
from pathlib import Path

import numpy as np
import pytest

from lstm_core import Model, dense, last, recurrent, softmax_cross_entropy

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="benchmarks/ is not in this copy of the project")


@pytest.fixture(scope="module")
def programs():
    spec = importlib.util.spec_from_file_location("programs", BENCHMARKS / "programs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def least(*steps, runs=10):
    """The least time of each; they take turns, so that a busy moment hits both."""
    found = [np.inf] * len(steps)
    for _ in range(runs):
        for k, step in enumerate(steps):
            start = time.perf_counter()
            step()
            found[k] = min(found[k], time.perf_counter() - start)
    return np.array(found)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_a_step_takes_at_most_twice_what_was_recorded(cell, programs, shown):
    """As a multiple of its own matrix products, so that it is about the code and not about the machine."""
    recorded = json.loads((BENCHMARKS / "results.json").read_text())["steps on one core"][cell]["mnist"]
    steps = programs.ours(cell, "mnist", False), programs.products(cell, "mnist")
    before, times = recorded["plain"][0] / recorded["products"][0], least(*steps)
    for _ in range(20):  # on a busy machine: until each has had its quiet moment
        if times[0] < 2 * before * times[1]:
            break
        times = np.minimum(times, least(*steps))
    found = times[0] / times[1]
    shown(f"speed  {cell}: a training step takes {found:.2f} times as long as its products; recorded {before:.2f}")
    assert found < 2 * before


@pytest.mark.parametrize("shape", ["mnist", "parity"])
def test_the_textbook_has_the_same_gradient(shape, programs):
    """What is measured beside us does the same work."""
    step = programs.textbook(shape, "float64")
    P = {name: array.copy() for name, array in step.parameters.items()}
    _, _, D, H, C, reads_last = programs.SHAPES[shape]
    layers = [recurrent("lstm", D, H, own=False, compiled=False), *([last()] if reads_last else []), dense(H, C)]
    model = Model(layers, softmax_cross_entropy, rng=np.random.default_rng(0), dtype=np.float64)
    ours = {f"lstm.{k}": np.concatenate([P[k + gate] for gate in "iofg"]) for k in "WRb"}
    for name, array in (ours | {"dense.W": P["V"], "dense.b": P["a"]}).items():
        model.params[name][:] = array
    x, y = programs.data(shape)
    _, gradient, _ = model.learn(x.astype(np.float64), y)
    found = step()
    expected = model.at(gradient).params
    for k in "WRb":
        np.testing.assert_allclose(np.concatenate([found[k + g] for g in "iofg"]), expected[f"lstm.{k}"], atol=1e-13)
    np.testing.assert_allclose(found["V"], expected["dense.W"], atol=1e-13)
    np.testing.assert_allclose(found["a"], expected["dense.b"], atol=1e-13)


@pytest.mark.parametrize("T, H, B, D, slack", [(800, 64, 16, 2, 1.1), (300, 64, 64, 64, 1.07), (28, 100, 100, 28, 1.5)])
def test_the_memory_of_a_gradient_is_the_formula(T, H, B, D, slack, programs, shown):
    """n = T B (8 H + D + 1) numbers: six planes kept, what the product reads, dh. And ≤ 9 T H B where D is small."""
    formula = T * B * (8 * H + D + 1)
    found = programs.memory_of_a_gradient(T, H, B, D)
    measured, said = (f"{values / (T * H * B):.2f}" for values in (found, formula))
    shown(f"memory  T, H, B, D = {T}, {H}, {B}, {D}: {measured} T·H·B numbers, the formula says {said}")
    assert 0.9 * formula < found < slack * formula
    assert D > 2 or found <= 9 * T * H * B
