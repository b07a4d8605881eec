"""RFC822 stanzas, the format of Debian's package lists: one line at a time, one stanza in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def read_stanzas(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """Each stanza as its fields; a folded line goes on with its field, on a line of its own.

    A line that is no field (``ValueError``) is told with its number.

    >>> list(read_stanzas(["Package: awk\\n", "Tag: a::b,\\n", " c::d\\n", "\\n", "Package: sed\\n"]))
    [{'Package': 'awk', 'Tag': 'a::b,\\nc::d'}, {'Package': 'sed'}]
    """
    stanza: dict[str, str] = {}
    field = ""
    for number, line in enumerate(lines, 1):
        line = line.rstrip()
        if not line:
            if stanza:
                yield stanza
            stanza, field = {}, ""
        elif line[0] in " \t":
            if not field:
                raise ValueError(f"line {number} goes on with a field, but none was begun: {line[:80]!r}")
            stanza[field] += "\n" + line.strip()
        else:
            field, colon, value = line.partition(":")
            if not colon:
                raise ValueError(f"line {number} is no field: {line[:80]!r}, expected 'Name: value'")
            stanza[field] = value.strip()
    if stanza:
        yield stanza
