"""Queries and rules, from text or data to nodes and back."""

from __future__ import annotations

from typing import Any

import pytest

from factstore import edn
from factstore.errors import EdnError, QueryError
from factstore.query.language.ast import (
    Aggregate,
    And,
    BindCollection,
    BindIgnore,
    Binding,
    BindRelation,
    BindScalar,
    BindTuple,
    Blank,
    Clause,
    Constant,
    Find,
    FindCollection,
    FindRelation,
    FindScalar,
    FindTuple,
    FunctionCall,
    Input,
    LookupRef,
    Not,
    Optional,
    Or,
    Order,
    Pattern,
    PatternVar,
    Predicate,
    PullExpr,
    RuleCall,
    RulesVar,
    SourceVar,
    Variable,
    variables,
    walk,
)
from factstore.query.language.parse import parse_query, parse_rules
from factstore.values import Keyword, Symbol

X, Y, Z = Variable("?x"), Variable("?y"), Variable("?z")
BX, BY, BZ = BindScalar(X), BindScalar(Y), BindScalar(Z)
A, B = Constant(Keyword("a")), Constant(Keyword("b"))
PX, PY = Pattern(None, (X, A)), Pattern(None, (X, A, Y))

CLAUSES: dict[str, Clause] = {
    "[?x]": Pattern(None, (X,)),
    "[?x :a ?y]": PY,
    "[_ ?x 1 ?y true]": Pattern(None, (Blank(), X, Constant(1), Y, Constant(True))),
    "[$2 ?x :a]": Pattern(SourceVar("$2"), (X, A)),
    "[?x :a b]": Pattern(None, (X, A, Constant(Symbol("b")))),
    "[?x :a [1 2 3]]": Pattern(None, (X, A, Constant([1, 2, 3]))),
    '[?x :a #inst "2024"]': Pattern(None, (X, A, Constant(edn.read('#inst "2024"')))),
    '[[:a "v"] :a [:b 1]]': Pattern(None, (LookupRef(A.value, Constant("v")), A, LookupRef(B.value, Constant(1)))),
    "[(< ?x 3)]": Predicate("<", (X, Constant(3))),
    "[(?x ?y)]": Predicate(X, (Y,)),
    "[(f $ [:a 1] nil) ?x]": FunctionCall("f", (SourceVar(), Constant([A.value, 1]), Constant(None)), BX),
    "[(q [:find ?y :where [?y]] $ %) ?x]": FunctionCall(
        "q", (Constant(edn.read("[:find ?y :where [?y]]")), SourceVar(), RulesVar()), BX
    ),
    "(not [?x :a])": Not(None, None, (PX,)),
    "($2 not [?x :a])": Not(SourceVar("$2"), None, (PX,)),
    "(not-join [?x] [?x :a ?y] (not [?x :a]))": Not(None, (X,), (PY, Not(None, None, (PX,)))),
    "(or [?x :a] (and [?x :a] [?x :a ?y]))": Or(None, None, (), (PX, And((PX, PY)))),
    "(or-join [?x ?y] [?x :a ?y])": Or(None, (X, Y), (), (PY,)),
    "($2 or-join [[?y] ?x] [?x :a ?y])": Or(SourceVar("$2"), (X,), (Y,), (PY,)),
    "(or-join [[?x]] [?x :a])": Or(None, (), (X,), (PX,)),
    "(optional [?x :a ?y])": Optional((PY,)),
    "(anc ?x _ 3 [:a 1])": RuleCall(None, "anc", (X, Blank(), Constant(3), Constant([A.value, 1]))),
    "($2 my.ns/anc ?x)": RuleCall(SourceVar("$2"), "my.ns/anc", (X,)),
}

BINDINGS: dict[str, Binding] = {
    "?x": BX,
    "_": BindIgnore(),
    "[?x _]": BindTuple((BX, BindIgnore())),
    "[?x ...]": BindCollection(BX),
    "[[?x ?y]]": BindRelation((BX, BY)),
    "[[?x [?y ?z]] ...]": BindCollection(BindTuple((BX, BindTuple((BY, BZ))))),
    "[[?x ?y] ?z]": BindTuple((BindTuple((BX, BY)), BZ)),
    "[[?x ...]]": BindTuple((BindCollection(BX),)),
}

