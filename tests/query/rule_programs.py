"""Random rule programs whose recursion goes one way, both ways or any way, over small graphs with cycles."""

from __future__ import annotations

from random import Random
from typing import Final

EDGES: Final = ("red", "blue")
NODES: Final = 5


class Program:
    """Rules of one to three names that call each other, and calls of them with any mix of arguments."""

    def __init__(self, r: Random) -> None:
        self.r = r
        self.style = r.choice(["right", "left", "both", "turning", "transitive", "any"])
        self.names = ["p", "q", "s"][: 1 if self.style == "transitive" else r.choice([1, 1, 2, 3])]
        self.tagged = r.random() < 0.15
        """Whether each rule has a first argument more, which is only handed through."""

    def graph(self) -> list[tuple[str, int, int]]:
        r = self.r
        return sorted({(r.choice(EDGES), r.randrange(NODES), r.randrange(NODES)) for _ in range(r.randint(3, 9))})

    def text(self) -> str:
        rules = [self.exit(name) for name in self.names]
        rules += [self.recursive(name) for name in self.names for _ in range(self.r.randint(1, 2))]
        if self.style == "transitive":
            rules.append(self.rule("p", f"{self.call('p', '?a', '?b')} {self.call('p', '?b', '?c')}"))
        if not self.tagged:
            away = f"{self.node('?a')} {self.node('?c')} (not {self.call('p', '?a', '?c')})"
            rules.append(self.rule("away", away))
        self.r.shuffle(rules)
        return f"[{' '.join(rules)}]"

    def rule(self, name: str, body: str, a: str = "?a", c: str = "?c") -> str:
        return f"[{self.call(name, a, c)} {body}]"

    def call(self, name: str, a: str, c: str) -> str:
        return f"({name} {'?t ' if self.tagged else ''}{a} {c})"

    def tag(self) -> str:
        return "[_ :n ?t]" if self.tagged else ""

    def node(self, variable: str) -> str:
        return f"[{variable} :n _]"

    def step(self, a: str, b: str) -> str:
        """A way from one variable to another: an edge along or against its direction, two, or one of several."""
        r = self.r
        edge = f"[{a} :{r.choice(EDGES)} {b}]"
        match r.randrange(8):
            case 0:
                return f"[{b} :{r.choice(EDGES)} {a}]"
            case 1:
                return f"{edge} {self.node(b)}"
            case 2:
                return f"(or [{a} :red {b}] [{b} :blue {a}])"
            case 3:
                return f"(or-join [{a} {b}] {edge} (and [{a} :red ?m] [?m :blue {b}]))"
            case 4:
                return f"{edge} [(!= {a} {b})]"
            case 5:
                return f"[{a} :red ?m{b[1:]}] [?m{b[1:]} :{r.choice(EDGES)} {b}]"
            case _:
                return edge

    def exit(self, name: str) -> str:
        r = self.r
        if r.random() < 0.1:
            return self.rule(name, f"{self.node('?a')} {self.tag()}", c=str(r.randrange(NODES)))
        return self.rule(name, f"{self.step('?a', '?c')} {self.tag()}")

    def recursive(self, name: str) -> str:
        r = self.r
        other = r.choice(self.names)
        right = [self.step("?a", "?b"), self.call(other, "?b", "?c")]
        left = [self.call(other, "?a", "?b"), self.step("?b", "?c")]
        match self.style:
            case "right" | "transitive":
                body = right
            case "left":
                body = left
            case "both":
                body = r.choice([left, right])
            case "turning":
                body = r.choice(
                    [right, [self.call(other, "?c", "?a")], [self.step("?b", "?a"), self.call(other, "?c", "?b")]]
                )
            case _:
                body = r.choice(
                    [
                        left,
                        right,
                        [self.call(name, "?a", "?b"), self.call(other, "?b", "?c")],
                        ["[?b :red ?a]", self.call(other, "?b", "?d"), "[?d :blue ?c]"],
                    ]
                )
        r.shuffle(body)
        if r.random() < 0.15:
            listed = "?t ?a ?c" if self.tagged else "?a ?c"
            branches = f"(and {self.step('?a', '?c')} {self.tag()}) (and {' '.join(body)})"
            return self.rule(name, f"(or-join [{listed}] {branches})")
        return self.rule(name, " ".join(body))

    def query(self) -> tuple[str, list[object]]:
        """A query that calls one of the rules, and what is given for its inputs."""
        r = self.r
        name = r.choice(self.names if self.tagged else [*self.names, "away"])
        a, c = r.choice([("?a", "?c"), ("?a", "?c"), ("?a", "?c"), ("?a", "?a"), ("?a", "_"), ("_", "?c")])
        shown = " ".join(dict.fromkeys(term for term in (a, c) if term != "_"))
        inputs = {
            f"[{term} ...]": r.sample(range(NODES), r.choice([1, 1, 2, 4]))
            for term in shown.split()
            if r.random() < 0.5
        }
        clauses = [self.call(name, a, c)]
        clauses += [self.step("?a", "?c")] if shown == "?a ?c" and r.random() < 0.15 else []
        clauses += [f"(not {self.call(r.choice(self.names), shown.split()[0], '_')})"] if r.random() < 0.1 else []
        r.shuffle(clauses)
        find = f"?t {shown}" if self.tagged else shown
        return f"[:find {find} :in $ {' '.join(inputs)} :where {' '.join(clauses)}]", list(inputs.values())
