"""The reified edge: an entity beside each derived fact that says by which rule, from what, how surely.

Nobody but enrichment writes any of this: the attributes are marked ``db/derivedBy :enrich``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from enrich.errors import EnrichError
from enrich.rules import EdgeRule, RuleBook
from factstore import Connection, Db, Keyword

ORIGIN: Final = Keyword("enrich")
"""The ``tx/origin`` of every transaction of enrichment, and who derived attributes belong to."""
STATE: Final = Keyword("edges")
"""Names the one entity that says how far the edges are derived."""


def _attribute(name: str, type: str, doc: str, *, many: bool = False, **more: Any) -> dict[str, Any]:
    return {
        "db/ident": name,
        "db/valueType": f"db.type/{type}",
        "db/cardinality": f"db.cardinality/{'many' if many else 'one'}",
        "db/doc": doc,
        **{f"db/{key}": value for key, value in more.items()},
    }


_IDENTITY: Final[dict[str, Any]] = {"unique": "db.unique/identity"}
_DERIVED: Final = (
    _attribute("edge/key", "string", "one for each from, relation and to", **_IDENTITY),
    _attribute("edge/from", "ref", "where the edge begins"),
    _attribute("edge/to", "ref", "where it ends"),
    _attribute("edge/relation", "keyword", "the derived attribute from has, with to as a value", index=True),
    _attribute("edge/rule", "ref", "the rule that gives it"),
    _attribute("edge/premise", "ref", "the entities whose facts are one witness of the rule", many=True),
    _attribute("edge/confidence", "double", "in [0, 1]"),
    _attribute("rule/name", "string", "the relation and the start of the hash", **_IDENTITY),
    _attribute("rule/relation", "keyword", "the relation it derives"),
    _attribute("rule/file", "string", "the file it stands in, from its rule folder"),
    _attribute("rule/line", "long", "the line it stands on"),
    _attribute("rule/hash", "string", "of what it says, whatever its variables are called"),
    _attribute("rule/text", "string", "the rule, and those it depends on, as EDN"),
    _attribute("rule/doc", "string", "what the edge means"),
    _attribute("rule/owner", "string", "who answers for the rule"),
    _attribute("rule/tag", "string", "words to find it by", many=True),
    _attribute("rule/confidence", "double", "of its edges, in [0, 1]"),
    _attribute("rule/active", "boolean", "whether the rule files still hold it"),
    _attribute("enrich/state", "keyword", "names what the state is of", **_IDENTITY),
    _attribute("enrich/basis", "long", "the t up to which facts are reflected in the edges"),
    _attribute("enrich/rules", "string", "the hash of the rules the edges are derived with"),
)
_TRANSACTION: Final = (
    _attribute("tx/basis", "long", "the t that the edges written by the transaction were derived from"),
    _attribute("tx/cause", "string", "why edges came or went: a lost fact, an edited rule", many=True),
)

ATTRIBUTES: Final = (*({**each, "db/derivedBy": ORIGIN} for each in _DERIVED), *_TRANSACTION)
"""The schema of edges and rules, as transaction data."""
OWN: Final = frozenset(str(each["db/ident"]) for each in _DERIVED)
"""What rules may not be about: enrichment would feed on its own output."""


def install(conn: Connection) -> None:
    """Adds the attributes that are not there yet; writes nothing where all are.

    >>> import factstore
    >>> conn = factstore.connect("memory:")
    >>> install(conn)
    >>> conn.db().schema.attribute("edge/premise").many
    True
    """
    schema = conn.db().schema
    missing = [each for each in ATTRIBUTES if each["db/ident"] not in schema]
    if missing:
        conn.transact(missing)


def claim(conn: Connection, book: RuleBook) -> int:
    """Marks the relations of a checked book as derived: nobody else can write them from then on.

    Gives the number of datoms that took, 0 where all are marked.
    """
    schema = conn.db().schema
    free = [relation for relation in book.relations if schema.attribute(relation).derived_by is None]
    if not free:
        return 0
    marks = [{"db/ident": relation, "db/derivedBy": ORIGIN} for relation in free]
    return len(conn.transact([["db/fn", _unwritten, free], *marks]).datoms)


def _unwritten(db: Db, relations: list[Keyword]) -> None:
    """A transaction function: what somebody wrote since the rules were checked would become a derived fact."""
    for relation in relations:
        if len(db.q(f"[:find ?e ?v :where [?e :{relation} ?v]]")):
            raise EnrichError(
                f"{relation!r} was written by others meanwhile: nobody could tell which facts are derived",
                code="rule/relation-written",
                attribute=relation,
            )


def edge_key(relation: str, start: int, end: int) -> str:
    """The key of an edge, from the ids of its ends: these are never given twice, a URI may move.

    >>> edge_key("model/ab-test", 300, 412)
    'model/ab-test 300 412'
    """
    return f"{relation!s} {start} {end}"


def edge_ends(key: str) -> tuple[int, int]:
    """The ends that a key is of.

    >>> edge_ends("model/ab-test 300 412")
    (300, 412)
    """
    _, start, end = key.rsplit(" ", 2)
    return int(start), int(end)


def names(db: Db, entities: Iterable[int]) -> dict[int, str]:
    """The URI of each entity that has one."""
    wanted = list(dict.fromkeys(entities))
    if not wanted or "entity/uri" not in db.schema:
        return {}
    return dict(db.q("[:find ?e ?uri :in $ [?e ...] :where [?e :entity/uri ?uri]]", wanted))


def shown(name: Mapping[int, str], db: Db, entity: int) -> str:
    """An entity for people: its URI, its ident, or its id."""
    return name.get(entity) or (repr(ident) if (ident := db.ident(entity)) is not None else f"#{entity}")


def rule_map(rule: EdgeRule) -> dict[str, Any]:
    """What is stored of a rule."""
    told = {
        "rule/name": rule.name,
        "rule/relation": rule.relation,
        "rule/file": rule.file,
        "rule/line": rule.line,
        "rule/hash": rule.hash,
        "rule/doc": rule.doc,
        "rule/owner": rule.owner,
        "rule/tag": sorted(set(rule.tags)),
        "rule/confidence": rule.confidence,
        "rule/active": True,
    }
    return {name: value for name, value in told.items() if value is not None and value != []}


def missing_edge(what: str, **data: Any) -> EnrichError:
    """The error for an edge that is not there."""
    return EnrichError(f"there is no edge {what}", code="edge/missing", **data)
