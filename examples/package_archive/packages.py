"""A package as its archive describes it, whichever archive that is."""

from __future__ import annotations

import email.utils

import msgspec


class Maintainer(msgspec.Struct, frozen=True):
    """Whom to call: ``contact`` is the mail address, or the name where there is none."""

    contact: str
    name: str | None


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """One package. Dependencies are names, any option of any clause; ``clauses`` say more where there is more."""

    name: str
    version: str
    depends: tuple[str, ...] = ()
    pre_depends: tuple[str, ...] = ()
    recommends: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    maintainer: Maintainer | None = None
    source: str | None = None
    architecture: str | None = None
    section: str | None = None
    priority: str | None = None
    homepage: str | None = None
    summary: str | None = None
    installed_size: int | None = None
    """In KiB, as the archive says it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every package name it speaks of, its own first."""
        return (self.name, *self.depends, *self.pre_depends, *self.recommends, *self.provides)


def parse_maintainer(text: str) -> Maintainer | None:
    """A ``Name <address>``, or whatever of it is there.

    >>> parse_maintainer("Debian OpenSSL Team <pkg-openssl-devel@alioth-lists.debian.net>")
    Maintainer(contact='pkg-openssl-devel@alioth-lists.debian.net', name='Debian OpenSSL Team')
    >>> parse_maintainer("Somebody"), parse_maintainer(" ")
    (Maintainer(contact='Somebody', name='Somebody'), None)
    """
    text = " ".join(text.split())
    before, bracket, rest = text.rpartition("<")
    if bracket:
        name, address = before.strip(), rest.rstrip("> ")
    else:
        name, address = email.utils.parseaddr(text) if "@" in text else (text, "")
    name = name.strip('" ')
    contact = address or name
    return Maintainer(contact, name or None) if contact else None
