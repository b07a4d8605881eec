"""The front doors: what a package exports is sorted, there, documented, and all of it."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType

import pytest

PACKAGES = ["factstore", "enrich"]


@pytest.fixture(params=PACKAGES)
def package(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(request.param)


def is_documented(thing: object) -> bool:
    """True for a class or function with a docstring of its own, and for anything else."""
    if not (inspect.isclass(thing) or inspect.isroutine(thing)):
        return True
    own = (thing.__doc__ or "").strip()
    # NamedTuple and dataclass write a signature where nobody wrote a docstring.
    return bool(own) and not own.startswith(f"{getattr(thing, '__name__', '')}(")


def public_names(module: ModuleType) -> set[str]:
    """The names at a module's top level that are not private, not modules and not `__future__`'s."""
    return {
        name
        for name, thing in vars(module).items()
        if not name.startswith("_") and not inspect.ismodule(thing) and getattr(thing, "compiler_flag", None) is None
    }


def test_all_is_sorted_and_without_doubles(package: ModuleType) -> None:
    assert package.__all__ == sorted(set(package.__all__))


def test_every_exported_name_exists(package: ModuleType) -> None:
    assert [name for name in package.__all__ if not hasattr(package, name)] == []


def test_every_exported_name_is_documented(package: ModuleType) -> None:
    assert [name for name in package.__all__ if not is_documented(getattr(package, name, None))] == []


def test_nothing_public_is_left_out_of_all(package: ModuleType) -> None:
    assert public_names(package) - set(package.__all__) == set()


def test_the_package_says_what_it_is(package: ModuleType) -> None:
    assert len((package.__doc__ or "").strip()) > len(package.__name__) + 1
