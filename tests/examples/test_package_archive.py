"""The package archive: read, loaded, asked, and compared with plain Python over the same text."""

from __future__ import annotations

import importlib.metadata
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import factstore
from examples.package_archive import answers, debian, questions
from examples.package_archive.__main__ import main
from examples.package_archive.clauses import Option, parse_field
from examples.package_archive.distributions import read_distributions
from examples.package_archive.load import load
from examples.package_archive.packages import Maintainer
from examples.package_archive.stanzas import read_stanzas
from factstore import Connection
from tests.examples.plain_archive import PlainArchive, walk

ROOT = Path(__file__).resolve().parents[2]

TEXT = """\
Package: editor
Source: editors (2.1)
Version: 2.1-1
Installed-Size: 120
Maintainer: Ann Example <ann@example.org>
Architecture: amd64
Depends: libone (>= 1.0), libtwo | libtwo-compat, awk
Pre-Depends: base:any (>= 1:1.2~rc1)
Recommends: speller
Description: edits text
 and this is more about it.
 .
 Even more.
Homepage: https://example.org/editor
Tag: interface::graphical, role::program,
 use::editing
Section: editors
Priority: optional

Package: libone
Version: 1.4
Maintainer: Bob <bob@example.org>
Architecture: amd64
Depends: base
Tag: role::shared-lib
Section: libs
Priority: optional

Package: libtwo
Version: 0.9
Maintainer: Bob B. <bob@example.org>
Depends: libone (= 1.4)
Section: libs

Package: mawk
Version: 1.3
Maintainer: Ann Example <ann@example.org>
Provides: awk (= 1.3), new-awk
Depends: base
Section: utils

Package: gawk
Version: 5.2
Maintainer: Cy <cy@example.org>
Provides: awk
Depends: libtwo, lost-and-gone
Section: utils

Package: base
Version: 1:1.2
Maintainer: Cy <cy@example.org>
Depends: gawk | original-awk
Essential: yes
Section: admin

Package: alone
Version: 7
Maintainer: Cy <cy@example.org>
Section: misc

Package: alone
Version: 6
Maintainer: Cy <cy@example.org>
Section: old

Package: selfish
Version: 1
Maintainer: Cy <cy@example.org>
Depends: selfish, alone
Section: misc
"""


def loaded(text: str, **options: Any) -> Connection:
    conn = factstore.connect("memory:")
    load(conn, debian.read_packages(text.splitlines(keepends=True)), **options)
    return conn


def facts(conn: Connection) -> set[tuple[Any, ...]]:
    """All facts but the times of transactions."""
    rows = conn.db().q("[:find ?e ?a ?v :where [?e ?attribute ?v] [?attribute :db/ident ?a]]")
    return {(e, a, repr(v)) for e, a, v in rows if a != "db/txInstant"}


@pytest.fixture(scope="module")
def conn() -> Connection:
    return loaded(TEXT, size=3)


@pytest.fixture(scope="module")
def plain() -> PlainArchive:
    return PlainArchive(TEXT)


@pytest.fixture
def store() -> Iterator[Path]:
    # Short: the path of a socket may have 107 bytes; and open to a server's own user.
    with tempfile.TemporaryDirectory(prefix="pa-") as name:
        Path(name).chmod(0o755)
        yield Path(name) / "store"


def test_a_package_has_its_stanza_s_fields() -> None:
    editor = next(debian.read_packages(TEXT.splitlines()))
    assert (editor.name, editor.version, editor.source, editor.installed_size) == ("editor", "2.1-1", "editors", 120)
    assert editor.depends == ("libone", "libtwo", "libtwo-compat", "awk")
    assert (editor.pre_depends, editor.recommends, editor.provides) == (("base",), ("speller",), ())
    assert editor.tags == ("interface::graphical", "role::program", "use::editing")
    assert editor.clauses == ("libone (>= 1.0)", "libtwo | libtwo-compat", "base:any (>= 1:1.2~rc1)")
    assert editor.maintainer == Maintainer("ann@example.org", "Ann Example")
    assert (editor.summary, editor.section, editor.priority) == ("edits text", "editors", "optional")


