"""lstm_proofs: the shipped code run on symbols, and compared with the derivative. Exact; nothing is sampled.

`prove_cell` is rung 1 of the ladder, `prove_scan` rung 2, `prove_layer` and `prove_loss` do the same for what stands
around a scan. Nothing is proven about a copy of the code. `lstm_proofs.ledger` is rung 6, the printed equations; it
reads the book, and is imported by its name.
"""

import lstm_core.symbols  # which says what to install where SymPy is missing

from .grade import Grade, grade, grade_scan
from .proof import Disproof, Proof, is_zero
from .prove_cell import prove_cell
from .prove_layer import prove_layer, prove_loss
from .prove_scan import PROBE, prove_scan

__all__ = [
    "PROBE", "Disproof", "Grade", "Proof", "grade", "grade_scan", "is_zero", "prove_cell", "prove_layer", "prove_loss",
    "prove_scan",
]  # fmt: skip
