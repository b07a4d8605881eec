"""The command line, called as a function and as a program."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import factstore
from factstore import Connection, Keyword, connect, edn
from factstore.cli import main
from factstore.cli.render import json_text, table_text

ROOT = Path(__file__).resolve().parent.parent.parent
SCHEMA = """[{:db/ident :person/mail :db/valueType :db.type/string :db/cardinality :db.cardinality/one
              :db/unique :db.unique/identity :db/doc "how to reach a person"}
             {:db/ident :person/age :db/valueType :db.type/long :db/cardinality :db.cardinality/one}
             {:db/ident :person/friend :db/valueType :db.type/ref :db/cardinality :db.cardinality/many}
             {:db/ident :person/color :db/valueType :db.type/keyword :db/cardinality :db.cardinality/one}]"""
PEOPLE = """[{:db/id "ann" :person/mail "ann@x" :person/age 30 :person/color :color/red}
             {:person/mail "bob@x" :person/age 7 :person/friend "ann"}]"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def conn() -> Iterator[Connection]:
    """The store that the commands of a test use: in memory, under a name."""
    with connect(f"memory:{uuid.uuid4()}") as found:
        found.transact(SCHEMA)
        found.transact(PEOPLE)
        yield found


@pytest.fixture
def run(conn: Connection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command line, as a shell would split it; gives the exit code and what was printed."""
    monkeypatch.setattr("factstore.cli.given.connect", lambda *_, **__: _Kept(conn))

    def call(line: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8"))
        try:
            code = main(shlex.split(line))
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


class _Kept:
    def __init__(self, conn: Connection) -> None:
        self.conn = conn

    def __enter__(self) -> Connection:
        return self.conn

    def __exit__(self, *_: object) -> None:
        """The test goes on with it."""


AGES = "q '[:find ?mail ?age :where [?p :person/mail ?mail] [?p :person/age ?age]]'"


def test_q_prints_a_table(run: Run) -> None:
    assert run(AGES) == (0, "mail   age\n-----  ---\nann@x   30\nbob@x    7\n(2 rows)\n", "")


@pytest.mark.parametrize(
    ("format", "said"),
    [
        ("json", '[{"mail": "ann@x", "age": 30},\n {"mail": "bob@x", "age": 7}]\n'),
        ("jsonl", '{"mail": "ann@x", "age": 30}\n{"mail": "bob@x", "age": 7}\n'),
        ("csv", "mail,age\nann@x,30\nbob@x,7\n"),
        ("edn", '[["ann@x" 30]\n ["bob@x" 7]]\n'),
    ],
)
def test_q_prints_what_programs_read(run: Run, format: str, said: str) -> None:
    assert run(f"{AGES} --format {format}") == (0, said, "")


@pytest.mark.parametrize(
    ("find", "format", "said"),
    [
        ("[?m ...]", "json", '["ann@x",\n "bob@x"]\n'),
        ("[?m ...]", "csv", "m\nann@x\nbob@x\n"),
        ("(count ?m) .", "table", "2\n"),
        ("[(min ?m) (max ?m)]", "csv", "ann@x,bob@x\n"),
        ("[(min ?m) (max ?m)]", "edn", '["ann@x" "bob@x"]\n'),
        ("?m :keys mail", "edn", '[{:mail "ann@x"}\n {:mail "bob@x"}]\n'),
        ("?m :keys mail", "jsonl", '{"mail": "ann@x"}\n{"mail": "bob@x"}\n'),
        ("?m ?m", "jsonl", '{"m": "ann@x", "m_2": "ann@x"}\n{"m": "bob@x", "m_2": "bob@x"}\n'),
    ],
)
def test_each_find_has_its_shape(run: Run, find: str, format: str, said: str) -> None:
    assert run(f"q '[:find {find} :where [_ :person/mail ?m]]' --format {format}") == (0, said, "")


def test_the_order_of_a_query_is_kept_and_no_other_is_left_to_chance(run: Run) -> None:
    ordered = "q '[:find [?m ...] :where [_ :person/mail ?m] :order-by [?m :desc]]' --format jsonl"
    assert run(ordered)[1] == '"bob@x"\n"ann@x"\n'
    assert run("q '[:find [?x ...] :in [?x ...]]' '[2 \"b\" 1 \"a\"]' --format jsonl")[1] == '1\n2\n"a"\n"b"\n'


def test_no_answer_is_no_row(run: Run) -> None:
    nobody = "q '[:find ?m{} :where [?p :person/mail ?m] [?p :person/age 99]]' --format {}"
    assert run(nobody.format("", "json"))[1] == "[]\n"
    assert run(nobody.format("", "csv"))[1] == "m\n"
    assert run(nobody.format(" .", "json"))[1] == "null\n"
    assert run(nobody.format(" .", "csv"))[1] == run(nobody.format(" .", "table"))[1] == ""


def test_q_takes_inputs_rules_files_and_standard_input(run: Run, tmp_path: Path) -> None:
    query = "[:find ?m . :in $ % ?age :where (aged ?p ?age) [?p :person/mail ?m]]"
    (tmp_path / "rules.edn").write_text("[[(aged ?p ?age) [?p :person/age ?age]]]")
    (tmp_path / "query.edn").write_text(query)
    for given, stdin in (("-", query), (f"@{tmp_path}/query.edn", ""), (f"'{query}'", "")):
        assert run(f"q {given} 30 --rules {tmp_path}/rules.edn", stdin) == (0, '"ann@x"\n', "")


def test_inputs_have_names(run: Run, tmp_path: Path) -> None:
    query = "[:find [?m ...] :in $ ?age [?m ...] shown $more :where [?p :person/mail ?m] [?p :person/age ?age]]"
    (tmp_path / "query.edn").write_text(query)
    in_order = f"q '{query}' 30 '[\"ann@x\" \"bob@x\"]' '[*]' '[[1 2]]' --format jsonl"
    by_name = f"q -f {tmp_path}/query.edn --in more='[[1 2]]' --in 'm=[\"ann@x\"]' --in '?age=30' '[*]' --format jsonl"
    assert run(in_order) == run(by_name) == (0, '"ann@x"\n', "")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("--in other=1", "its inputs are age"),
        ("--in age=1 --in age=2", "that has a value"),
        ("--in age", "expected NAME=VALUE"),
        ("--in age=[", "edn/"),
        ("", "query/inputs"),
        ("2 --in age=1", "query/inputs"),
    ],
)
def test_inputs_that_do_not_fit_are_told(run: Run, given: str, said: str) -> None:
    code, _, told = run(f"q '[:find ?p :in $ ?age :where [?p :person/age ?age]]' {given}")
    assert code == 1
    assert said in told


def test_a_limit_leaves_the_first_rows(run: Run) -> None:
    assert run(f"{AGES} --limit 1")[1] == "mail   age\n-----  ---\nann@x   30\n(1 of 2 rows)\n"
    assert [run(f"{AGES} --limit {n} --format csv")[1].count("\n") for n in (0, 1, 2, 9)] == [1, 2, 3, 3]
    assert run(f"{AGES} --limit 0 --format json")[1] == "[]\n"
    assert run(f"{AGES} --limit 0 --format jsonl")[1] == ""
    assert run(f"{AGES} --limit -1")[0] == 2


def test_many_rows_are_written_page_by_page(run: Run) -> None:
    query = "q '[:find ?x ?y :in [?x ...] ?y]' '[" + " ".join(map(str, range(10_000))) + "]' 1 --format "
    rows = [{"x": x, "y": 1} for x in range(10_000)]
    assert json.loads(run(query + "json")[1]) == rows
    assert [json.loads(line) for line in run(query + "jsonl")[1].splitlines()] == rows
    assert len(edn.read(run(query + "edn")[1])) == 10_000
    assert run(query + "csv")[1].count("\n") == 10_001


def test_the_plan_is_printed_instead_of_the_answer(run: Run) -> None:
    plain, measured = run(f"{AGES} --explain")[1], run(f"{AGES} --analyze")[1]
    assert "[?p :person/mail ?mail]" in plain
    assert "ms" in measured.splitlines()[0]
    assert "ann@x" not in plain + measured
    assert run(f"{AGES} --explain --analyze")[0] == 2


@pytest.mark.parametrize("suffix", ["csv", "json", "jsonl", "edn", "txt"])
def test_a_file_has_what_would_have_been_printed(run: Run, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"
    assert run(f"{AGES} -o {path}") == (0, "", "")
    assert path.read_text() == run(f"{AGES} --format {suffix if suffix != 'txt' else 'table'}")[1]
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_there_only_when_it_is_whole(run: Run, tmp_path: Path) -> None:
    assert run(f"{AGES} -o {tmp_path}/nowhere/out.csv")[2].startswith("factstore: cli/no-file: ")
    mixed = "q '[:find ?x :in [?x ...]]' '[1 \"a\"]' -o"
    assert run(f"{mixed} {tmp_path}/out.parquet")[2].startswith("factstore: query/no-arrow: column x ")
    assert list(tmp_path.iterdir()) == []


def test_arrow_files_and_streams_are_read_back(run: Run, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import feather, ipc, parquet

    rows = [{"mail": "ann@x", "age": 30}, {"mail": "bob@x", "age": 7}]
    for name in ("out.arrow", "out.feather", "out.arrows", "out.parquet"):
        assert run(f"{AGES} -o {tmp_path}/{name}")[0] == 0
    assert feather.read_table(tmp_path / "out.feather").to_pylist() == rows
    assert ipc.open_file(tmp_path / "out.arrow").read_all().to_pylist() == rows
    assert ipc.open_stream(tmp_path / "out.arrows").read_all().to_pylist() == rows
    assert parquet.read_table(tmp_path / "out.parquet").to_pylist() == rows
    run(f"q '[:find (count ?p) . :where [?p :person/mail]]' -o {tmp_path}/one.arrow")
    assert ipc.open_file(tmp_path / "one.arrow").read_all().to_pylist() == [{"(count ?p)": 2}]
    run(f"q '[:find [?m ...] :where [_ :person/mail ?m]]' -o {tmp_path}/limited.parquet --limit 1")
    assert parquet.read_table(tmp_path / "limited.parquet") == pyarrow.table({"m": ["ann@x"]})


def test_arrow_without_its_library_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert run(f"{AGES} -o out.arrow")[2] == (
        "factstore: cli/no-library: arrow needs pyarrow, which is not installed: "
        "expected pip install 'factstore[arrow]'\n"
    )


def test_q_looks_at_the_past(run: Run, conn: Connection) -> None:
    conn.transact([{"person/mail": "ann@x", "person/age": 31}])
    age = "q '[:find [?a ...] :where [?p :person/mail \"ann@x\"] [?p :person/age ?a]]' --format jsonl"
    assert [run(age + more)[1] for more in ("", " --as-of 2", " --history")] == ["31\n", "30\n", "30\n31\n"]
    instant = json.loads(run("log --after 1 --upto 2 --format jsonl")[1])["instant"]
    assert run(f"{age} --as-of {instant}")[1] == "30\n"
    assert run("q '[:find [?a ...] :where [_ :person/age ?a]]' --since 2 --format jsonl")[1] == "31\n"


def test_every_kind_of_value_has_its_json() -> None:
    when = datetime(2024, 2, 29, 12, tzinfo=UTC)
    values = [Keyword("a/b"), when, uuid.UUID(int=1), b"\xff", Decimal("1.50"), 2**80, float("-inf"), "\ud800é", None]
    text = json_text(values)
    assert text.isascii() is False
    assert json.loads(text) == [
        ":a/b",
        "2024-02-29T12:00:00Z",
        "00000000-0000-0000-0000-000000000001",
        "/w==",
        "1.50",
        2**80,
        "-Infinity",
        "\ud800é",
        None,
    ]
    text.encode()


def test_a_table_keeps_to_its_lines() -> None:
    table = table_text(["text"], [["one\ntwo\x1b[31m"], ["猫"], ["x" * 200]])
    assert "\x1b" not in table
    assert [len(line) for line in table.splitlines()][-1] == 80
    assert len(table.splitlines()) == 5


def test_csv_is_read_back(run: Run, conn: Connection) -> None:
    conn.transact([{"person/mail": 'a "quoted"\nline, and more'}])
    said = run("q '[:find [?m ...] :where [_ :person/mail ?m]]' --format csv")[1]
    assert [row[0] for row in csv.reader(io.StringIO(said))][1] == 'a "quoted"\nline, and more'


def test_pull_prints_a_line_for_each_entity(run: Run) -> None:
    pattern = "'[:person/mail {:person/friend [:person/mail]} :person/color]'"
    code, said, _ = run(f"pull {pattern} '[:person/mail \"bob@x\"]' '[:person/mail \"ann@x\"]' --format jsonl")
    assert code == 0
    assert [json.loads(line) for line in said.splitlines()] == [
        {"person/mail": "bob@x", "person/friend": [{"person/mail": "ann@x"}]},
        {"person/mail": "ann@x", "person/color": ":color/red"},
    ]
    assert run("pull '[:db/doc]' ':person/mail'")[1] == '{:db/doc "how to reach a person"}\n'


def test_log_tells_what_happened(run: Run, conn: Connection) -> None:
    lines = run("log --after 1 --format jsonl")[1].splitlines()
    [commit] = [json.loads(line) for line in lines]
    ann = conn.db().entid(["person/mail", "ann@x"])
    assert [ann, ":person/mail", "ann@x", True] in commit["datoms"]
    assert (commit["t"], commit["tx"]) == (2, factstore.connect("memory:").db().basis_t + 2 + 2**42)
    assert edn.read(run("log --after 1 --format edn")[1])[Keyword("t")] == 2
    assert run("log --after 1")[1].startswith("t 2  20")
    assert run("log --after 1 --format csv")[1].splitlines()[0] == "t,instant,e,a,v,added"


def test_schema_is_transaction_data(run: Run) -> None:
    other = connect("memory:")
    other.transact(run("schema --format edn")[1])
    assert [(a.ident, a.type, a.unique, a.doc) for a in other.schema] == [
        (a.ident, a.type, a.unique, a.doc) for a in _schema_of(run)
    ]
    assert "person/mail" in run("schema")[1]
    assert ":db/doc" not in run("schema")[1].split()
    assert ":db/doc" in run("schema --builtin")[1].split()
    assert json.loads(run("schema --format json")[1])[1]["db/ident"] == ":person/color"


def _schema_of(run: Run) -> Any:
    other = connect("memory:")
    other.transact(SCHEMA)
    return other.schema


def test_transact_commits_or_only_says(run: Run, conn: Connection) -> None:
    data = '\'[{:db/id "new" :person/mail "eve@x"}]\' --format json'
    dry = json.loads(run(f"transact {data} --dry-run")[1])
    assert conn.db().basis_t == 2
    done = json.loads(run(f"transact {data}")[1])
    assert {**dry, "instant": 0, "tempids": 0} == {**done, "instant": 0, "tempids": 0}
    assert (done["t"], done["added"], conn.db().entid(["person/mail", "eve@x"])) == (3, 2, done["tempids"]["new"])
    assert run("transact -", PEOPLE)[0] == 0


def test_stats_count(run: Run, conn: Connection) -> None:
    conn.transact([{"person/mail": "ann@x", "person/age": 31}])
    said = json.loads(run("stats --format json")[1])
    assert said["attributes"]["person/age"] == {"live": 2, "ended": 1}
    assert said["log"] == len(conn.log_range(-1).e)
    assert said["live"] + 2 * said["ended"] == said["log"]
    assert edn.read(run("stats --format edn")[1])[Keyword("t")] == 3
    assert ":person/age" in run("stats")[1]


def test_a_store_is_moved(run: Run, conn: Connection, tmp_path: Path) -> None:
    path = tmp_path / "store.facts"
    code, said, _ = run(f"export {path}")
    assert (code, said.split(":")[-1]) == (0, " now at t 2\n")
    assert json.loads(run(f"verify {path} --format json")[1])["complete"] is True
    assert run(f"import {path} --quiet") == (0, "", "")
    path.write_bytes(path.read_bytes()[:-5])
    code, _, said = run(f"verify {path}")
    assert code == 1
    assert said.startswith("factstore: export/unfinished: ")


def test_errors_are_one_line_and_an_exit_code(run: Run) -> None:
    code, out, said = run("q '[:find ?x :where [?x :person/nmae]]'")
    assert (code, out) == (1, "")
    assert said.startswith("factstore: query/unknown-attribute: ")
    assert "^" in said
    assert run("q @/nowhere")[2].startswith("factstore: cli/no-file: ")
    assert run("log --after yesterday")[2].startswith("factstore: cli/no-time: ")
    assert run("pull '[*' 1")[0] == 1


@pytest.mark.parametrize("line", ["", "nothing", "q", "q x --format xml", "pull '[*]'", "log --unknown"])
def test_wrong_usage_is_two(run: Run, line: str) -> None:
    code, out, said = run(line)
    assert (code, out) == (2, "")
    assert "usage: factstore" in said


def test_an_unexpected_error_shows_no_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factstore.cli.given.connect", lambda *_, **__: 1 / 0)
    code, _, said = run("stats")
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith("factstore: cli/unexpected: ZeroDivisionError")
    monkeypatch.setenv("FACTSTORE_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run("stats")


def test_excision_is_not_done_unasked(run: Run) -> None:
    code, _, said = run("excise ':person/age'")
    assert (code, said.split(": ")[1]) == (1, "cli/not-confirmed")
    assert run("excise ':person/nothing' --yes")[2].startswith("factstore: entity/missing: ")


def test_excision_takes_facts_out(run: Run, conn: Connection) -> None:
    code, out, said = run("excise '[:person/mail \"ann@x\"]' --attribute person/age --yes")
    if hasattr(conn, "excise"):
        assert (code, out) == (0, "excised 1 datoms, recorded at t 3\n")
        assert [d.v for d in conn.db().history().datoms("person/age")] == [7]
    else:
        assert (code, said) == (1, "factstore: cli/unsupported: this version of factstore cannot excise\n")


# As a program


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A directory for a store: short enough for a socket in it, and open to a server's own user."""
    with tempfile.TemporaryDirectory(prefix="cli-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def program(home: Path, *arguments: str, stdin: str | None = None, **more: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FACTSTORE_STORE": str(home / "store"), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "factstore", *arguments],
        input=stdin,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **more,
    )


