"""The SQL files beside this one, made for one schema: a statement by its name."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

from factstore.errors import StoreError

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


def quoted(schema: str) -> str:
    """A schema's name as an SQL identifier; ``store/bad-target`` if it is not a plain one.

    >>> quoted("catalog_2")
    '"catalog_2"'
    """
    if not _IDENTIFIER.fullmatch(schema):
        raise StoreError(
            f"{schema!r} is not a schema name: expected letters, digits and underscores, at most 63",
            code="store/bad-target",
            schema=schema,
        )
    return f'"{schema}"'


@lru_cache
def statements(schema: str) -> dict[str, str]:
    """Every statement of ``statements.sql`` by name.

    >>> statements("catalog")["head"]
    'SELECT t FROM "catalog".root'
    """
    named = {}
    for block in _text("statements.sql").split("-- name: ")[1:]:
        name, _, body = block.partition("\n")
        lines = [line for line in body.splitlines() if not line.startswith("--")]
        named[name.strip()] = "\n".join(lines).strip().replace("{s}", quoted(schema))
    return named


def layout(schema: str) -> str:
    """The script that makes a store's tables."""
    return _text("layout.sql").replace("{s}", quoted(schema))


def _text(name: str) -> str:
    return files("factstore.postgres").joinpath(name).read_text("utf-8")
