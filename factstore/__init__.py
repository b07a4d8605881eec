"""A Datalog fact store on plain PostgreSQL: immutable facts, a database as a value, time in every query.

>>> import factstore
>>> conn = factstore.connect("memory:")
>>> report = conn.transact([{"db/ident": "color/red", "db/doc": "the color of a rose"}])
>>> conn.db().q('[:find ?doc . :where [?e :db/ident :color/red] [?e :db/doc ?doc]]')
'the color of a rose'
"""

from __future__ import annotations

from factstore import edn
from factstore.columns import LogRows
from factstore.conn import Connection
from factstore.conn_excise import Excision
from factstore.conn_listen import Listener
from factstore.conn_load import LoadReport
from factstore.conn_stats import AttributeStats, Stats
from factstore.conn_target import connect, migrate
from factstore.database import Commit, Db
from factstore.datom import Datom
from factstore.db_datoms import Datoms
from factstore.entity import Entity
from factstore.errors import (
    EdnError,
    EntityError,
    ExportError,
    FactstoreError,
    InvalidValue,
    LogError,
    QueryError,
    SchemaError,
    StoreError,
    TransactionError,
)
from factstore.portable import ExportSummary, Progress, Transfer, check_export
from factstore.postgres import grants
from factstore.query import Result, Rule, RuleSet, check_rules, load_rules, parse_rules
from factstore.schema import Attribute, Schema
from factstore.tx import TxReport
from factstore.values import URI, Keyword, Symbol, ValueType

__all__ = [
    "Attribute",
    "AttributeStats",
    "Commit",
    "Connection",
    "Datom",
    "Datoms",
    "Db",
    "EdnError",
    "Entity",
    "EntityError",
    "Excision",
    "ExportError",
    "ExportSummary",
    "FactstoreError",
    "InvalidValue",
    "Keyword",
    "Listener",
    "LoadReport",
    "LogError",
    "LogRows",
    "Progress",
    "QueryError",
    "Result",
    "Rule",
    "RuleSet",
    "Schema",
    "SchemaError",
    "Stats",
    "StoreError",
    "Symbol",
    "TransactionError",
    "Transfer",
    "TxReport",
    "URI",
    "ValueType",
    "check_export",
    "check_rules",
    "connect",
    "edn",
    "grants",
    "load_rules",
    "migrate",
    "parse_rules",
]
