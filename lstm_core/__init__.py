"""lstm_core: recurrent networks whose every gradient is proven.

Read it in this order: `cells` (the elementwise arithmetic), `scan` (time, and every matrix product) and `record`; then
the proofs, `lstm_proofs`; then `layers` and `model`; then `batches`, `scores` and `training`. MPI is the business of
`parallel`, files and other programs' formats that of `lstm_formats`.
"""

from . import (
    arrays,
    batches,
    cells,
    checks,
    compiled,
    data,
    edge,
    files,
    gradcheck,
    init,
    layers,
    losses,
    model,
    optim,
    parallel,
    plan,
    sampling,
    scan,
    scores,
    training,
    variants,
    zoneout,
)
from .arrays import to_device, to_host
from .layers import activation, bidirectional, dense, dropout, embedding, gru, last, lstm, recurrent, reverse, rnn
from .losses import CrossEntropy, binary_cross_entropy, mse, softmax_cross_entropy
from .model import Model
from .optim import adam, clip_global_norm, constant, cosine, momentum, sgd, steps
from .sampling import sample
from .scores import Scores, evaluate
from .training import History, fit

__all__ = [
    "CrossEntropy", "History", "Model", "Scores", "activation", "adam", "arrays", "batches", "bidirectional",
    "binary_cross_entropy", "cells", "checks", "clip_global_norm", "compiled", "constant", "cosine", "data", "dense",
    "dropout", "edge", "embedding", "evaluate", "files", "fit", "gradcheck", "gru", "init", "last", "layers",
    "losses", "lstm", "model", "momentum", "mse", "optim", "parallel", "plan", "recurrent", "reverse", "rnn",
    "sample", "sampling", "scan", "scores", "sgd", "softmax_cross_entropy", "steps", "to_device", "to_host",
    "training", "variants", "zoneout",
]  # fmt: skip

__version__ = "0.2.0.dev0"
