"""The scripts of chapters/run/mnist.ipynb: their cells, what is stored, and that the page prints just that."""

import importlib
import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

from lstm_proofs import Disproof, prove_cell

RUN = Path(__file__).parents[2] / "chapters/run"
ROWS, PIXELS = (json.loads((RUN / f"mnist_{name}.json").read_text(encoding="utf-8")) for name in ("cells", "pixels"))


@pytest.fixture
def script(monkeypatch):
    """A script of the chapter, by its name."""
    monkeypatch.syspath_prepend(RUN)
    return importlib.import_module


@pytest.fixture(scope="module")
def page():
    cells = nbformat.read(RUN / "mnist.ipynb", as_version=4).cells
    return "".join(output.get("text", "") for cell in cells for output in cell.get("outputs", []))


def images(count, side=28):
    rng = np.random.default_rng(0)
    return rng.random((count, side, side), dtype=np.float32), rng.integers(0, 10, count)


@pytest.mark.parametrize("stored", [ROWS, PIXELS], ids=["rows", "pixels"])
def test_date_and_machine_are_stored(stored):
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", stored["date"]) and {"machine", "python", "numpy"} <= stored.keys()


def test_every_run_of_the_plans_is_stored_whole(script):
    cells, pixels = script("mnist_cells"), script("mnist_pixels")
    planned = dict(cells.plan(images(10), images(10)))
    assert ROWS["runs"].keys() == planned.keys()
    for key, (_, _, how, *_) in planned.items():
        assert {len(ROWS["runs"][key][name]) for name in ("train", "loss", "error")} == {how["epochs"]}
    planned = {key: arguments for key, arguments, _ in pixels.plan(images(10), images(10))}
    assert PIXELS["runs"].keys() == planned.keys()
    for key, arguments in planned.items():
        assert len(PIXELS["runs"][key]["error"]) == arguments[-1]


def test_the_page_prints_what_is_stored(page):
    runs = ROWS["runs"]
    groups = {key.rpartition(" | ")[0] for key in runs if key.endswith("| 4")}
    assert len(groups) == 5
    for group in groups:
        e = 100 * np.array([runs[f"{group} | {seed}"]["error"][-1] for seed in range(5)])
        assert re.search(rf"{e.mean():.2f} +{e.std(ddof=1) / np.sqrt(5):.2f}\b", page), group
    for key in runs:
        if key.startswith("choice"):
            assert f"{runs[key]['error'][-1]:.2%}" in page
    for key, run in PIXELS["runs"].items():
        if key.startswith("784"):
            assert "  ".join(f"{100 * error:5.2f}" for error in run["error"]) in page
    groups = {key.rpartition(" | ")[0] for key in PIXELS["runs"] if key.startswith("196")}
    for group in groups:
        e = np.array([PIXELS["runs"][f"{group} | {seed}"]["error"][-1] for seed in range(5)])
        assert re.search(rf"{e.mean():.1%} +{e.std(ddof=1) / np.sqrt(5):.1%}", page), group


def test_the_slip_is_a_slip_and_nothing_else(script):
    cells = script("mnist_cells")
    assert len(prove_cell(cells.squashed)) == 10
    with pytest.raises(Disproof):
        prove_cell(cells.slip)
    assert cells.slip.stages[0].step is cells.squashed.stages[0].step


def test_sequences_are_the_pixels(script):
    pixels = script("mnist_pixels")
    x, _ = images(3)
    np.testing.assert_array_equal(pixels.sequences(x)[:, :, 0], x.reshape(3, 784))
    shuffled = pixels.sequences(x, 28, "permuted")[:, :, 0]
    np.testing.assert_array_equal(np.sort(shuffled, axis=1), np.sort(x.reshape(3, 784), axis=1))
    assert (shuffled != x.reshape(3, 784)).mean() > 0.9
    where = np.argsort(x[0].ravel())[np.argsort(np.argsort(shuffled[0]))]
    np.testing.assert_array_equal(shuffled, x.reshape(3, 784)[:, where])  # one order for all images
    small = pixels.sequences(x, 14).reshape(3, 14, 14)
    np.testing.assert_allclose(small[:, 2, 3], x[:, 4:6, 6:8].mean(axis=(1, 2)), rtol=1e-6)  # float32


def test_gates_begin_as_they_should(script):
    """b_f = ln u, b_i = -ln u, u between 1 and T - 1; and all else as without."""
    reader = script("mnist_pixels").reader
    spread, one = (reader(100, start, np.random.default_rng(0), hidden=50) for start in ("spread", "one"))
    i, o, f, g = spread.params["lstm.b"].reshape(4, 50)
    np.testing.assert_array_equal(i, -f)
    assert not o.any() and not g.any() and 0 <= f.min() and f.max() <= np.log(99) and np.ptp(np.exp(f)) > 80
    assert (one.params["lstm.b"].reshape(4, 50)[2] == 1).all()
    np.testing.assert_array_equal(spread.params["lstm.R"], one.params["lstm.R"])
