"""What a release wrote, every later version reads: the same numbers, and a run that goes on."""

from pathlib import Path

import numpy as np
import pytest

from lstm_core import constant, data, fit
from lstm_formats import load, onnx_io, xml_io

FOLDER = Path(__file__).parent / "releases"
RELEASES = sorted(path.stem for path in FOLDER.glob("*.npy"))


@pytest.mark.parametrize("release", RELEASES)
def test_files_of_a_release_are_read(release):
    pytest.importorskip("onnx", reason="ONNX is not installed: pip install onnx")
    theta = np.load(FOLDER / f"{release}.npy", allow_pickle=False)
    model, history, rng = load(FOLDER / f"{release}.safetensors")
    for read in (model, xml_io.load(FOLDER / f"{release}.xml"), onnx_io.load(FOLDER / f"{release}.onnx")):
        np.testing.assert_array_equal(read.theta, theta, strict=True)
    assert len(history.loss) == 2
    x, y = data.parity(np.random.default_rng(1), 64, 7)
    more = fit(model, x, y, epochs=3, batch=16, rate=constant(5e-3), clip=1.0, rng=rng, history=history, progress=False)
    assert len(more.loss) == 3 and (model.theta != theta).any()


def test_there_is_a_release():
    assert RELEASES
