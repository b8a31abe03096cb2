"""The macro of `hash()`: xxHash's 64-bit form with seed 0, as Kusto computes it
(https://learn.microsoft.com/kusto/query/hash-function; https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md).

DuckDB has unsigned numbers of 128 bits, so that a product of two words is computed whole and then cut. A remainder
costs a hundred times what a mask costs, and a macro writes its arguments out wherever they stand: hence masks, and
folds over short lists where a value is needed twice.
"""

from __future__ import annotations

from typing import Final

from earmark.kql.compiler.macros.base import Macro, macro

_PRIMES = (
    11_400_714_785_074_694_791,
    14_029_467_366_897_019_727,
    1_609_587_929_392_839_161,
    9_650_029_242_287_828_579,
    2_870_177_450_012_600_261,
)
_MODULUS = 2**64
_P1, _P2, _P3, _P4, _P5 = (f"{prime}::UHUGEINT" for prime in _PRIMES)
_MASK = f"{_MODULUS - 1}::UHUGEINT"
_NONE = "0::UHUGEINT"
_LENGTH = "(length(x) // 2)"
"""Bytes of the text whose hexadecimal form is x."""
_LANES = (
    (_PRIMES[0] + _PRIMES[1]) % _MODULUS,
    _PRIMES[1],
    0,
    -_PRIMES[0] % _MODULUS,
)
"""What the four lanes begin with."""


def _word(at: str, size: int) -> str:
    """The little-endian number of some bytes; `at` counts bytes."""
    digits = " || ".join(f"substring(x, ({at}) * 2 + {2 * place + 1}, 2)" for place in reversed(range(size)))
    return f"('0x' || {digits})::UBIGINT::UHUGEINT"


def _rotated(value: str, by: int) -> str:
    return f"list_reduce([({value}) * {2**by}::UHUGEINT, {_NONE}], lambda p, q: (p & {_MASK}) + (p >> 64))"


def _round(lane: str, word: str) -> str:
    return f"({_rotated(f'({lane} + {word} * {_P2}) & {_MASK}', 31)} * {_P1} & {_MASK})"


def _fold(count: str, word: str, step: str, begun: str) -> str:
    """A list of words (`i` counts them) folded into a state: `a` is the state, `b` the word."""
    return f"list_reduce(list_transform(range({count}), lambda i: {word}), lambda a, b: {step}, {begun})"


def _body() -> str:
    lanes = ", ".join(
        _fold(f"{_LENGTH} // 32", _word(f"i * 32 + {8 * lane}", 8), _round("a", "b"), f"{begun}::UHUGEINT")
        for lane, begun in enumerate(_LANES)
    )
    turned = " + ".join(_rotated(f"v[{lane}]", by) for lane, by in enumerate((1, 7, 12, 18), start=1))
    merged = f"(xor(a, {_round(_NONE, 'b')}) * {_P1} + {_P4}) & {_MASK}"
    long = f"list_transform([[{lanes}]], lambda v: list_reduce(v, lambda a, b: {merged}, ({turned}) & {_MASK}))[1]"
    state = f"((CASE WHEN {_LENGTH} >= 32 THEN {long} ELSE {_P5} END + {_LENGTH}::UHUGEINT) & {_MASK})"
    turned_in = f"xor(a, {_round(_NONE, 'b')})"
    eights = f"({_rotated(turned_in, 27)} * {_P1} + {_P4}) & {_MASK}"
    state = _fold(f"{_LENGTH} % 32 // 8", _word(f"{_LENGTH} // 32 * 32 + i * 8", 8), eights, state)
    fours = f"({_rotated(f'xor(a, b * {_P1} & {_MASK})', 23)} * {_P2} + {_P3}) & {_MASK}"
    state = _fold(f"{_LENGTH} % 8 // 4", _word(f"{_LENGTH} // 8 * 8", 4), fours, state)
    ones = f"{_rotated(f'xor(a, b * {_P5} & {_MASK})', 11)} * {_P1} & {_MASK}"
    state = _fold(f"{_LENGTH} % 4", _word(f"{_LENGTH} // 4 * 4 + i", 1), ones, state)
    factor = f"CASE b WHEN 33 THEN {_P2} WHEN 29 THEN {_P3} ELSE 1::UHUGEINT END"
    mixed = f"xor(a, a >> b) * {factor} & {_MASK}"
    return f"list_reduce([33, 29, 32]::UHUGEINT[], lambda a, b: {mixed}, {state})::UBIGINT"


HASHES: Final[dict[str, Macro]] = {"k_xxh64": macro("x", _body())}
"""Name → macro; x is the hexadecimal form of the bytes."""
