"""Texts as labels, bits per character, and tables of counts.

For the chapter on characters, and for the scripts beside it.
"""

import math

import numpy as np


def encode(text):
    """The kinds of characters of a text, and the text as labels 0 … C-1."""
    return np.unique(list(text), return_inverse=True)


def streams(code, count=50):
    """A text as `count` streams: x and, one character on, y; both (count, steps)."""
    steps = (len(code) - 1) // count
    x, y = code[: count * steps], code[1 : count * steps + 1]
    return x.reshape(count, steps), y.reshape(count, steps)


def log_chances(run, code, start, count=50, warm=100, piece=100):
    """log2 of a model's probability of each character of code[start:].

    run: x (B, T), states -> y (B, T, C), states. The text is cut into `count` parts,
    each of which is read from `warm` characters before it. Returns (count, n); a few
    characters at the end may be left over.
    """
    n = (len(code) - start) // count
    begins = range(start, start + count * n, n)
    rows = np.stack([code[k - warm - 1 : k + n] for k in begins])
    states, found = None, []
    for t in range(0, n + warm, piece):
        here = rows[:, t : t + piece + 1]
        y, states = run(here[:, :-1], states)
        y = y - y.max(axis=2, keepdims=True)
        own = np.take_along_axis(y, here[:, 1:, None], axis=2)[:, :, 0]
        found.append((own - np.log(np.exp(y).sum(axis=2))) / math.log(2))
    return np.concatenate(found, axis=1)[:, warm:].astype(float)


def bits(run, code, start, warm=100, piece=100):
    """Bits per character of the text code[start:]."""
    return -log_chances(run, code, start, warm=warm, piece=piece).mean()


def count(code, order, C):
    """For n = 1 … order: the n-grams of a text, written as numbers, and their counts.

    The longest are counted; a shorter one by the kinds of characters before it.
    """
    digits = C ** np.arange(order)[::-1]
    grams = np.lib.stride_tricks.sliding_window_view(code, order)
    tables = [np.unique(grams @ digits, return_counts=True)]
    for n in range(order - 1, 0, -1):
        tables.append(np.unique(tables[-1][0] % C**n, return_counts=True))
    return tables[::-1]


def look_up(keys, values, wanted):
    """The value of each wanted key; 0 where there is none. Keys are sorted."""
    at = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0)


def one_discount(counts):
    """What is taken from counts of 0, 1, 2, and 3 or more (Ney et al. 1994)."""
    once, twice = (counts == 1).sum(), (counts == 2).sum()
    d = once / (once + 2 * twice) if once else 0.5
    return np.array([0, d, d, d])


def three_discounts(counts):
    """The same, with three discounts (Chen & Goodman 1999)."""
    n = np.array([(counts == k).sum() for k in (1, 2, 3, 4)])
    if n.min() == 0:
        return one_discount(counts)
    k, d = np.arange(1, 4), n[0] / (n[0] + 2 * n[1])
    return np.array([0, *np.clip(k - (k + 1) * d * n[1:] / n[:3], 0, k)])


def kneser_ney(tables, grams, C, discounts=three_discounts):
    """P(last character | those before) for each row of `grams`, (N, order)."""
    p = np.full(len(grams), 1 / C)
    for n, (kinds, counts) in enumerate(tables, 1):
        d = discounts(counts)
        heads, which = np.unique(kinds // C, return_inverse=True)
        number = grams[:, -n:] @ C ** np.arange(n)[::-1]
        seen = look_up(kinds, counts, number)  # N(v, w)
        total = look_up(heads, np.bincount(which, counts), number // C)  # N(v)
        taken = np.bincount(which, d[np.minimum(counts, 3)])
        taken = look_up(heads, taken, number // C)  # the sum of all that was taken
        mixed = (seen - d[np.minimum(seen, 3)] + taken * p) / np.maximum(total, 1)
        p = np.where(total > 0, mixed, p)
    return p


def counted(code, start, order, C, discounts=three_discounts):
    """log2 of the n-gram model's probability of each character of code[start:]."""
    grams = np.lib.stride_tricks.sliding_window_view(code[start - order + 1 :], order)
    return np.log2(kneser_ney(count(code[:start], order, C), grams, C, discounts))
