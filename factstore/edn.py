"""EDN text to Python data and back, with positions for who needs them.

The grammar is in ``edn.lark``. :func:`read` gives plain data; :func:`parse` gives the
:class:`~factstore.edn_forms.Form` tree, which knows where everything stood.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from importlib import resources
from typing import Any, Final, NoReturn

from lark import Lark, Token
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from factstore import edn_scalars
from factstore.edn_forms import Form, Kind, Position, Tags, Text, data_of, located
from factstore.edn_write import write
from factstore.errors import EdnError
from factstore.values import Keyword, Symbol

__all__ = ["Form", "Position", "Text", "data_of", "located", "parse", "parse_all", "read", "read_all", "write"]

MAX_SIZE: Final = 10_000_000
"""Characters of text that are read unless the caller allows more."""
MAX_DEPTH: Final = 256
"""Brackets inside brackets. What is nested no deeper can be compared and printed by Python."""
_MAX_TAGS: Final = 8
_CLOSER: Final = {"(": ")", "[": "]", "{": "}", "#{": "}"}


def read(text: str, *, source: str = "<text>", tags: Tags | None = None, max_size: int = MAX_SIZE) -> Any:
    """The one form in ``text`` as plain data.

    ===========================  ==========================================================
    ``[1 2]`` ``(1 2)``          list, tuple
    ``{:a 1}`` ``#{1}``          dict, frozenset (vectors in keys and sets become tuples)
    ``:a/b`` ``sym``             :class:`Keyword`, :class:`Symbol`
    ``"s"`` ``\\a``               str
    ``1`` ``1N`` ``1.5`` ``1M``  int, int, float, Decimal
    ``nil`` ``true``             None, True
    ``#inst`` ``#uuid``          aware datetime in UTC, UUID
    ``#uri`` ``#base64``         :class:`URI`, bytes
    ===========================  ==========================================================

    ``tags`` maps further tags to functions; what they refuse they refuse with ``ValueError``.
    Raises :class:`EdnError`: ``edn/syntax``, ``edn/unknown-tag``, ``edn/duplicate``,
    ``edn/not-hashable``, ``edn/too-deep``, ``edn/too-large`` (``max_size`` is in characters).

    >>> read('{:db/id -1, :person/name "Ada"} ; a person')
    {:db/id: -1, :person/name: 'Ada'}
    """
    whole = Text(source, text)
    return data_of(_only(_forms(whole, max_size, MAX_DEPTH), whole), whole, tags)


def read_all(text: str, *, source: str = "<text>", tags: Tags | None = None, max_size: int = MAX_SIZE) -> list[Any]:
    """All forms in ``text``, in order, as plain data.

    >>> read_all("1 #_ignored :b")
    [1, :b]
    """
    whole = Text(source, text)
    return [data_of(form, whole, tags) for form in _forms(whole, max_size, MAX_DEPTH)]


def parse(text: str, source: str = "<text>", *, max_size: int = MAX_SIZE, max_depth: int = MAX_DEPTH) -> Form:
    """The one form in ``text``, with positions; tags are not resolved yet.

    >>> [(form.kind, form.start) for form in parse("[?e :a 1]").items]
    [('symbol', 1), ('keyword', 4), ('number', 7)]
    """
    whole = Text(source, text)
    return _only(_forms(whole, max_size, max_depth), whole)


def parse_all(
    text: str, source: str = "<text>", *, max_size: int = MAX_SIZE, max_depth: int = MAX_DEPTH
) -> tuple[Form, ...]:
    """All forms in ``text``, with positions."""
    return _forms(Text(source, text), max_size, max_depth)


def _only(forms: tuple[Form, ...], text: Text) -> Form:
    if not forms:
        raise _error("expected a form, found nothing", text, 0)
    if len(forms) > 1:
        raise _error(f"expected one form, found another: {text.at(forms[1]).snippet}", text, forms[1].start)
    return forms[0]


class _Wrong(Exception):
    """What a callback refuses; it does not know the text it reads."""

    def __init__(self, message: str, start: int) -> None:
        super().__init__(message)
        self.message = message
        self.start = start


def _scalar(kind: Kind, reader: Any) -> Any:
    def build(_: _Builder, token: Token) -> Form:
        start, end = token.start_pos or 0, token.end_pos or 0
        try:
            value = reader(str(token))
        except ValueError as error:
            raise _Wrong(str(error), start) from None
        return Form(kind, value, start, end)

    return build


def _collection(kind: Kind) -> Any:
    def build(_: _Builder, children: list[Any]) -> Form:
        return _form(kind, children[1:-1], children[0], children[-1])

    return build


def _form(kind: Kind, items: list[Form | None], opener: Token, closer: Token) -> Form:
    forms = tuple(form for form in items if form is not None)
    if kind == "map" and len(forms) % 2:
        raise _Wrong("a key without a value: expected an even number of forms in a map", forms[-1].start)
    return Form(kind, forms, opener.start_pos or 0, closer.end_pos or 0)


def _symbol(builder: _Builder, token: Token) -> Form:
    form: Form = _any_symbol(builder, token)
    if form.kind == "symbol" and not isinstance(form.value, Symbol):
        return Form("nil" if form.value is None else "boolean", form.value, form.start, form.end)
    return form


_any_symbol = _scalar("symbol", edn_scalars.read_symbol)


class _Builder:
    """Makes a form of each token and each reduction, bottom up: depth costs no stack."""

    STRING = _scalar("string", edn_scalars.read_string)
    REGEX = _scalar("regex", edn_scalars.read_regex)
    KEYWORD = _scalar("keyword", edn_scalars.read_keyword)
    NUMBER = _scalar("number", edn_scalars.read_number)
    SYMBOLIC = _scalar("number", edn_scalars.read_symbolic)
    CHARACTER = _scalar("character", edn_scalars.read_character)
    SYMBOL = _symbol
    list = _collection("list")
    vector = _collection("vector")
    map = _collection("map")
    set = _collection("set")

    def spaced_map(self, children: Any) -> Form:
        space, opener, *items, closer = children
        form = _form("map", items, opener, closer)
        name = str(space)[2:]
        if not name or "/" in name:
            raise _Wrong(f"{space} is not a namespace: expected one like #:person", space.start_pos)
        spaced = (_spaced(item, name) if index % 2 == 0 else item for index, item in enumerate(form.value))
        return Form("map", tuple(spaced), space.start_pos, form.end)

    def tagged(self, children: Any) -> Form:
        tag, value = children[0], children[-1]
        end = tag.end_pos
        return Form("tagged", (Form("symbol", str(tag)[1:], tag.start_pos + 1, end), value), tag.start_pos, value.end)

    def discard(self, _: Any) -> None:
        return None

    def document(self, children: Any) -> tuple[Form, ...]:
        return tuple(form for form in children if form is not None)


def _spaced(key: Form, space: str) -> Form:
    if not isinstance(key.value, Keyword | Symbol):
        return key
    head, slash, name = key.value.partition("/")
    if slash and head != "_":
        return key
    return Form(key.kind, type(key.value)(name if slash else f"{space}/{head}"), key.start, key.end)


@functools.lru_cache(maxsize=1)
def _grammar() -> Lark:
    grammar = resources.files("factstore").joinpath("edn.lark").read_text(encoding="utf-8")
    builder: Any = _Builder()
    return Lark(grammar, parser="lalr", lexer="basic", start="document", transformer=builder, maybe_placeholders=False)


def _refuse_size(text: Text, max_size: int) -> None:
    if not isinstance(text.body, str):
        message = f"expected EDN text, found {type(text.body).__name__}"
        raise EdnError(message, code="edn/not-text")
    if len(text.body) > max_size:
        message = f"{text.name} has {len(text.body)} characters: at most {max_size} are read"
        raise EdnError(message, code="edn/too-large", size=len(text.body), limit=max_size)


def _forms(text: Text, max_size: int, max_depth: int) -> tuple[Form, ...]:
    _refuse_size(text, max_size)
    reader = _grammar().parse_interactive(text.body)
    state = reader.parser_state
    openers: list[Token] = []
    token: Token | None = None
    try:
        tokens: Iterator[Token] = reader.lexer_thread.lex(state)  # type: ignore[no-untyped-call]
        for token in _watched(tokens, openers, text, max_depth):
            state.feed_token(token)
        if openers:
            raise _unclosed(openers[-1], text)
        token = Token("$END", "", len(text.body))
        forms: tuple[Form, ...] = state.feed_token(token, True)
        return forms
    except UnexpectedToken:
        _after_prefix(token, text)
    except UnexpectedCharacters as error:
        stopped: Any = error.pos_in_stream
        raise _bad_character(text, stopped) from None
    except _Wrong as wrong:
        raise _error(wrong.message, text, wrong.start) from None


def _watched(tokens: Iterator[Token], openers: list[Token], text: Text, max_depth: int) -> Iterator[Token]:
    # The parser knows that a bracket is wrong; only the stack of openers knows which one it belongs to.
    tags = 0
    for token in tokens:
        kind = token.type
        tags = tags + 1 if kind == "TAG" else 0
        if kind.startswith("OPEN"):
            openers.append(token)
        elif kind.startswith("CLOSE"):
            _close(token, openers, text)
        if len(openers) > max_depth or tags > _MAX_TAGS:
            message = f"nested too deeply: at most {max_depth} levels, and {_MAX_TAGS} tags in a row, are read"
            raise _error(message, text, token.start_pos or 0, code="edn/too-deep")
        yield token


def _close(token: Token, openers: list[Token], text: Text) -> None:
    if not openers:
        raise _error(f"{token} closes nothing: every bracket before it is closed", text, token.start_pos or 0)
    opener = openers.pop()
    if _CLOSER[opener] != token:
        message = f"expected {_CLOSER[opener]} to close {_opened(opener, text)}, found {token}"
        raise _error(message, text, token.start_pos or 0)


def _unclosed(opener: Token, text: Text) -> EdnError:
    message = f"the text ends before {_CLOSER[opener]} closes {_opened(opener, text)}"
    return _error(message, text, opener.start_pos or 0)


def _opened(opener: Token, text: Text) -> str:
    at = Position(text, opener.start_pos or 0, opener.end_pos or 0)
    return f"the {opener} of line {at.line}, column {at.column}"


def _after_prefix(token: Token | None, text: Text) -> NoReturn:
    # Brackets are checked before they are fed, so only a prefix can be followed by something wrong.
    found = "the end" if token is None or token.type == "$END" else str(token)
    start = len(text.body) if token is None or token.start_pos is None else token.start_pos
    before = text.body[:start].split()
    after = f" after {before[-1][-40:]}" if before else ""
    wanted = "a map" if before and before[-1].startswith("#:") else "a form"
    raise _error(f"expected {wanted}{after}, found {found}", text, start) from None


_UNREADABLE: Final = {
    '"': "a string without its closing quote",
    "'": "a quote: EDN has none, write the form itself",
    "#": '# begins no form: expected #{…}, #_, #"…", #inst or another tag',
    "\\": "\\ begins no character: expected \\a, \\newline or \\u0041",
}


def _bad_character(text: Text, start: int) -> EdnError:
    char = text.body[start]
    return _error(_UNREADABLE.get(char, f"{char} begins no form"), text, start)


def _error(message: str, text: Text, start: int, *, code: str = "edn/syntax") -> EdnError:
    return located(EdnError, message, Position(text, start, start + 1), code=code)
