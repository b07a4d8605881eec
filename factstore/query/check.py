"""Checking rules against a schema before anything runs: what a rule file must pass to be loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from factstore.db import DbValue
from factstore.query.columnar.limits import Limits
from factstore.query.columnar.relation import Values
from factstore.query.columnar.solve import Solver
from factstore.query.compile import Compiler
from factstore.query.functions.builtin import Function
from factstore.query.language.ast import Rule, Variable
from factstore.query.language.scope import Site
from factstore.query.rules.ruleset import RuleSet, unbound_in_head


def check_rules(db: DbValue, rules: Sequence[Rule], functions: Mapping[str, Function] | None = None) -> RuleSet:
    """The rules as a set, if all of them could run over ``db``.

    Raises :class:`QueryError` for an unknown attribute, rule or function, a wrong arity, a variable no
    clause binds, and recursion through negation; with the file, line and caret of the rule.

    >>> import factstore
    >>> rules = factstore.load_rules("[(named ?e) [?e :db/ident ?name]]")
    >>> len(check_rules(factstore.connect("memory:").db(), rules))
    1
    """
    rule_set = RuleSet.of(tuple(rules))
    limits = Limits()
    solver = Solver(Values(db.dictionary, limits), limits)
    compiler = Compiler({"$": db}, rule_set, functions or {}, solver)
    for rule in rule_set:
        bound = frozenset(variable.name for variable in rule.head.required)
        steps = compiler.steps(rule.clauses, Site("$", bound))
        given = bound.union(*(step.names for step in steps))
        for arg in rule.head.args:
            if isinstance(arg, Variable) and arg.name not in given:
                raise unbound_in_head(rule, arg)
    compiler.check_rules()
    return rule_set
