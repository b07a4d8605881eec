"""A process that writes to a store until it has done its rounds or is killed.

``python -m tests.contract.worker DSN SCHEMA NAME ROUNDS`` prints a line for each outcome it was told of:
``done N T`` for a round that was acknowledged, ``lost N CODE`` for one that was not.
"""

from __future__ import annotations

import sys
import time

from factstore import Connection, FactstoreError, LogError, TransactionError, connect

COUNTER = "counter/all"
KEYS = 10
"""Every process asserts each of so many unique values; one of them succeeds."""
PARTS = 3
"""Facts of one round, which must all be there or none."""

SCHEMA = [
    {
        "db/ident": name,
        "db/valueType": f"db.type/{type}",
        "db/cardinality": f"db.cardinality/{'many' if name == 'round/part' else 'one'}",
        **({"db/unique": f"db.unique/{unique}"} if unique else {}),
    }
    for name, type, unique in [
        ("counter/value", "long", None),
        ("item/key", "string", "value"),
        ("user/name", "string", "identity"),
        ("user/seen", "string", None),
        ("round/name", "string", "identity"),
        ("round/part", "string", None),
    ]
]


def install(conn: Connection) -> None:
    """The schema, and the counter at 0."""
    conn.transact(SCHEMA)
    conn.transact([{"db/ident": COUNTER, "counter/value": 0}])


def once(conn: Connection, name: str, n: int) -> int:
    """One round: counts up, and asserts facts of its own beside it; gives the t."""
    while True:
        [datom] = conn.db().datoms("counter/value")
        try:
            return conn.transact(
                [
                    ["db/cas", COUNTER, "counter/value", datom.v, datom.v + 1],
                    {"round/name": f"{name} {n}", "round/part": [f"{name} {n} {part}" for part in range(PARTS)]},
                    {"user/name": f"user {n % 4}", "user/seen": f"{name} {n}"},
                ]
            ).t
        except TransactionError as error:
            if error.code != "tx/cas-failed":
                raise


def claim(conn: Connection, name: str) -> int:
    """Asserts the unique values; how many this process got."""
    won = 0
    for n in range(KEYS):
        try:
            conn.transact([{"item/key": f"key {n}", "user/seen": name}])
            won += 1
        except TransactionError as error:
            if error.code != "tx/unique-conflict":
                raise
    return won


def main(dsn: str, schema: str, name: str, rounds: str) -> None:
    with connect(dsn, schema=schema) as conn:
        for n in range(int(rounds)):
            try:
                print("done", n, once(conn, name, n), flush=True)
            except LogError as error:
                print("lost", n, error.code, flush=True)
                time.sleep(0.1)
        print("won", claim(conn, name), 0, flush=True)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except FactstoreError as error:
        print("failed", error.code, error.message, flush=True)
