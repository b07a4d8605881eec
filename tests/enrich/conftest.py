"""A store of things, and a policy whose clock stands still."""

from __future__ import annotations

import pytest

import enrich
import factstore
from enrich import Policy, Retry
from factstore import Connection
from tests.enrich.fakes import Clock

SCHEMA = """[
 {:db/ident :thing/name :db/valueType :db.type/string :db/cardinality :db.cardinality/one}
 {:db/ident :thing/size :db/valueType :db.type/long :db/cardinality :db.cardinality/one}
 {:db/ident :thing/code :db/valueType :db.type/string :db/cardinality :db.cardinality/one
  :db/unique :db.unique/value}
 {:db/ident :thing/stage :db/valueType :db.type/keyword :db/cardinality :db.cardinality/one}
 {:db/ident :thing/made-at :db/valueType :db.type/instant :db/cardinality :db.cardinality/one}
 {:db/ident :thing/tag :db/valueType :db.type/string :db/cardinality :db.cardinality/many}
 {:db/ident :thing/needs :db/valueType :db.type/ref :db/cardinality :db.cardinality/many}
 {:db/ident :thing/maker :db/valueType :db.type/ref :db/cardinality :db.cardinality/one}]"""


@pytest.fixture
def conn() -> Connection:
    conn = factstore.connect("memory:")
    enrich.install(conn)
    conn.transact(SCHEMA)
    return conn


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def policy(clock: Clock) -> Policy:
    return Policy(retry=Retry(first=60, jitter=0, attempts=3), now=clock)
