"""Pull: what a pattern shows, of whom, how deep, and what it reads for that."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factstore.columns import NO_ROWS, Rows, ints
from factstore.datom import TX0
from factstore.db import DbValue
from factstore.dictionary_overlay import Overlay
from factstore.errors import EntityError, FactstoreError, QueryError, SchemaError
from factstore.pull import pull, pull_ids, pull_many
from factstore.pull_paths import Paths
from factstore.pull_pattern import AttrSpec, PullPattern, Recursion, parse_pull
from factstore.snapshot_changes import Change
from factstore.speculative import SpeculativeSnapshot
from factstore.values import Keyword
from tests.small_store import ATTRIBUTES, GOOD, SCHEMA, Fact, SmallStore, db_of, warm

ANN, BOB, CAT, DAN, HOME, ROOM, BED = 301, 302, 303, 304, 311, 312, 313

FACTS: list[Fact] = [
    (ANN, "p/name", "Ann"),
    (ANN, "p/nick", "A"),
    (ANN, "p/nick", "Annie"),
    (ANN, "p/age", 40),
    (ANN, "p/admin", False),
    (ANN, "p/mood", GOOD),
    (ANN, "p/friend", BOB),
    (ANN, "p/friend", CAT),
    (ANN, "p/home", HOME),
    (HOME, "p/name", "home"),
    (HOME, "p/part", ROOM),
    (ROOM, "p/name", "room"),
    (ROOM, "p/part", BED),
    (BED, "p/score", 1.5),
    (BED, "p/score", -2.0),
    (BOB, "p/name", "Bob"),
    (BOB, "p/friend", CAT),
    (BOB, "p/spouse", DAN),
    (CAT, "p/age", 7),
]


@pytest.fixture(params=["cold", "warm"])
def db(request: pytest.FixtureRequest) -> DbValue:
    return db_of(*FACTS) if request.param == "cold" else warm(db_of(*FACTS))


def _id(entity: int) -> dict[str, int]:
    return {"db/id": entity}


SHOWN: dict[str, tuple[int, Any]] = {
    "one value": (ANN, ("[:p/name]", {"p/name": "Ann"})),
    "false is a value": (ANN, ("[:p/admin]", {"p/admin": False})),
    "many values are a list": (ANN, ("[:p/nick]", {"p/nick": ["A", "Annie"]})),
    "doubles come in their order": (BED, ("[:p/score]", {"p/score": [-2.0, 1.5]})),
    "an absent attribute is left out": (CAT, ("[:p/name :p/age]", {"p/age": 7})),
    "nothing found is None": (CAT, ("[:p/name]", None)),
    "no such entity is None": (999, ("[:p/name]", None)),
    "no such entity with its id": (999, ("[:db/id :p/name]", {"db/id": 999})),
    "no such entity with a wildcard": (999, ("[*]", {"db/id": 999})),
    "the id under an alias": (CAT, ('[[:db/id :as "id"]]', {"id": CAT})),
    "a ref is an id": (ANN, ("[:p/friend]", {"p/friend": [_id(BOB), _id(CAT)]})),
    "a ref to an ident is an id too": (ANN, ("[:p/mood]", {"p/mood": _id(GOOD)})),
    "a dangling ref is an id": (BOB, ("[:p/spouse]", {"p/spouse": _id(DAN)})),
    "nested": (BOB, ("[{:p/friend [:p/age]}]", {"p/friend": [{"p/age": 7}]})),
    "a child with nothing is removed": (ANN, ("[{:p/friend [:p/name]}]", {"p/friend": [{"p/name": "Bob"}]})),
    "a list without children is removed": (BOB, ("[{:p/friend [:p/name]}]", None)),
    "nested in one value": (BOB, ("[{:p/spouse [:db/id :p/name]}]", {"p/spouse": _id(DAN)})),
    "reversed": (CAT, ("[:p/_friend]", {"p/_friend": [_id(ANN), _id(BOB)]})),
    "reversed and nested": (CAT, ("[{:p/_friend [:p/age]}]", {"p/_friend": [{"p/age": 40}]})),
    "a component's owner is one": (ROOM, ("[:p/_part]", {"p/_part": _id(HOME)})),
    "a component's owner, nested": (ROOM, ("[{:p/_part [:p/name]}]", {"p/_part": {"p/name": "home"}})),
    "a component by itself is whole": (ROOM, ("[:p/part]", {"p/part": [{"db/id": BED, "p/score": [-2.0, 1.5]}]})),
    "a component by its own pattern": (ANN, ("[{:p/home [:p/part]}]", "whole")),
    "limit": (ANN, ("[[:p/nick :limit 1]]", {"p/nick": ["A"]})),
    "limit, the old way": (ANN, ("[(limit :p/nick 1)]", {"p/nick": ["A"]})),
    "limit of reversed": (CAT, ("[[:p/_friend :limit 1]]", {"p/_friend": [_id(ANN)]})),
    "default": (CAT, ('[[:p/name :default "?"]]', {"p/name": "?"})),
    "default, the old way": (CAT, ('[(default :p/name "?")]', {"p/name": "?"})),
    "default false": (CAT, ("[[:p/admin :default false]]", {"p/admin": False})),
    "default nil": (CAT, ("[[:p/admin :default nil]]", {"p/admin": None})),
    "default is not for false": (ANN, ("[[:p/admin :default true]]", {"p/admin": False})),
    "default of children": (BOB, ("[{[:p/friend :default []] [:p/name]}]", {"p/friend": []})),
    "default of no entity": (999, ("[[:p/age :default 0]]", {"p/age": 0})),
    "default before xform": (CAT, ("[[:p/name :default 1 :xform up]]", {"p/name": 1})),
    "an alias of any kind": (CAT, ("[[:p/age :as [1 :x]]]", {(1, Keyword("x")): 7})),
    "xform of one": (ANN, ("[[:p/name :xform up]]", {"p/name": "ANN"})),
    "xform of many": (ANN, ("[[:p/nick :xform size]]", {"p/nick": 2})),
    "xform of children": (ANN, ("[{[:p/friend :xform size] [:db/id]}]", {"p/friend": 2})),
    "xform of nothing": (CAT, ("[[:p/name :xform vector]]", {"p/name": [None]})),
    "xform to nothing": (CAT, ("[[:p/age :xform nothing]]", None)),
    "the last of two specs": (ANN, ("[:p/name [:p/name :as :n]]", {"n": "Ann"})),
    "a wildcard and a name": (CAT, ("[* [:p/age :as :years]]", {"db/id": CAT, "years": 7})),
    "a wildcard and an id": (CAT, ("[* [:db/id :as :n]]", {"n": CAT, "p/age": 7})),
    "a wildcard and reversed": (CAT, ("[* :p/_enemy [:p/name :default 1]]", {"db/id": CAT, "p/age": 7, "p/name": 1})),
    "a wildcard and a map": (BOB, ("[* {:p/friend [:p/age]}]", "wild")),
}
WHOLE = {"p/home": {"p/part": [{"db/id": ROOM, "p/name": "room", "p/part": [{"db/id": BED, "p/score": [-2.0, 1.5]}]}]}}
WILD = {"db/id": BOB, "p/name": "Bob", "p/spouse": _id(DAN), "p/friend": [{"p/age": 7}]}
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "up": str.upper,
    "size": len,
    "vector": lambda value: [value],
    "nothing": lambda value: None,
    "explode": lambda value: value / 0,
}


@pytest.mark.parametrize("case", SHOWN)
def test_a_pattern_shows(db: DbValue, case: str) -> None:
    entity, (pattern, expected) = SHOWN[case]
    expected = {"whole": WHOLE, "wild": WILD}.get(expected, expected) if isinstance(expected, str) else expected
    assert pull(db, pattern, entity, functions=FUNCTIONS) == expected


def test_a_wildcard_shows_all_and_components_whole(db: DbValue) -> None:
    assert pull(db, "[*]", ANN) == {
        "db/id": ANN,
        "p/name": "Ann",
        "p/nick": ["A", "Annie"],
        "p/age": 40,
        "p/admin": False,
        "p/mood": _id(GOOD),
        "p/friend": [_id(BOB), _id(CAT)],
        "p/home": {"db/id": HOME, "p/name": "home", **WHOLE["p/home"]},
    }


def test_keys_are_plain_strings_in_the_order_of_the_pattern(db: DbValue) -> None:
    found = pull(db, "[{:p/friend [:db/id]} :p/name :db/id]", ANN)
    assert found is not None
    assert [(type(key), key) for key in found] == [(str, "p/friend"), (str, "p/name"), (str, "db/id")]


def test_entities_are_named_by_id_ident_and_lookup_ref(db: DbValue) -> None:
    refs = [
        CAT,
        ["p/name", "Ann"],
        (":p/name", "nobody"),
        "mood/good",
        "no/ident",
        ["p/name", "Ann"],
        999,
        ["p/name", "Bob"],
    ]
    found = pull_many(db, "[:p/age :p/name]", refs)
    ann = {"p/age": 40, "p/name": "Ann"}
    assert found == [{"p/age": 7}, ann, None, None, None, ann, None, {"p/name": "Bob"}]
    assert found[1] is not found[5]


def test_no_refs_and_no_ids_give_nothing(db: DbValue) -> None:
    assert pull_many(db, "[*]", []) == pull_ids(db, "[*]", ints([])) == []


def test_ids_give_one_result_each(db: DbValue) -> None:
    assert pull_ids(db, "[:p/age]", ints([BOB, CAT, ANN])) == [None, {"p/age": 7}, {"p/age": 40}]


def test_the_pattern_keeps_its_default_to_itself(db: DbValue) -> None:
    pattern = parse_pull("[[:p/nick :default []]]")
    first = pull(db, pattern, CAT)
    assert first is not None
    first["p/nick"].append("changed")
    assert pull(db, pattern, CAT) == {"p/nick": []}


@pytest.mark.parametrize(("limit", "shown"), [("", 1000), (":limit 1200", 1200), (":limit nil", 1300)])
def test_many_values_are_a_thousand_unless_said(limit: str, shown: int) -> None:
    many = db_of(*((ANN, "p/friend", 1000 + n) for n in range(1300)), (BOB, "p/friend", 1), (BOB, "p/friend", 2))
    found = pull_many(many, f"[[:p/friend {limit}]]", [ANN, BOB])
    assert [len(each["p/friend"]) for each in found if each] == [shown, 2]


REFUSED: dict[str, tuple[type[FactstoreError], str, str]] = {
    "[:p/nmae]": (SchemaError, "schema/unknown-attribute", "did you mean :p/name"),
    "[:db/_id]": (SchemaError, "schema/unknown-attribute", ":db/id"),
    "[{:p/name [:p/age]}]": (QueryError, "query/pull-not-a-ref", "expected a ref"),
    "[{:p/friend [{:p/age ...}]}]": (QueryError, "query/pull-not-a-ref", ":p/age, a long"),
    "[:p/_name]": (QueryError, "query/pull-not-a-ref", ":p/name, a string"),
    "[{:db/id [:p/name]}]": (QueryError, "query/pull-not-a-ref", ":db/id"),
    "[[:p/name :limit 2]]": (QueryError, "query/pull-limit", "limits :p/name, which has one value"),
    "[[:p/_part :limit 2]]": (QueryError, "query/pull-limit", "limits :p/_part"),
    "[[:p/name :xform os.system]]": (QueryError, "query/unknown-function", "no function os.system"),
    "[[:p/age :xform explode]]": (QueryError, "query/function-failed", "explode failed on the :p/age 40: ZeroDivision"),
}


@pytest.mark.parametrize("pattern", REFUSED)
def test_a_wrong_pattern_is_refused(db: DbValue, pattern: str) -> None:
    kind, code, message = REFUSED[pattern]
    with pytest.raises(kind) as error:
        pull(db, pattern, ANN, functions=FUNCTIONS)
    assert error.value.code == code
    assert message in error.value.message


def test_a_history_view_is_refused(db: DbValue) -> None:
    with pytest.raises(EntityError, match="entity/history-view"):
        pull(db.history(), "[*]", ANN)


# Recursion

CHAIN = [(n, "p/friend", n + 1) for n in range(301, 304)]


def test_recursion_goes_as_deep_as_said() -> None:
    db = db_of(*CHAIN)
    deep = {"db/id": 301, "p/friend": [{"db/id": 302, "p/friend": [{"db/id": 303, "p/friend": [_id(304)]}]}]}
    assert pull(db, "[:db/id {:p/friend 1}]", 301) == {"db/id": 301, "p/friend": [_id(302)]}
    assert pull(db, "[:db/id {:p/friend 3}]", 301) == pull(db, "[:db/id {:p/friend ...}]", 301) == deep


def test_recursion_backwards() -> None:
    found = pull(db_of(*CHAIN), "[:db/id {:p/_friend 2}]", 304)
    assert found == {"db/id": 304, "p/_friend": [{"db/id": 303, "p/_friend": [_id(302)]}]}


def test_a_cycle_ends_with_the_id_of_the_entity_above() -> None:
    db = db_of((301, "p/friend", 302), (302, "p/friend", 301), (303, "p/friend", 303))
    assert pull(db, "[:p/age {:p/friend ...}]", 301) == {"p/friend": [{"p/friend": [_id(301)]}]}
    assert pull(db, "[{:p/friend 5}]", 303) == {"p/friend": [_id(303)]}


def test_an_entity_on_two_ways_is_shown_on_both() -> None:
    refs = [(1, "p/friend", 2), (1, "p/friend", 3), (2, "p/friend", 4), (3, "p/friend", 4)]
    end = {"p/friend": [{"p/age": 40}]}
    assert pull(db_of(*refs, (4, "p/age", 40)), "[:p/age {:p/friend ...}]", 1) == {"p/friend": [end, end]}
    assert pull(db_of(*refs), "[:p/age {:p/friend ...}]", 1) is None


def test_each_recursion_counts_its_own_steps() -> None:
    db = db_of((1, "p/friend", 2), (2, "p/enemy", 3), (3, "p/friend", 4), (3, "p/enemy", 5), (2, "p/friend", 6))
    assert pull(db, "[:db/id {:p/friend 1 :p/enemy 1}]", 1) == {
        "db/id": 1,
        "p/friend": [{"db/id": 2, "p/enemy": [_id(3)]}],
    }


def test_recursion_of_a_nested_pattern_starts_afresh() -> None:
    db = db_of((1, "p/friend", 2), (2, "p/friend", 1), (1, "p/age", 10), (2, "p/age", 20))
    assert pull(db, "[:db/id {:p/friend [:p/age {:p/friend ...}]}]", 1) == {
        "db/id": 1,
        "p/friend": [{"p/age": 20, "p/friend": [{"p/age": 10, "p/friend": [_id(2)]}]}],
    }


def test_two_recursions_that_meet_on_a_level_keep_apart() -> None:
    refs = [(1, "p/friend", 2), (1, "p/spouse", 3), (2, "p/spouse", 4), (3, "p/spouse", 5)]
    db = db_of(*refs, (4, "p/enemy", 6), (5, "p/enemy", 7), (6, "p/age", 60), (7, "p/age", 70))
    assert pull(db, "[{:p/friend ...} {:p/spouse [{:p/spouse ...} {:p/enemy [:p/age]}]}]", 1) == {
        "p/friend": [{"p/spouse": {"p/enemy": [{"p/age": 60}]}}],
        "p/spouse": {"p/spouse": {"p/enemy": [{"p/age": 70}]}},
    }


def test_where_recursion_ends_a_default_is_not_shown() -> None:
    db = db_of((1, "p/friend", 2), (3, "p/age", 1))
    pattern = "[:db/id {[:p/friend :default []] 1}]"
    assert pull(db, pattern, 1) == {"db/id": 1, "p/friend": [_id(2)]}
    assert pull(db, pattern, 3) == {"db/id": 3, "p/friend": []}


def test_components_that_hold_each_other_end() -> None:
    db = db_of((1, "p/part", 2), (2, "p/part", 1))
    whole = {"db/id": 1, "p/part": [{"db/id": 2, "p/part": [_id(1)]}]}
    assert pull(db, "[*]", 1) == whole
    assert pull(db, "[:db/id :p/part]", 1) == whole


def _ages(found: Any, key: str) -> Iterator[int]:
    while found is not None:
        yield found["p/age"]
        found = found.get(key, [None])[0]


@pytest.mark.parametrize(("pattern", "key"), [("[:p/age {:p/friend ...}]", "p/friend"), ("[*]", "p/part")])
def test_recursion_goes_three_thousand_deep(pattern: str, key: str) -> None:
    facts = [(n, key, n + 1) for n in range(1000, 3999)] + [(n, "p/age", n) for n in range(1000, 4000)]
    db = db_of(*facts) if key == "p/friend" else warm(db_of(*facts[:600], *facts[-3000:]))
    depth = 3000 if key == "p/friend" else 601
    assert list(_ages(pull(db, pattern, 1000), key)) == list(range(1000, 1000 + depth))


def test_recursion_with_too_many_ways_is_an_error() -> None:
    paths = Paths(max_repeats=2)
    start = paths.start(ints([1, 1]))
    paths.step(start[[0, 0, 0]], ints([2, 2, 2]))
    paths.step(start[[1, 1]], ints([2, 3]))
    with pytest.raises(QueryError, match="query/too-large"):
        paths.step(start[[0]], ints([2]))


# Views, and what is read


def test_views_show_their_own_facts() -> None:
    store = SmallStore([(1, "p/age", 5, 1, 2), (1, "p/age", 6, 2), (1, "p/nick", "x", 1), (2, "p/friend", 1, 2)])
    db = store.db(t=3)
    assert pull(db, "[:p/age :p/_friend]", 1) == {"p/age": 6, "p/_friend": [_id(2)]}
    assert pull(db.as_of(1), "[* :p/_friend]", 1) == {"db/id": 1, "p/age": 5, "p/nick": ["x"]}
    assert pull(db.since(1), "[:p/age :p/nick]", 1) == {"p/age": 6}
    assert pull(warm(db.as_of(1)), "[:p/age]", 1) == {"p/age": 5}


@pytest.mark.parametrize("load", [warm, lambda db: db])
def test_a_filter_hides_facts(load: Callable[[DbValue], DbValue]) -> None:
    db = load(db_of(*FACTS).filter(lambda _, datom: datom.v != "Annie" and datom.a != "p/friend"))
    assert pull(db, "[:p/nick :p/friend]", ANN) == {"p/nick": ["A"]}
    assert pull(db, "[* :p/_friend]", CAT) == {"db/id": CAT, "p/age": 7}


def test_speculation_is_shown() -> None:
    db = db_of(*FACTS)
    age = ATTRIBUTES["p/age"][0]
    rows = Rows(ints([BOB]), ints([50]), ints([TX0 + 2]))
    snapshot = SpeculativeSnapshot.over(db.snapshot).advance(2, {age: Change(rows, NO_ROWS)})
    after = db.moved(snapshot, SCHEMA, Overlay(db.dictionary))
    assert pull_many(after, "[:p/age]", [BOB, CAT]) == [{"p/age": 50}, {"p/age": 7}]


def test_few_entities_are_looked_up_once_a_level() -> None:
    store = SmallStore(FACTS)
    pull_many(store.db(), "[:p/name :p/age {:p/friend [:p/age :p/name :p/nick]}]", [ANN, BOB])
    assert store.calls == [("facts_of", 2), ("facts_of", 2)]


def test_many_entities_load_what_the_pattern_names_once() -> None:
    store = SmallStore([(n, "p/age", n) for n in range(1000, 4000)])
    pull_many(store.db(), "[:p/name :p/age]", list(range(1000, 4000)))
    assert store.calls == [("load", 2)]


def test_what_is_loaded_is_not_looked_up() -> None:
    store = SmallStore(FACTS)
    db = warm(store.db())
    store.calls.clear()
    pull(db, "[:p/name {:p/friend [:p/age]} :p/_friend]", ANN)
    assert store.calls == []


def test_deep_recursion_ends_up_with_what_it_names_loaded() -> None:
    store = SmallStore([(n, "p/friend", n + 1) for n in range(1000, 1400)])
    pull(store.db(), "[:db/id {:p/friend ...}]", 1000)
    assert len(store.calls) < 20
    assert store.calls[-1] == ("load", 1)


# Against the definition


class Naive:
    """Pull as it is defined: one entity at a time, recursively, over a plain dict."""

    def __init__(self, facts: list[Fact], db: DbValue) -> None:
        self._values: dict[tuple[int, str], list[Any]] = {}
        self._owners: dict[tuple[int, str], list[int]] = {}
        for e, name, value in sorted(facts, key=lambda fact: (fact[0], fact[1], _code(db, fact))):
            self._values.setdefault((e, name), []).append(value)
            if ATTRIBUTES[name][1].name == "REF":
                self._owners.setdefault((value, name), []).append(e)

    def pull(self, pattern: PullPattern, e: int) -> dict[Any, Any] | None:
        return self._show(pattern, e, (e,), _depths(pattern)) or None

    def _show(self, pattern: PullPattern, e: int, way: tuple[int, ...], left: dict[AttrSpec, Any]) -> dict[Any, Any]:
        specs = list(pattern.specs)
        if pattern.wildcard:
            said = {spec.attr for spec in specs if not spec.reverse}
            specs += [AttrSpec(Keyword(n)) for n in ["db/id", *ATTRIBUTES] if n not in said and self._has(e, n)]
        shown = {}
        for spec in specs:
            if left.get(spec) == 0:
                continue
            value = self._attribute(pattern, spec, e, way, left)
            if value is None and spec.default is not msgspec.UNSET:
                value = spec.default
            elif spec.xform is not None:
                value = FUNCTIONS[spec.xform](value)
            if value is not None:
                shown[spec.key] = value
        return shown

    def _has(self, e: int, name: str) -> bool:
        return name == "db/id" or (e, name) in self._values

    def _attribute(
        self, pattern: PullPattern, spec: AttrSpec, e: int, way: tuple[int, ...], left: dict[AttrSpec, Any]
    ) -> Any:
        if spec.attr == "db/id":
            return e
        _, vt, many, component = ATTRIBUTES[spec.attr]
        many = not component if spec.reverse else many
        found = (self._owners if spec.reverse else self._values).get((e, spec.attr), [])
        found = found[:1] if not many else found[: spec.limit]
        if vt.name == "REF":
            found = [self._child(pattern, spec, v, way, left) for v in found]
            found = [child for child in found if child]
        return (found if many else found[0]) if found else None

    def _child(
        self, pattern: PullPattern, spec: AttrSpec, e: int, way: tuple[int, ...], left: dict[AttrSpec, Any]
    ) -> dict[Any, Any]:
        if isinstance(spec.nested, PullPattern):
            return self._show(spec.nested, e, (e,), _depths(spec.nested))
        expanded = spec.nested is None and ATTRIBUTES[spec.attr][3] and not spec.reverse
        if (not expanded and spec.nested is None) or e in way:
            return _id(e)
        if expanded:
            return self._show(PullPattern((), True), e, (*way, e), {})
        spent = {spec: left[spec] - 1} if spec in left else {}
        return self._show(pattern, e, (*way, e), {**left, **spent})


def _code(db: DbValue, fact: Fact) -> int:
    code = db.encode(db.schema.attribute(fact[1]), fact[2])
    assert code is not None
    return code


def _depths(pattern: PullPattern) -> dict[AttrSpec, Any]:
    bounded = [spec for spec in pattern.specs if isinstance(spec.nested, Recursion)]
    return {spec: spec.nested.depth for spec in bounded if isinstance(spec.nested, Recursion) and spec.nested.depth}


ENTITIES = st.integers(1, 5)
REFS = ["p/friend", "p/enemy", "p/spouse", "p/home", "p/part"]
ONE_VALUED = [name for name, (_, _, many, _) in ATTRIBUTES.items() if not many]


def _graph_fact() -> st.SearchStrategy[Fact]:
    return st.one_of(
        st.tuples(ENTITIES, st.sampled_from(REFS), ENTITIES),
        st.tuples(ENTITIES, st.just("p/friend"), ENTITIES),
        st.tuples(ENTITIES, st.sampled_from(["p/name", "p/nick"]), st.sampled_from("abc")),
        st.tuples(ENTITIES, st.just("p/age"), st.integers(0, 2)),
        st.tuples(ENTITIES, st.just("p/admin"), st.booleans()),
    )


def _one_each(facts: list[Fact]) -> list[Fact]:
    kept = {(e, name, None if name in ONE_VALUED else value): (e, name, value) for e, name, value in facts}
    return list(kept.values())


GRAPHS = st.lists(_graph_fact(), min_size=6, max_size=16, unique=True).map(_one_each)
NAMES = st.sampled_from(["db/id", "p/name", "p/nick", "p/age", "p/admin", *REFS, "p/_friend", "p/_home", "p/_part"])
OPTIONS = st.sampled_from([["default", 0], ["default", False], ["as", "other"], ["xform", "vector"], []])
FOLLOWED = st.sampled_from([*REFS, "p/_enemy", "p/_spouse", "p/_part"])
LIMITED = st.builds(
    lambda name, count: [name, "limit", count], st.sampled_from(["p/nick", "p/friend", "p/_enemy"]), st.integers(1, 2)
)
LEAVES = st.one_of(NAMES, st.builds(lambda name, options: [name, *options], NAMES, OPTIONS), LIMITED, st.just("*"))
DEPTHS = st.one_of(st.integers(1, 3), st.just(...))


def _patterns(levels: int) -> st.SearchStrategy[Any]:
    leaves = st.lists(LEAVES, min_size=1, max_size=2)
    if levels == 0:
        return leaves
    maps = st.dictionaries(FOLLOWED, DEPTHS | _patterns(levels - 1), min_size=1, max_size=2)
    return st.builds(lambda leaves, below: [*leaves, below], leaves, maps)


def _cold(facts: list[Fact]) -> DbValue:
    return db_of(*facts)


def _warm(facts: list[Fact]) -> DbValue:
    return warm(db_of(*facts))


def _with_a_tail(facts: list[Fact]) -> DbValue:
    """The same facts, half of them newer than what was loaded, which had some more that were retracted."""
    later = random.Random(1).sample(facts, len(facts) // 2)
    gone: list[Fact] = [(9, "p/friend", 1), (1, "p/friend", 9), (2, "p/nick", "gone"), (3, "p/enemy", 9)]
    lives = [(*fact, 2) if fact in later else fact for fact in facts]
    store = SmallStore([*lives, *((*fact, 1, 2) for fact in gone)])
    old = warm(store.db(t=1))
    parts = {name: [[f for f in part if f[1] == name] for part in (later, gone)] for name in ATTRIBUTES}
    changes = {ATTRIBUTES[name][0]: Change(*(_rows(old, part) for part in both)) for name, both in parts.items()}
    return DbValue(old.snapshot.advance(2, changes), SCHEMA, store.dictionary)


def _rows(db: DbValue, facts: list[Fact]) -> Rows:
    e, v = ints([fact[0] for fact in facts]), ints([_code(db, fact) for fact in facts])
    return Rows(e, v, np.full(len(facts), TX0 + 2, dtype=np.int64))


@pytest.mark.parametrize("load", [_cold, _warm, _with_a_tail])
@settings(max_examples=200)
@given(facts=GRAPHS, pattern=_patterns(2))
def test_pull_shows_what_its_definition_shows(
    load: Callable[[list[Fact]], DbValue], facts: list[Fact], pattern: Any
) -> None:
    db = load(facts)
    naive, parsed = Naive(facts, db), parse_pull(pattern)
    expected = [naive.pull(parsed, e) for e in range(1, 7)]
    assert pull_many(db, pattern, range(1, 7), functions=FUNCTIONS) == expected
