"""DataScript in a process of its own, and a store of each kind side by side with the entities matched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from factstore import FactstoreError, connect
from factstore.datom import FIRST_ENTITY, TX0

HERE: Final = Path(__file__).parent / "datascript"
JS_ENTITIES: Final = 536_870_912
"""DataScript's ids from here on are transactions."""


class PeerRefused(Exception):
    """DataScript's own error."""


class Merged(Exception):
    """Two entities of one store are one in the other."""


class Peer:
    """The bridge, kept alive: one request, one answer."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, op: str, **request: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"op": op, **request}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise PeerRefused(answer["error"])
        return answer["ok"]


@contextmanager
def running() -> Iterator[Peer]:
    """The peer; skips the tests where there is none, unless ``PEERS=required``."""
    missing = next((what for what in ("node", "npm") if shutil.which(what) is None), None)
    reason = f"no {missing} here" if missing else None
    if reason is None and not (HERE / "node_modules" / "datascript").is_dir():
        reason = "DataScript is not installed: `make test` does it, or npm install in tests/peers/datascript"
    if reason is not None:
        if os.environ.get("PEERS") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    with subprocess.Popen(
        ["node", "bridge.js"], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Peer(process)
        finally:
            process.terminate()


class Id(NamedTuple):
    """An entity in transaction data, by our id."""

    ours: int


class Attribute(NamedTuple):
    """An attribute for both."""

    type: str
    many: bool = False
    unique: str | None = None
    component: bool = False
    parts: tuple[str, ...] | None = None

    def ours(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = {
            "db/ident": name,
            "db/valueType": f"db.type/{self.type}",
            "db/cardinality": f"db.cardinality/{'many' if self.many else 'one'}",
        }
        if self.unique:
            found["db/unique"] = f"db.unique/{self.unique}"
        if self.component:
            found["db/isComponent"] = True
        if self.parts:
            found["db/tupleAttrs"] = self.parts
        return found

    def theirs(self) -> dict[str, Any]:
        found: dict[str, Any] = {":db/valueType": ":db.type/ref"} if self.type == "ref" else {}
        if self.many:
            found[":db/cardinality"] = ":db.cardinality/many"
        if self.unique:
            found[":db/unique"] = f":db.unique/{self.unique}"
        if self.component:
            found[":db/isComponent"] = True
        if self.parts:
            found[":db/tupleAttrs"] = list(self.parts)
        return found


class Outcome(NamedTuple):
    """What each made of a transaction: the facts that changed, or None and why."""

    ours: set[Any] | None
    theirs: set[Any] | None
    code: str = ""
    message: str = ""


class Pair:
    """Two stores that have been told the same."""

    def __init__(self, peer: Peer, schema: Mapping[str, Attribute], name: str = "p/name") -> None:
        self.peer = peer
        self.schema = schema
        self.name = name
        self.conn = connect("memory:")
        self.conn.transact([attribute.ours(ident) for ident, attribute in schema.items()])
        peer.ask("clear")
        self.db = peer.ask("empty", schema={ident: attribute.theirs() for ident, attribute in schema.items()})
        self.theirs: dict[int, int] = {}
        """Their id of each of our entities."""
        self.mine: dict[int, int] = {}

    def transact(self, forms: list[Any]) -> Outcome:
        """The transaction in both; the two go on only where both took it."""
        code = message = ""
        report = answer = None
        try:
            report = self.conn.db().with_(self.told_ours(forms))
        except FactstoreError as error:
            code = error.code
        try:
            answer = self.peer.ask("with", db=self.db, tx=self.told_theirs(forms))
        except PeerRefused as error:
            message = str(error)
        if report is None or answer is None:
            ours = None if report is None else set()
            return Outcome(ours, None if answer is None else set(), code, message)
        done = self.conn.transact(self.told_ours(forms))
        self.db = answer["db"]
        self._match({str(t): e for t, e in done.tempids.items()}, answer["tempids"])
        ours = {(d.e, str(d.a), d.v, d.added) for d in done.datoms if d.e < TX0}
        theirs = {(*self._our(e, a, v), added) for e, a, v, added in answer["datoms"]}
        return Outcome(ours, theirs)

    def told_ours(self, forms: list[Any]) -> Any:
        """Transaction data as we read it."""
        return _told(forms, lambda id: id.ours)

    def told_theirs(self, forms: list[Any]) -> Any:
        """Transaction data as DataScript reads it."""
        return _told(forms, lambda id: self.theirs[id.ours], colon=True)

    def _match(self, ours: Mapping[str, int], theirs: Mapping[str, int]) -> None:
        """Entities are matched by tempid, and those without one by their name."""
        pairs = [(ours[tempid], e) for tempid, e in theirs.items() if tempid in ours and e < JS_ENTITIES]
        names = {d.v: d.e for d in self.conn.db().datoms(self.name)}
        pairs += [(names[v], e) for e, a, v in self.peer.ask("facts", db=self.db) if a == self.name and v in names]
        for e, f in pairs:
            if self.theirs.setdefault(e, f) != f or self.mine.setdefault(f, e) != e:
                raise Merged(f"our {e} is {f}, whom {self.mine[f]} is already")

    def _our(self, e: int, a: str, v: Any) -> tuple[int, str, Any]:
        if self.schema[a].type == "ref":
            v = self.mine[v]
        return self.mine[e], a, tuple(v) if isinstance(v, list) else v

    def facts(self) -> tuple[set[Any], set[Any]]:
        """All facts of ours, and theirs with our ids."""
        db = self.conn.db()
        ours = {(d.e, a, d.v) for a in self.schema for d in db.datoms(a)}
        return ours, {self._our(*fact) for fact in self.peer.ask("facts", db=self.db)}

    def pull(self, pattern: str, entity: int) -> tuple[Any, Any]:
        """What a pattern shows in ours, and in theirs with our ids and keys; lists in no order."""
        found = self.peer.ask("pull", db=self.db, pattern=pattern, id=self.theirs[entity])
        return unordered(self.conn.db().pull(pattern, entity)), unordered(self._renamed(found))

    def _renamed(self, found: Any) -> Any:
        if isinstance(found, list):
            return [self._renamed(item) for item in found]
        if not isinstance(found, dict):
            return found
        shown = {key.removeprefix(":"): self._renamed(value) for key, value in found.items()}
        return {**shown, "db/id": self.mine[shown["db/id"]]} if "db/id" in shown else shown

    def entities(self) -> list[int]:
        """Our ids of whoever has facts."""
        return sorted({e for e, _, _ in self.facts()[0] if e >= FIRST_ENTITY})


def unordered(found: Any) -> Any:
    """A pull with its lists sorted."""
    if isinstance(found, dict):
        return {str(key).removeprefix(":"): unordered(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return sorted(map(unordered, found), key=lambda each: json.dumps(each, sort_keys=True))
    return found


def _told(form: Any, id_of: Callable[[Id], int], *, colon: bool = False) -> Any:
    """Transaction data for one of the two: entities by its ids, and reserved names with a colon where it wants one."""
    if isinstance(form, Id):
        return id_of(form)
    if isinstance(form, dict):
        return {_key(key, colon): _told(value, id_of, colon=colon) for key, value in form.items()}
    if isinstance(form, list):
        told = [_told(item, id_of, colon=colon) for item in form]
        return [_key(told[0], colon), *told[1:]] if told and isinstance(told[0], str) else told
    return _key(form, colon) if form in ("db/current-tx",) else form


def _key(name: Any, colon: bool) -> Any:
    return f":{name}" if colon and isinstance(name, str) and name.startswith("db") else name
