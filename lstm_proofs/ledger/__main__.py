"""`python -m lstm_proofs.ledger` proves every displayed equation and writes the book's page of them."""

from .book import CHAPTERS, ROOT, equations
from .page import PAGE, page

PAGE.write_text(page(), encoding="utf-8")
print(f"{PAGE.relative_to(ROOT)}: {len(equations(CHAPTERS))} equations, all proven")
