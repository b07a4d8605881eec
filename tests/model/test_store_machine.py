"""The store against a set of tuples: random schemas, random transactions, every view at every t."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from random import Random
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from factstore import Connection, Db, FactstoreError, connect, edn
from factstore.datom import TX0
from factstore.schema import Ids
from factstore.tx.speculate import FIRST_SPECULATIVE
from tests import pg
from tests.model.facts import Change, Fact, Facts
from tests.model.facts_change import Refused, change, transact
from tests.model.shown import pulled, seen
from tests.model.transactions import FUNCTIONS, Drawing, composite, schema

SEEDS = st.integers(0, 2**32)
"""What is drawn from a seed cannot be shrunk, but costs a tenth of what Hypothesis takes to draw it."""
SIZES = st.integers(1, 5)
NAMES = itertools.count()


def facts_in(db: Db) -> dict[Fact, int]:
    """Every fact of a view and its transaction, but for the instants of transactions."""
    found = {}
    for attribute in db.schema:
        if attribute.id != Ids.TX_INSTANT:
            found.update({(d.e, attribute.id, d.v): d.tx for d in db.datoms(attribute.id)})
    return found


def operations_in(db: Db) -> set[tuple[int, int, Any, int, bool]]:
    """Every operation of a history."""
    every = ((a.id, d) for a in db.schema if a.id != Ids.TX_INSTANT for d in db.history().datoms(a.id))
    return {(d.e, a, d.v, d.tx, d.added) for a, d in every}


def changes(report: Any, schema: Any) -> tuple[set[Fact], set[Fact]]:
    datoms = [d for d in report.datoms if not (d.e == report.tx and d.a == "db/txInstant")]
    facts = [((d.e, schema.attribute(d.a).id, d.v), d.added) for d in datoms]
    assert len(facts) == len(set(facts))
    return {fact for fact, added in facts if added}, {fact for fact, added in facts if not added}


class StoreMachine(RuleBasedStateMachine):
    """Two connections to one store, as two processes have them, beside a set of tuples."""

    dsn: ClassVar[str | None] = None

    def __init__(self) -> None:
        super().__init__()
        self.name = f"machine-{next(NAMES)}" if self.dsn is None else pg.fresh_schema()
        self.conns = [self.connect(), self.connect()]
        before = self.conns[0].db()
        idents = {str(d.v): d.e for d in before.datoms("db/ident")}
        self.model = Facts(facts_in(before), idents, FUNCTIONS)

    def connect(self) -> Connection:
        functions = {name: _reading(function) for name, function in FUNCTIONS.items()}
        if self.dsn is None:
            return connect(f"memory:{self.name}", functions=functions)
        return connect(self.dsn, schema=self.name, functions=functions)

    def teardown(self) -> None:
        if self.model.t:
            self.check_times(self.conns[0].db(), [self.model.t // 2])
            self.reopen()
            self.check_times(self.conns[0].db(), range(self.model.t + 1))
            self.check_log()
        for conn in self.conns:
            conn.close()
        if self.dsn is not None:
            pg.drop_schema(self.dsn, self.name)

    @initialize(seed=SEEDS)
    def define(self, seed: int) -> None:
        random = Random(seed)
        self.transact(schema(random), random)
        self.transact([composite(random, self.model, f"m/c{n}") for n in range(random.randint(0, 2))], random)

    @rule(seed=SEEDS, size=SIZES)
    def write(self, seed: int, size: int) -> None:
        random = Random(seed)
        self.transact(Drawing(random, self.model).forms(size), random)

    @rule(seed=SEEDS, sizes=st.lists(SIZES, min_size=2, max_size=4))
    def write_together(self, seed: int, sizes: list[int]) -> None:
        """What waits together is still one transaction after the other, in the order it came."""
        random = Random(seed)
        conn, drawing = random.choice(self.conns), Drawing(random, self.model)
        batches = [drawing.forms(size) for size in sizes]
        futures = [conn.transact_async(forms) for forms in batches]
        for forms, future in zip(batches, futures, strict=True):
            self.compare(future.result, transact(self.model, forms), forms)

    @rule(seed=SEEDS, size=SIZES)
    def suppose(self, seed: int, size: int) -> None:
        random = Random(seed)
        forms = Drawing(random, self.model).forms(size)
        self.check_speculation(random.choice(self.conns).db(), forms)

    @rule(seed=SEEDS)
    def look(self, seed: int) -> None:
        random = Random(seed)
        db = random.choice(self.conns).db()
        self.check_times(db, [random.randint(0, self.model.t)])
        entities = Drawing(random, self.model).entities
        chosen = random.sample(entities, min(len(entities), 3))
        for e in chosen:
            assert _plain(db.pull("[*]", e)) == pulled(self.model, e)
        assert [seen(self.model, db, e) for e in chosen] == [True] * len(chosen)

    @rule(first=st.booleans())
    def reopen(self, first: bool = True) -> None:
        at = 0 if first else 1
        self.conns[at].close()
        self.conns[at] = self.connect()

    @invariant()
    def the_same_holds(self) -> None:
        for conn in self.conns:
            db = conn.db()
            assert db.basis_t == self.model.t
        assert facts_in(self.conns[self.model.t % 2].db()) == self.model.held

    def transact(self, forms: list[Any], random: Random) -> None:
        conn = random.choice(self.conns)
        before = conn.db()
        expected = transact(self.model, forms)
        said = _as_text(forms, random) if isinstance(expected, Change) else forms
        report = self.compare(lambda: conn.transact(said), expected, forms)
        assert report is None or report.db_before.basis_t == before.basis_t

    def compare(self, done: Callable[[], Any], expected: Change | Refused, forms: list[Any]) -> Any:
        """The report of a transaction that must do what is expected; None if it must be refused, and is."""
        if isinstance(expected, Refused):
            with pytest.raises(FactstoreError) as caught:
                done()
            assert caught.value.code in expected.codes, (str(caught.value), forms)
            return None
        report = done()
        assert changes(report, report.db_after.schema) == (expected.added, expected.retracted), forms
        assert dict(report.tempids) == {**expected.tempids, "db/current-tx": report.tx}
        assert report.db_after.basis_t == report.t
        return report

    def check_speculation(self, db: Db, forms: list[Any]) -> None:
        expected = change(self.model, forms)
        if isinstance(expected, Refused):
            if expected.codes == {"tx/unknown-entity"}:
                return  # a value cannot know which ids the store has given out
            with pytest.raises(FactstoreError) as caught:
                db.with_(forms)
            assert caught.value.code in expected.codes, (str(caught.value), forms)
            return
        report = db.with_(forms)
        after = {_real(fact, report.db_after.schema, self.model) for fact in facts_in(report.db_after)}
        assert after == (set(self.model.held) - expected.retracted) | expected.added, forms

    def check_times(self, db: Db, ts: Iterable[int]) -> None:
        """The views at some t. What noHistory forgot may show in none of them, or where it was."""
        model = self.model
        maybe = model.forgotten
        for t in ts:
            state = {fact: tx for fact, tx in model.states[t].items() if fact not in maybe}
            then = facts_in(db.as_of(t))
            assert {fact: tx for fact, tx in then.items() if fact not in maybe} == state
            assert then.items() <= model.states[t].items()
            assert facts_in(db.since(t)) == {fact: tx for fact, tx in model.held.items() if tx > TX0 + t}
            log = {each for each in model.log if each[:3] not in maybe}
            for view, kept in (
                (db.as_of(t), {each for each in log if each[3] <= TX0 + t}),
                (db.since(t), {each for each in log if each[3] > TX0 + t}),
            ):
                boot = {each for each in operations_in(view) if each[3] > TX0 and each[:3] not in maybe}
                assert boot == kept

    def check_log(self) -> None:
        names = {a.ident: a.id for a in self.conns[0].schema}
        told = [d for commit in self.conns[0].log() for d in commit.datoms if d.a != "db/txInstant"]
        assert {(d.e, names[d.a], d.v, d.tx, d.added) for d in told} == set(self.model.log)


def _reading(function: Any) -> Any:
    """A transaction function of the store, from one that only asks for values."""

    def called(db: Db, *args: Any) -> Any:
        def read(ref: Any, name: str) -> set[Any]:
            found = None if isinstance(ref, str) and db.entid(ref) is None else db.entid(ref)
            return set() if found is None else {datom.v for datom in db.datoms(name, e=found)}

        return function(read, *args)

    return called


def _as_text(forms: list[Any], random: Random) -> Any:
    """The forms, or what says the same in EDN."""
    return edn.write(forms) if random.random() < 0.2 else forms


def _real(fact: Fact, schema: Any, model: Facts) -> Fact:
    """A fact of a speculation as it would be if it were committed: its new entities have other ids."""
    e, a, v = fact
    is_ref = schema.attribute(a).is_ref
    composite = schema.attribute(a).tuple_attrs

    def real(e: int) -> int:
        return e - FIRST_SPECULATIVE + model.next_e if FIRST_SPECULATIVE <= e < TX0 else e

    if composite is not None:
        refs = [schema.attribute(part).is_ref for part in composite]
        v = tuple(real(slot) if is_ref and slot is not None else slot for slot, is_ref in zip(v, refs, strict=True))
    return real(e), a, real(v) if is_ref else v


def _plain(found: Any) -> Any:
    """A pull without the order of its lists, and without the instants of transactions."""
    if isinstance(found, dict):
        return {key: _plain(value) for key, value in found.items() if key != "db/txInstant"}
    return sorted(map(_plain, found), key=repr) if isinstance(found, list) else found


class PostgresMachine(StoreMachine):
    """The same on PostgreSQL."""


def test_a_store_in_memory_is_a_set_of_tuples() -> None:
    run_state_machine_as_test(
        StoreMachine, settings=settings(max_examples=settings().max_examples // 2, stateful_step_count=20)
    )


def test_a_store_in_postgres_is_a_set_of_tuples(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PostgresMachine, "dsn", dsn)
    examples = max(6, settings().max_examples // 20)
    run_state_machine_as_test(PostgresMachine, settings=settings(max_examples=examples, stateful_step_count=12))
