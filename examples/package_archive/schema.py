"""What there is to know about packages."""

from __future__ import annotations

from typing import Any, Final


def _attribute(ident: str, kind: str, doc: str, *, many: bool = False, **more: Any) -> dict[str, Any]:
    cardinality = "db.cardinality/many" if many else "db.cardinality/one"
    return {"db/ident": ident, "db/valueType": f"db.type/{kind}", "db/cardinality": cardinality, "db/doc": doc, **more}


_IDENTITY: Final[dict[str, Any]] = {"db/unique": "db.unique/identity"}
_INDEX: Final[dict[str, Any]] = {"db/index": True}

SCHEMA: Final = [
    _attribute("package/name", "string", "a name something depends on, provides or bears", **_IDENTITY),
    _attribute("package/version", "string", "only a package that is in the archive has one"),
    _attribute("package/architecture", "string", "'all', or what it runs on", **_INDEX),
    _attribute("package/section", "string", "the shelf of the archive", **_INDEX),
    _attribute("package/priority", "string", "how basic it is", **_INDEX),
    _attribute("package/summary", "string", "what it is, in a line"),
    _attribute("package/homepage", "string", "where it comes from"),
    _attribute("package/installed-size", "long", "in KiB", **_INDEX),
    _attribute("package/tag", "string", "a debtag, facet::tag", many=True, **_INDEX),
    _attribute("package/maintainer", "ref", "whom to call"),
    _attribute("package/source", "ref", "the source package it is built from"),
    _attribute("package/depends", "ref", "needed to run: any option of any clause", many=True),
    _attribute("package/pre-depends", "ref", "needed even to install", many=True),
    _attribute("package/recommends", "ref", "usual, but not needed", many=True),
    _attribute("package/provides", "ref", "a name it also stands for", many=True),
    _attribute("package/clause", "string", "a clause that says more than a name: versions, alternatives", many=True),
    _attribute("source/name", "string", "a source package", **_IDENTITY),
    _attribute("maintainer/contact", "string", "a mail address, or a name where there is none", **_IDENTITY),
    _attribute("maintainer/name", "string", "one of the ways the name is written", many=True),
    _attribute("load/batch", "string", "on a transaction: the digest of what it loaded", **_IDENTITY),
]
"""Attributes as transaction data."""
