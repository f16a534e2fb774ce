"""lstm_core: recurrent networks whose every gradient is proven.

Read it in this order: `cells` (the elementwise arithmetic), `scan` (time, and every matrix product), `record`; then
proofs), then `layers`, `model` and `training`. Files and other programs' formats are the business of `lstm_formats`,
MPI that of `parallel`.
"""

from . import (
    arrays,
    cells,
    checks,
    data,
    files,
    gradcheck,
    init,
    layers,
    losses,
    model,
    optim,
    sampling,
    scan,
    training,
    variants,
)
from .arrays import to_device, to_host
from .layers import activation, bidirectional, dense, dropout, embedding, gru, last, lstm, recurrent, reverse, rnn
from .losses import mse, softmax_cross_entropy
from .model import Model
from .optim import adam, clip_global_norm, constant, cosine, momentum, sgd, steps
from .sampling import sample
from .training import History, Scores, evaluate, fit

__version__ = "0.1.0"
