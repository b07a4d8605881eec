"""The scalars of EDN, each read from its text and written back.

Readers take the text of one token and raise ``ValueError`` with a plain sentence; :mod:`factstore.edn`
adds where it was.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from factstore.values import LONG_MAX, LONG_MIN, URI, Keyword, Symbol

_INTEGER: Final = re.compile(r"[+-]?(?:0|[1-9][0-9]*)N?")
_FRACTION: Final = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?M?")
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.|$)", re.DOTALL)
_SURROGATES: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_NAME_END: Final = r"[^\s\ufeff,;()\[\]{}\"\\^@`~/]"
_NAME: Final = re.compile(rf"(?:{_NAME_END}+/)?{_NAME_END}+")
_NAME_START: Final = re.compile(r"(?![+-]?[0-9])[^:#'/]")
_INSTANT: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[Tt](\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?)?)?)?"
    r"(?:[Zz]|([+-])(\d\d):?(\d\d))?",
    re.ASCII,
)
_ESCAPED: Final = {"t": "\t", "r": "\r", "n": "\n", "b": "\b", "f": "\f", '"': '"', "\\": "\\"}
_ESCAPES: Final = {ord(char): "\\" + letter for letter, char in _ESCAPED.items()}
_CHARACTERS: Final = {
    "newline": "\n",
    "return": "\r",
    "space": " ",
    "tab": "\t",
    "formfeed": "\f",
    "backspace": "\b",
}
_CONSTANTS: Final[dict[str, Any]] = {"nil": None, "true": True, "false": False}
_SYMBOLIC: Final = {"##Inf": math.inf, "##-Inf": -math.inf, "##NaN": math.nan}


def read_string(token: str) -> str:
    r"""The string between the quotes of ``token``, escapes resolved.

    >>> read_string('"a\\tb"')
    'a\tb'
    """
    body = token[1:-1]
    if "\\" not in body:
        return body
    text = _ESCAPE.sub(_unescape, body)
    # JSON writers spell characters past U+FFFF as two escapes.
    return _SURROGATES.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)


def read_regex(token: str) -> re.Pattern[str]:
    r"""The regular expression in ``token``, whose backslashes are its own.

    >>> read_regex(r'#"\d+"')
    re.compile('\\d+')
    """
    try:
        return re.compile(token[2:-1])
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None


def _unescape(match: re.Match[str]) -> str:
    escape = match[1]
    if len(escape) == 5:
        return chr(int(escape[1:], 16))
    if escape not in _ESCAPED:
        raise ValueError(
            f'\\{escape} is not an escape of a string: expected one of \\t \\r \\n \\b \\f \\" \\\\ \\uXXXX'
        )
    return _ESCAPED[escape]


def read_number(token: str) -> int | float | Decimal:
    """An int (``1``, ``1N``), a float (``1.5``, ``1e3``) or a Decimal (``1.5M``).

    >>> read_number("12N"), read_number("1.50M"), read_number("1e3")
    (12, Decimal('1.50'), 1000.0)
    """
    if _INTEGER.fullmatch(token):
        return _integer(token.removesuffix("N"))
    if not _FRACTION.fullmatch(token):
        raise ValueError(f"{token} is not a number: expected one like 12, -3N, 1.5, 1e3 or 1.5M")
    if token.endswith("M"):
        return _decimal(token[:-1])
    number = float(token)
    if math.isinf(number):
        raise ValueError(f"{token} is too large for a double: write it as a decimal, {token}M")
    return number


def _integer(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:  # Python refuses more digits than sys.get_int_max_str_digits()
        raise ValueError(f"a number of {len(digits)} digits is too long") from None


def _decimal(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except ArithmeticError:
        raise ValueError(f"the exponent of {digits}M is too large") from None


def read_symbol(token: str) -> Any:
    """A :class:`Symbol`, or the value of ``nil``, ``true`` and ``false``."""
    if token in _CONSTANTS:
        return _CONSTANTS[token]
    if token != "/" and not _NAME.fullmatch(token):
        raise ValueError(f"{token} is not a symbol: expected name or namespace/name")
    return Symbol(token)


def read_keyword(token: str) -> Keyword:
    """The keyword of ``:name`` or ``:namespace/name``."""
    if not _NAME.fullmatch(token, 1) or token.startswith("::"):
        raise ValueError(f"{token} is not a keyword: expected :name or :namespace/name")
    return Keyword(token)


def read_symbolic(token: str) -> float:
    """The numbers that have no digits: ``##Inf``, ``##-Inf``, ``##NaN``."""
    if token not in _SYMBOLIC:
        raise ValueError(f"{token} is not a number: expected ##Inf, ##-Inf or ##NaN")
    return _SYMBOLIC[token]


