"""What pull and entity show of an entity, from its facts alone."""

from __future__ import annotations

from typing import Any

from factstore import Db, Entity
from tests.model.facts import Attr, Facts


def pulled(model: Facts, entity: int, above: tuple[int, ...] = ()) -> Any:
    """``[*]`` of an entity, each list sorted by its repr."""
    if entity in above:
        return {"db/id": entity}
    found: dict[str, Any] = {"db/id": entity}
    for e, a, v in model.held:
        if e == entity:
            attr = model.attributes[a]
            found.setdefault(attr.ident, []).append(_value(model, attr, v, (*above, entity)))
    for name, values in found.items():
        if name != "db/id":
            found[name] = sorted(values, key=repr) if model.attribute(name).many else values[0]
    return found


def _value(model: Facts, attr: Attr, value: Any, above: tuple[int, ...]) -> Any:
    if attr.component:
        return pulled(model, value, above)
    return {"db/id": value} if attr.type == "ref" else value


def seen(model: Facts, db: Db, id: int) -> bool:
    """Whether the lazy entity shows the facts: its own, and those that refer to it."""
    entity = db.entity(id)
    mine = {(a, v) for e, a, v in model.held if e == id}
    if entity is None:
        return not mine
    names = {model.attributes[a].ident for a, _ in mine}
    assert set(entity) - {"db/txInstant"} == names
    for name in names:
        attr = model.attribute(name)
        values = {v for a, v in mine if a == attr.id}
        found = entity[name]
        shown = {_named(model, attr, v) for v in (found if attr.many else [found])}
        assert shown == values, (attr, values)
    for attr in model.attributes.values():
        if attr.type == "ref" and attr.ident.startswith("m/"):
            back = {e for e, a, v in model.held if (a, v) == (attr.id, id)}
            found = entity.get(f"m/_{attr.ident[2:]}", frozenset())
            found = [found] if isinstance(found, Entity) else found
            ids = {e.id for e in found}
            assert ids == back or (attr.component and len(ids) == 1 and ids < back), (attr, ids, back)
    return True


def _named(model: Facts, attr: Attr, value: Any) -> Any:
    """A value as the facts have it: an entity by id, one with an ident too."""
    if attr.type != "ref":
        return value
    return value.id if isinstance(value, Entity) else model.idents[str(value)]