FINDS: dict[str, Find] = {
    "?x ?y ?x": FindRelation((X, Y, X)),
    "[?x ...]": FindCollection(X),
    "[?x ?y]": FindTuple((X, Y)),
    "[?x]": FindTuple((X,)),
    "?x .": FindScalar(X),
    "(count ?x) .": FindScalar(Aggregate("count", (X,))),
    "(min 3 ?x) (my.ns/f ?y ?x)": FindRelation((Aggregate("min", (Constant(3), X)), Aggregate("my.ns/f", (Y, X)))),
    "[(aggregate ?y 2 ?x) ...]": FindCollection(Aggregate(Y, (Constant(2), X))),
}


def _where(clause: str) -> str:
    return f"[:find ?x :in $ $2 % ?x :where [?x :a ?y] {clause}]"


@pytest.mark.parametrize("text", CLAUSES)
def test_a_clause(text: str) -> None:
    assert parse_query(_where(text)).where[1] == CLAUSES[text]


@pytest.mark.parametrize("text", BINDINGS)
def test_a_binding_after_a_call_and_as_an_input(text: str) -> None:
    query = parse_query(f"[:find ?o :in {text} ?o :where [(f) {text}]]")
    assert query.inputs[0] == BINDINGS[text]
    assert query.where == (FunctionCall("f", (), BINDINGS[text]),)


@pytest.mark.parametrize("text", FINDS)
def test_a_find_spec(text: str) -> None:
    assert parse_query(f"[:find {text} :where [?x :a ?y]]").find == FINDS[text]


def test_pull_expressions() -> None:
    found = parse_query("[:find (pull ?x [* {:a 2}]) (pull $2 ?x pat) (pull ?x ?y) :in $2 pat ?x ?y]").find.elements
    assert all(isinstance(element, PullExpr) for element in found)
    assert [str(element) for element in found] == ["(pull ?x [* {:a 2}])", "(pull $2 ?x pat)", "(pull ?x ?y)"]


INPUTS: list[tuple[str, tuple[Input, ...]]] = [
    ("", (SourceVar("$"),)),
    (":in ?x", (BX,)),
    (":in $ $b % pat [?x ...]", (SourceVar("$"), SourceVar("$b"), RulesVar(), PatternVar("pat"), BindCollection(BX))),
    (":in _ ?x _", (BindIgnore(), BX, BindIgnore())),
]


@pytest.mark.parametrize(("text", "inputs"), INPUTS)
def test_inputs(text: str, inputs: tuple[Input, ...]) -> None:
    assert parse_query(f"[:find ?x {text} :where [?x :a]]").inputs == inputs


def test_return_maps_name_every_element() -> None:
    for kind, name in (("keys", Keyword("n/a")), ("strs", "n/a"), ("syms", Symbol("n/a"))):
        keys = parse_query(f"[:find ?x ?y :{kind} n/a b :where [?x :a ?y]]").keys
        assert keys is not None
        assert (keys.kind, keys.names[0], type(keys.names[0])) == (kind, name, type(name))


def test_order_and_bounds() -> None:
    query = parse_query(
        "[:find ?x (count ?y) :where [?x :a ?y] :order-by [(count ?y) :desc ?x :asc] :limit 3 :offset 2"
        " :timeout 100 :max-rows 9]"
    )
    assert query.order_by == (Order(Aggregate("count", (Y,)), 1, True), Order(X, 0))
    assert (query.limit, query.offset, query.timeout, query.max_rows) == (3, 2, 100, 9)


WHOLE = [
    *(_where(text) for text in CLAUSES),
    *(f"[:find ?o :in {text} ?o :where [(f) {text}]]" for text in BINDINGS),
    *(f"[:find {text} :where [?x :a ?y]]" for text in FINDS),
    "[:find [?x ?y] :strs a b :with ?z :in $ % :where [?x :a ?y] (r ?z) :order-by ?x :limit 0]",
    "[:find ?x (max ?y) (pull $ ?x [{:a ...}]) :keys a b c :in $ ?y :where [?x :a] :order-by [(max ?y) :desc]"
    " :limit 1 :offset 1 :timeout 1 :max-rows 1]",
    "[:find ?x :where [?x :a]" + "(not " * 97 + "[?x :a]" + ")" * 97 + "]",
]


