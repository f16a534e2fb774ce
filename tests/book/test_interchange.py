"""The listing of the chapter on interchange, taken from its page and run where PyTorch is installed."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import safetensors.numpy

from lstm_core import Model, bidirectional, data, dense, evaluate, fit, gru, softmax_cross_entropy
from lstm_formats import torch_io

CHAPTERS = Path(__file__).parents[2] / "chapters"
CHAPTER, VECTORS = CHAPTERS / "run" / "interchange.ipynb", CHAPTERS / "check" / "vectors.ipynb"
WORDS = {6: "six", 13: "thirteen", 18: "eighteen"}


def listing():
    """The program: the one Python block in the chapter's text that is not a cell."""
    markdown = (c.source for c in nbformat.read(CHAPTER, as_version=4).cells if c.cell_type == "markdown")
    (code,) = re.findall(r"^```python\n(.*?)^```", "\n".join(markdown), flags=re.DOTALL | re.MULTILINE)
    return code


def test_what_is_said_of_onnx_is_what_vectors_counts():
    """Its tests are taken apart there, once; here stand the numbers alone, in words."""
    cells = nbformat.read(VECTORS, as_version=4).cells
    printed = "".join(output.get("text", "") for cell in cells for output in cell.get("outputs", ()))
    count = lambda what: [int(n) for n in re.search(rf"{what} +seen by (\d+) of (\d+)", printed).groups()]
    (seen, cases), (orders, lstm) = count("no recurrent product, R = 0"), count("LSTM: any wrong order of gates")
    said = next(cell.source for cell in nbformat.read(CHAPTER, as_version=4).cells if "vectors-onnx" in cell.source)
    assert f"the {WORDS[cases]} of its recurrent operators" in said and f"passes {WORDS[cases - seen]} of them" in said
    assert orders == 0 and f"passes all of its {WORDS[lstm]}" in said


def test_the_listing_is_python():
    compile(listing(), "listing", "exec")


def test_pytorch_goes_on_and_comes_back(tmp_path, monkeypatch):
    reason = 'PyTorch is not installed: .venv/bin/python -m pip install -e ".[torch]"'
    torch = pytest.importorskip("torch", reason=reason)
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    rng = np.random.default_rng(6)
    train, (x, y) = data.digits(np.random.default_rng(0))
    model = Model([bidirectional(gru(8, 24), last=True), dense(48, 10)], softmax_cross_entropy, rng=rng)
    fit(model, *train, epochs=2, rng=rng, progress=False)
    before, loss = model.predict(x), evaluate(model, *train).loss
    state = torch_io.state_dict(model)
    safetensors.numpy.save_file(state, "to-pytorch.safetensors")
    names = {}
    exec(compile(listing(), "listing", "exec"), names)
    network, close = names["network"], dict(rtol=0, atol=1e-5)  # scores of size 10 in float32: 16 roundings
    with torch.no_grad():
        after = network(torch.tensor(x)).numpy()
        network.load_state_dict({key: torch.tensor(array) for key, array in state.items()})
        np.testing.assert_allclose(network(torch.tensor(x)).numpy(), before, **close)
    torch_io.load_state_dict(model, safetensors.numpy.load_file("from-pytorch.safetensors"))
    np.testing.assert_allclose(model.predict(x), after, **close)
    assert evaluate(model, *train).loss < loss / 2
    assert evaluate(model, x, y).error < 0.15
