"""The demo's chapters, each a question put to the store and its answer in the terminal."""

from __future__ import annotations

from functools import partial
from operator import itemgetter

from examples.package_archive import answers, questions, report
from examples.package_archive.load import Loaded, load
from examples.package_archive.reading import Archive, read_all
from factstore import Connection, Db


def tell_loading(conn: Connection, archive: Archive) -> Loaded:
    """Reads an archive and loads what of it is not there yet."""
    with report.bar(f"reading {archive.title}", None) as moved:
        packages = read_all(archive, moved)
    with report.bar(f"loading {archive.title}", len(packages)) as moved:
        loaded = load(conn, packages, progress=moved)
    if loaded.batches:
        rate = f"{loaded.datoms:,} datoms in {loaded.batches} transactions, {loaded.seconds:.1f} s of transact"
        report.say(f"  {rate}: {loaded.rate:,.0f} datoms/s")
    if loaded.skipped:
        report.say(f"  {loaded.skipped} transactions were there already: left out")
    return loaded


def tell_counts(db: Db) -> None:
    """What there is."""
    report.heading("What is in the store?")
    rows = [(name, *report.timed(partial(answers.ask, db, question))) for name, question in questions.COUNTS.items()]
    report.table(("what", "how many", "time"), rows)


def tell_impact(db: Db, package: str, dsn: str | None) -> None:
    """What breaks, and whom to call."""
    report.heading(f"What breaks if {package} changes?")
    names = answers.needing(db, package)  # the first question also brings the columns from the server
    report.say(f"{len(names):,} packages need it: {report.some(names)}")
    tell_closure(db, package, dsn)
    report.heading("Who maintains them?")
    called, took = report.timed(lambda: answers.ask(db, questions.CALL, package))
    rows = [(contact, report.some(answers.ask(db, questions.NAMES_OF, contact), 1), count) for contact, count in called]
    report.table(("contact", "name", "packages"), rows)
    report.say(took)


def tell_closure(db: Db, package: str, dsn: str | None) -> None:
    """The time of the closure, and of the same by ``WITH RECURSIVE`` over the same tables."""
    runs = [report.clocked(lambda: set(answers.ask(db, questions.NEEDING, package))) for _ in range(3)]
    ours, took = min(runs, key=itemgetter(1))
    report.say(f"closure: {report.milliseconds(took)}")
    if dsn is not None:
        from benchmarks.recursive_sql import reverse_closure

        peer = reverse_closure(dsn, package, runs=3)
        best = min(peer.seconds)
        same = "the same answer" if peer.entities == ours else f"ANOTHER ANSWER, {len(peer.entities):,} packages"
        ratio = f"factstore is {best / took:.1f} times as fast"
        report.say(f"WITH RECURSIVE over the same tables: {report.milliseconds(best)}, {same}; {ratio}")


def tell_leaves(db: Db) -> None:
    """What nothing depends on, and what most depend on."""
    report.heading("Which packages does nothing depend on?")
    leaves, took = report.timed(lambda: answers.ask(db, questions.UNWANTED))
    report.say(f"{len(leaves):,}: {report.some(leaves)} ({took})")
    report.heading("And which do most depend on directly?")
    report.table(("package", "dependents"), answers.ask(db, questions.MOST_WANTED))


def tell_chain(db: Db, start: str, end: str) -> list[str]:
    """The shortest way from one package to another; its links, none if there is no way."""
    report.heading(f"How does {start} come to need {end}?")
    chain, took = report.timed(lambda: answers.shortest_chain(db, start, end))
    report.say(" → ".join(chain) if chain else f"{start} does not need {end}")
    report.say(took)
    return chain or []


def tell_update(conn: Connection, package: str, dropped: str) -> None:
    """What changed between two transactions; the update is taken back, and the past still knows it."""
    report.heading(f"What changes when an update of {package} no longer depends on {dropped}?")
    done = answers.update(conn, package, dropped)
    rows = [("+" if change.added else "-", change.attribute, change.value) for change in done.changes]
    report.table(("", "attribute", "value"), rows)
    report.say(f"no longer need {dropped}: {report.some(done.freed) or 'nobody, others lead there too'}")
    answers.take_back(conn, done)
    now = answers.ask(conn.db(), questions.VERSION, package)
    then = answers.ask(conn.db().as_of(done.tx), questions.VERSION, package)
    report.say(f"taken back: {package} is at {now} again; as of that transaction it is at {then}")
