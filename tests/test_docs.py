"""The pages hold: every Python block runs, every link and every `make` target is there."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.runnable import Differs, blocks, run

ROOT = Path(__file__).resolve().parent.parent
TOP = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = [*TOP, *sorted((ROOT / "docs").rglob("*.md"))]
RUNNABLE = [page for page in PAGES if blocks(page.read_text("utf-8"))]


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def short_cwd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory to run a page in: short enough for a socket in it, and open to a server's own user."""
    with tempfile.TemporaryDirectory(prefix="docs-") as name:
        Path(name).chmod(0o755)
        monkeypatch.chdir(name)
        yield Path(name)


@pytest.fixture
def page_module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The page's own namespace: a real module, for libraries that look up a class's annotations."""
    module = ModuleType("a_page_of_the_docs")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


@pytest.mark.parametrize("page", RUNNABLE, ids=_name)
def test_the_blocks_of_a_page_run(page: Path, short_cwd: Path, page_module: ModuleType) -> None:
    for block in blocks(page.read_text("utf-8")):
        run(block, page, vars(page_module))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_the_make_targets_a_page_names_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = re.findall(r"(?:`|^\$ )make ([a-z ]+?)(?:`|\s*#|$)", page.read_text("utf-8"), re.MULTILINE)
    assert {word for words in named for word in words.split()} <= targets


def test_the_readme_shows_python() -> None:
    assert ROOT / "README.md" in RUNNABLE


def _run_text(text: str) -> dict[str, object]:
    namespace: dict[str, object] = {}
    for block in blocks(text):
        run(block, Path("page.md"), namespace)
    return namespace


def test_blocks_share_a_namespace() -> None:
    indented = "1. more\n\n   ```python\n   y = x + 1\n   ```\n"
    page = f"```python\nx = 1\n```\n{indented}```python\n>>> y\n2\n>>> z = y\n```\n"
    assert _run_text(page)["z"] == 2


def test_other_blocks_are_left_alone() -> None:
    assert blocks("```console\n$ make\n```\n```\n```python\n```\n") == []


def test_output_that_differs_is_found() -> None:
    with pytest.raises(Differs, match=r"line 3"):
        _run_text("A page\n```python\n>>> 1 + 1\n3\n```\n")


def test_no_run_does_not_run() -> None:
    assert _run_text("```python no-run\nraise SystemExit\n```\n```python no-run\n>>> 1/0\n```\n") == {}


@pytest.mark.parametrize("body", ["x = = 1", ">>> x = = 1"])
def test_no_run_still_compiles(body: str) -> None:
    with pytest.raises(SyntaxError):
        _run_text(f"```python no-run\n{body}\n```\n")


def test_an_error_has_the_line_of_the_page() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        _run_text("one\n\n```python\nx = 1\nx / 0\n```\n")
    assert caught.traceback[-1].lineno + 1 == 5
