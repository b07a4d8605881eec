"""What stands in transaction data: reading it, naming its operations, and pointing at a part of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from factstore import edn, values_coerce
from factstore.errors import FactstoreError, TransactionError
from factstore.values import Keyword

CURRENT_TX: Final = frozenset(("db/current-tx", "datomic.tx"))
"""The names of the transaction entity, without the colon."""
MAX_DEPTH: Final = 100
"""How deep maps may be nested and transaction functions may return calls of others."""
_SHOWN: Final = 120

Error = TypeVar("Error", bound=FactstoreError)


class Forms:
    """Transaction data as a sequence of forms; knows how to point at one of them.

    >>> forms = Forms('[{:person/name "Ann"}]')
    >>> forms.place(0)
    "form 0 {:person/name: 'Ann'}"
    """

    def __init__(self, data: Any) -> None:
        self.data = read_forms(data)

    def place(self, form: int) -> str:
        """A form by number and text, for a message."""
        return f"form {form} {shown(self.data[form])}"

    def refuse(self, form: int, message: str, code: str, **more: Any) -> TransactionError:
        """The error for something wrong in a form."""
        return self.refuse_as(TransactionError, form, message, code, **more)

    def refuse_as(self, kind: type[Error], form: int, message: str, code: str, **more: Any) -> Error:
        """The error of another room for something wrong in a form."""
        return kind(f"{message}, in {self.place(form)}", code=code, **{**more, "form": form})


def read_forms(data: Any) -> Sequence[Any]:
    """The forms of transaction data; text is read as EDN."""
    read = edn.read(data) if isinstance(data, str) else data
    if isinstance(read, list | tuple):
        return read
    hint = "; put the map into a list" if isinstance(read, dict) else ""
    raise TransactionError(
        f"transaction data is {shown(read)} ({type(read).__name__}): expected a list of forms{hint}",
        code="tx/bad-data",
        seen=read,
    )


def shown(value: Any) -> str:
    """A value as a message shows it: its repr, cut where it gets long."""
    return values_coerce.shown(value, _SHOWN)


def name_of(value: Any) -> str | None:
    """A name without its colon, None if the value is no string.

    >>> name_of(":db/add"), name_of(Keyword("db/add")), name_of(17)
    ('db/add', 'db/add', None)
    """
    return str(Keyword(value)) if isinstance(value, str) else None
