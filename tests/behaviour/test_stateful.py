"""A training that is interrupted, saved, loaded, moved, copied and gone on with, in any order.

After each step: the parameters are views of θ, the lists of the history fit together, a loaded copy predicts the same.
At the end: all is what a twin has that did the same epochs and assignments and nothing else, to the last bit.
The same examples in every run, and others that are drawn anew: FUZZ_SEED repeats these.
"""

import copy
import tempfile
from pathlib import Path

import networks
import numpy as np
import pytest
import standin
from hunts import fixed_and_fresh, length
from hypothesis import seed as with_seed
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from lstm_core import Model, evaluate, fit, to_host, training
from lstm_core.parameters import Parameters
from lstm_formats import load, save

COUNT = length("MACHINES", 40)


class Stop(Exception):
    """An interrupt."""


def stopping(function, at):
    """`function`, but its `at`-th call raises Stop."""
    calls = []

    def stopped(*args, **kwargs):
        calls.append(1)
        if len(calls) == at:
            raise Stop
        return function(*args, **kwargs)

    return stopped


class Training(RuleBasedStateMachine):
    """`log`: what the twin has to do: ("fit", epochs in all) and ("assign", name, array)."""

    @initialize(number=st.integers(0, 2**32 - 1))
    def begin(self, number):
        self.number, self.log = number, []
        self.task = networks.training(np.random.default_rng(number))
        self.model, self.rng, self.history = self.task.make(), np.random.default_rng(number), None
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "c"

    def teardown(self):
        if hasattr(self, "folder"):
            with self.folder:
                self.goes_on_as_the_twin()

    # ---- what is done ----------------------------------------------------------------------------------------

    def settings(self):
        """Without patience, whose end would put back other weights."""
        return self.task.settings() | {"patience": None, "history": self.history}

    def epochs(self):
        return len(self.history.loss) if self.history is not None else 0

    def fit(self, epochs, **more):
        """`epochs` more, or as many of them as there are until something stops it."""
        total = self.epochs() + epochs
        try:
            how = self.settings() | more
            self.history = fit(self.model, self.task.x, self.task.y, epochs=total, rng=self.rng, **how)
        except Stop as error:
            self.history = getattr(error, "history", self.history)
        done = len(self.history.loss) if self.history is not None else 0
        self.log.append(("fit", done))

    @precondition(lambda self: self.epochs() < 8)
    @rule(epochs=st.integers(1, 2))
    def train(self, epochs):
        self.fit(epochs)

    @precondition(lambda self: self.epochs() < 8)
    @rule(at=st.integers(1, 8))
    def interrupted_at_an_update(self, at):
        self.fit(2, rate=stopping(self.settings()["rate"], at))

    @precondition(lambda self: self.epochs() < 8)
    @rule(at=st.integers(1, 12))
    def interrupted_in_a_batch(self, at):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Model, "learn", stopping(Model.learn, at))
            self.fit(2)

    @precondition(lambda self: self.epochs() < 8 and self.settings()["validation"] is not None)
    @rule(at=st.integers(1, 2))
    def interrupted_in_validation(self, at):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(training, "score", stopping(training.score, at))
            self.fit(2)

    @precondition(lambda self: self.epochs() < 8 and self.history is not None)
    @rule(at=st.integers(1, 2))
    def interrupted_after_an_epoch(self, at):
        self.fit(2, after_epoch=stopping(lambda history: None, at))

    @precondition(lambda self: self.history is None or self.history.unfinished is None)
    @rule(data=st.data())
    def assign(self, data):
        name = data.draw(st.sampled_from(sorted(self.model.params)))
        array = (0.5 * to_host(self.model.params[name])).astype(self.model.theta.dtype)
        self.model.params[name] = array
        self.log.append(("assign", name, array))

    @rule()
    def replace_theta(self):
        self.model.theta = self.model.theta.copy()

    @rule()
    def save_and_load(self):
        save(self.model, self.path, self.history, self.rng)
        self.model, self.history, self.rng = load(self.path)

    @rule()
    def copy_it(self):
        self.model, self.history, self.rng = copy.deepcopy((self.model, self.history, self.rng))

    @rule()
    def move_and_come_back(self):
        self.model.to(standin).to("numpy")

    @rule(batch=st.integers(1, 4))
    def look(self, batch):
        """Neither scores nor predictions change anything: the twin makes none."""
        lengths = self.task.settings()["lengths"]
        evaluate(self.model, self.task.x, self.task.y, lengths=lengths)
        whole, parts = (self.model.predict(self.task.x, lengths, batch=size) for size in (None, batch))
        np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-5)

    # ---- what holds --------------------------------------------------------------------------------------------

    @invariant()
    def parameters_are_views(self):
        if hasattr(self, "model"):
            assert isinstance(self.model.params, Parameters)
            assert all(np.shares_memory(view, self.model.theta) for view in self.model.params.values())
            flat = np.concatenate([view.ravel() for view in self.model.params.values()])
            np.testing.assert_array_equal(flat, self.model.theta)

    @invariant()
    def lists_fit_together(self):
        h = getattr(self, "history", None)
        if h is not None:
            scored = 0 if self.settings()["validation"] is None else len(h.loss)
            assert len(h.loss) == len(h.seconds) == len(h.rate) and len(h.validation) == scored
            assert len(h.batch_loss) == len(h.batch_norm)
            assert h.best == (min(range(scored), key=lambda k: h.validation[k].loss) if scored else None)

    @invariant()
    def the_loaded_copy_predicts_the_same(self):
        if hasattr(self, "model"):
            save(self.model, self.path)
            np.testing.assert_array_equal(load(self.path)[0].predict(self.task.x), self.model.predict(self.task.x))

    def goes_on_as_the_twin(self):
        twin, rng, history = self.task.make(), np.random.default_rng(self.number), None
        for what, *rest in [*self.log, ("fit", self.epochs() + 1)]:
            if what == "assign":
                twin.params[rest[0]] = rest[1]
            elif rest[0] > (0 if history is None else len(history.loss)):
                how = self.task.settings() | {"patience": None, "history": history}
                history = fit(twin, self.task.x, self.task.y, epochs=rest[0], rng=rng, **how)
        self.fit(1)
        assert self.model.theta.tobytes() == twin.theta.tobytes()
        assert self.rng.bit_generator.state == rng.bit_generator.state
        for name in ("loss", "rate", "validation", "batch_loss", "batch_norm", "best", "unfinished"):
            assert repr(getattr(self.history, name)) == repr(getattr(history, name)), name


@fixed_and_fresh
def test_stateful(seed, shown):
    how = settings(max_examples=COUNT, stateful_step_count=12, deadline=None, database=None, derandomize=False)
    run_state_machine_as_test(with_seed(seed)(Training), settings=how)
    shown(f"stateful trainings  {COUNT}, seed {seed}: as the twin that was never interrupted, bit for bit")
