"""A Pygments lexer for queries, rules and transaction data in EDN.

It is installed under the name ``datalog``, so that whatever uses Pygments colours such text: IPython, rich,
Sphinx, MkDocs (a block that begins with three backticks and ``datalog``).
"""

from __future__ import annotations

from typing import Any, ClassVar

from pygments.lexer import RegexLexer, bygroups
from pygments.token import (
    Comment,
    Error,
    Keyword,
    Literal,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Whitespace,
)

_END = r"(?=[\s,;()\[\]{}\"\\^@`~]|\Z)"
_REST = r"[^\s,;()\[\]{}\"\\^@`~]*"
_SECTIONS = "find|keys|strs|syms|with|in|where|order-by|limit|offset|timeout|max-rows|asc|desc"
_CLAUSES = "not|not-join|or|or-join|and|optional|pull|aggregate"


class DatalogLexer(RegexLexer):  # type: ignore[misc]  # Pygments comes without types
    """EDN with the words of queries: sections, clauses, variables, sources and rules.

    >>> from pygments.token import Name
    >>> [text for kind, text in DatalogLexer().get_tokens("[?e :person/name $x]") if kind in Name.Variable]
    ['?e', '$x']
    """

    name = "Datalog (EDN)"
    aliases: ClassVar[list[str]] = ["datalog", "edn"]
    filenames: ClassVar[list[str]] = ["*.edn"]
    mimetypes: ClassVar[list[str]] = ["application/edn"]
    url = "https://github.com/edn-format/edn"

    tokens: ClassVar[dict[str, list[Any]]] = {
        "root": [
            (r"[\s,\ufeff]+", Whitespace),
            (r";[^\n]*", Comment.Single),
            (r"#_", Comment.Preproc),
            (r'"', String, "string"),
            (rf"\\\S{_REST}", String.Char),
            (rf":({_SECTIONS}){_END}", Keyword),
            (rf":{_REST}", Name.Attribute),
            (rf"[+-]?\d{_REST}", Number),
            (rf"##{_REST}", Number),
            (rf"(true|false|nil){_END}", Keyword.Constant),
            (rf"#:{_REST}", Name.Namespace),
            (rf"#[A-Za-z]{_REST}", Literal),
            (rf"\?{_REST}", Name.Variable),
            (rf"\${_REST}", Name.Variable.Global),
            (rf"(%|_|\.\.\.|\.){_END}", Name.Builtin.Pseudo),
            # In clauses with a source of their own it comes first: ($old not …).
            (
                rf"(\()(\$\S*)(\s+)({_CLAUSES}){_END}",
                bygroups(Punctuation, Name.Variable.Global, Whitespace, Keyword),
            ),
            (rf"(\()({_CLAUSES}){_END}", bygroups(Punctuation, Keyword)),
            (r"(\()([^\s,;()\[\]{}\"\\^@`~:$?]" + _REST + ")", bygroups(Punctuation, Name.Function)),
            (r"#\{|[()\[\]{}]", Punctuation),
            (rf"[-+*/<>=!]+{_END}", Operator),
            (rf"[^\s,;()\[\]{{}}\"\\^@`~]{_REST}", Name),
            (r".", Error),
        ],
        "string": [
            (r'[^"\\]+', String),
            (r"\\.", String.Escape),
            (r'"', String, "#pop"),
        ],
    }