def read_character(token: str) -> str:
    r"""One character, as a string: ``\a``, ``\newline``, ``\u0041``."""
    name = token[1:]
    if len(name) == 1:
        return name
    if re.fullmatch("u[0-9a-fA-F]{4}", name):
        return chr(int(name[1:], 16))
    if name not in _CHARACTERS:
        names = ", ".join("\\" + known for known in _CHARACTERS)
        raise ValueError(f"{token} is not a character: expected \\a, \\u0041 or one of {names}")
    return _CHARACTERS[name]


def read_instant(value: Any) -> datetime:
    """An instant in UTC from RFC 3339 text, which may stop after any part.

    Digits past the microsecond are dropped.

    >>> read_instant("2024-02-29T12:00:00+02:00").isoformat()
    '2024-02-29T10:00:00+00:00'
    """
    match = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not an instant: expected text such as 2024-02-29T12:00:00Z")
    *fields, fraction, sign, hours, minutes = match.groups()
    year, month, day, hour, minute, second = (int(field) if field else None for field in fields)
    micros = int(((fraction or "") + "000000")[:6])
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        zone = timezone(-offset if sign == "-" else offset)
        local = datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0, micros, zone)
        return local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{value!r} is not an instant: {error}") from None


def read_uuid(value: Any) -> UUID:
    """A UUID from its 36 characters."""
    if not isinstance(value, str) or not re.fullmatch("[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value):
        raise ValueError(f"{value!r} is not a uuid: expected text such as 6ba7b810-9dad-11d1-80b4-00c04fd430c8")
    return UUID(value)


def read_base64(value: Any) -> bytes:
    """Bytes from base64 text, RFC 4648."""
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise ValueError(f"{value!r} is not base64") from None


def read_uri(value: Any) -> URI:
    """A URI, kept as written."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a uri: expected a string")
    return URI(value)


TAGS: Final[dict[str, Callable[[Any], Any]]] = {
    "inst": read_instant,
    "uuid": read_uuid,
    "base64": read_base64,
    "uri": read_uri,
}
"""The tags that are always known."""


def write_scalar(value: Any) -> str | None:
    """The EDN text of a scalar, or None if ``value`` is not one; ``ValueError`` if EDN cannot say it.

    >>> write_scalar(2**64), write_scalar(Decimal("1.50")), write_scalar([])
    ('18446744073709551616N', '1.50M', None)
    """
    writer = _WRITERS.get(type(value))
    return None if writer is None else writer(value)


def _write_string(value: str) -> str:
    text = value.translate(_ESCAPES)
    # A lone surrogate has no UTF-8, so it could not be sent or saved as it is.
    return '"' + re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text) + '"'


def _write_keyword(value: Keyword) -> str:
    if not _NAME.fullmatch(value) or value.startswith(":"):
        raise ValueError(f"the keyword {str(value)!r} cannot be written")
    return f":{value}"


def _write_symbol(value: Symbol) -> str:
    known = value == "/" or (_NAME.fullmatch(value) and _NAME_START.match(value) and value not in _CONSTANTS)
    if not known:
        raise ValueError(f"the symbol {str(value)!r} cannot be written")
    return str(value)


def _write_regex(value: re.Pattern[Any]) -> str:
    if isinstance(value.pattern, bytes) or value.flags != re.compile(value.pattern).flags:
        raise ValueError(f"{value!r} cannot be written: expected a pattern of text, with its flags inside, as in (?i)")
    quoted = re.sub(r'(\\.)|"', lambda match: match[1] or '\\"', value.pattern, flags=re.DOTALL)
    return f'#"{quoted}"'


def _write_int(value: int) -> str:
    try:
        return str(value) if LONG_MIN <= value <= LONG_MAX else f"{value}N"
    except ValueError:
        raise ValueError(f"an integer of {value.bit_length()} bits is too long to be written") from None


def _write_float(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return next(text for text, number in _SYMBOLIC.items() if repr(number) == repr(value))


def _write_decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"the decimal {value} cannot be written")
    return f"{value}M"


def _write_instant(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    return f'#inst "{value.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"'


_WRITERS: Final[dict[type, Callable[[Any], str]]] = {
    type(None): lambda _: "nil",
    bool: lambda value: "true" if value else "false",
    int: _write_int,
    float: _write_float,
    Decimal: _write_decimal,
    str: _write_string,
    re.Pattern: _write_regex,
    Keyword: _write_keyword,
    Symbol: _write_symbol,
    URI: lambda value: f"#uri {_write_string(value)}",
    UUID: lambda value: f'#uuid "{value}"',
    bytes: lambda value: f'#base64 "{base64.b64encode(value).decode()}"',
    datetime: _write_instant,
    type(...): lambda _: "...",
}
