"""A source of truth behind HTTP: one endpoint that answers for many ids in one request, or for one each."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from enrich.errors import HydrateError, SourceError, reason, shown
from enrich.outcomes import Gone
from enrich.sources import Source

_LOOPBACK: Final = {"127.0.0.1", "::1", "localhost"}
_KEPT: Final = 200
"""Characters of an error page that go into the message."""


class HttpSource(Source):
    """A :class:`~enrich.Source` whose ``fetch`` is an HTTP request.

    Batched, it asks ``GET {url}{path}?id=a&id=b`` and expects ``{"a": {…}, "b": null}``: null is an id that is
    authoritatively unknown, an absent one is no answer. Otherwise it asks ``GET {url}{path}/a`` for each id, and
    404 and 410 say it is gone. All other statuses, timeouts and unreadable replies are failures.
    """

    path: str = ""
    batched: bool = True
    timeout: float = 10.0
    """Seconds without a byte after which a request is given up."""
    largest: int = 64 * 1024 * 1024
    """The most bytes of a reply that are read."""
    headers: Mapping[str, str] = MappingProxyType({})
    shape: type[msgspec.Struct] | None = None
    """If set, every payload is checked against it, and :meth:`normalize` gets its instance."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SourceError(f"{shown(url)} is no address of a source: expected http(s)://host", code="source/bad-url")
        self.url: Final = url.rstrip("/")
        # A proxy of the environment can reach many hosts, but never this machine's own loopback.
        handlers = [urllib.request.ProxyHandler({})] if parts.hostname in _LOOPBACK else []
        self._opener: Final = urllib.request.build_opener(*handlers)

    def fetch(self, ids: Sequence[str]) -> Mapping[str, Any]:
        """The payload of each id; what fails for one id is its own answer, what fails for all is raised."""
        if not self.batched:
            return {id: self._one(id) for id in ids}
        reply = self.get(f"{self.path}?{urlencode([('id', id) for id in ids])}")
        if not isinstance(reply, dict):
            raise self._error(f"answered {shown(reply)}: expected an object of ids", "hydrate/bad-answer")
        return {id: Gone() if payload is None else self._shaped(payload) for id, payload in reply.items()}

    def get(self, path: str) -> Any:
        """The decoded JSON of one request; :class:`~enrich.HydrateError` with its ``status`` where there is none."""
        request = urllib.request.Request(self.url + path, headers={"Accept": "application/json", **self.headers})
        try:
            with self._opener.open(request, timeout=self.timeout) as reply:
                body = reply.read(self.largest + 1)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error) from None
        except TimeoutError:
            raise self._error(f"did not answer within {self.timeout:g} s", "hydrate/timeout") from None
        except (OSError, HTTPException) as error:
            raise self._unreachable(error) from None
        if len(body) > self.largest:
            raise self._error(f"answered with more than {self.largest} bytes", "hydrate/too-large")
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise self._error(f"answered what is not JSON: {error}", "hydrate/bad-answer") from None

    def _one(self, id: str) -> Any:
        try:
            return self._shaped(self.get(f"{self.path}/{quote(id, safe='')}"))
        except HydrateError as error:
            return Gone() if error.data.get("status") in {404, 410} else error

    def _shaped(self, payload: Any) -> Any:
        if self.shape is None:
            return payload
        try:
            return msgspec.convert(payload, self.shape)
        except msgspec.ValidationError as error:
            return self._error(f"answered an unusable payload: {_lower(str(error))}", "hydrate/bad-payload")

    def _refused(self, error: urllib.error.HTTPError) -> HydrateError:
        wait = (error.headers.get("Retry-After") or "").strip()
        more = {"retry_after": int(wait)} if re.fullmatch("[0-9]{1,9}", wait) else {}
        page = " ".join(error.read(4 * _KEPT).decode("utf-8", "replace").split())[:_KEPT]
        what = f"answered {error.code} {error.reason}" + (f": {page}" if page else "")
        return self._error(what, "hydrate/http-status", status=error.code, **more)

    def _unreachable(self, error: Exception) -> HydrateError:
        inner = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(inner, TimeoutError):
            return self._error(f"did not answer within {self.timeout:g} s", "hydrate/timeout")
        told = inner.strerror if isinstance(inner, OSError) and inner.strerror else None
        return self._error(
            f"cannot be reached: {told or (reason(inner) if isinstance(inner, BaseException) else inner)}",
            "hydrate/unreachable",
        )

    def _error(self, what: str, code: str, **data: Any) -> HydrateError:
        where = f"{self.name} at {self.url}{self.path}"
        return HydrateError(f"{where} {what}", code=code, source=self.name, **data)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
