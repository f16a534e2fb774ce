"""What a script beside a chapter stores of its runs, and on which machine it ran."""

import datetime
import json
import sys
import time
from pathlib import Path

import numpy as np


def processor():
    """The processor's name, where Linux tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return names[0] if names else "unknown"


def load(path, what=None):
    """What the file holds; or, if there is none yet, date, machine and no run."""
    if what is None or path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    return {
        "what": what,
        "date": datetime.date.today().isoformat(),
        "machine": processor() + ", one core",
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "runs": {},
    }


def save(path, found):
    """Write it, one line a run."""
    head = {key: value for key, value in found.items() if key != "runs"}
    runs = (f"  {json.dumps(k)}: {json.dumps(run)}" for k, run in found["runs"].items())
    head = json.dumps(head, indent=1)[:-2]
    text = head + ',\n "runs": {\n' + ",\n".join(runs) + "\n }\n}\n"
    path.write_text(text, encoding="utf-8")


def fill(path, found, plan, run):
    """Make the runs of a plan that are not there yet, and store after each.

    plan: pairs of a run's key in the file and the arguments of `run`, which returns a
    dict; its processor time is added.
    """
    for key, arguments in plan:
        if key in found["runs"]:
            continue
        begin = time.process_time()
        found["runs"][key] = run(*arguments)
        found["runs"][key]["seconds"] = round(time.process_time() - begin, 1)
        save(path, found)
        print(key, *found["runs"][key].values(), flush=True)
