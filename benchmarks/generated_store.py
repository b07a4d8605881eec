"""A seeded store of any size, put into PostgreSQL by COPY: 40 attributes, a third refs, a third strings.

The shape is a catalogue's: entities of about eleven facts that appear over time, most facts of a transaction about
the newest entities, one datom in twenty a retraction. Attributes differ in size by a factor of ten; ten of the forty
are kept in value order, one of them unique.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final, NamedTuple

import numpy as np
import psycopg
from numpy.typing import NDArray

import factstore
from factstore.datom import FOREVER, TX0
from factstore.schema import Ids

PER_TRANSACTION: Final = 60
_KINDS: Final = ("ref",) * 13 + ("long",) * 12 + ("string",) * 11 + ("double",) * 2 + ("boolean", "instant")
_TAGS: Final = {"ref": 1, "long": 2, "double": 3, "boolean": 4, "instant": 5, "string": 6}
_INDEXED: Final = 4  # every fourth attribute
_FIRST_INSTANT: Final = 1_600_000_000_000_000

Array = NDArray[Any]


class Facts(NamedTuple):
    """Facts with their lives, in the order they began: parallel arrays, ``a`` being a place in _KINDS."""

    e: Array
    a: Array
    v: Array
    start: Array
    end: Array


def names() -> list[str]:
    """The attributes, the largest first within a kind."""
    return [f"g/{kind}{place}" for place, kind in enumerate(_KINDS)]


def definitions() -> list[dict[str, Any]]:
    """Their schema."""
    return [
        {
            "db/ident": name,
            "db/valueType": f"db.type/{kind}",
            "db/cardinality": "db.cardinality/many",
            "db/index": place % _INDEXED == 0,
        }
        for place, (name, kind) in enumerate(zip(names(), _KINDS, strict=True))
    ]


def build(dsn: str, schema: str, datoms: int, seed: int = 7) -> int:
    """Makes the store ``schema`` with about so many datoms; how many there are."""
    with factstore.connect(dsn, schema=schema) as conn:
        conn.transact(definitions())
        ids = np.asarray([conn.schema.attribute(name).id for name in names()])
    with psycopg.connect(dsn) as session:
        session.execute(f"SET search_path TO {schema}")
        t, first_e, first_v = session.execute("SELECT t, next_e, next_v FROM root").fetchone() or (0, 0, 0)
        facts, strings = _facts(datoms, first_e, first_v, t + 1, np.random.default_rng(seed))
        _copy_dictionary(session, strings, first_v)
        count = _copy_facts(session, facts, ids)
        last, next_e = int(facts.start.max()), int(facts.e.max()) + 1
        session.execute("UPDATE root SET t = %s, next_e = %s, next_v = %s", (last, next_e, first_v + len(strings)))
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute(f"VACUUM ANALYZE {schema}.facts_live, {schema}.facts_hist, {schema}.log, {schema}.dict")
    return count


def _facts(datoms: int, first_e: int, first_v: int, first_t: int, draw: np.random.Generator) -> tuple[Facts, list[str]]:
    size = int(datoms * 0.95)
    newest = np.arange(size) // 11 + 1
    e = np.where(draw.random(size) < 0.85, newest, draw.integers(0, newest))
    weights = np.linspace(2.0, 0.2, len(_KINDS))
    order = draw.permutation(len(_KINDS))
    a = draw.choice(len(_KINDS), size, p=weights[order] / weights.sum())
    strings = _strings(max(16, size // 7), draw)
    v = _values(a, e, (first_e, first_v, len(strings)), draw)
    kept = np.sort(_distinct(e, a, v))
    start = first_t + np.arange(len(kept)) // PER_TRANSACTION
    end = np.full(len(kept), FOREVER)
    gone = draw.random(len(kept)) < 0.05
    gone &= start < start[-1]
    end[gone] = draw.integers(start[gone] + 1, start[-1] + 1)
    return Facts(e[kept] + first_e, a[kept], v[kept], start, end), strings


def _distinct(e: Array, a: Array, v: Array) -> Array:
    order = np.lexsort((v, a, e))
    new = np.ones(len(e), dtype=bool)
    new[1:] = (np.diff(e[order]) != 0) | (np.diff(a[order]) != 0) | (np.diff(v[order]) != 0)
    return order[new]


def _strings(count: int, draw: np.random.Generator) -> list[str]:
    prefixes = ("registry.example.org/models/", "dataset:", "pipeline-run ", "")
    sizes = draw.integers(6, 26, count).tolist()
    return [
        prefixes[place & 3] + hashlib.blake2b(place.to_bytes(8, "big"), digest_size=16).hexdigest()[:size] + f"-{place}"
        for place, size in enumerate(sizes)
    ]


def _values(a: Array, e: Array, counters: tuple[int, int, int], draw: np.random.Generator) -> Array:
    first_e, first_v, strings = counters
    size = len(a)
    kinds = np.asarray(_KINDS)[a]
    doubles = draw.normal(size=size).view(np.int64)
    choices = {
        "ref": first_e + draw.integers(0, e + 1),
        "long": draw.integers(0, 1000, size) ** 2,
        "string": first_v + draw.integers(0, strings, size),
        "double": np.where(doubles >= 0, doubles, doubles ^ FOREVER),
        "boolean": draw.integers(0, 2, size),
        "instant": _FIRST_INSTANT + draw.integers(0, 10**14, size),
    }
    return np.select([kinds == kind for kind in choices], list(choices.values()))


def _copy_dictionary(session: psycopg.Connection[Any], strings: list[str], first_v: int) -> None:
    with session.cursor().copy("COPY dict (id, kind, h, txt) FROM STDIN") as copy:
        for code, text in enumerate(strings, first_v):
            digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
            copy.write_row((code, _TAGS["string"], digest, text))


def _copy_facts(session: psycopg.Connection[Any], facts: Facts, ids: Array) -> int:
    """The facts and the instants of their transactions, into the three tables; how many datoms they are."""
    ts = np.unique(facts.start)
    always = np.full(len(ts), FOREVER)
    rows = {
        "e": np.concatenate((facts.e, TX0 + ts)),
        "v": np.concatenate((facts.v, _FIRST_INSTANT * 11 // 10 + ts * 1_000_000)),
        "tx_from": TX0 + np.concatenate((facts.start, ts)),
        "tx_to": np.concatenate((np.where(facts.end == FOREVER, FOREVER, TX0 + facts.end), always)),
        "a": np.concatenate((ids[facts.a], np.full(len(ts), Ids.TX_INSTANT))),
        "vt": np.concatenate((np.asarray([_TAGS[kind] for kind in _KINDS])[facts.a], np.full(len(ts), 5))),
        "fl": np.concatenate(((facts.a % _INDEXED == 0).astype(np.int64), np.full(len(ts), 1 | 4))),
    }
    rows = _at(rows, np.argsort(rows["tx_from"], kind="stable"))
    ended = np.flatnonzero(rows["tx_to"] != FOREVER)
    _copy(session, "facts_live", _at(rows, rows["tx_to"] == FOREVER))
    _copy(session, "facts_hist", _at(rows, ended))
    tx = np.concatenate((rows["tx_from"], rows["tx_to"][ended]))
    log = {name: np.concatenate((rows[name], rows[name][ended])) for name in ("e", "v", "a", "vt")}
    log |= {"tx": tx, "added": np.arange(len(tx)) < len(rows["e"])}
    _copy(session, "log", _at(log, np.argsort(tx, kind="stable")))
    return len(tx)


def _at(rows: dict[str, Array], which: Array) -> dict[str, Array]:
    return {name: column[which] for name, column in rows.items()}


_WIRE: Final = {
    "e": ">i8",
    "v": ">i8",
    "tx": ">i8",
    "tx_from": ">i8",
    "tx_to": ">i8",
    "a": ">i4",
    "vt": ">i2",
    "fl": ">i2",
}
_STEP: Final = 100_000


def _copy(session: psycopg.Connection[Any], table: str, rows: dict[str, Array]) -> None:
    """COPY BINARY of fixed-width rows: a numpy structured array is the wire format."""
    kinds = {name: _WIRE.get(name, "?") for name in rows}
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind in kinds.items():
        fields += [(f"{name} size", ">i4"), (name, kind)]
    with session.cursor().copy(f"COPY {table} ({', '.join(rows)}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\x00" + bytes(8))
        for low in range(0, len(rows["e"]), _STEP):
            out = np.empty(len(rows["e"][low : low + _STEP]), dtype=fields)
            out["fields"] = len(rows)
            for name, column in rows.items():
                out[f"{name} size"] = out.dtype[name].itemsize
                out[name] = column[low : low + _STEP]
            copy.write(out.tobytes())
        copy.write(b"\xff\xff")
