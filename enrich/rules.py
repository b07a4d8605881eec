"""Rule files: which relations are derived, from what, with what confidence, and who to ask about it.

A head named ``edge`` is stored as an edge; any other head is a name to reuse, in rules and in queries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec

import factstore
from enrich.clauses import is_call, is_pattern, parts
from enrich.errors import EnrichError, shown
from enrich.rule_hash import canonical, digest
from factstore import Keyword, Rule, Symbol, load_rules

EDGE: Final = "edge"
"""The name of a head that is stored."""
_NOTES: Final = {
    "doc": "text",
    "confidence": "a number from 0 to 1",
    "owner": "text",
    "tags": "a vector of text or keywords",
}


class EdgeRule(msgspec.Struct, frozen=True):
    """One rule whose head is an edge, and what its file says of it."""

    relation: Keyword
    name: str
    """The relation and the start of the hash: one name for one meaning."""
    hash: str
    text: str
    """The rule and all rules it depends on, as EDN: what is needed to run it again at any time."""
    file: str
    line: int
    doc: str | None = None
    confidence: float = 1.0
    owner: str | None = None
    tags: tuple[str, ...] = ()
    rule: Rule | None = None

    @property
    def place(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"


class RuleBook:
    """All rules of some files. Immutable; parsed, but not yet checked against a schema.

    >>> book = RuleBook.load("[(edge :model/ab-test ?m ?t) {:doc \\"tests\\"} [?m :model/run ?r] [?r :run/test ?t]]")
    >>> [(rule.relation, rule.doc, rule.place) for rule in book.edges]
    [(:model/ab-test, 'tests', '<rules>:1')]
    """

    def __init__(self, rules: Iterable[Rule], root: Path | None = None) -> None:
        self.rules: Final[tuple[Rule, ...]] = tuple(rules)
        self._root: Final = root
        self.data: Final[tuple[list[Any], ...]] = tuple(factstore.edn.read(str(rule)) for rule in self.rules)
        """Each rule as plain data."""
        self.edges: Final[tuple[EdgeRule, ...]] = self._edges()
        self.relations: Final[tuple[Keyword, ...]] = tuple(dict.fromkeys(rule.relation for rule in self.edges))

    @staticmethod
    def load(rules: Any) -> RuleBook:
        """The rules of a file, of a folder of ``*.edn`` files, of EDN text, or of parsed rules.

        Raises :class:`~factstore.QueryError` ``query/syntax`` and ``query/no-rule-file``, :class:`~factstore.EdnError`,
        and :class:`~enrich.EnrichError` ``rule/…`` for a head or metadata that makes no edge.
        """
        if isinstance(rules, RuleBook):
            return rules
        is_text = isinstance(rules, str) and rules.lstrip().startswith(("[", ";"))
        if isinstance(rules, str | Path) and not is_text:
            root = Path(rules)
            if not root.exists():
                raise EnrichError(f"there is no rule file or folder {root}", code="rule/no-file", path=str(root))
            return RuleBook(load_rules(root), root)
        return RuleBook(load_rules(rules))

    @cached_property
    def hash(self) -> str:
        """The hash of all edge rules and what they depend on; their order and their files do not matter."""
        return digest(*sorted(rule.hash for rule in self.edges))

    def __len__(self) -> int:
        return len(self.rules)

    def __repr__(self) -> str:
        return f"<RuleBook {len(self.edges)} edge rules, {len(self.rules) - len(self.edges)} others>"

    @cached_property
    def _callees(self) -> list[frozenset[str]]:
        # A relation that is derived is as good as a call of the rules that derive it.
        derived = {str(data[0][1]) for data in self.data if _is_edge(data)}
        return [frozenset(_callees(data, derived)) for data in self.data]

    @cached_property
    def _by_callee(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, data in enumerate(self.data):
            found.setdefault(callee_of(data), []).append(number)
        return found

    def needed_by(self, number: int) -> list[int]:
        """The places in :attr:`rules` of all rules that a rule depends on, itself included, in order."""
        seen, waiting = {number}, [number]
        while waiting:
            for callee in self._callees[waiting.pop()]:
                new = [place for place in self._by_callee.get(callee, ()) if place not in seen]
                seen.update(new)
                waiting += new
        return sorted(seen)

    def _edges(self) -> tuple[EdgeRule, ...]:
        # Heads first: all else is understood from them.
        for rule, data in zip(self.rules, self.data, strict=True):
            if rule.head.name == EDGE:
                _check_head(rule)
                _check_notes(rule)
            elif str(data[0][0]).startswith(f"{EDGE}*"):
                raise factstore.edn.located(
                    EnrichError, "names that begin with edge* are taken", rule.head.at, code="rule/reserved-name"
                )
        made = [self._edge(number) for number, data in enumerate(self.data) if _is_edge(data)]
        distinct: dict[str, EdgeRule] = {}
        for each in made:
            # Two rules that say the same are one.
            distinct.setdefault(each.hash, each)
        return tuple(distinct.values())

    def hash_of(self, number: int) -> str:
        """The hash of a rule, by its place in :attr:`rules`: of what it and the rules it depends on say."""
        others = sorted(self._texts[place] for place in self.needed_by(number) if place != number)
        return digest(self._texts[number], repr(self.confidence_of(number)), *others)

    def confidence_of(self, number: int) -> float:
        """How sure a rule is of what it gives."""
        notes = {str(key): value for key, value in (self.rules[number].metadata or {}).items()}
        return float(notes.get("confidence", 1.0)) if _is_edge(self.data[number]) else 1.0

    @cached_property
    def _texts(self) -> list[str]:
        return [canonical(data) for data in self.data]

    def _edge(self, number: int) -> EdgeRule:
        rule, needed = self.rules[number], self.needed_by(number)
        notes = {str(key): value for key, value in (rule.metadata or {}).items()}
        hash = self.hash_of(number)
        relation = Keyword(self.data[number][0][1])
        at: Any = rule.at
        order = [number, *(place for place in needed if place != number)]
        return EdgeRule(
            relation,
            f"{relation}#{hash[:12]}",
            hash,
            "\n".join(str(self.rules[place]) for place in order),
            self.file_of(number),
            at.line if at else 1,
            notes.get("doc"),
            self.confidence_of(number),
            notes.get("owner"),
            tuple(map(str, notes.get("tags", ()))),
            rule,
        )

    def file_of(self, number: int) -> str:
        """The file of a rule, by its place in :attr:`rules`, as seen from its rule folder.

        Where a checkout lies is nobody's business, and may change.
        """
        at: Any = self.rules[number].at
        if at is None or self._root is None:
            return at.text.name if at else "<rules>"
        inside = Path(at.text.name).relative_to(self._root)
        return (Path(self._root.resolve().name) / inside).as_posix()


def callee_of(data: list[Any]) -> str:
    """What a rule is called by: its name, for an edge ``edge*`` and the relation."""
    return edge(data[0][1]) if _is_edge(data) else str(data[0][0])


def edge(relation: str) -> str:
    """What the rules of a derived relation are called by."""
    return f"{EDGE}*{relation!s}"


def _callees(data: list[Any], derived: set[str]) -> Iterable[str]:
    body = [clause for clause in data[1:] if not isinstance(clause, Mapping)]
    for clause, _ in parts(body):
        if is_call(clause):
            plain = clause[1:] if str(clause[0]).startswith("$") else clause
            is_edge = plain[0] == EDGE and len(plain) > 1 and isinstance(plain[1], Keyword)
            yield edge(plain[1]) if is_edge else str(plain[0])
        elif is_pattern(clause):
            terms = clause[1:] if isinstance(clause[0], Symbol) and clause[0].startswith("$") else clause
            if len(terms) > 1 and isinstance(terms[1], Keyword) and str(terms[1]) in derived:
                yield edge(terms[1])


def _is_edge(data: list[Any]) -> bool:
    return str(data[0][0]) == EDGE


def _check_head(rule: Rule) -> None:
    args = rule.head.args
    relation = getattr(args[0], "value", None) if args else None
    names = [getattr(arg, "name", None) for arg in args[1:]]
    if rule.head.required or len(args) != 3 or not isinstance(relation, Keyword) or None in names:
        raise factstore.edn.located(
            EnrichError,
            f"{rule.head} makes no edge: expected (edge :relation ?from ?to)",
            rule.head.at,
            code="rule/head",
        )


def _check_notes(rule: Rule) -> None:
    for key, value in (rule.metadata or {}).items():
        expected = _NOTES.get(str(key))
        where = rule.notes.at if rule.notes is not None else rule.at
        if expected is None or not isinstance(key, Keyword):
            known = " ".join(f":{name}" for name in _NOTES)
            message = f"{shown(key)} says nothing about an edge: expected one of {known}"
            raise factstore.edn.located(EnrichError, message, where, code="rule/metadata", key=key)
        if not _fits(str(key), value):
            message = f":{key!s} is {shown(value)}: expected {expected}"
            raise factstore.edn.located(EnrichError, message, where, code="rule/metadata", key=key)


def _fits(key: str, value: Any) -> bool:
    match key:
        case "confidence":
            return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
        case "tags":
            return isinstance(value, list | tuple | frozenset) and all(isinstance(tag, str) for tag in value)
        case _:
            return isinstance(value, str)
