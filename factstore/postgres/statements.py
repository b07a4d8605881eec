"""The SQL files beside this one, made for one schema: a statement by its name."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from importlib.resources import files

from factstore.errors import StoreError

_IDENTIFIER = re.compile(r"(?!pg_|information_schema$)[A-Za-z_][A-Za-z0-9_]{0,62}")


def quoted(schema: object) -> str:
    """A schema's name as an SQL identifier; ``store/bad-target`` if it is not a plain one.

    >>> quoted("catalog_2")
    '"catalog_2"'
    """
    if not isinstance(schema, str) or not _IDENTIFIER.fullmatch(schema):
        raise StoreError(
            f"{schema!r} is not a schema name: expected letters, digits and underscores, at most 63, "
            "and none that PostgreSQL keeps for itself",
            code="store/bad-target",
            schema=schema,
        )
    return f'"{schema}"'


def creation_key(schema: str) -> int:
    """The advisory lock of those who create a store, or change its layout."""
    return int.from_bytes(hashlib.blake2b(f"factstore {schema}".encode(), digest_size=8).digest(), "big", signed=True)


@lru_cache
def statements(schema: str) -> dict[str, str]:
    """Every statement of ``statements.sql`` by name.

    >>> statements("catalog")["analyze"]
    'SELECT "catalog".refresh_statistics()'
    """
    return named("statements.sql", schema)


def named(file: str, schema: str) -> dict[str, str]:
    """What stands under each name in a file of SQL."""
    found = {}
    for block in script(file, schema).split("-- name: ")[1:]:
        name, _, body = block.partition("\n")
        lines = [line for line in body.splitlines() if not line.startswith("--")]
        found[name.strip()] = "\n".join(lines).strip()
    return found


def script(file: str, schema: str) -> str:
    """A file of SQL, made for one schema."""
    return files("factstore.postgres").joinpath(file).read_text("utf-8").replace("{s}", quoted(schema))
