"""Sums of products by letters: every pair of operands is one batched matrix product."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Sequence
from typing import Any

from nerve.errors import ShapeError
from nerve.ops._differentiable import composed
from nerve.ops.creation import shape
from nerve.ops.indexing import reshape, transpose
from nerve.ops.matmul import matmul
from nerve.ops.reduce import sum
from nerve.tensor import Tensor

__all__ = ["einsum"]


@composed
def einsum(subscripts: str, *operands: Any) -> Tensor:
    """Einstein's summation: a letter for every axis; what the result does not name is summed over.

    Parameters
    ----------
    subscripts : str
        Such as ``"bij,bjk->bik"``. An ellipsis stands for axes at the beginning or end that all operands which have it
        share. Without ``->`` the result has the letters that occur once, in alphabetical order.
    *operands : tensor or array_like

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the subscripts are not of that form; a letter twice in one operand (a diagonal) is not supported.
    ShapeError
        If an operand has not as many axes as its letters, or sizes under one letter differ.
    """
    terms, result = parsed(subscripts, [len(shape(x)) for x in operands])
    sizes: dict[str, int] = {}
    for term, x in zip(terms, operands, strict=True):
        for letter, size in zip(term, shape(x), strict=True):
            if sizes.setdefault(letter, size) != size:
                raise ShapeError(f"[einsum] {letter!r} of {subscripts!r} is {sizes[letter]} and {size} in one call")
    term, x = terms[0], operands[0]
    for i, (other, y) in enumerate(zip(terms[1:], operands[1:], strict=True), 1):
        later = set(result).union(*terms[i + 1 :])
        term, x = _product(term, x, other, y, later, result if i == len(terms) - 1 else "")
    term, x = _summed(term, x, set(result))
    found: Tensor = _ordered(x, term, result)
    return found


def parsed(subscripts: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """The letters of every operand and of the result, those of an ellipsis written out."""
    subscripts = subscripts.replace(" ", "")
    if not re.fullmatch(r"[a-zA-Z.,]+(->[a-zA-Z.]*)?", subscripts):
        raise ValueError(f"[einsum] subscripts expects letters such as 'ij,jk->ik', got {subscripts!r}")
    left, arrow, result = subscripts.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ValueError(f"[einsum] {subscripts!r} expects {len(terms)} operands, got {len(ranks)}")
    free = [letter for letter in string.ascii_letters if letter not in subscripts]
    longest = 0
    written = []
    for term, rank in zip(terms, ranks, strict=True):
        elided = rank - len(term.replace("...", ""))
        if elided < 0 or (elided and "..." not in term) or term.count(".") not in (0, 3):
            raise ShapeError(f"[einsum] {term!r} of {subscripts!r} does not name the axes of an operand with {rank}")
        longest = max(longest, elided)
        written.append(term.replace("...", "".join(free[:elided])))
        if len(set(written[-1])) != len(written[-1]):
            raise ValueError(f"[einsum] {term!r} of {subscripts!r} names an axis twice: diagonals are not supported")
    ellipsis = "".join(free[:longest])
    if not arrow:
        once = sorted(c for c in set(left) - set(".,") if left.count(c) == 1)
        return written, ellipsis + "".join(once)
    result = result.replace("...", ellipsis)
    if len(set(result)) != len(result) or not set(result) <= set("".join(written)):
        raise ValueError(f"[einsum] the result of {subscripts!r} names an axis twice, or one that no operand has")
    return written, result


def _summed(term: str, x: Any, wanted: set[str]) -> tuple[str, Any]:
    """Without the axes whose letters nobody asks for any more."""
    axes = tuple(i for i, letter in enumerate(term) if letter not in wanted)
    if not axes:
        return term, x
    return "".join(letter for letter in term if letter in wanted), sum(x, axis=axes)


def _ordered(x: Any, term: str, wanted: str) -> Any:
    return reshape(x, shape(x)) if term == wanted else transpose(x, [term.index(letter) for letter in wanted])


def _product(term: str, x: Any, other: str, y: Any, later: set[str], result: str) -> tuple[str, Any]:
    """Two operands as one, summed over the letters that are not needed later."""
    term, x = _summed(term, x, later | set(other))
    other, y = _summed(other, y, later | set(term))
    batch = "".join(c for c in term if c in other and c in later)
    inner = "".join(c for c in term if c in other and c not in later)
    rows, columns = ("".join(c for c in one if c not in batch + inner) for one in (term, other))
    if result and result == batch + columns + rows:  # so that the product comes out in the order asked for
        term, x, other, y, rows, columns = other, y, term, x, columns, rows
    sizes = dict(zip(term, shape(x), strict=True)) | dict(zip(other, shape(y), strict=True))
    a, turned_a = _matrix(x, term, batch, rows, inner, sizes)
    b, turned_b = _matrix(y, other, batch, inner, columns, sizes)
    found = batch + rows + columns
    return found, reshape(matmul(a, b, transpose_a=turned_a, transpose_b=turned_b), [sizes[c] for c in found])


def _matrix(x: Any, term: str, batch: str, rows: str, columns: str, sizes: dict[str, int]) -> tuple[Any, bool]:
    """An operand as (batch, rows, columns); or turned, and True, if it lies in memory like that."""
    turned = term == batch + columns + rows and term != batch + rows + columns
    if turned:
        rows, columns = columns, rows
    measures = [math.prod(sizes[c] for c in letters) for letters in (batch, rows, columns)]
    moved = _ordered(x, term, batch + rows + columns)
    return reshape(moved, measures if batch else measures[1:]), turned
