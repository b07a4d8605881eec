"""Cozo in this process, and programs of rules told to both: patterns, calls, negation and inequality."""

from __future__ import annotations

import importlib
import os
from collections.abc import Collection, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

import pytest

Rows = Collection[tuple[int, ...]]


def client() -> Any:
    """An empty Cozo database; skips the tests where it is not installed, unless ``PEERS=required``."""
    try:
        return importlib.import_module("pycozo.client").Client(dataframe=False)
    except (ImportError, RuntimeError) as error:
        reason = f"Cozo is not installed: pip install 'pycozo[embedded]' ({error})"
    if os.environ.get("PEERS") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


class Atom(NamedTuple):
    """A relation or rule with its terms, or the inequality ``!=`` of two; a term is ``x``, ``_`` or an entity."""

    name: str
    terms: tuple[str | int, ...]
    negated: bool = False

    def ours(self) -> str:
        shown = " ".join(f"?{term}" if isinstance(term, str) and term != "_" else str(term) for term in self.terms)
        if self.name == "!=":
            return f"[(!= {shown})]"
        atom = f"({self.name} {shown})" if self.name.startswith("r") else shown.replace(" ", f" :{self.name} ", 1)
        whole = atom if self.name.startswith("r") else f"[{atom}]"
        return f"(not {whole})" if self.negated else whole

    def theirs(self) -> str:
        shown = [str(term) for term in self.terms]
        if self.name == "!=":
            return " != ".join(shown)
        return f"{'not ' * self.negated}{self.name}[{', '.join(shown)}]"

    @property
    def variables(self) -> list[str]:
        return [term for term in self.terms if isinstance(term, str) and term != "_"]


class Clauses(NamedTuple):
    """A head and its body: a rule, or a query, whose name is ``?``."""

    name: str
    head: tuple[str, ...]
    body: Sequence[Atom]

    def ours(self) -> str:
        body, head = " ".join(atom.ours() for atom in self.body), " ".join(f"?{name}" for name in self.head)
        return f"[:find {head} :where {body}]" if self.name == "?" else f"[({self.name} {head}) {body}]"

    def theirs(self) -> str:
        return f"{self.name}[{', '.join(self.head)}] := {', '.join(atom.theirs() for atom in self.body)}"


class Program(NamedTuple):
    """Rules over relations of pairs, and a query."""

    rules: Sequence[Clauses]
    query: Clauses

    def ours(self) -> tuple[str, str]:
        """The query and the rules."""
        return self.query.ours(), f"[{' '.join(rule.ours() for rule in self.rules)}]"

    def theirs(self, edges: Mapping[str, Rows]) -> str:
        """CozoScript."""
        given = [f"{name}[a, b] <- {[list(pair) for pair in pairs]}" for name, pairs in edges.items()]
        return "\n".join([*given, *(rule.theirs() for rule in self.rules), self.query.theirs()])


class DrawnProgram:
    """Draws programs in which rules call themselves and each other, and the later ones negate the earlier."""

    def __init__(self, random: Random, relations: Sequence[str], entities: Sequence[int]) -> None:
        self.random = random
        self.relations = relations
        self.entities = entities
        self.arity: dict[str, int] = {}
        self.level: dict[str, int] = {}
        for level in range(random.randint(1, 3)):
            for n in range(random.randint(1, 2)):
                name = f"r{level}{'ab'[n]}"
                self.arity[name], self.level[name] = random.choice([1, 2, 2, 2, 3]), level

    def program(self) -> Program:
        random = self.random
        rules = [self.rule(name) for name in self.arity for _ in range(random.randint(1, 3))]
        name = random.choice([*self.arity][-2:])
        body = [self.atom(name, ["x", "y", "z"], constants=0.3), *self.more(9, ["x", "y", "z"])]
        names = sorted({name for atom in body if not atom.negated for name in atom.variables}) or ["x"]
        body += (
            []
            if any(not atom.negated and "x" in atom.variables for atom in body) or names != ["x"]
            else [self.pair("x")]
        )
        random.shuffle(body)
        return Program(rules, Clauses("?", tuple(random.sample(names, random.randint(1, len(names)))), body))

    def rule(self, name: str) -> Clauses:
        head = ("x", "y", "z")[: self.arity[name]]
        body = self.more(self.level[name], ["x", "y", "z", "w"])
        known = {name for atom in body if not atom.negated for name in atom.variables}
        body += [self.pair(variable) for variable in head if variable not in known]
        self.random.shuffle(body)
        return Clauses(name, head, body)

    def more(self, level: int, names: Sequence[str]) -> list[Atom]:
        """Atoms of rules up to a level, and what takes rows of those away."""
        random = self.random
        callable = [name for name, other in self.level.items() if other <= level]
        below = [*self.relations, *(name for name, other in self.level.items() if other < level)]
        body = [self.atom(random.choice([*self.relations, *callable]), names) for _ in range(random.randint(1, 3))]
        known = sorted({name for atom in body for name in atom.variables})
        if known and random.random() < 0.4:
            # Unlike ours, Cozo's negation has no variables of its own; a blank is all it knows.
            name = random.choice(below)
            terms = [random.choice([*known, *known, "_"]) for _ in range(self.arity.get(name, 2))]
            terms[0] = random.choice(known)
            body.append(Atom(name, tuple(terms), negated=True))
        if len(known) > 1 and random.random() < 0.2:
            body.append(Atom("!=", tuple(random.sample(known, 2))))
        return body

    def atom(self, name: str, names: Sequence[str], constants: float = 0.08) -> Atom:
        return Atom(name, tuple(self.term(names, constants) for _ in range(self.arity.get(name, 2))))

    def term(self, names: Sequence[str], constants: float) -> str | int:
        chance = self.random.random()
        if chance < constants:
            return self.random.choice(self.entities)
        return "_" if chance > 0.95 else self.random.choice(names)

    def pair(self, variable: str) -> Atom:
        terms = [variable, "_"]
        self.random.shuffle(terms)
        return Atom(self.random.choice(self.relations), tuple(terms))
