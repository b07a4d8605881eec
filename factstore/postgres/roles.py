"""Rights: what a role that does not own a store may do with it, as statements to run or to read.

There are three: the owner, who made the tables, migrates and excises; writers, who transact; readers, who query.
The statements themselves are in ``grants.sql``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

import psycopg
from psycopg import sql

from factstore.errors import StoreError
from factstore.postgres.pool import Session
from factstore.postgres.statements import named, statements

Right = Literal["writer", "reader"]

_LONGEST: Final = 63


def grants(schema: str = "factstore", *, writer: str | Iterable[str] = (), reader: str | Iterable[str] = ()) -> str:
    """The SQL that gives roles the rights of a writer, who may transact and query, or of a reader, who may query.

    To be run by the owner of the store. Roles are one name or several; what they could do before is taken back
    first. Raises ``store/bad-target`` for a schema's name, ``store/bad-role`` for a role's.

    >>> print(grants("catalog", reader="dashboards"))
    REVOKE ALL ON ALL TABLES IN SCHEMA "catalog" FROM "dashboards";
    ...
    GRANT EXECUTE ON FUNCTION "catalog".as_double(int8), "catalog".as_instant(int8) TO "dashboards";
    """
    roles = rights(writer, reader)
    return "\n".join(f"{statement};" for statement in _statements(schema, roles, roles))


def rights(writer: str | Iterable[str], reader: str | Iterable[str]) -> dict[str, Right]:
    """The right of each role; ``store/bad-role`` if one is to have both."""
    found: dict[str, Right] = dict.fromkeys(_names(writer), "writer")
    for name in _names(reader):
        if name in found:
            raise StoreError(
                f"{name!r} is named as a writer and as a reader: a writer may read as well",
                code="store/bad-role",
                role=name,
            )
        found[name] = "reader"
    return found


def _names(roles: str | Iterable[str]) -> list[str]:
    return [_checked(role) for role in ([roles] if isinstance(roles, str) else roles)]


def _checked(role: object) -> str:
    # PostgreSQL would cut a longer name short, and give the right to whoever has what is left.
    if not isinstance(role, str) or not role or "\0" in role or len(role.encode()) > _LONGEST:
        raise StoreError(
            f"{role!r} is not the name of a role: expected text of 1 to {_LONGEST} bytes",
            code="store/bad-role",
            role=role,
        )
    return role


def _statements(schema: str, roles: Mapping[str, Right], revoked: Iterable[str]) -> list[str]:
    pieces = [(role, "nobody") for role in revoked]
    pieces += [(role, "reader") for role in roles]
    pieces += [(role, "writer") for role, right in roles.items() if right == "writer"]
    texts = named("grants.sql", schema)
    parts = [(role, part.strip(" ;\n")) for role, what in pieces for part in texts[what].split(";\n")]
    return [part.replace("{role}", sql.Identifier(role).as_string(None)) for role, part in parts if part]


def apply_grants(session: Session, schema: str, roles: Mapping[str, Right], *, revoked: Iterable[str] = ()) -> None:
    """Takes back and gives rights, in the session's transaction; ``store/bad-role`` if there is no such role."""
    _check_owner(session, schema, [*roles, *revoked])
    try:
        for statement in _statements(schema, roles, revoked):
            session.execute(statement, prepare=False)
    except psycopg.errors.UndefinedObject as error:
        text = str(error).split("\n")[0]
        raise StoreError(f"no right can be given: {text}", code="store/bad-role", roles=sorted(roles)) from error


def _check_owner(session: Session, schema: str, roles: list[str]) -> None:
    owner, is_ours = session.execute(statements(schema)["owner"]).fetchall()[0]
    # PostgreSQL only warns where the right to give a right is missing.
    if not is_ours:
        raise StoreError(
            f"only {owner!r}, who owns the store in schema {schema!r}, may give and take rights to it",
            code="store/permission",
            owner=owner,
        )
    # Taking an owner's rights back would lock it out of its own store.
    if owner in roles:
        raise StoreError(
            f"{owner!r} owns the store in schema {schema!r}, and has every right to it",
            code="store/bad-role",
            role=owner,
        )


def granted(session: Session, schema: str) -> dict[str, Right]:
    """The right of each role that has one, but for the owner."""
    rows = session.execute(statements(schema)["granted"]).fetchall()
    return {role: "writer" if writes else "reader" for role, writes in rows}
