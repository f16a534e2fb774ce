"""Cells tagged `needs-mnist` or `needs-shakespeare` are skipped where that is not.

A cell's metadata may say within which tolerance its outputs are compared.
"""

import functools

import pytest
import runs
import tolerance

from lstm_core import data

NEEDS = {"needs-mnist": data.mnist, "needs-shakespeare": data.shakespeare}


@functools.cache
def why_not(tag):
    """None if the data is there, else what is the matter; not if a file is corrupt."""
    try:
        NEEDS[tag]()
    except data.DataUnavailable as error:
        return str(error).splitlines()[0]
    return None


def pytest_itemcollected(item):
    if hasattr(item, "cell"):
        tolerance.allow(item)


def pytest_collection_modifyitems(items):
    for item in items:
        tags = item.cell.metadata.get("tags", []) if hasattr(item, "cell") else []
        for tag in NEEDS.keys() & set(tags):
            if why_not(tag):
                item.add_marker(pytest.mark.skip(reason=why_not(tag)))


def pytest_runtest_logreport(report):
    runs.note(report)


def pytest_sessionfinish(session):
    """In the one process that hears of all cells, not in those that share them."""
    if not hasattr(session.config, "workerinput"):
        runs.write()
