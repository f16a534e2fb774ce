"""Every argument of every public call is replaced by every animal of a zoo; see the helpers `zoo`, `calls`, `attempts`.

A call with a good value gives what it gives for the plain one. With a bad value it raises ValueError or TypeError
(KeyError for a parameter's name, FloatingPointError for numbers) whose message has the form of the house and names an
argument; and nothing has changed: no array, no model, no generator, no history, no global state.

A fixed part of all attempts is made in every run, and another part that is drawn anew; `make fuzz` makes them all.
"""


import calls
import numpy as np
from attempts import attempt, attempts
from hunts import fixed_and_fresh, length
from zoo import SKIP

COUNT = length("ARGUMENTS", 2_000)


@fixed_and_fresh
def test_bad_arguments(seed, tmp_path, monkeypatch, shown):
    monkeypatch.setattr(calls, "FOLDER", [tmp_path])
    found = attempts()
    drawn = [found[k] for k in np.random.default_rng(seed).permutation(len(found))[:COUNT]]
    results = [(which, attempt(*which)) for which in drawn]
    wrong = [f"{case}, {path} = {what}: {text}" for (case, path, what), text in results if text and text is not SKIP]
    tried = sum(text is not SKIP for _, text in results)
    assert not wrong, f"seed {seed}: {len(wrong)} of {tried} are wrong:\n" + "\n".join(wrong[:20])
    shown(f"bad arguments  {tried} drawn of {len(found)}, seed {seed}: 0 unnamed, 0 silent, 0 changed")
