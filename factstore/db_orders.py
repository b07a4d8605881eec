"""The verbs of a db value that read its datoms in an index's order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import Any, Final

from factstore.db_datoms import Datoms
from factstore.db_index import INDEXES, View, along, between, datoms, place, seek, with_value
from factstore.errors import EntityError
from factstore.values import Keyword, Value


class Orders:
    """What :class:`~factstore.db.DbValue` offers of its four indexes."""

    __slots__ = ()

    def datoms(self: View, index: str | int, *components: Any, e: Any = None, v: Value = None) -> Datoms:
        """The datoms with all of ``components``, in the order of an index.

        ``index`` is ``"eavt"``, ``"aevt"``, ``"avet"`` (attributes with ``db/index`` or ``db/unique`` only) or
        ``"vaet"`` (refs only); ``components`` are values for its leading columns: entities as ids, idents or lookup
        refs, attributes as names or ids, values, and the transaction as a t, an id or an instant. None stops. The
        name of an attribute in place of an index means ``"aevt"`` and that attribute; then ``e`` and ``v`` pick an
        entity or a value.

        Attributes are ordered by id, values by value, of one fact the older datom first. Raises
        :class:`EntityError` (``db/no-such-index``, ``db/bad-components``, ``db/not-indexed``, ``entity/…``),
        :class:`SchemaError` and :class:`InvalidValue`.

        >>> import factstore
        >>> db = factstore.connect("memory:").db()
        >>> [datom.v for datom in db.datoms("avet", "db/ident", "db.unique/value")]
        [:db.unique/value]
        >>> db.datoms("db/noHistory", e="db/doc")
        []
        """
        if isinstance(index, str) and Keyword(index) in INDEXES:
            if e is not None or v is not None:
                raise EntityError(
                    "e= and v= go with an attribute: expected components after the name of an index",
                    code="db/bad-components",
                    index=index,
                )
            return datoms(self, place(self, index, components))
        return _of(self, index, components, e, v)

    def seek_datoms(self: View, index: str, *components: Any) -> Datoms:
        """The datoms of an index from the first that is not before ``components`` to the index's end.

        Nothing needs to be at that place, and nothing ends where a component does: from an attribute's last
        datom it goes on to the next attribute's first.

        >>> import factstore
        >>> db = factstore.connect("memory:").db()
        >>> [str(datom.v) for datom in db.seek_datoms("avet", "db/ident", "db.unique/v")[:2]]
        ['db.unique/value', 'db/cardinality']
        """
        return seek(self, place(self, index, components))

    def rseek_datoms(self: View, index: str, *components: Any) -> Datoms:
        """The datoms of an index from the last that is not after ``components`` back to the index's beginning.

        >>> import factstore
        >>> db = factstore.connect("memory:").db()
        >>> [str(datom.v) for datom in db.rseek_datoms("avet", "db/ident", "db.unique/v")[:2]]
        ['db.unique/identity', 'db.type/uuid']
        """
        return seek(self, place(self, index, components), backwards=True)

    def index_range(self: View, attribute: str | int, start: Value = None, end: Value = None) -> Datoms:
        """The datoms of an attribute in ``avet``, from the value ``start``, included, to ``end``, not included.

        None leaves a side open. ``db/not-indexed`` if the attribute has neither ``db/index`` nor ``db/unique``.

        >>> import factstore
        >>> db = factstore.connect("memory:").db()
        >>> [str(datom.v) for datom in db.index_range("db/ident", "db.unique/a", "db.unique/value")]
        ['db.unique/identity']
        """
        return between(self, self.schema.attribute(attribute), start, end)


def pull_along(
    view: View, index: str, start: Sequence[Any], *, reverse: bool, limit: int | None, offset: int
) -> Iterator[int]:
    """The entities along ``aevt`` or ``avet`` from ``start`` on, within its attribute; adjacent ones once."""
    if index not in ("aevt", "avet") or isinstance(start, str) or not len(start) or start[0] is None:
        raise EntityError(
            f"an index_pull of {index!r} from {start!r}: expected 'aevt' or 'avet' and components, the attribute first",
            code="db/bad-components",
            index=index,
        )
    if any(n is not None and (type(n) is not int or n < 0) for n in (limit, offset)):
        raise EntityError(f"limit={limit!r}, offset={offset!r}: expected numbers of entities", code="db/bad-components")
    walked = along(view, place(view, index, tuple(start)), backwards=reverse).pages(_PAGE)
    entities = (entity for entity, _ in groupby(entity for rows in walked for entity in rows.e.tolist()))
    return islice(entities, offset, None if limit is None else offset + limit)


_PAGE: Final = 1024


def _of(view: View, attribute: str | int, components: tuple[Any, ...], e: Any, v: Value) -> Datoms:
    """The datoms of one attribute, in (e, v) order."""
    if components and e is not None:
        raise EntityError(
            f"e={e!r} and the component {components[0]!r} both name an entity", code="db/bad-components", e=e
        )
    first = components or ((e,) if e is not None else ())
    if v is None or len(first) == 1:
        return datoms(view, place(view, "aevt", (attribute, *first, *((v,) if v is not None else ()))))
    return with_value(view, view.schema.attribute(attribute), v)
