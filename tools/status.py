"""The page *Execution status*: when each notebook was last run and compared, and whether it has changed since.

`make test` leaves a record of its run in _build/execution.json. `python tools/status.py` (`make status`) keeps of it,
in chapters/back/execution.json, the notebooks of which every cell ran and passed. The page is made of that file while
Sphinx builds the book, in the place of the line `<!-- status: notebooks -->`.
"""

import json
import sys
from pathlib import Path

import plan

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests" / "helpers"))
import runs  # noqa: E402

STORED = ROOT / "chapters" / "back" / "execution.json"
PLACE = "<!-- status: notebooks -->"


def whole(entry):
    """Whether every code cell of a notebook ran and passed."""
    return entry.get("passed", 0) == entry["cells"]


def keep(new, stored):
    """The stored record with what a new run adds to it."""
    return {**stored, **{name: entry for name, entry in new.items() if whole(entry)}}


def read(path):
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def state(name, entry):
    if entry is None:
        return "no run is recorded"
    return "as it was run" if runs.content(ROOT / name) == entry["content"] else "changed since"


def table(stored):
    """A row for each notebook of the book."""
    lines = [
        "| notebook | code cells | compared | not compared | seconds | on | now |",
        "|---|--:|--:|--:|--:|---|---|",
    ]
    for name in [*plan.chapters(), "back/notation"]:
        path = f"chapters/{name}.ipynb"
        entry = stored.get(path)
        cells = sum(cell.cell_type == "code" for cell in plan.cells_of(name))
        row = [cells, "", "", "", ""]
        if entry:
            compared = entry["cells"] - entry["ignored"]
            row = [entry["cells"], compared, entry["ignored"], f"{entry['seconds']:.0f}", entry["date"]]
        lines.append(f"| {{doc}}`../{name}` | {' | '.join(map(str, row))} | {state(path, entry)} |")
    return "\n".join(lines)


def with_what(stored):
    """A sentence for each machine and set of versions."""
    kinds = {}
    for name, entry in stored.items():
        kinds.setdefault((entry["machine"], *entry["versions"].items()), []).append(name)
    lines = []
    for (machine, *versions), names in kinds.items():
        listed = ", ".join(f"{name} {version}" for name, version in versions)
        lines.append(f"- {len(names)} notebook{'s' * (len(names) > 1)} on {machine}, with {listed}.")
    return "\n".join(lines)


def filled(text, stored=None):
    """A page, the table in its place."""
    stored = read(STORED) if stored is None else stored
    return text.replace(PLACE, f"{table(stored)}\n\n{with_what(stored)}") if PLACE in text else text


def setup(app):
    def put(app, name, source):
        source[0] = filled(source[0])

    app.connect("source-read", put)
    return {"parallel_read_safe": True}


def main():
    new = read(ROOT / "_build" / "execution.json")
    if not new:
        sys.exit("there is no record of a run: make test writes it")
    STORED.write_text(json.dumps(keep(new, read(STORED)), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    left = [name for name, entry in new.items() if not whole(entry)]
    print(f"{STORED.relative_to(ROOT)}: {len(new) - len(left)} notebooks" + (f"; not whole: {left}" if left else ""))


if __name__ == "__main__":
    main()
