"""Outputs of notebooks compared within a tolerance that the cell's metadata state.

A cell whose results depend on the processor says `"tolerance": {"relative": 0.05, "absolute": 0.01}`; what is absent
is 0. Its text is then compared word by word, exactly, and number by number: each may be off from the stored one by
`relative` times the stored one, plus `absolute`. Times and progress bars are masked. A digit inside a word, as in
float32 or h_0, is part of the word. The lines are compared one by one; how many blanks stand between words is not,
since a column moves with the length of its numbers. A cell without the metadata is compared to the letter, as by nbval.
"""

import math
import re
import types
from itertools import zip_longest

KEYS = {"relative", "absolute"}
TEXTS = {"text/plain"}  # and the streams; pictures are skipped by nbval, all else stays strict

DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+"
NUMBER = re.compile(rf"(?<![\w.])[-+−]?(?:{DIGITS})(?:[eE][-+]?\d+)?")
UNITS = "ns|µs|us|ms|s|seconds?|min|minutes?"
CLOCK = r"\d+:\d\d(?::\d\d)?"
MASKS = (
    # of tqdm:  epoch 3/3: 100%|██████████| 753/753 [01:05<00:00, 11.51batch/s, loss=1.3364]
    (re.compile(r"\d+%\|[^|\n]*\| *\d+/\d+ \[[^\]\n]*\]"), "‹bar›"),
    (re.compile(rf"(?<![\w.:])(?:{CLOCK}|(?:{DIGITS})(?:e[-+]?\d+)? ?(?:{UNITS}))(?![\w/])"), "‹time›"),
)


def checked(tolerance):
    """(relative, absolute) of a cell's metadata, or ValueError."""
    if not isinstance(tolerance, dict) or tolerance.keys() - KEYS:
        raise ValueError(f"tolerance: expected a table with {' and '.join(sorted(KEYS))} at most, got {tolerance!r}")
    for name, value in tolerance.items():
        if type(value) not in (int, float) or not 0 <= value < math.inf or (name == "relative" and value >= 1):
            raise ValueError(f"tolerance: {name} is {value!r}; expected a number from 0 on (relative: below 1)")
    return tolerance.get("relative", 0), tolerance.get("absolute", 0)


def read(line):
    """A line as the words around its numbers, times and bars masked, and the numbers."""
    for pattern, mask in MASKS:
        line = pattern.sub(mask, line)
    line = " ".join(line.split())
    value = lambda text: float(text.replace(",", "").replace("−", "-"))
    return [words.strip() for words in NUMBER.split(line)], [value(text) for text in NUMBER.findall(line)]


def differences(stored, found, tolerance):
    """What is different between two texts, one message a line; [] if nothing is."""
    relative, absolute = checked(tolerance)
    messages = []
    for k, (old, new) in enumerate(zip_longest(stored.splitlines(), found.splitlines()), 1):
        if old is None or new is None:
            messages.append(f"line {k}: " + (f"not stored: {new}" if old is None else f"missing: {old}"))
            continue
        (words, numbers), (words_now, numbers_now) = read(old), read(new)
        if words != words_now:
            messages.append(f"line {k}: the words differ:\n  stored {old}\n  now    {new}")
            continue
        for a, b in zip(numbers, numbers_now):
            allowed = relative * abs(a) + absolute
            if not abs(a - b) <= allowed + 1e-12 * abs(a):  # of decimals, which are rounded to bits
                messages.append(f"line {k}: {b:g} instead of {a:g}, off by {abs(a - b):.2g}, allowed {allowed:.2g}")
    return messages


# ---- nbval ----------------------------------------------------------------------------------------------------------


def _texts(outputs):
    """The texts that are compared within a tolerance: their place (an output, its key), by kind, in order."""
    found = {}
    for output in outputs:
        if output.output_type == "stream":
            found.setdefault(output.name, []).append((output, "text"))
        for key in TEXTS & output.get("data", {}).keys():
            found.setdefault(key, []).append((output["data"], key))
    return found


def compare_outputs(item, test, ref, skip_compare=None):
    """In place of nbval's: what agrees within the tolerance is set to what is stored; then nbval compares all."""
    stored, found, messages = _texts(ref), _texts(test), []
    for kind in stored.keys() & found.keys():
        for (old, key), (new, _) in zip(stored[kind], found[kind]):
            different = differences(old[key], new[key], item.cell.metadata["tolerance"])
            messages += [f"{kind}, {message}" for message in different]
            if not different:
                new[key] = old[key]
    same = type(item).compare_outputs(item, test, ref, skip_compare)
    if not same:
        item.comparison_traceback = messages + ["", *item.comparison_traceback]
    return same


def allow(item):
    """To an item of nbval: its comparison knows its cell's tolerance, if there is one."""
    if "tolerance" in item.cell.metadata:
        checked(item.cell.metadata["tolerance"])
        item.compare_outputs = types.MethodType(compare_outputs, item)
