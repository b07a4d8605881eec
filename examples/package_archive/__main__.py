"""``python -m examples.package_archive``: loads the archive of this machine, and asks it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

import factstore
from examples.package_archive import answers, questions, story
from examples.package_archive.reading import SOURCES, archives
from factstore import Db
from factstore.embedded import start

WISHED: Final = "libssl3"
_ABOUT: Final = "Loads this machine's package databases into a store and answers questions about them."
_STORE: Final = Path(".demo") / "package_archive"


def main(arguments: list[str] | None = None) -> int:
    """Runs the demo; 1 with a message where something is wrong."""
    options = _parser().parse_args(arguments)
    try:
        run(options.store, options.source, options.limit, options.package, options.chain)
    except (factstore.FactstoreError, LookupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run(store: Path, source: str, limit: int | None, wished: str, chain: tuple[str, str] | None) -> None:
    """The whole story, over the store in a directory."""
    found = archives(source, limit)
    with start(store) as server, factstore.connect(server.dsn) as conn:
        for archive in found:
            story.tell_loading(conn, archive)
        db = conn.db()
        package = answers.subject(db, wished)
        story.tell_counts(db)
        story.tell_impact(db, package, server.dsn)
        story.tell_leaves(db)
        links = story.tell_chain(db, *(chain or (_far_from(db, package), package)))
        updated, wished = links[-2:] if len(links) > 1 else (package, "")
        if (dropped := answers.droppable(db, updated, wished)) is not None:
            story.tell_update(conn, updated, dropped)


def _far_from(db: Db, package: str) -> str:
    """Somebody who needs ``package`` in more ways than one can see: a desktop, if there is one."""
    needing = answers.needing(db, package)
    dependents = set(answers.ask(db, questions.DEPENDENTS, package))
    desktops = [name for name in ("gnome", "kde-full", "xfce4") if name in needing]
    return next(iter([*desktops, *sorted(needing - dependents - {package}), *sorted(needing), package]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.package_archive", description=_ABOUT)
    parser.add_argument("--store", type=Path, default=_STORE, help=f"the store's directory (default: {_STORE})")
    parser.add_argument("--limit", type=_positive, help="read no more packages of each archive")
    parser.add_argument("--source", choices=SOURCES, default="auto", help="which archive (default: what there is)")
    parser.add_argument("--package", default=WISHED, help=f"the package that changes (default: {WISHED})")
    parser.add_argument("--chain", nargs=2, metavar=("FROM", "TO"), help="whose shortest chain to show")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} packages: expected at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
