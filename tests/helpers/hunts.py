"""How far the hunts of the suite go, and from where: FUZZ_SEED=7 repeats a fresh one, FUZZ_NETWORKS=10000 is longer."""

import os
import secrets

import pytest

FRESH = int(os.environ.get("FUZZ_SEED") or secrets.randbelow(2**32))

fixed_and_fresh = pytest.mark.parametrize("seed", [0, FRESH], ids=["fixed", "fresh"])


def length(name, default):
    """How many are drawn: what the environment says, or as many as a run of the suite has time for."""
    return int(os.environ.get(f"FUZZ_{name}") or default)