@pytest.mark.parametrize("text", WHOLE, ids=lambda text: text[:60])
def test_a_query_prints_as_text_that_parses_to_it(text: str) -> None:
    query = parse_query(text)
    again = parse_query(str(query))
    assert again == query
    assert hash(again) == hash(query)
    assert query.text == text


@pytest.mark.parametrize("text", WHOLE, ids=lambda text: text[:60])
def test_data_says_the_same_as_text(text: str) -> None:
    assert parse_query(edn.read(text)) == parse_query(text)


def test_the_map_form_says_the_same_as_the_vector_form() -> None:
    as_map = "{:find [?x (count ?y)] :keys [a b] :in [$ ?z] :where [[?x ?z ?y]] :order-by [?x :desc] :limit 3}"
    query = parse_query("[:find ?x (count ?y) :keys a b :in $ ?z :where [?x ?z ?y] :order-by [?x :desc] :limit 3]")
    assert parse_query(as_map) == query
    by_name: Any = {str(key): value for key, value in edn.read(as_map).items()}
    assert parse_query(by_name) == query
    assert parse_query(query) is query


def test_equal_to_python_is_not_equal_in_a_query() -> None:
    texts = ("1", "1.0", "true", "1.0M", '"a"', ":a", "[1 2 3]", "[1.0 2 3]", "[true 2 3]")
    assert len({parse_query(f"[:find ?x :where [?x :a {text}]]") for text in texts}) == len(texts)


