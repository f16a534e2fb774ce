"""Random trainings, broken off anywhere and gone on with: to the last bit what they are without a break.

In every run a fixed part and one that is drawn anew; `make fuzz` has two thousand.
"""

import copy

import networks
import numpy as np
import standin
from hunts import fixed_and_fresh, length

from lstm_core import fit, to_host
from lstm_formats import load, save

COUNT = length("TRAININGS", 100)
EPOCHS = 4


class Stop(Exception):
    """Here it breaks off."""


def stopping(function, at):
    """`function`, but its `at`-th call raises Stop."""
    calls = []

    def stopped(*args):
        calls.append(1)
        if len(calls) == at:
            raise Stop
        return function(*args)

    return stopped


def after_an_epoch(task, model, rng, how, place, path):
    """The model as `after_epoch` saved it at the end of an epoch."""

    def keep(history):
        if len(history.loss) == place % EPOCHS + 1:
            save(model, path, history, rng)
            raise Stop

    try:
        return model, fit(model, task.x, task.y, epochs=EPOCHS, rng=rng, after_epoch=keep, **how), rng
    except Stop:  # unless patience was over before
        return load(path)


def within_an_epoch(task, model, rng, how, place, path):
    """At any update; the history is the exception's."""
    how["rate"] = stopping(how["rate"], place)
    try:
        return model, fit(model, task.x, task.y, epochs=EPOCHS, rng=rng, **how), rng  # there were fewer updates
    except Stop as error:
        return model, error.history, rng


def within_and_saved(task, model, rng, how, place, path):
    model, history, rng = within_an_epoch(task, model, rng, how, place, path)
    if history.unfinished is None:  # it is whole, and the best weights are back in the model
        return model, history, rng
    save(model, path, history, rng)
    return load(path)


def in_two(task, model, rng, how, place, path):
    """One call of `fit` for some epochs, one for the rest."""
    if how["patience"] is not None:  # its end is that of a run: it puts the best weights back
        return after_an_epoch(task, model, rng, how, place, path)
    return model, fit(model, task.x, task.y, epochs=place % EPOCHS + 1, rng=rng, **how), rng


def same(model):
    return model


def replaced(model):
    model.theta = model.theta.copy()
    return model


def assigned(model):
    for name in model.params:
        model.params[name] = model.params[name].copy()
    return model


def there_and_back(model):
    return model.to(standin).to("numpy")


CHANGES = same, replaced, assigned, copy.deepcopy, there_and_back
BREAKS = after_an_epoch, within_an_epoch, within_and_saved, in_two


def differs(seed, path):
    """What is not the same with and without a break; "" if all is."""
    rng = np.random.default_rng(seed)
    task, break_off, change = networks.training(rng), networks.pick(rng, *BREAKS), networks.pick(rng, *CHANGES)
    on_device = networks.coin(rng, 0.3)
    whole, generator = task.make(), np.random.default_rng(seed)
    expected = fit(whole, task.x, task.y, epochs=EPOCHS, rng=generator, **task.settings())
    model, resumed = task.make(), np.random.default_rng(seed)
    model, found, resumed = break_off(task, model, resumed, task.settings(), int(rng.integers(1, 12)), path)
    device = {"device": standin} if on_device else {}
    model = change(model)
    found = fit(model, task.x, task.y, epochs=EPOCHS, rng=resumed, history=found, **task.settings(), **device)
    pictures = [
        {name: getattr(h, name) for name in ("loss", "rate", "validation", "batch_loss", "batch_norm", "best")}
        | {"theta": to_host(m.theta).tobytes(), "rng": str(g.bit_generator.state), "unfinished": h.unfinished}
        | {name: to_host(a).tobytes() if getattr(a, "ndim", 0) else a for name, a in h.optimizer.items()}
        for h, m, g in ((expected, whole, generator), (found, model, resumed))
    ]
    wrong = [name for name in pictures[0] if repr(pictures[0][name]) != repr(pictures[1][name])]
    return f"{break_off.__name__}, {change.__name__}, device {on_device}: {wrong}" if wrong else ""


@fixed_and_fresh
def test_trainings(seed, tmp_path, shown):
    found = {(seed, k): differs((seed, k), tmp_path / "c") for k in range(COUNT)}
    wrong = {which: text for which, text in found.items() if text}
    assert not wrong, f"{len(wrong)} of {len(found)}: {dict(list(wrong.items())[:20])}"
    shown(f"random trainings  {COUNT}, seed {seed}: broken off and gone on with, bit for bit")
