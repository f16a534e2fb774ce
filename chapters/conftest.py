"""Cells tagged `needs-mnist` are skipped, with a reason, where MNIST cannot be had."""

import functools

import pytest

from lstm_core import data


@functools.cache
def why_not():
    """None if MNIST is there, else what is the matter. A corrupt file is no reason."""
    try:
        data.mnist()
    except data.DataUnavailable as error:
        return str(error).splitlines()[0]
    return None


def pytest_collection_modifyitems(items):
    for item in items:
        tags = item.cell.metadata.get("tags", []) if hasattr(item, "cell") else []
        if "needs-mnist" in tags and why_not():
            item.add_marker(pytest.mark.skip(reason=why_not()))
