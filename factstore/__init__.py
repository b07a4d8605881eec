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
from factstore.conn_cache import Memory
from factstore.conn_excise import Excision
from factstore.conn_listen import Listener
from factstore.conn_load import LoadReport
from factstore.conn_schema import SchemaChange, SchemaChanges
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
from factstore.notebook import load_ipython_extension
from factstore.portable import ExportSummary, Progress, Transfer, check_export
from factstore.postgres import grants
from factstore.query import Plan, Result, Rule, RuleSet, SlowQuery, check_rules, load_rules, on_slow_query, parse_rules
from factstore.schema import Attribute, Schema, Spec
from factstore.schema_instance import entity_map, pattern_of, struct_of
from factstore.schema_kind import Attr, Ref
from factstore.schema_read import load_schema
from factstore.schema_struct import attrs_of
from factstore.tx import TxReport
from factstore.values import URI, Keyword, Symbol, ValueType

__all__ = [
    "Attr",
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
    "Memory",
    "Plan",
    "Progress",
    "QueryError",
    "Ref",
    "Result",
    "Rule",
    "RuleSet",
    "Schema",
    "SchemaChange",
    "SchemaChanges",
    "SchemaError",
    "SlowQuery",
    "Spec",
    "Stats",
    "StoreError",
    "Symbol",
    "TransactionError",
    "Transfer",
    "TxReport",
    "URI",
    "ValueType",
    "attrs_of",
    "check_export",
    "check_rules",
    "connect",
    "edn",
    "entity_map",
    "grants",
    "load_ipython_extension",
    "load_rules",
    "load_schema",
    "migrate",
    "on_slow_query",
    "parse_rules",
    "pattern_of",
    "struct_of",
]