REFUSED = {
    "3": (1, "expected a query: [:find … :where …]"),
    "[]": (1, "expected a query that starts with :find"),
    "[?x]": (2, "expected a query that starts with :find, found ?x"),
    "[:where [?x :a]]": (1, "expected a query with :find"),
    "[:find]": (2, "expected something after :find"),
    "[:find ?x :find ?y]": (11, "expected :find once"),
    "[:find ?x :wher [?x :a]]": (11, ":wher is no part of a query: did you mean :where"),
    "{:find [?x] 3 4}": (13, "3 is no part of a query: expected one of :find, :keys"),
    "{:find [?x] :where [?x :a]}": (21, "expected a clause"),
    "[:find 1 :where [?x :a]]": (8, "expected something to find"),
    "[:find ?]": (8, "expected a variable such as ?x, found ?"),
    "[:find (count) :where [?x]]": (8, "expected something to find"),
    "[:find (count 3) :where [?x]]": (15, "expected a variable such as ?x as the last argument of an aggregate"),
    "[:find (?f ?x) :where [?x]]": (9, "(aggregate ?fn ?x)"),
    "[:find (pull ?x) :where [?x]]": (8, "expected (pull ?x pattern)"),
    "[:find (pull ?x pat) :where [?x]]": (8, "the pull pattern pat is not given in :in, which has $"),
    "[:find ?nmae :where [?x :a ?name]]": (
        8,
        "?nmae stands in :find, but neither in :where nor in :in; did you mean ?name",
    ),
    "[:find ?x :with ?y :where [?x]]": (17, "?y stands in :with, but neither"),
    "[:find ?x :with ?x :where [?x]]": (17, "?x stands in :find and in :with"),
    "[:find (max ?x) :with ?x :where [?x]]": (23, "?x stands in :find and in :with"),
    "[:find ?x :with ?y ?y :where [?x :a ?y]]": (20, "?y stands twice in :with"),
    "[:find ?x :in ?x [?x ...]]": (19, "?x stands twice in :in"),
    "[:find ?x :in $ $ ?x]": (17, "$ stands twice in :in"),
    "[:find ?x :in $ [] :where [?x]]": (17, "expected a binding"),
    "[:find ?x :in %r :where [?x]]": (15, "expected an input"),
    "[:find ?x :keys a b :where [?x]]": (19, "expected 1 names after :keys"),
    "[:find ?x ?x :keys a a :where [?x]]": (22, "expected a plain name after :keys, each once"),
    "[:find ?x :keys :a :where [?x]]": (11, "expected something after :keys"),
    "[:find [?x ...] :keys a :where [?x]]": (17, "only tuples become maps"),
    "[:find ?x . :strs a :where [?x]]": (13, "only tuples become maps"),
    "[:find ?x :keys a :strs b :where [?x]]": (19, "expected only one of :keys, :strs, :syms"),
    "[:find ?x :where [?x] :order-by [?y]]": (34, "expected a variable or aggregate of :find in :order-by"),
    "[:find ?x :where [?x] :order-by [:desc]]": (34, "expected ?x or (aggregate ?x)"),
    "[:find ?x :where [?x] :order-by [?x :asc :desc]]": (42, "expected ?x or (aggregate ?x)"),
    "[:find ?x :where [?x] :limit -1]": (30, "expected one whole number from 0 after :limit"),
    "[:find ?x :where [?x] :timeout 0]": (32, "expected one whole number from 1 after :timeout"),
    "[:find ?x :where [?x] :offset 1.5]": (31, "expected one whole number from 0 after :offset"),
    "[:find ?x :where ?x]": (18, "expected a clause"),
    "[:find ?x :where []]": (18, "expected a clause"),
    "[:find ?x :where [?x :a nil]]": (25, "expected a value (nil is none"),
    "[:find ?x :where [?x :a $]]": (25, "expected a variable, a constant or _"),
    "[:find ?x :where [$]]": (18, "expected a pattern of one to five terms"),
    "[:find ?x :where [?x :a 1 2 3 4]]": (18, "expected a pattern of one to five terms"),
    "[:find ?x :where [$2 ?x :a]]": (19, "the source $2 is not given in :in, which has $"),
    "[:find ?x :where [()]]": (19, "expected a call: (fn ?x …)"),
    "[:find ?x :where [(f ?x) ?y ?z]]": (29, "expected one binding after a call"),
    "[:find ?x :where [(f ?x) 3]]": (26, "expected a binding"),
    "[:find ?x :where [(+ ?x (* 2 3)) ?y]]": (25, "a call inside a call is written [(inner …) ?x] first"),
    "[:find ?x :where [(= ?x [?y 1])]]": (25, "put together with (tuple ?x ?y)"),
    "[:find ?x :where [(f _)]]": (22, "expected a variable or a constant"),
    "[:find ?x :where [?x] ()]": (23, "expected a clause"),
    "[:find ?x :where [?x] ($)]": (23, "after the source"),
    "[:find ?x :where (?x 3)]": (19, "expected not, or, optional or the name of a rule"),
    "[:find ?x :where [?x] (r)]": (23, "expected at least one argument of a rule"),
    "[:find ?x :where (r [?x] (f))]": (26, "expected a variable, a constant or _ as an argument of a rule"),
    "[:find ?x :where [?x] (and [?x])]": (23, "only as a branch of or"),
    "[:find ?x :where [?x] (not)]": (23, "expected at least one clause: (not clause …)"),
    "[:find ?x :where [?x] (optional)]": (23, "expected at least one clause: (optional clause …)"),
    "[:find ?x :where [?x] (or)]": (23, "expected at least one branch"),
    "[:find ?x :where [?x] (or (and))]": (27, "expected at least one clause: (and clause …)"),
    "[:find ?x :where (not-join [] [?x])]": (18, "expected (not-join [?x …] clause …)"),
    "[:find ?x :where (not-join [?x])]": (18, "expected (not-join [?x …] clause …)"),
    "[:find ?x :where (or-join [[]] [?x])]": (28, "expected at least one required variable in or-join"),
    "[:find ?x :where (or-join [[?x] ?x] [?x])]": (33, "?x stands twice in or-join"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_wrong_query_is_refused_with_its_place(text: str) -> None:
    column, message = REFUSED[text]
    with pytest.raises(QueryError) as error:
        parse_query(text)
    assert message in error.value.message
    assert (error.value.code, error.value.data["line"], error.value.data["column"]) == ("query/syntax", 1, column)
    assert error.value.message.endswith("\n  | " + text + "\n  | " + " " * (column - 1) + "^")


def test_what_is_no_query_is_refused() -> None:
    with pytest.raises(QueryError, match=r"expected a query .*, found int"):
        parse_query(3)
    with pytest.raises(EdnError, match=r"the text ends before \] closes the \[ of line 1, column 18"):
        parse_query("[:find ?x :where [?x :a")
    with pytest.raises(EdnError, match="nested too deeply"):
        parse_query("[:find ?x :where " + "(not " * 200)
    with pytest.raises(QueryError, match=r"expected a pull pattern.*at <query>:1:17") as error:
        parse_query("[:find (pull ?x []) :where [?x]]")
    assert error.value.code == "query/pull-syntax"


RULES = """
;; ancestors
[(anc ?a ?b)
 [?a :parent ?b]]
[(anc ?a ?b) {:doc "up" :confidence 0.5}
 [?a :parent ?x] (anc ?x ?b)]

"""


def test_a_rule_file_is_one_rule_after_the_other() -> None:
    first, second = parse_rules(RULES, "rules/anc.edn")
    assert (first.metadata, second.metadata) == (None, {Keyword("doc"): "up", Keyword("confidence"): 0.5})
    assert str(second.clauses[1].at) == "rules/anc.edn:6:18"
    assert second.clauses == (
        Pattern(None, (Variable("?a"), Constant(Keyword("parent")), X)),
        RuleCall(None, "anc", (X, Variable("?b"))),
    )


def test_rules_are_the_same_as_a_vector_and_as_data() -> None:
    text = '[(p [?x] ?y) [?x :a ?y]] [(edge :m/t ?x ?y) {:doc "d"} (p ?x ?y)]'
    rules = parse_rules(text)
    assert [(head.name, head.required, head.args) for head in (rule.head for rule in rules)] == [
        ("p", (X,), (X, Y)),
        ("edge", (), (Constant(Keyword("m/t")), X, Y)),
    ]
    for same in (f"[{text}]", edn.read(f"[{text}]"), " ".join(map(str, rules)), rules):
        assert parse_rules(same) == rules
    assert len({*rules, *parse_rules(f"[{text}]")}) == 2
    assert parse_rules("[]") == parse_rules("") == ()


REFUSED_RULES = {
    "3": "expected a rule: [(name ?x …) clause …], found 3",
    "[[?x :a]]": "expected a rule: [(name ?x …) clause …], found [?x :a]",
    "[(a ?x)]": "expected at least one clause after the head",
    "[(a ?x) {:doc 1}]": "expected at least one clause after the head",
    "[() [?x]]": "expected the head of a rule",
    "[(not ?x) [?x]]": "the name not one of the language's own, found (not ?x)",
    "[(?a ?x) [?x]]": "expected the head of a rule",
    "[(a) [?x]]": "expected at least one variable in the head",
    "[(a ?x ?x) [?x]]": "?x stands twice in the head of a rule",
    "[(a [?x] ?x) [?x]]": "?x stands twice in the head of a rule",
    "[(a [] ?x) [?x]]": "expected at least one required variable in the head",
    "[(a _) [?x]]": "expected a variable such as ?x in the head of a rule, found _",
    "[(a ?x [?y]) [?x]]": "expected a variable such as ?x in the head of a rule, found [?y]",
    "[(a ?x) (and [?x])]": "only as a branch of or",
}


@pytest.mark.parametrize("text", REFUSED_RULES)
def test_a_wrong_rule_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(QueryError) as error:
        parse_rules("\n" + text, "rules/a.edn")
    assert REFUSED_RULES[text] in error.value.message
    assert (error.value.code, error.value.data["source"]) == ("query/syntax", "rules/a.edn")
    assert error.value.data["line"] == 2


def test_a_query_can_be_walked() -> None:
    query = parse_query("[:find ?x :where (or-join [[?y] ?x] (and [?x :a ?z] [(f ?z) [?w _]]))]")
    assert list(variables(query.where)) == ["?x", "?y", "?z", "?w"]
    assert [type(node).__name__ for node in walk(query.find)] == ["FindRelation", "Variable"]
