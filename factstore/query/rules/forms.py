"""Rules in the forms that are evaluated best: recursion outside of any ``or``, and once in a rule where once will do.

An ``or`` that calls rules becomes several rules, one for each branch; where these would be too many it gets a
name of its own, so that recursion only ever goes through rules. A transitive rule,
``(p ?a ?c) (p ?a ?b) (p ?b ?c)``, goes through what does not recurse instead: with exit rules e and steps s, the
words of ``p = e | s p | p p`` are those of ``p = e | s p | e p``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from factstore.query.language.ast import And, Clause, Or, Rule, RuleCall, RuleHead, Term, Variable, variables, walk
from factstore.query.language.scope import Scope, given, needed, spoken
from factstore.query.rules.renaming import renamed_but
from factstore.query.rules.unfold import reached

_MOST: Final = 16
"""Rules that one rule may become."""
_BRANCH: Final = "or@"
_END: Final = "?end\u00b7"
"""Begins the names of variables that no text can have written."""

Rules = dict[str, list[Rule]]


def calls_in(clauses: Sequence[Clause | And]) -> list[RuleCall]:
    """Every rule call in clauses, however deep."""
    return [node for node in walk(clauses) if isinstance(node, RuleCall)]


def without_or_calls(rule: Rule, fresh: Iterator[int]) -> list[Rule]:
    """The rule without any ``or`` that calls rules: several rules, or calls of rules made of its branches."""
    return [made for each in _spread(rule, fresh) for made in _named(each, fresh)]


def _spread(rule: Rule, fresh: Iterator[int]) -> list[Rule]:
    found, done = [rule], False
    while not done:
        done = True
        for place, each in enumerate(found):
            branches = _first_or(each, fresh)
            if branches and len(found) + len(branches) <= _MOST:
                found[place : place + 1] = branches
                done = False
                break
    return found


def _first_or(rule: Rule, fresh: Iterator[int]) -> list[Rule]:
    """The rules that the first ``or`` which calls rules makes of a rule."""
    for place, clause in enumerate(rule.clauses):
        if isinstance(clause, Or) and clause.source is None and calls_in((clause,)):
            names = _shared(clause, _around(rule.clauses, clause, frozenset(variables(rule.head.args))))
            inner = [renamed_but(body, names, fresh) for body in clause.bodies]
            return [replace(rule, clauses=(*rule.clauses[:place], *body, *rule.clauses[place + 1 :])) for body in inner]
    return []


def _named(rule: Rule, fresh: Iterator[int]) -> list[Rule]:
    """The rule with a call of a rule of its own for each ``or`` that calls rules."""
    made: list[Rule] = []

    def rewritten(clauses: Sequence[Clause], around: Scope) -> tuple[Clause, ...]:
        return tuple(replaced(clause, _around(clauses, clause, around)) for clause in clauses)

    def replaced(clause: Clause, around: Scope) -> Clause:
        if not isinstance(clause, Or) or not calls_in((clause,)):
            return clause
        required = sorted(needed(clause, around))
        free = sorted(_shared(clause, around) - set(required))
        name = f"{_BRANCH}{rule.head.name}/{next(fresh)}"
        head = RuleHead(name, tuple(map(Variable, required)), tuple(map(Variable, free)), at=clause.at)
        for body in clause.bodies:
            made.append(Rule(head, rewritten(body, frozenset((*required, *free))), at=clause.at))
        return RuleCall(clause.source, name, head.args, at=clause.at)

    clauses = rewritten(rule.clauses, frozenset(variables(rule.head.args)))
    return [Rule(rule.head, clauses, rule.notes, at=rule.at), *made]


def _around(clauses: Sequence[Clause], clause: Clause, around: Scope) -> Scope:
    return around | given([other for other in clauses if other is not clause])


def _shared(clause: Or, around: Scope) -> Scope:
    """The variables that mean the same in an ``or`` and around it."""
    return (spoken((clause,)) & around) | given((clause,)) | frozenset(variables(clause.required))


def linearised(rules: Mapping[str, Sequence[Rule]]) -> Rules:
    """The rules, each transitive one in a linear form where there is one that means the same."""
    called = {name: {call.name for rule in group for call in calls_in(rule.clauses)} for name, group in rules.items()}
    return {
        name: list(_linear(name, group, turns=any(name in reached(other, called) for other in called[name] - {name})))
        for name, group in rules.items()
    }


def _linear(name: str, group: Sequence[Rule], *, turns: bool) -> Sequence[Rule]:
    """The rules of a name; ``turns`` if other names call it that it calls."""
    transitive = [rule for rule in group if _is_transitive(rule)]
    if not transitive or turns:
        return group
    others = [rule for rule in group if not _is_transitive(rule)]
    ends = [rule for rule in others if all(call.name != name for call in calls_in(rule.clauses))]
    steps = [rule for rule in others if not any(rule is end for end in ends)]
    if all(_hands(rule, name, last=True) for rule in steps):
        return [*others, *(_before(rule) for rule in ends)]
    if all(_hands(rule, name, last=False) for rule in steps):
        return [*others, *(_after(rule) for rule in ends)]
    return group


def _is_transitive(rule: Rule) -> bool:
    """True for ``(p a c) (p a b) (p b c)``, in any order, each of a, b and c one or more variables."""
    head, calls = rule.head, rule.clauses
    if len(calls) != 2 or head.required or len(head.args) % 2 or not all(_is_plain(call, head.name) for call in calls):
        return False
    args = [call.args for call in calls if isinstance(call, RuleCall)]
    for first, second in (args, args[::-1]):
        (a, b), (b_again, c) = _halves(first), _halves(second)
        if (a, c) == _halves(head.args) and b == b_again:
            return len(variables(a, b, c)) == len(a) + len(b) + len(c)
    return False


def _is_plain(clause: Clause, name: str) -> bool:
    return isinstance(clause, RuleCall) and clause.name == name and clause.source is None


def _halves(args: Sequence[Term]) -> tuple[tuple[Term, ...], tuple[Term, ...]]:
    half = len(args) // 2
    return tuple(args[:half]), tuple(args[half:])


def _hands(rule: Rule, name: str, *, last: bool) -> bool:
    """Whether a rule calls itself once and hands the last half of its arguments through, or the first."""
    calls = [clause for clause in rule.clauses if _is_plain(clause, name)]
    if len(calls) != 1 or len([call for call in calls_in(rule.clauses) if call.name == name]) != 1:
        return False
    (call,) = calls
    assert isinstance(call, RuleCall)
    handed, changed = _halves(rule.head.args)[last], _halves(rule.head.args)[not last]
    others = [clause for clause in rule.clauses if clause is not call]
    names = variables(handed)
    elsewhere = variables(changed, others, _halves(call.args)[not last])
    return handed == _halves(call.args)[last] and len(names) == len(handed) and not names.keys() & elsewhere.keys()


def _fresh_half(rule: Rule) -> tuple[Variable, ...]:
    return tuple(Variable(f"{_END}{place}") for place in range(len(rule.head.args) // 2))


def _before(rule: Rule) -> Rule:
    """``e p`` for an exit rule e."""
    a, b = _halves(rule.head.args)
    end = _fresh_half(rule)
    call = RuleCall(None, rule.head.name, (*b, *end), at=rule.head.at)  # type: ignore[arg-type]
    head = replace(rule.head, vars=(*a, *end))
    return replace(rule, head=head, clauses=(*rule.clauses, call))


def _after(rule: Rule) -> Rule:
    """``p e`` for an exit rule e."""
    a, b = _halves(rule.head.args)
    end = _fresh_half(rule)
    call = RuleCall(None, rule.head.name, (*end, *a), at=rule.head.at)  # type: ignore[arg-type]
    return replace(rule, head=replace(rule.head, vars=(*end, *b)), clauses=(call, *rule.clauses))
