"""The transaction that makes a diff true: edges with their reasons, rules, causes and the state, all or nothing."""

from __future__ import annotations

from typing import Any

from enrich.causes import texts
from enrich.edges import ORIGIN, STATE, edge_key, rule_map
from enrich.errors import EnrichError
from enrich.materialize import Diff
from enrich.rules import EdgeRule
from enrich.stored import State, StoredRule, state_of
from factstore import Db, Keyword

Forms = list[Any]


def forms(diff: Diff, cycle: int) -> Forms:
    """What to transact for a diff; nothing where there is nothing to say.

    The state moves only with edges that were examined: an idle cycle writes nothing at all.
    """
    rules = _rules(diff)
    if not diff.examined and not rules:
        return []
    moved = _state(diff) if diff.examined else []
    edges = [form for change in (_added(diff), _changed(diff), _retracted(diff), _repaired(diff)) for form in change]
    return [*own(cycle, diff), *moved, *rules, *edges]


def own(cycle: int, diff: Diff | None = None) -> Forms:
    """What every transaction of enrichment says of itself."""
    said: dict[str, Any] = {"db/id": "db/current-tx", "tx/origin": ORIGIN, "tx/cycle": cycle}
    if diff is not None:
        said["tx/basis"] = diff.basis
        causes = texts([each.cause for each in diff.retracted] + [each.cause for each in diff.changed])
        said |= {"tx/cause": causes} if causes else {}
    return [said]


def unmoved(db: Db, before: State | None) -> None:
    """A transaction function: refuses to commit what was planned from another state (``enrich/conflict``)."""
    now = state_of(db)
    if now != before:
        raise EnrichError(
            f"the edges were derived by somebody else meanwhile: planned from {_basis(before)}, now at {_basis(now)}",
            code="enrich/conflict",
        )


def _basis(state: State | None) -> str:
    return "nothing" if state is None else f"basis {state.basis}"


def _state(diff: Diff) -> Forms:
    return [
        ["db/fn", unmoved, diff.before],
        {"enrich/state": STATE, "enrich/basis": diff.basis, "enrich/rules": diff.hash},
    ]


def _rules(diff: Diff) -> Forms:
    made: Forms = []
    for rule in diff.rules:
        known, told = diff.stored.get(rule.name), rule_map(rule)
        if known is None:
            made.append({"db/id": _rule_id(diff, rule), **told, "rule/text": rule.text})
        else:
            made += _rule_changes(known, told)
    active = {rule.name for rule in diff.rules}
    gone = [rule for name, rule in diff.stored.items() if rule.is_active and name not in active]
    return made + [["db/add", rule.id, "rule/active", False] for rule in gone]


def _rule_changes(known: StoredRule, told: dict[str, Any]) -> Forms:
    changed = {name: value for name, value in told.items() if _plain(known.told.get(name)) != _plain(value)}
    made: Forms = [{"db/id": known.id, **changed}] if changed else []
    for name, value in known.told.items():
        kept = told.get(name, [])
        if name == "rule/tag":
            made += [["db/retract", known.id, name, tag] for tag in value if tag not in kept]
        elif name not in told and name != "rule/text":
            made.append(["db/retract", known.id, name])
    return made


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, list | tuple | set | frozenset) else value


def _rule_id(diff: Diff, rule: EdgeRule) -> int | str:
    known = diff.stored.get(rule.name)
    return rule.name if known is None else known.id


def _added(diff: Diff) -> Forms:
    made: Forms = []
    for each in diff.added:
        edge = {
            "edge/key": edge_key(each.relation, each.start, each.end),
            "edge/from": each.start,
            "edge/to": each.end,
            "edge/relation": each.relation,
            "edge/rule": _rule_id(diff, each.rule),
            "edge/premise": sorted(each.premises),
            "edge/confidence": each.confidence,
        }
        made += [edge, _fact(each.relation, each.start, each.end)]
    return made


def _changed(diff: Diff) -> Forms:
    made: Forms = []
    for each in diff.changed:
        new = sorted(each.premises - each.before)
        edge = {
            "db/id": each.edge,
            "edge/from": each.start,
            "edge/to": each.end,
            "edge/rule": _rule_id(diff, each.rule),
            "edge/confidence": each.confidence,
        }
        made.append({**edge, "edge/premise": new} if new else edge)
        made += [["db/retract", each.edge, "edge/premise", gone] for gone in sorted(each.before - each.premises)]
    return made


def _retracted(diff: Diff) -> Forms:
    made: Forms = []
    for each in diff.retracted:
        made.append(["db/retract", each.start, each.relation, each.end])
        if each.edge >= 0:
            made.append(["db/retractEntity", each.edge])
    return made


def _repaired(diff: Diff) -> Forms:
    return [_fact(relation, start, end) for relation, start, end in diff.repaired]


def _fact(relation: Keyword, start: int, end: int) -> Any:
    return ["db/add", start, relation, end]
