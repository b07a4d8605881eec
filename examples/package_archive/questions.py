"""The questions, as query strings over the rules of ``rules/packages.edn``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

RULES: Final = Path(__file__).parent / "rules" / "packages.edn"

BATCHES: Final = "[:find [?digest ...] :where [_ :load/batch ?digest]]"

COUNTS: Final = {
    "packages": "[:find (count ?p) . :where [?p :package/version]]",
    "virtual packages": "[:find (count ?name) . :where (virtual ?name)]",
    "dangling targets": "[:find (count ?name) . :where (dangling ?name)]",
    "dependencies": "[:find (count ?name) . :with ?p :where (requires ?p ?name)]",
    "maintainers": "[:find (count ?m) . :where [?m :maintainer/contact]]",
    "tags": "[:find (count-distinct ?tag) . :where [_ :package/tag ?tag]]",
}
"""What there is how many times."""

VERSION: Final = "[:find ?version . :in $ ?name :where [?p :package/name ?name] [?p :package/version ?version]]"

NEEDING: Final = """
[:find [?p ...]
 :in $ ?changed
 :where [?c :package/name ?changed]
        (needs ?p ?c)]"""

BREAKS: Final = """
[:find [?name ...]
 :in $ ?changed
 :where [?c :package/name ?changed]
        (needs ?p ?c)
        [?p :package/name ?name]]"""

CALL: Final = """
[:find ?contact (count ?p)
 :in $ ?changed
 :where [?c :package/name ?changed]
        (affected ?m ?p ?c)
        [?m :maintainer/contact ?contact]
 :order-by [(count ?p) :desc ?contact]
 :limit 8]"""

NAMES_OF: Final = (
    "[:find [?name ...] :in $ ?contact :where [?m :maintainer/contact ?contact] [?m :maintainer/name ?name]]"
)

UNWANTED: Final = """
[:find [?name ...]
 :where [?p :package/version]
        (not (wanted ?p))
        [?p :package/name ?name]]"""

MOST_WANTED: Final = """
[:find ?name (count ?p)
 :where (depends-on ?p ?other)
        [?other :package/name ?name]
 :order-by [(count ?p) :desc ?name]
 :limit 8]"""

STEP: Final = """
[:find ?from ?to
 :in $ [?from ...]
 :where [?p :package/name ?from]
        (depends-on ?p ?other)
        [?other :package/name ?to]]"""

DEPENDENTS: Final = """
[:find [?name ...]
 :in $ ?changed
 :where [?c :package/name ?changed]
        (depends-on ?p ?c)
        [?p :package/name ?name]]"""

DEPENDS: Final = """
[:find [?to ...]
 :in $ ?from
 :where [?p :package/name ?from]
        [?p :package/depends ?name]
        [?name :package/name ?to]]"""

CHANGES: Final = """
[:find ?tx ?name ?said ?value ?added
 :in $ $between
 :where [$between ?p ?a ?value ?tx ?added]
        [?p :package/name ?name]
        [?a :db/ident ?said]]"""
