"""The array modules that the suite runs on, the comparison with NumPy's results, and the list of what was proven."""

import platform
from importlib import metadata

import numpy as np
import pytest
import standin
from hypothesis import settings

from lstm_core import to_host

# The same examples in every run, no time limit on one (the machine may be busy), nothing kept on disk.
settings.register_profile("book", derandomize=True, deadline=None, database=None)
settings.load_profile("book")


# What results may depend on: said at the head of every run.
MAIN = ("numpy", "sympy", "scikit-learn", "onnx", "onnxruntime", "mpi4py", "h5py",
        "torch", "jax", "cupy-cuda12x", "cupy-cuda13x")  # fmt: skip


def pytest_report_header():
    here = {dist.name.lower(): dist.version for dist in metadata.distributions()}
    found = ", ".join(f"{name} {here[name]}" for name in MAIN if name in here)
    missing = ", ".join(name for name in MAIN if name not in here)
    return [
        f"versions: Python {platform.python_version()}, {found}; {platform.system()} on {platform.machine()}",
        f"not installed: {missing or 'nothing'}",
    ]


def pytest_itemcollected(item):
    """Two processes share the tests by their names, which have to be the same in both."""
    assert " at 0x" not in item.nodeid, f"{item.nodeid}: an address in the name of a test; give it an id"


@pytest.fixture(params=["numpy", "standin", "cupy"])
def xp(request):
    """An array module: NumPy, the stand-in for CuPy, or CuPy itself where there is a GPU."""
    if request.param == "cupy":
        cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
        if not cupy.cuda.is_available():
            pytest.skip("CuPy is installed, but there is no CUDA device")
        return cupy
    return {"numpy": np, "standin": standin}[request.param]


@pytest.fixture
def same(xp):
    """same(found, expected): `found`, on the module under test, is what NumPy computed.

    To the last bit for NumPy and the stand-in. CuPy adds up in another order and has its own tanh and exp: a few ulp an
    operation, hundreds of operations; 1e-4 in float32 and 1e-11 in float64, relative to the largest element.
    """

    def compare(found, expected):
        assert type(found) is type(xp.empty(1)) or xp is np, f"left the device: {type(found)}"
        found, expected = to_host(found), np.asarray(expected)
        assert found.dtype == expected.dtype
        if xp in (np, standin):
            np.testing.assert_array_equal(found, expected, strict=True)
        else:
            tolerance = {"float32": 1e-4, "float64": 1e-11}.get(found.dtype.name, 0)
            np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())

    return compare


@pytest.fixture(autouse=True)
def no_transfers_yet():
    standin.transfers.clear()


@pytest.fixture
def shown(record_property):
    """shown(line): the line stands in the summary at the end of the run, if the test passes."""
    return lambda line: record_property("shown", line)


def pytest_terminal_summary(terminalreporter):
    reports = [report for report in terminalreporter.getreports("passed") if report.when == "call"]
    lines = [line for report in reports for name, line in report.user_properties if name == "shown"]
    if lines:
        terminalreporter.section("proven and checked")
        for line in lines:
            terminalreporter.write_line(line)
