"""How fast one rank and two are, by the clock: for the tables of the chapter.

`python mpi_speed.py` in this folder runs `parity_mpi.py` and `mpi_overlap.py` often
and writes mpi_speed.json, which the chapter reads: some minutes on a machine with two
cores that nobody else uses. Where other programs run, `--realtime` keeps them off the
cores meanwhile (Linux, by its administrator).
"""

import argparse
import datetime
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

ONES = [(1, B, 100) for B in (8, 32, 64, 128, 256)]
TWOS = [(2, B, 100) for B in (16, 32, 64, 128, 256)]
ROOTS = [(2, B, 100, "--through-root") for B in (32, 128)]
MESSAGES = [(2, 16, H) for H in (16, 32, 64, 160, 256)]
BUCKETS = (20_000, 100_000, 500_000, 2_000_000, 4_000_000)


def mpiexec(ranks, *program, before=()):
    """What `python *program` prints, as JSON, run with so many ranks."""
    here = Path(sys.executable).parent
    launcher = shutil.which("mpiexec", path=here) or shutil.which("mpiexec")
    command = [*before, launcher, "-n", str(ranks), sys.executable, *map(str, program)]
    one_thread = {"OPENBLAS_NUM_THREADS": "1", "MPICH_INTERFACE_HOSTNAME": "localhost"}
    job = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | one_thread, check=True
    )
    return json.loads(job.stdout)


def updates(job, before=()):
    """Seconds by the clock of 35 updates of a job, and of their parts; and bytes."""
    ranks, batch, hidden, *options = job
    settings = ["--batch", batch, "--hidden", hidden, "--updates", 40, *options]
    run = mpiexec(ranks, "parity_mpi.py", *settings, before=before)
    alone = np.zeros_like(run["update"])  # one rank neither waits nor talks
    keys = "update", "waiting", "talking"
    whole, waits, talks = (np.array(run[k] or alone)[5:, 1] for k in keys)
    times = {"update": whole, "works": whole - waits - talks, "waits": waits}
    return times | {"talks": talks, "bytes": run["bytes"]}


def measure(turns, before):
    """Of each job the middle and the least second of each part, over all turns."""
    jobs = [*ONES, *TWOS, *ROOTS, *MESSAGES]
    found = {job: [] for job in jobs}
    for turn in range(turns):  # all jobs in turn, lest a disturbance hit one only
        for job in jobs:
            found[job].append(updates(job, before))
            print(turn, job, flush=True)
    rows = []
    for (ranks, batch, hidden, *options), runs in found.items():
        row = {"ranks": ranks, "batch": batch, "hidden": hidden, "root": bool(options)}
        row["bytes"] = runs[0]["bytes"]
        for part in ("update", "works", "waits", "talks"):
            seconds = np.concatenate([run[part] for run in runs])
            two = float(np.median(seconds)), float(seconds.min())
            row[part] = [round(t, 7) for t in two]
        row["turns"] = [round(float(np.median(run["update"])), 7) for run in runs]
        rows.append(row)
    return rows


def overlaps(before):
    """The ways of `mpi_overlap.py`: whole updates, and one of each way in full."""
    rows = []
    for network, bucket in [("none", 2_000_000), *(("office", b) for b in BUCKETS)]:
        options = ["--network", network, "--bucket", bucket, "--turns", 25]
        run = mpiexec(2, "mpi_overlap.py", *options, before=before)
        assert run["off"] < 1e-5, "the ways have different gradients"
        for way, turns in run["runs"].items():
            ends = [np.array(stamps) for stamps, _ in turns]
            seconds = [float(s[:, -1].max() - s[:, 0].min()) for s in ends]
            middle = int(np.argsort(seconds)[len(seconds) // 2])
            start = ends[middle][:, 0].min()
            row = {"network": network, "bucket": bucket, "way": way}
            row |= {"bytes": run["bytes"], "parts": run["parts"]}
            row["update"] = [float(np.median(seconds)), min(seconds)]
            row["stamps"] = (ends[middle] - start).round(6).tolist()
            row["travels"] = (np.array(turns[middle][1]) - start).round(6).tolist()
            rows.append(row)
        print(network, bucket, flush=True)
    return rows


def machine(realtime):
    """What was measured on, and when."""
    from mpi4py import MPI

    names = Path("/proc/cpuinfo").read_text().splitlines()
    name = next(line for line in names if line.startswith("model name"))
    return {
        "processor": name.partition(":")[2].strip(),
        "cores": len(os.sched_getaffinity(0)),
        "MPI": MPI.Get_library_version().split("\n")[0].replace("\t", " ").strip("\0 "),
        "NumPy": np.__version__,
        "scheduling": "real-time priority" if realtime else "as usual",
        "date": datetime.date.today().isoformat(),
    }


def main(options):
    before = ["chrt", "--rr", "5"] if options.realtime else []
    found = {
        "machine": machine(options.realtime),
        "updates": measure(options.turns, before),
        "overlap": overlaps(before),
    }
    Path("mpi_speed.json").write_text(json.dumps(found) + "\n")


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--turns", type=int, default=5)
parser.add_argument("--realtime", action="store_true")

if __name__ == "__main__":
    main(parser.parse_args())
