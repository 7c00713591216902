"""
HCL's numbers: binary floating point with a precision of their own, rounded and printed as Go does.

Source: the Go standard library, math/big (float.go, ftoa.go, decimal.go), and zclconf/go-cty, cty/value_init.go.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

LITERAL_PRECISION: Final = 512  # of numbers that are written as text
INTEGER_PRECISION: Final = 64  # of counts, indexes and the like
FLOAT_PRECISION: Final = 53
_LARGEST_EXPONENT: Final = 4096  # beyond it this reader refuses a number, long before Go does
_LARGEST_POWER: Final = 20_000  # of two, of a result

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


class NumberError(ValueError):
    """A number that this reader cannot hold, such as a quotient by zero."""


@dataclass(frozen=True, slots=True)
class Number:
    """A finite number; *precision* is the width of its mantissa in bits and decides how a result is rounded."""

    value: Fraction
    precision: int = LITERAL_PRECISION

    def __add__(self, other: "Number") -> "Number":
        return rounded(self.value + other.value, max(self.precision, other.precision))

    def __sub__(self, other: "Number") -> "Number":
        return rounded(self.value - other.value, max(self.precision, other.precision))

    def __mul__(self, other: "Number") -> "Number":
        product = rounded(self.value * other.value, LITERAL_PRECISION)
        needed = abs(product.value.numerator)
        bits = (needed // (needed & -needed)).bit_length() if needed else 0
        return Number(product.value, max(self.precision, other.precision, bits))

    def __truediv__(self, other: "Number") -> "Number":
        if not other.value:
            raise NumberError("a division by zero")
        return rounded(self.value / other.value, max(self.precision, other.precision))

    def __neg__(self) -> "Number":
        return Number(-self.value, self.precision)

    def modulo(self, other: "Number") -> "Number":
        """Return the remainder with the sign of the dividend, or the dividend itself if *other* is zero."""
        if not other.value:
            return self
        quotient = (self / other).value
        whole = abs(quotient.numerator) // quotient.denominator
        product = rounded(Fraction(whole if quotient >= 0 else -whole), self.precision).value * other.value
        return rounded(self.value - rounded(product, self.precision).value, self.precision)

    def same_as(self, other: "Number") -> bool:
        """Return whether both are equal for HCL, which compares fractions by their shortest text."""
        if self.whole is not None or other.whole is not None:
            return self.whole == other.whole
        return self.text() == other.text()

    @property
    def whole(self) -> int | None:
        """Return the number as an integer, or None if it has a fraction."""
        return self.value.numerator if self.value.denominator == 1 else None

    def text(self) -> str:
        """Return the shortest decimal text that reads back as this number, without an exponent."""
        digits, point = shortest_digits(self)
        return _plain(digits, point, negative=self.value < 0)


def integer(value: int) -> Number:
    """Return a count, a length or an index as a number."""
    return Number(Fraction(value), max(INTEGER_PRECISION, value.bit_length()))


def from_float(value: float) -> Number:
    return Number(Fraction(value), FLOAT_PRECISION)


def parse_number(text: str) -> Number | None:
    """Return the number that *text* writes in decimal, or None if it writes none. Raises NumberError."""
    if not _NUMBER.fullmatch(text):
        return None
    exponent = re.search(r"[eE]([+-]?\d+)$", text)
    if len(text) > _LARGEST_EXPONENT or (exponent and abs(int(exponent[1][:6])) > _LARGEST_EXPONENT):
        raise NumberError("this number is too large")
    return rounded(Fraction(text), LITERAL_PRECISION)


def rounded(value: Fraction, precision: int) -> Number:
    """Return *value* with a mantissa of *precision* bits, rounded to the nearest, ties to even."""
    if value.denominator == 1 and value.numerator.bit_length() <= precision:
        return Number(value, precision)
    if abs(value.numerator.bit_length() - value.denominator.bit_length()) > _LARGEST_POWER:
        raise NumberError("this number is too large")
    shift = value.numerator.bit_length() - value.denominator.bit_length() - precision
    mantissa = abs(value) / Fraction(2) ** shift
    if mantissa >= 2**precision:
        shift += 1
        mantissa = abs(value) / Fraction(2) ** shift
    exact = Fraction(round(mantissa)) * Fraction(2) ** shift
    return Number(exact if value > 0 else -exact, precision)


def shortest_digits(number: Number) -> tuple[str, int]:
    """Return the shortest digits that identify *number* at its precision, and the place of the decimal point."""
    value = abs(number.value)
    if not value:
        return "", 0
    # half of the last place, so that the mantissa has precision + 1 bits
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    if value >= Fraction(2) ** exponent:
        exponent += 1
    half = Fraction(2) ** (exponent - number.precision - 1)
    inclusive = not (value / half).numerator & 2
    digits, point = _decimal(value)
    lower, upper = _decimal(value - half)[0], _decimal(value + half)[0]
    for i, digit in enumerate(digits):
        low = lower[i] if i < len(lower) else "0"
        high = upper[i] if i < len(upper) else "0"
        down = low != digit or (inclusive and i + 1 == len(lower))
        up = digit != high and (inclusive or ord(digit) + 1 < ord(high) or i + 1 < len(upper))
        if down and up:
            return _round(digits, point, i + 1)
        if down:
            return digits[: i + 1].rstrip("0"), point
        if up:
            return _round_up(digits, point, i + 1)
    return digits, point


def _decimal(value: Fraction) -> tuple[str, int]:
    """Return all digits of a dyadic fraction and the place of the decimal point."""
    twos = value.denominator.bit_length() - 1
    digits = str(value.numerator * 5**twos)
    return digits.rstrip("0"), len(digits) - twos


def _round(digits: str, point: int, count: int) -> tuple[str, int]:
    if count >= len(digits):
        return digits, point
    if digits[count] == "5" and count + 1 == len(digits):
        up = count > 0 and int(digits[count - 1]) % 2 == 1
    else:
        up = digits[count] >= "5"
    return _round_up(digits, point, count) if up else (digits[:count].rstrip("0"), point)


def _round_up(digits: str, point: int, count: int) -> tuple[str, int]:
    if count >= len(digits):
        return digits, point
    kept = digits[:count].rstrip("9")
    if not kept:
        return "1", point + 1
    return kept[:-1] + str(int(kept[-1]) + 1), point


def _plain(digits: str, point: int, *, negative: bool) -> str:
    if not digits:
        return "0"
    if point <= 0:
        text = "0." + "0" * -point + digits
    elif point >= len(digits):
        text = digits + "0" * (point - len(digits))
    else:
        text = f"{digits[:point]}.{digits[point:]}"
    return f"-{text}" if negative else text
