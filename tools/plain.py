r"""A formula of the book as plain text, for places that cannot typeset one: excerpts, descriptions, bookmarks.

`\mathbf h_t = \tanh(W \mathbf x_t + R\, \mathbf h_{t-1})` becomes "h_t = tanh(W x_t + R h_{t-1})".
"""

import re

from docutils import nodes

GREEK = dict(zip(
    "alpha beta gamma delta epsilon varepsilon eta theta kappa lambda mu xi pi rho sigma tau phi varphi chi "
    "Gamma Delta Theta Sigma Phi ell nabla partial imath".split(),
    "αβγδεεηθκλμξπρστφφχΓΔΘΣΦℓ∇∂i",
))  # fmt: skip
SIGNS = {
    "odot": "⊙", "cdot": "·", "times": "×", "pm": "±", "approx": "≈", "ne": "≠", "neq": "≠", "le": "≤", "leq": "≤",
    "ge": "≥", "geq": "≥", "in": "∈", "to": "→", "mapsto": "↦", "leftarrow": "←", "infty": "∞", "sum": "Σ",
    "prod": "Π", "int": "∫", "top": "ᵀ", "langle": "⟨", "rangle": "⟩", "lvert": "|", "rvert": "|", "lVert": "‖",
    "rVert": "‖", "mid": "|", "dots": "…", "cdots": "…", "oplus": "⊕", "sim": "~", "star": "*", "bmod": "mod",
}  # fmt: skip
FONTS = r"\\(?:mathbf|mathrm|mathbb|mathsf|mathit|boldsymbol|text|texttt|operatorname|underbrace|begin|end)\b\s*"
SIZES = r"\\(?:[Bb]ig[lr]?|left|right|q?quad)\b|\\[,;:! ]"
ACCENTS = {"bar": "\u0304", "overline": "\u0304", "hat": "\u0302", "tilde": "\u0303"}
GROUP = r"\{((?:[^{}]|\{[^{}]*\})*)\}"  # braces with at most one pair inside


def text(latex):
    """The formula as plain text."""
    found = re.sub(r"\\(?:begin|end)\{\w+\}", "", latex).replace(r"\\", " ").replace("&", "").replace(r"\%", "%")
    found = re.sub(SIZES, " ", found)
    found = re.sub(r"\\[td]?frac\s*(\d)\s*(\d)", r"\1/\2", found)
    for _ in range(3):  # fractions in fractions
        found = re.sub(rf"\\[td]?frac\s*{GROUP}\s*{GROUP}", _fraction, found)
        found = re.sub(rf"\\sqrt\s*{GROUP}", r"√(\1)", found)
    found = re.sub(FONTS, "", found)
    accented = lambda match: (match[2] or match[3] or "") + ACCENTS[match[1]]
    found = re.sub(r"\\(bar|overline|hat|tilde)\s*(?:\{\s*(\\?\w+)\s*\}|(\\?\w))", accented, found)
    found = re.sub(r"\\([A-Za-z]+)", lambda match: _named(match[1]), found)
    found = re.sub(r"([_^])\{(\w|ᵀ)\}", r"\1\2", found).replace("^ᵀ", "ᵀ").replace("^+", "⁺")
    found = re.sub(r"(?<![_^])\{([^{}]*)\}", r"\1", found)
    return re.sub(r"\s+", " ", found).replace("( ", "(").replace(" )", ")").strip()


def _named(name):
    return GREEK.get(name) or SIGNS.get(name) or name


def _fraction(match):
    whole = [part if re.fullmatch(r"\\?\w+", part.strip()) else f"({part})" for part in match.groups()]
    return " / ".join(whole)


def text_of(node):
    """The text of a node of a page, its formulas in plain text."""
    if isinstance(node, nodes.math | nodes.math_block):
        return text(node.astext())
    if isinstance(node, nodes.Text):
        return node.astext()
    return "".join(map(text_of, node.children))