@pytest.mark.parametrize(
    ("written", "option"),
    [
        ("libc6", Option("libc6")),
        ("libc6 (>= 2.34)", Option("libc6", None, ">=", "2.34")),
        ("python3:any(<<3.12~)", Option("python3", "any", "<<", "3.12~")),
        ("libstdc++6 [amd64 arm64] <!nocheck>", Option("libstdc++6")),
        ("g++:native (= 4:12.2.0-3)", Option("g++", "native", "=", "4:12.2.0-3")),
    ],
)
def test_an_option_has_its_parts(written: str, option: Option) -> None:
    assert [clause.options for clause in parse_field(f"first, {written}")] == [(Option("first"),), (option,)]


@pytest.mark.parametrize("written", ["libc6 >= 2.34", "a | ", "a (~ 1)", "(= 2)"])
def test_an_option_that_is_none_is_named(written: str) -> None:
    with pytest.raises(ValueError, match="is no dependency"):
        list(parse_field(written))


@pytest.mark.parametrize(("lines", "message"), [(["Package"], "line 1 is no field"), ([" x"], "line 1 goes on")])
def test_a_line_that_is_no_field_is_named(lines: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(read_stanzas(lines))


def test_a_stanza_without_a_version_is_named() -> None:
    with pytest.raises(ValueError, match=r"a stanza without Version: .*awk"):
        list(debian.read_packages(["Package: awk\n"]))


def test_of_two_versions_the_first_is_taken(conn: Connection) -> None:
    assert answers.ask(conn.db(), questions.VERSION, "alone") == "7"


def test_the_counts_are_those_of_plain_python(conn: Connection, plain: PlainArchive) -> None:
    assert counts(conn) == plain_counts(plain)
    assert plain.virtual == {"awk", "new-awk"}
    assert plain.dangling == {"libtwo-compat", "lost-and-gone", "original-awk"}


def counts(conn: Connection) -> dict[str, int]:
    return {name: answers.ask(conn.db(), question) for name, question in questions.COUNTS.items()}


def plain_counts(plain: PlainArchive) -> dict[str, int]:
    return {
        "packages": len(plain.fields),
        "virtual packages": len(plain.virtual),
        "dangling targets": len(plain.dangling),
        "dependencies": plain.edges,
        "maintainers": len(set(plain.contacts.values())),
        "tags": len(plain.tags),
    }


@pytest.mark.parametrize("package", ["editor", "libone", "libtwo", "mawk", "gawk", "base", "alone", "selfish"])
def test_what_breaks_is_what_a_walk_finds(conn: Connection, plain: PlainArchive, package: str) -> None:
    assert answers.needing(conn.db(), package) == plain.needing(package)


def test_nothing_depends_on_the_leaves(conn: Connection, plain: PlainArchive) -> None:
    assert set(answers.ask(conn.db(), questions.UNWANTED)) == plain.unwanted


def test_a_maintainer_is_called_for_each_package(conn: Connection, plain: PlainArchive) -> None:
    affected = Counter(plain.contacts[name] for name in plain.needing("base"))
    assert dict(answers.ask(conn.db(), questions.CALL, "base")) == affected
    assert set(answers.ask(conn.db(), questions.NAMES_OF, "bob@example.org")) == {"Bob", "Bob B."}


def test_every_chain_is_a_shortest_one(conn: Connection, plain: PlainArchive) -> None:
    for start, end in itertools.permutations(plain.fields, 2):
        chain = answers.shortest_chain(conn.db(), start, end)
        assert (chain and len(chain) - 1) == walk(plain.depends_on, start).get(end)
        assert chain is None or all(b in plain.depends_on[a] for a, b in itertools.pairwise(chain))


def test_an_update_tells_what_changed_and_is_taken_back() -> None:
    conn = loaded(TEXT)
    before = facts(conn)
    done = answers.update(conn, "gawk", "libtwo")
    assert [change[2:] for change in done.changes] == [
        ("package/depends", "libtwo", False),
        ("package/version", "5.2", False),
        ("package/version", "5.2+next", True),
    ]
    assert done.freed == {"gawk", "base", "libone", "libtwo", "mawk"}
    answers.take_back(conn, done)
    assert facts(conn) == before
    assert answers.ask(conn.db().as_of(done.tx), questions.VERSION, "gawk") == "5.2+next"


def test_the_size_of_a_batch_changes_no_answer(conn: Connection) -> None:
    other = loaded(TEXT, size=100)
    assert counts(other) == counts(conn)
    assert answers.needing(other.db(), "base") == answers.needing(conn.db(), "base")


def test_loading_again_writes_nothing() -> None:
    conn = loaded(TEXT, size=3)
    t = conn.db().basis_t
    again = load(conn, debian.read_packages(TEXT.splitlines()), size=3)
    assert (again.batches, again.skipped, again.datoms, conn.db().basis_t) == (0, 3, 0, t)


def test_a_distribution_s_conditional_requirements_are_recommendations(tmp_path: Path) -> None:
    (tmp_path / "Some_Tool-1.5.dist-info").mkdir()
    (tmp_path / "Some_Tool-1.5.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: Some_Tool\nVersion: 1.5\nAuthor: Ann\nAuthor-email: ann@example.org\n"
        "Requires-Dist: Lark (>=1.2)\nRequires-Dist: rich>=13 ; extra == 'cli'\n"
    )
    [tool] = read_distributions(importlib.metadata.distributions(path=[str(tmp_path)]))
    assert (tool.name, tool.version, tool.maintainer) == (
        "python:some-tool",
        "1.5",
        Maintainer("ann@example.org", "Ann"),
    )
    assert (tool.depends, tool.recommends) == (("python:lark",), ("python:rich",))


def random_text(packages: int) -> str:
    """Packages that depend on a few of the others; the same ones each time."""
    draw = random.Random(packages)
    names = [f"pkg{number}" for number in range(packages)]
    stanza = (
        "Package: {}\nVersion: 1.{}\nMaintainer: M <m{}@example.org>\nDepends: {}\nProvides: v{}\nTag: a::b, c::{}\n"
    )
    return "\n".join(
        stanza.format(name, i, i % 7, ", ".join(draw.sample([*names, "v3", "gone"], 4)), i % 30, i % 5)
        for i, name in enumerate(names)
    )


def test_a_load_that_was_killed_goes_on(store: Path, tmp_path: Path) -> None:
    text = random_text(600)
    (tmp_path / "packages").write_text(text)
    command = [sys.executable, "-m", "tests.examples.loading", str(store), str(tmp_path / "packages"), "6"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as loading:
        assert loading.stdout is not None
        for _ in range(9):
            assert loading.stdout.readline() == "6\n"
        os.kill(loading.pid, signal.SIGKILL)
    with factstore.connect(store) as conn:
        assert 9 <= len(answers.ask(conn.db(), questions.BATCHES)) < 100
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    with factstore.connect(store) as conn:
        assert facts(conn) == facts(loaded(text, size=6))


def test_the_demo_tells_its_story(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--store", str(store), "--source", "python", "--limit", "60"]) == 0
    said = capsys.readouterr().out
    assert [words in said for words in ("datoms/s", "the same answer", "taken back")] == [True] * 3


def test_a_store_that_can_not_be_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["--store", str(tmp_path / "file"), "--source", "python"]) == 1
    assert capsys.readouterr().err.startswith("store/")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("apt-cache") is None, reason="this machine has no apt-cache")
def test_the_machine_s_own_archive_agrees_with_plain_python() -> None:
    stanzas = list(itertools.islice(_blocks(debian.dump_lines()), 3000))
    if not stanzas:
        pytest.skip("apt-cache knows of no package")
    text = "\n".join(stanzas)
    conn, plain = loaded(text), PlainArchive(text)
    assert counts(conn) == plain_counts(plain)
    assert set(answers.ask(conn.db(), questions.UNWANTED)) == plain.unwanted
    for package in sorted(plain.dependents, key=lambda name: -len(plain.dependents[name]))[:20]:
        assert answers.needing(conn.db(), package) == plain.needing(package)


def _blocks(lines: Iterator[str]) -> Iterator[str]:
    for filled, group in itertools.groupby(lines, key=lambda line: bool(line.strip())):
        if filled:
            yield "".join(group)
