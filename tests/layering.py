"""Who imports whom, read from the source: nothing is imported to find out.

An import counts wherever it stands: inside a function or under ``TYPE_CHECKING`` it couples two
modules all the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple


class Import(NamedTuple):
    """One imported module, and where; ``name`` is what was taken of it, None for the module itself."""

    source: str
    target: str
    name: str | None
    line: int

    def __str__(self) -> str:
        taken = f" ({self.name})" if self.name else ""
        return f"{self.source}, line {self.line}, imports {self.target}{taken}"


class Tree:
    """The modules of some packages under one root, and every import in them."""

    def __init__(self, root: Path, packages: Iterable[str]) -> None:
        found = sorted(path for package in packages for path in (root / package).rglob("*.py"))
        self.paths = {_module(root, path): path for path in found}
        self.asts = {module: ast.parse(path.read_text("utf-8"), str(path)) for module, path in self.paths.items()}
        self.imports = [each for module in self.paths for each in self._imports_of(module)]

    def inside(self, package: str) -> list[str]:
        """The modules of a package, itself included."""
        return [module for module in self.paths if within(module, package)]

    def exported(self, package: str) -> set[str]:
        """The literal ``__all__`` of a package."""
        for node in self.asts[package].body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
                return set(ast.literal_eval(getattr(node, "value")))  # noqa: B009
        return set()

    def attributes_read(self, package: str, inside: str) -> Iterator[Import]:
        """Each ``package.name`` that a module inside another package reads after ``import package``."""
        for module in self.inside(inside):
            nodes = list(ast.walk(self.asts[module]))
            aliases = [alias for node in nodes if isinstance(node, ast.Import) for alias in node.names]
            names = {alias.asname or alias.name for alias in aliases if alias.name == package}
            for node in nodes:
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names:
                    yield Import(module, package, node.attr, node.lineno)

    def cycles(self, package: str) -> list[list[str]]:
        """The groups of modules of a package that reach each other by imports, each sorted."""
        direct: dict[str, set[str]] = {module: set() for module in self.inside(package)}
        for each in self.imports:
            if each.source in direct and each.target in direct:
                direct[each.source].add(each.target)
        reach = {module: _reachable(module, direct) for module in direct}
        knots = {tuple(sorted(other for other in reach[module] if module in reach[other])) for module in direct}
        return sorted(list(knot) for knot in knots if knot)

    def _imports_of(self, module: str) -> Iterator[Import]:
        for node in ast.walk(self.asts[module]):
            if isinstance(node, ast.Import):
                yield from (Import(module, alias.name, None, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(module, node)
                for alias in node.names:
                    full = f"{base}.{alias.name}"
                    # `from package import module` reaches the module, not the package's own names.
                    target, name = (full, None) if full in self.paths else (base, alias.name)
                    yield Import(module, target, name, node.lineno)

    def _absolute(self, module: str, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = module.split(".")
        up = node.level - (self.paths[module].name == "__init__.py")
        kept = parts[: len(parts) - up]
        return ".".join([*kept, node.module] if node.module else kept)


def within(module: str, package: str) -> bool:
    """True for the package itself and for what is in it."""
    return module == package or module.startswith(package + ".")


def _module(root: Path, path: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _reachable(start: str, direct: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(direct[start])
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting.extend(direct[module])
    return seen
