"""History: what `fit` saw, and how a run that broke off goes on from its last whole epoch."""

from contextlib import contextmanager
from dataclasses import dataclass, field

from .arrays import namespace, to_device


@dataclass
class History:
    """What `fit` saw: a list entry per epoch, and for `batch_*` per batch.

    loss: mean training loss · seconds: training time · rate: the last learning rate
    validation: `Scores`, if a validation set was given · best: index of the epoch with the lowest validation loss
    batch_loss, batch_norm: loss, and gradient norm before clipping, per update
    optimizer: the optimiser's state · weights: those of the best epoch, where patience asks for them; what it takes to
    go on, with `fit(…, history=…)`
    unfinished: None, except after an error or an interrupt within an epoch: then what `fit` goes on from
    """

    loss: list = field(default_factory=list)
    seconds: list = field(default_factory=list)
    rate: list = field(default_factory=list)
    validation: list = field(default_factory=list)
    best: int | None = None
    batch_loss: list = field(default_factory=list)
    batch_norm: list = field(default_factory=list)
    optimizer: dict | None = field(default=None, repr=False)
    weights: object = field(default=None, repr=False)
    unfinished: dict | None = field(default=None, repr=False)


PER_EPOCH, PER_UPDATE = ("loss", "seconds", "rate", "validation"), ("batch_loss", "batch_norm")


@contextmanager
def whole_or_unfinished(history, model, rng):
    """An epoch: if it ends in an error or an interrupt, the history knows from where to go on; the error has it."""
    history.unfinished = {
        "theta": model.theta.copy(),
        "optimizer": {k: v.copy() if getattr(v, "ndim", 0) else v for k, v in history.optimizer.items()},
        "rng": rng.bit_generator.state,
        "updates": len(history.batch_loss),
        "best": history.best,
    }
    epoch = len(history.loss)
    try:
        yield
    except BaseException as error:
        error.history = history
        error.add_note(
            f"fit was in epoch {epoch + 1}. This exception's attribute `history` is its history; with history=… fit "
            f"goes on from the end of epoch {epoch}."
        )
        for name in PER_EPOCH:  # as far as the epoch's own entries were made
            del getattr(history, name)[epoch:]
        raise
    history.unfinished = None


def go_back(history, model, rng):
    """Put history, model and rng back to the end of the last whole epoch."""
    whole, history.unfinished = history.unfinished, None
    xp = namespace(model.theta)
    model.theta[...] = to_device(whole["theta"], xp)
    rng.bit_generator.state = whole["rng"]
    history.optimizer, history.best = whole["optimizer"], whole["best"]
    for name in PER_UPDATE:
        del getattr(history, name)[whole["updates"] :]
