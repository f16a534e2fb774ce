"""The letters that the notation page prints are the names that the cells have in code, in the same order."""

import re
from pathlib import Path

import nbformat
import pytest

from lstm_core import cells

NOTATION = Path(__file__).parents[2] / "chapters" / "back" / "notation.ipynb"
ROWS = {
    "vanilla RNN": cells.RNN,
    "LSTM": cells.LSTM,
    "LSTM with peepholes": cells.LSTM,
    "GRU, reset after": cells.GRU,
    "GRU, reset before": cells.GRU_BEFORE,
}
SAME = {"LSTM with peepholes": "LSTM", "GRU, reset before": "GRU, reset after"}  # "the same" as which row


def table():
    """The table of cells: first column, without what it cites -> letters of gates, state, own parameters."""
    text = "\n".join(cell.source for cell in nbformat.read(NOTATION, as_version=4).cells)
    _, rows = text.split("| cell | gates, in the order of their rows | state | own parameters | equations |\n")
    found = {}
    for row in rows.split("\n\n")[0].splitlines()[1:]:
        name, *columns = [part.strip() for part in row.strip("|").split("|")[:4]]
        name = re.sub(r" \{cite\}`.*?`", "", name)
        letters = [tuple(re.findall(r"\\mathbf (?:p_)?(\w)", column)) for column in columns]
        same = [column == "the same" for column in columns]
        found[name] = [found[SAME[name]][k] if same[k] else letters[k] for k in range(3)]
    return found


@pytest.mark.parametrize("name", ROWS)
def test_the_table_of_cells_has_their_names(name):
    gates, states, own = table()[name]
    cell = ROWS[name]
    assert cell.inputs == cell.recurs == (gates or ("h",))  # the one gate of the vanilla RNN has no letter there
    assert states == cell.states
    assert own == (() if name == "LSTM" else cell.own)  # peepholes are left out there
