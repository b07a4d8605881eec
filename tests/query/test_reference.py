"""The page of the query language: its tables name every function and aggregate, what they show is so, and every
alternative of its grammar stands in one of its examples."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

import factstore
from factstore.query.functions.builtin import BUILTIN
from factstore.query.language.ast import (
    Aggregate,
    And,
    BindCollection,
    BindIgnore,
    BindRelation,
    BindScalar,
    BindTuple,
    Blank,
    Constant,
    FindCollection,
    FindRelation,
    FindScalar,
    FindTuple,
    FunctionCall,
    LookupRef,
    Not,
    Optional,
    Or,
    Pattern,
    PatternVar,
    Predicate,
    PullExpr,
    Query,
    Rule,
    RuleCall,
    RulesVar,
    SourceVar,
    Variable,
    walk,
)
from tests.runnable import blocks, run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "query.md"
_ROW = re.compile(r"^\| `(?P<name>[^`]+)` \| `(?P<call>\([^`]+\))` \| (?:`(?P<gives>[^`]+)` )?\|$", re.MULTILINE)


class Row(NamedTuple):
    """A row of a table: a name, a call of it, and what that gives, if it is always the same."""

    name: str
    call: str
    gives: str | None


def rows(section: str) -> list[Row]:
    text = PAGE.read_text("utf-8").partition(f" {section}\n")[2]
    return [Row(*match.groups()) for match in _ROW.finditer(re.split(r"^#", text, maxsplit=1, flags=re.MULTILINE)[0])]


FUNCTIONS, AGGREGATES = rows("Built-in functions"), rows("Aggregates")


def ask(query: str, *inputs: object) -> object:
    return factstore.connect("memory:").db().q(query, *inputs)


def test_every_function_has_a_row() -> None:
    assert [row.name for row in FUNCTIONS] == list(BUILTIN)


def test_every_aggregate_has_a_row() -> None:
    with pytest.raises(factstore.QueryError) as caught:
        ask("[:find (nothing-like-it ?x) :in [?x ...]]", [1])
    known = re.search(r"expected one of (.*), or a registered one", str(caught.value))
    assert known
    assert sorted({row.name for row in AGGREGATES}) == known[1].split(", ")


@pytest.mark.parametrize("row", FUNCTIONS, ids=lambda row: row.call)
def test_a_function_gives_what_its_row_says(row: Row) -> None:
    found = ask(f"[:find ?x . :where [{row.call} ?x]]")
    assert _shown(row, found)


@pytest.mark.parametrize("row", AGGREGATES, ids=lambda row: row.call)
def test_an_aggregate_gives_what_its_row_says(row: Row) -> None:
    found = ask(f"[:find {row.call} . :with ?i :in [[?i ?x]]]", enumerate([1, 2, 2, 3]))
    assert _shown(row, found)


def _shown(row: Row, found: object) -> bool:
    """As the page shows it, so that 1, 1.0 and True are told apart; anything but None where chance has a part."""
    return found is not None if row.gives is None else repr(found) == row.gives


Shown = Callable[[Any], bool]


def of(kind: type, test: Shown = lambda node: True) -> Shown:
    return lambda node: isinstance(node, kind) and test(node)


def section(*names: str) -> Shown:
    return of(Query, lambda query: all(getattr(query, name) not in (None, (), 0) for name in names))


def element(kind: type, test: Shown = lambda node: True) -> Shown:
    return of(Query, lambda query: any(isinstance(e, kind) and test(e) for e in query.find.elements))


def order(test: Shown) -> Shown:
    return of(Query, lambda query: any(map(test, query.order_by)))


def given(kind: type, test: Shown = lambda node: True) -> Shown:
    return of(Query, lambda query: any(isinstance(node, kind) and test(node) for node in query.inputs))


def argument(kind: type) -> Shown:
    return of(Predicate | FunctionCall, lambda call: any(isinstance(arg, kind) for arg in call.args))


def term(kind: type) -> Shown:
    return of(Pattern, lambda pattern: any(isinstance(each, kind) for each in pattern.terms))


BINDINGS = BindScalar | BindTuple | BindCollection | BindRelation | BindIgnore
GRAMMAR: dict[str, list[Shown]] = {
    "query": [of(Query, lambda query: "[:" in query.text), of(Query, lambda query: query.text.startswith("{"))],
    "section": [
        *(
            of(Query, lambda query, kind=kind: query.keys and query.keys.kind == kind)
            for kind in ("keys", "strs", "syms")
        ),
        section("with_"),
        of(Query, lambda query: ":in " in query.text),
        section("where"),
        section("order_by"),
        section("limit"),
        section("offset"),
        section("timeout"),
        section("max_rows"),
    ],
    "order": [
        order(lambda item: isinstance(item.element, Variable)),
        of(Query, lambda query: " :asc" in query.text),
        order(lambda item: item.descending),
        order(lambda item: isinstance(item.element, Aggregate)),
    ],
    "find": [of(kind) for kind in (FindRelation, FindCollection, FindTuple, FindScalar)],
    "element": [
        element(Variable),
        element(Aggregate, lambda node: isinstance(node.fn, str)),
        element(Aggregate, lambda node: isinstance(node.fn, Variable)),
        element(PullExpr, lambda node: node.source is None),
        element(PullExpr, lambda node: node.source is not None),
    ],
    "spec": [
        element(PullExpr, lambda node: not isinstance(node.pattern, PatternVar | Variable)),
        element(PullExpr, lambda node: isinstance(node.pattern, PatternVar)),
        element(PullExpr, lambda node: isinstance(node.pattern, Variable)),
    ],
    "input": [
        given(SourceVar, lambda node: node.name == "$"),
        given(SourceVar, lambda node: node.name != "$"),
        given(RulesVar),
        given(PatternVar),
        of(Query, lambda query: any(isinstance(node, BINDINGS) for node in query.inputs)),
    ],
    "binding": [of(kind) for kind in (BindScalar, BindIgnore, BindTuple, BindCollection, BindRelation)],
    "clause": [of(kind) for kind in (Pattern, Predicate, FunctionCall, RuleCall, Not, Or, Optional)],
    "pattern": [of(Pattern, lambda node: node.source is None), of(Pattern, lambda node: node.source is not None)],
    "term": [term(Variable), term(Blank), term(Constant), term(LookupRef)],
    "predicate": [of(Predicate)],
    "function": [of(FunctionCall)],
    "fn": [
        of(Predicate | FunctionCall, lambda node: isinstance(node.fn, str)),
        of(Predicate | FunctionCall, lambda node: isinstance(node.fn, Variable)),
    ],
    "arg": [argument(Variable), argument(Constant), argument(SourceVar), argument(RulesVar)],
    "call": [of(RuleCall, lambda node: node.source is None), of(RuleCall, lambda node: node.source is not None)],
    "not": [
        of(Not, lambda node: node.vars is None),
        of(Not, lambda node: node.vars is not None),
        of(Not, lambda node: node.source is not None),
    ],
    "or": [
        of(Or, lambda node: node.vars is None),
        of(Or, lambda node: node.vars and not node.required),
        of(Or, lambda node: node.required),
        of(Or, lambda node: node.source is not None),
    ],
    "branch": [of(Or), of(And)],
    "optional": [of(Optional), of(Optional, lambda node: node.source is not None)],
    "rules": [of(str, lambda text: text.startswith("[[")), of(str, lambda text: text.strip().startswith(";"))],
    "rule": [
        of(Rule, lambda rule: not rule.head.required),
        of(Rule, lambda rule: rule.head.required),
        of(Rule, lambda rule: any(isinstance(arg, Constant) for arg in rule.head.args)),
        of(Rule, lambda rule: rule.notes is not None),
    ],
}
"""For each production of the page's grammar, what tells that a query or rule has each of its alternatives."""


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Every text of rules, and every query and rule with what is in them, that the page's examples parse."""
    found: list[Any] = []
    # Functions of the package have the names of these modules.
    language = "factstore.query.language"
    parse, parse_rules = (importlib.import_module(f"{language}.{name}") for name in ("parse", "parse_rules"))
    read_query, read_rules = parse._parse, parse_rules._parse

    def query(body: str, *more: Any) -> Query:
        found.extend(walk(read_query(body, *more)))
        return read_query(body, *more)

    def rules(body: str, *more: Any) -> tuple[Rule, ...]:
        found.extend([body, *walk(read_rules(body, *more))])
        return read_rules(body, *more)

    module = ModuleType("a_page_of_the_docs")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(tmp_path_factory.mktemp("page"))
        patched.setitem(sys.modules, module.__name__, module)
        patched.setattr(parse, "_parse", query)
        patched.setattr(parse_rules, "_parse", rules)
        for block in blocks(PAGE.read_text("utf-8")):
            run(block, PAGE, vars(module))
    return found


def alternatives() -> Iterator[tuple[str, int, str]]:
    """Each alternative of each production of the grammar: its name, its place, and how it is written."""
    text = PAGE.read_text("utf-8").partition("```text\n")[2].partition("```")[0]
    for line in re.sub(r"\n +\| ", " | ", text).splitlines():
        name, _, right = line.partition(" = ")
        for place, written in enumerate(right.split(" | ")):
            yield name.strip(), place, written


def test_the_grammar_is_the_one_that_is_known() -> None:
    found: dict[str, int] = {}
    for name, _, _ in alternatives():
        found[name] = found.get(name, 0) + 1
    assert found == {name: len(each) for name, each in GRAMMAR.items()}


@pytest.mark.parametrize(("name", "place", "written"), list(alternatives()))
def test_an_alternative_of_the_grammar_has_an_example(shown: list[Any], name: str, place: int, written: str) -> None:
    assert any(GRAMMAR[name][place](node) for node in shown), f"no example of {name} = {written}"
