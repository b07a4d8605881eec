"""The hash of what a rule says: the same for any names of its variables, any order of its clauses, any spacing.

Variables are told apart by where they stand: each starts with the place it has in the head, and is
refined by the clauses it stands in until that says nothing new. Where two still look alike, each
is tried as the first, and the smallest text wins.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import factstore
from enrich.clauses import BLANK, CONNECTIVES, is_pattern, is_variable, operator, variables, without_source
from factstore import Symbol

SEMANTICS: Final = "1"
"""Goes into every hash: raised when the engine gives rules another meaning."""
_TRIES: Final = 256
"""How many numberings are compared for one rule; only a rule with many interchangeable variables has more."""

Colors = Mapping[Symbol, int]


def canonical(rule: list[Any]) -> str:
    """The text of a rule's head and body that all rules of the same meaning by the above share.

    >>> one = factstore.edn.read("[(up ?a ?b) [?a :n ?x] (up ?x ?b)]")
    >>> other = factstore.edn.read("[(up ?p ?q) (up ?m ?q) [$ ?p :n ?m]]")
    >>> canonical(one) == canonical(other), canonical(one)
    (True, '[(up ?0 ?1) (up ?2 ?1) [?0 :n ?2]]')
    """
    head, *rest = rule
    body = [without_source(clause) for clause in rest if not isinstance(clause, Mapping)]
    first = {name: place for place, name in enumerate(variables(head))}
    colors = {name: first.get(name, len(first)) for name in variables([head, body])}
    return min(_texts(head, body, colors, [_TRIES]))


def digest(*texts: str) -> str:
    """16 bytes of hash of some texts, as 32 hexadecimal digits.

    >>> len(digest("a")), digest("a", "b") == digest("ab")
    (32, False)
    """
    together = "\x00".join((SEMANTICS, *texts))
    return hashlib.blake2b(together.encode(), digest_size=16).hexdigest()


def _texts(head: Any, body: list[Any], colors: Colors, tries: list[int]) -> Iterable[str]:
    colors = _refined(body, colors)
    alike = _alike(colors)
    if not alike:
        yield f"[{_text(head, colors, None)} {' '.join(sorted(_text(each, colors, None) for each in body))}]"
        return
    for number, name in enumerate(alike):
        if number and tries[0] <= 0:
            return
        tries[0] -= 1
        # Between the colors that are there: the one that is tried stands before those like it.
        yield from _texts(head, body, {each: 2 * color - (each == name) for each, color in colors.items()}, tries)


def _refined(body: list[Any], colors: Colors) -> Colors:
    while True:
        seen = {name: (color, *_surroundings(body, colors, name)) for name, color in colors.items()}
        order = {key: rank for rank, key in enumerate(sorted(set(seen.values())))}
        finer = {name: order[key] for name, key in seen.items()}
        if len(order) == len(set(colors.values())):
            return finer
        colors = finer


def _surroundings(body: list[Any], colors: Colors, name: Symbol) -> list[str]:
    return sorted(_text(clause, colors, name) for clause in body if name in variables(clause))


def _alike(colors: Colors) -> list[Symbol]:
    for color in sorted(set(colors.values())):
        same = [name for name, its in colors.items() if its == color]
        if len(same) > 1:
            return same
    return []


def _text(form: Any, colors: Colors, marked: Symbol | None) -> str:
    if is_variable(form):
        return "?*" if form == marked else f"?{colors[form]}"
    if isinstance(form, tuple):
        return f"({' '.join(_children(form, colors, marked))})"
    if isinstance(form, list):
        whole = [*form, BLANK] if is_pattern(form) and len(form) == 2 and form and not _is_lookup(form) else form
        return f"[{' '.join(_text(each, colors, marked) for each in whole)}]"
    return factstore.edn.write(form)


def _is_lookup(form: list[Any]) -> bool:
    return not is_variable(form[0]) and form[0] != "_" and not isinstance(form[0], list)


def _children(form: tuple[Any, ...], colors: Colors, marked: Symbol | None) -> list[str]:
    texts = [_text(each, colors, marked) for each in form]
    if operator(form) not in CONNECTIVES:
        return texts
    start = 2 if operator(form) in ("not-join", "or-join") else 1
    if start == 2:
        texts[1] = f"[{' '.join(sorted(_text(each, colors, marked) for each in form[1]))}]"
    return texts[:start] + sorted(texts[start:])
