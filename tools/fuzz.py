"""Hunt for files that a reader does not bear: FUZZ_SECONDS=600 FUZZ_SEED=7 tools/fuzz.py

Altered files of every format are read in child processes, for FUZZ_SECONDS (60 if it is not set) and until there are
2,000 of each. The seed is fresh, and printed, unless FUZZ_SEED is set. What is found is kept in tests/formats/found/,
where `make test` reads it from then on.
"""

import hashlib
import os
import secrets
import sys
import tempfile
import time
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/helpers")]

import numpy as np  # noqa: E402
from altered import FINE, beside, files, summary, verdicts  # noqa: E402
from readers import formats  # noqa: E402

LEAST, BATCH = 2_000, 250
FOUND = ROOT / "tests/formats/found"


def keep(name, suffix, file, verdict):
    """Keep a file on which something went wrong, where it is read again by every `make test`."""
    digest, kind = hashlib.sha256(file.raw).hexdigest()[:12], "" if file.other else "-exact"
    path = FOUND / f"{name}-{digest}{kind}{suffix}"
    path.write_bytes(file.raw)
    print(f"{path.relative_to(ROOT)}: {verdict.what}", flush=True)


def main():
    warnings.simplefilter("error")  # as in the tests
    seconds = float(os.environ.get("FUZZ_SECONDS") or 60)
    seed = int(os.environ.get("FUZZ_SEED") or secrets.randbelow(2**32))
    print(f"seed {seed}, {seconds:g} seconds and at least {LEAST:,} files of each format", flush=True)
    known, end = formats(), time.monotonic() + seconds
    found, rngs = {name: [] for name in known}, dict(zip(known, np.random.default_rng(seed).spawn(len(known))))
    while time.monotonic() < end or min(map(len, found.values())) < LEAST:
        name = min(found, key=lambda name: len(found[name]))
        given = list(files(known[name], rngs[name], BATCH))
        with tempfile.TemporaryDirectory() as folder:
            came = verdicts(known[name], beside(folder), given)
        found[name] += came
        for file, verdict in zip(given, came):
            if verdict.what not in FINE:
                keep(name, known[name].suffix, file, verdict)
    for name, all_of_it in found.items():
        print(summary(name, all_of_it))
    return any(verdict.what not in FINE for all_of_it in found.values() for verdict in all_of_it)


if __name__ == "__main__":
    sys.exit(main())
