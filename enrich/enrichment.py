"""The front of enrichment: a store, the sources of truth it listens to, and the rules its edges follow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from enrich import edges, schema
from enrich.cycle import BUDGET, cycle
from enrich.events import Raw
from enrich.explain import Derivation, why
from enrich.ingest import IngestReport, ingest
from enrich.lifecycle import Policy
from enrich.materialize import plan
from enrich.report import CycleReport, Plan, Status
from enrich.rule_checks import check
from enrich.rules import RuleBook
from enrich.sources import Source, Sources
from enrich.stored import state_of
from factstore import Connection


class Enrichment:
    """Listens, fetches and derives for one store.

    ``rules`` is a rule file, a folder of them, or EDN text; the relations they derive must be in the schema.
    The rules are checked here, whole: :class:`~factstore.QueryError` and :class:`~enrich.EnrichError` ``rule/…``
    say what is wrong, with file, line and caret. The schema of enrichment is installed if it is not there.

    >>> import factstore
    >>> conn = factstore.connect("memory:")
    >>> ref = {"db/valueType": "db.type/ref", "db/cardinality": "db.cardinality/many"}
    >>> schema = [{"db/ident": name, **ref} for name in ("run/test", "model/run", "model/test")]
    >>> report = conn.transact(schema)
    >>> rules = "[(edge :model/test ?m ?t) {:doc \\"tests\\"} [?m :model/run ?r] [?r :run/test ?t]]"
    >>> catalog = Enrichment(conn, rules=rules)
    >>> test = {"db/id": "t", "db/doc": "a test"}
    >>> made = conn.transact([{"db/id": "m", "model/run": "r"}, {"db/id": "r", "run/test": "t"}, test])
    >>> model, test = made.tempids["m"], made.tempids["t"]
    >>> len(catalog.cycle().added), conn.db().q("[:find [?t ...] :in $ ?m :where [?m :model/test ?t]]", model) == [test]
    (1, True)
    >>> catalog.cycle().datoms
    0
    >>> catalog.why(model, "model/test", test).rule.doc
    'tests'
    """

    def __init__(
        self,
        conn: Connection,
        sources: Sources | Iterable[Source] = (),
        rules: Any = None,
        *,
        policy: Policy | None = None,
        budget: int = BUDGET,
    ) -> None:
        self.conn: Final = conn
        self.sources: Final = sources if isinstance(sources, Sources) else Sources(sources)
        self.book: Final = RuleBook([]) if rules is None else RuleBook.load(rules)
        self._policy: Final = policy or Policy()
        self._budget: Final = budget
        schema.install(conn)
        edges.install(conn)
        check(conn.db(), self.book)

    def __repr__(self) -> str:
        return f"<Enrichment {len(self.sources)} sources, {self.book!r}>"

    def ingest(self, events: Iterable[Raw] | bytes | str) -> IngestReport:
        """Reads events, fetches what they say has changed, and writes what the sources say now; derives nothing."""
        return ingest(self.conn, self.sources, events, policy=self._policy)

    def cycle(self) -> CycleReport:
        """Fetches what is due, and brings the edges in line with the facts; a second one writes nothing."""
        return cycle(self.conn, self.sources, self.book, policy=self._policy, budget=self._budget)

    def plan(self) -> Plan:
        """The dry run: which edges would come, go and change now, without fetching and without writing."""
        db = self.conn.db()
        check(db, self.book)
        state = state_of(db)
        log = None if state is None else self.conn.log_range(state.basis, db.basis_t)
        return Plan.of(db, plan(db, self.book, log))

    def why(self, edge: Any, relation: str | None = None, to: Any = None) -> Derivation:
        """Why an edge is there: see :func:`~enrich.why`. Either its entity, or from, relation and to."""
        return why(self.conn.db(), edge, relation, to, rules=self.book)

    def status(self) -> Status:
        """How many entities stand where, how many edges there are, and how far they reach."""
        db = self.conn.db()
        return Status.of(db, state_of(db), self.book.hash)
