"""What Clojure needs around a query and EDN does not have: quotes and type hints, read as blanks."""

from __future__ import annotations

import re
from typing import Final

_PARTS: Final = re.compile(
    r"""
    ( "(?:\\.|[^"\\])*"? | ;[^\n]* | \\\S )    # strings, comments and characters stay as they are
    | (?: (?<![^\s,(\[{}\])]) ' (?=[^\s']) )   # 'form
    | \^ [A-Za-z][\w.]* (?=[\s,])              # ^String form
    """,
    re.VERBOSE | re.DOTALL,
)


def unquoted(text: str) -> str:
    """``text`` with a blank for each quote and type hint of Clojure's before a form; every place in it stays.

    >>> print(unquoted("(q '[:find ?n' :where [?e :n' ?n']] $)"))
    (q  [:find ?n' :where [?e :n' ?n']] $)
    >>> print(unquoted("[(starts-with? ^String ?x ?y)]"))
    [(starts-with?         ?x ?y)]
    """
    if "'" not in text and "^" not in text:
        return text
    return _PARTS.sub(lambda match: match[1] or " " * len(match[0]), text)
