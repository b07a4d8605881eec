"""``%%datalog`` in a real IPython shell: names of the notebook go in, a table or an error with a caret comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import factstore
from factstore import Result

IPython = pytest.importorskip("IPython")

PEOPLE = [
    {"db/ident": "person/name", "db/valueType": "db.type/string", "db/cardinality": "db.cardinality/one"},
    {"db/ident": "person/age", "db/valueType": "db.type/long", "db/cardinality": "db.cardinality/one"},
]
NAMES = "[:find ?name :where [_ :person/name ?name]]"

Cell = Callable[[str], Any]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    made = Config()
    made.HistoryManager.enabled = False
    home = tmp_path_factory.mktemp("ipython")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(home))
        return InteractiveShell(config=made)


@pytest.fixture
def cell(shell: Any) -> Iterator[Cell]:
    """Runs a cell in a fresh notebook with a store of two people; gives its result, or raises what it raised."""
    shell.reset(new_session=False)
    shell.run_cell("%load_ext factstore").raise_error()
    conn = factstore.connect("memory:")
    conn.transact(PEOPLE)
    conn.transact([{"person/name": "ann", "person/age": 30}, {"person/name": "ben", "person/age": 7}])
    shell.user_ns["conn"] = conn

    def run(text: str) -> Any:
        found = shell.run_cell(text)
        found.raise_error()
        return found.result

    yield run
    shell.run_cell("%unload_ext factstore")


def test_a_cell_is_answered_with_a_result(cell: Cell, shell: Any) -> None:
    found = cell(f"%%datalog\n{NAMES}")
    assert isinstance(found, Result)
    assert found == {("ann",), ("ben",)}
    assert "<td" in shell.display_formatter.format(found)[0]["text/html"]


def test_a_line_is_answered_too(cell: Cell) -> None:
    assert cell("found = %datalog conn [:find (count ?e) . :where [?e :person/name]]\nfound") == 2


def test_inputs_are_variables_of_the_notebook(cell: Cell) -> None:
    query = "[:find [?n ...] :in $ ?max-age [?n ...] :where [?e :person/name ?n] [?e :person/age ?a] [(< ?a ?max-age)]]"
    cell("max_age = 20\nn = ['ann', 'ben', 'cat']")
    assert cell(f"%%datalog\n{query}") == ["ben"]


@pytest.mark.parametrize(
    "table",
    [
        "a_b = [(1, 'x'), (2, 'y')]",
        "import numpy\na_b = numpy.asarray([[1, 5], [2, 6]])",
        "import pandas\na_b = pandas.DataFrame({'a': [1, 2], 'b': ['x', 'y']})",
        "import polars\na_b = polars.DataFrame({'a': [1, 2], 'b': ['x', 'y']})",
        "a_b = conn.db().q('[:find ?a ?b :in [[?a ?b]]]', [[1, 5], [2, 6]])",
    ],
)
def test_tables_are_relations(cell: Cell, table: str) -> None:
    cell(table)
    assert cell("%%datalog\n[:find [?a ...] :in $ [[?a ?b]]]") == [1, 2]


def test_rules_other_sources_and_patterns_are_variables(cell: Cell) -> None:
    cell("rules = '[[(named ?e ?n) [?e :person/name ?n]]]'\nold = conn.db().as_of(1)\nshown = '[:person/age]'")
    assert cell("%%datalog\n[:find [?n ...] :in $ % :where (named _ ?n)]") == {"ann", "ben"}
    assert cell("%%datalog\n[:find [?n ...] :in $ $old :where [$old _ :person/name ?n]]") == []
    assert cell("%%datalog\n[:find [(pull ?e shown) ...] :in $ shown :where [?e :person/name]]") == [
        {"person/age": 30},
        {"person/age": 7},
    ]


def test_rules_may_be_a_file_or_any_variable(cell: Cell, tmp_path: Path) -> None:
    (tmp_path / "rules.edn").write_text("[[(named ?e ?n) [?e :person/name ?n]]]")
    cell(f"mine = '{tmp_path}/rules.edn'")
    for given in (f"{tmp_path}/rules.edn", "mine"):
        assert len(cell(f"%%datalog --rules {given}\n[:find ?n :in $ % :where (named _ ?n)]")) == 2
        assert len(cell(f"%%datalog --rules {given}\n[:find ?n :where (named _ ?n)]")) == 2


def test_an_answer_is_kept_and_not_shown(cell: Cell, shell: Any) -> None:
    assert cell(f"%%datalog conn -o kept\n{NAMES}") is None
    assert len(shell.user_ns["kept"]) == 2


def test_the_past_is_asked(cell: Cell) -> None:
    cell("first = 1")
    for moment in ("1", "first"):
        assert cell(f"%%datalog --as-of {moment}\n{NAMES}") == []
    assert len(cell(f"%%datalog --since 1 --history\n{NAMES}")) == 2


def test_the_plan_is_printed(cell: Cell, capsys: pytest.CaptureFixture[str]) -> None:
    assert cell(f"%%datalog --analyze\n{NAMES}") is None
    assert "[_ :person/name ?name]" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong",
    [
        ("", "[:find ?n :where [_ :person/nmae ?n]]", "query/unknown-attribute", "  |                     ^"),
        ("", "[:find ?n", "edn/syntax", "^"),
        ("", "[:find ?n :in $ ?n]", "notebook/no-input", "variable n"),
        ("nothing", NAMES, "notebook/no-db", "the variable nothing is not there"),
        ("shelf", NAMES, "notebook/no-db", "of type int"),
        ("--wrong", NAMES, "notebook/usage", "%%datalog [DB]"),
        ("--as-of yesterday", NAMES, "notebook/usage", "yesterday"),
        ("'", NAMES, "notebook/usage", "quotation"),
    ],
)
def test_a_mistake_is_shown_without_a_traceback(
    cell: Cell, shell: Any, capsys: pytest.CaptureFixture[str], wrong: tuple[str, str, str, str]
) -> None:
    line, query, code, shown = wrong
    shell.user_ns["shelf"] = 1
    with pytest.raises(factstore.FactstoreError) as caught:
        cell(f"%%datalog {line}\n{query}")
    assert caught.value.code == code
    said = capsys.readouterr().out
    assert said.startswith(code)
    assert shown in said
    assert "Traceback" not in said
    assert "notebook.py" not in said


def test_which_store_is_meant_has_to_be_plain(cell: Cell, shell: Any) -> None:
    conn = shell.user_ns.pop("conn")
    with pytest.raises(factstore.FactstoreError, match="there is none"):
        cell(f"%%datalog\n{NAMES}")
    shell.user_ns.update(one=conn)
    assert len(cell(f"%%datalog\n{NAMES}")) == 2
    shell.user_ns.update(other=conn)
    with pytest.raises(factstore.FactstoreError, match="there are one, other"):
        cell(f"%%datalog\n{NAMES}")
    shell.user_ns.update(db=conn.db())
    assert len(cell(f"%%datalog\n{NAMES}")) == 2