@pytest.mark.slow
def test_a_store_in_a_directory_from_a_shell(home: Path) -> None:
    missing = program(home, "stats")
    assert (missing.returncode, missing.stderr.split(": ")[1]) == (1, "store/not-a-store")
    # The server goes on for a while after its last user, so the store is held open by one command less.
    with connect(home / "store"):
        assert program(home, "init").stdout.endswith("at t 0\n")
        other = program(home, "stats", "--schema", "other")
        assert other.stderr.startswith("factstore: store/not-a-store: there is no store in schema 'other'")
        assert program(home, "transact", "-", stdin=SCHEMA).returncode == 0
        assert program(home, "transact", PEOPLE).returncode == 0
        stats = json.loads(program(home, "stats", "--format", "json").stdout)
        assert stats["bytes"]["live_eavt"] > 0
        assert stats["bytes_per_datom"] > 100
        exported = subprocess.run(
            f"{sys.executable} -m factstore export - | {sys.executable} -m factstore import - --schema copy",
            shell=True,
            env={**os.environ, "FACTSTORE_STORE": str(home / "store"), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "exported 2 transactions" in exported.stderr
        assert "now at t 2" in exported.stdout
        asked = program(home, "q", "[:find (count ?p) . :where [?p :person/mail]]", "--schema", "copy")
        assert asked.stdout == "2\n"


def test_help_and_version_need_no_store(home: Path) -> None:
    assert "examples:" in program(home, "q", "--help").stdout
    assert program(home, "--version").stdout.startswith("factstore ")


def test_a_reader_that_leaves_early_is_no_error() -> None:
    numbers = f"[{' '.join(map(str, range(150)))}]"
    query = ["q", "--store", "memory:", "[:find ?x ?y :in [?x ...] [?y ...]]", numbers, numbers, "--format", "jsonl"]
    with subprocess.Popen(
        [sys.executable, "-m", "factstore", *query], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as asked:
        assert asked.stdout is not None
        assert asked.stdout.readline() == '{"x": 0, "y": 0}\n'
        asked.stdout.close()
        assert asked.stderr is not None
        assert (asked.wait(60), asked.stderr.read()) == (141, "")


def test_an_arrow_stream_goes_down_a_pipe() -> None:
    ipc = pytest.importorskip("pyarrow.ipc")
    query = ["q", "--store", "memory:", "[:find ?x :in [?x ...]]", "[3 1 2]", "--format", "arrow"]
    found = subprocess.run([sys.executable, "-m", "factstore", *query], capture_output=True, check=True, cwd=ROOT)
    assert ipc.open_stream(found.stdout).read_all().to_pydict() == {"x": [1, 2, 3]}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_table_is_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    from factstore import Result
    from factstore.cli.answers import relation

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    result, terminal = Result.of_rows(("?n", "?text"), [(1, "[bold]red[/bold]"), (22, "\x1b[31m")]), Terminal()
    assert "".join(relation(result, "table", None, terminal)) == "(2 rows)\n"
    drawn = terminal.getvalue()
    assert "[bold]red[/bold]" in drawn
    assert "\x1b[31m" not in drawn
    assert "─" in drawn
    assert all(len(line.rstrip()) <= 60 for line in drawn.splitlines())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "".join(relation(result, "table", 1, Terminal())).endswith("(1 of 2 rows)\n")


def test_queries_are_coloured_on_a_terminal_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygments")
    from factstore.cli.color import tinted

    monkeypatch.delenv("NO_COLOR", raising=False)
    text = "query/unbound: x\n  | [:find ?x]\n  |        ^"
    coloured = tinted(text, Terminal())
    assert "\x1b[" in coloured.splitlines()[1]
    assert [coloured.splitlines()[at] for at in (0, 2)] == [text.splitlines()[at] for at in (0, 2)]
    assert tinted(text, io.StringIO()) == text
    assert "\x1b[" in tinted("  12   [?e :a ?v]", Terminal(), plan=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert tinted(text, Terminal()) == text


FOLLOW = """
import sys
from factstore.cli import main
print("ready", flush=True)
sys.exit(main(["log", "--follow", "--store", "memory:"]))
"""


def test_an_interrupt_is_130_and_quiet() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FOLLOW], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as follower:
        assert follower.stdout is not None
        follower.stdout.readline()
        time.sleep(0.5)
        follower.send_signal(signal.SIGINT)
        out, said = follower.communicate(timeout=60)
    assert (follower.returncode, out, said) == (130, "", "")


def test_followers_see_what_comes(conn: Connection) -> None:
    from factstore.cli.show import _following

    following = _following(conn, conn.db().basis_t)
    conn.transact([{"person/mail": "new@x"}])
    assert next(following).t == 3


@pytest.mark.parametrize(
    "line",
    [
        "q '[:find ?d . :where [_ :db/doc ?d] [(re-find \"^wipe\" ?d)]]'",
        "q --format json '[:find [?d ...] :where [_ :db/doc ?d]]'",
        "q --format edn '[:find [?d ...] :where [_ :db/doc ?d]]'",
        "q '[:find [?d ...] :where [_ :db/doc ?d]]'",
        *(f"log --format {format}" for format in ("table", "jsonl", "edn")),
        *(f"schema --format {format}" for format in ("table", "json", "edn")),
        """pull '["*"]' :evil/\x1b[31m""",
        "transact '[{:evil/\x1b[31mx 1}]'",
    ],
)
def test_nothing_that_was_stored_steers_the_terminal(run, conn, line) -> None:
    name = {"db/ident": "evil/\x1b[31m", "db/valueType": "db.type/string", "db/cardinality": "db.cardinality/one"}
    conn.transact([{**name, "db/doc": "wipe \x1b]0;title\x07 \x9b2J \N{RIGHT-TO-LEFT OVERRIDE}"}])
    _, out, err = run(line)
    assert out or err
    assert not set("\x1b\x07\x9b\u202e") & set(out + err)
