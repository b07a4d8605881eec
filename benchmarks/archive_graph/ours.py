"""What is measured: the query engine, over a db value that has been asked once."""

from __future__ import annotations

from benchmarks.archive_graph.questions import Question
from benchmarks.measure import Call
from factstore import Db

NAME = "factstore"


class Factstore:
    """Text in, a list of rows or columns out: the parse from its cache, the plan, the run and the result."""

    name = NAME

    def __init__(self, db: Db) -> None:
        self._db = db

    def call(self, question: Question) -> Call:
        db, text, rules, given = self._db, question.datalog, question.rules, list(question.given.values())
        if question.columns:
            return lambda: list(db.q(text, *given, rules=rules).to_numpy().values())
        return lambda: db.q(text, *given, rules=rules).to_list()
