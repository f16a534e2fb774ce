"""OpenAI's form of parity in chapters/run/parity-why.ipynb: what is stored, and the sequences that the script makes."""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
STORED = json.loads((ROOT / "chapters/run/parity_posed.json").read_text(encoding="utf-8"))
spec = importlib.util.spec_from_file_location("parity_posed", ROOT / "chapters/run/parity_posed.py")
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)


def test_what_is_stored():
    """Every job of the script, five seeds each, with date, machine and versions; batches only of what was solved."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", STORED["date"]) and {"machine", "python", "numpy", "numba"} <= STORED.keys()
    assert STORED["runs"].keys() == script.JOBS.keys()
    for name, run in STORED["runs"].items():
        assert len(run["batches"]) == len(run["error"]) == len(script.SEEDS), name
        for batches, error in zip(run["batches"], run["error"]):
            assert 0 <= error <= 1 and (batches is None or 20 <= batches <= script.RECIPE["most"])
            assert batches is None or error < 0.02, name


@pytest.mark.parametrize("way", script.WAYS)
def test_sequences_have_the_parity_of_their_bits_and_zeros_where_they_should(way):
    x, lengths, y = script.sequences(np.random.default_rng(0), 2_000, way, longest=9, shortest=3)
    bits = x[..., 0]
    assert set(np.unique(bits)) == {0, 1} and x.shape == (2_000, 9, 1)
    np.testing.assert_array_equal(y, bits.sum(axis=1) % 2)
    assert set(lengths) == ({9} if way == "fixed" else set(range(3, 10)))
    steps = np.arange(9)
    inside = steps >= 9 - lengths[:, None] if way == "front" else steps < lengths[:, None]
    assert not bits[~inside].any()
    assert abs(bits[inside].mean() - 0.5) < 0.02  # 12,000 fair bits: five standard deviations


def test_training_stops_when_it_is_solved_and_at_the_limit():
    """Two bits are learnt, and told apart without a mistake; fifty are not in five batches."""
    result = script.run("fixed", seed=0, longest=2)
    assert result["error"] == 0 and result["batches"] < script.RECIPE["most"]
    rng = np.random.default_rng(0)
    x, lengths, y = script.sequences(rng, 64, "masked")
    net = script.network(rng)
    before = net.theta.copy()
    assert script.train(net, rng, x, y, lengths, rate=0.01, clip=1.0, most=5) is None
    assert not np.array_equal(before, net.theta)
