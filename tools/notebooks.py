"""Run notebooks in place and store their outputs: tools/notebooks.py chapters/a/b.ipynb ...

What is stored depends on the code alone: no times, no versions, each stream in one piece, and of a progress
bar its last state. A notebook that fails is left as it was.
"""

import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbval.plugin import coalesce_streams  # joins and folds as the comparison in `make test` will

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python",
                      "pygments_lexer": "ipython3"},
}


def run(path):
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", record_timing=False, extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    notebook.metadata.update(METADATA)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = coalesce_streams(cell.outputs)
    nbformat.write(notebook, path)


failed = False
for path in map(Path, sys.argv[1:]):
    start = time.perf_counter()
    print(path, end=" ", flush=True)
    try:
        run(path)
        print(f"{time.perf_counter() - start:.1f} s")
    except (CellExecutionError, CellTimeoutError) as error:
        failed = True
        print(f"FAILED, left as it was\n{error}")
sys.exit(failed)
