"""The set of sources, and the source behind HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest

from enrich import Gone, HttpSource, HydrateError, Source, SourceError, Sources, UriError
from tests.enrich.fakes import Things


def test_a_source_is_found_by_name_and_kind() -> None:
    shop, other = Things(), Things(name="other")
    sources = Sources([shop, other])
    assert sources.of("aip://thing/other/1") is other
    assert sources.of("aip://person/shop/1") is None


def test_one_system_may_have_several_endpoints() -> None:
    class People(Things):
        kinds = ("person",)

    sources = Sources([Things(), People()])
    assert [type(sources.of(f"aip://{kind}/shop/1")) for kind in ("thing", "person")] == [Things, People]


@pytest.mark.parametrize(
    ("sources", "code"),
    [
        ([Things(), Things()], "source/twice"),
        ([Things(size=0)], "source/invalid"),
        ([Things], "source/invalid"),
        ([Things(name="No Name")], "uri/bad-source"),
    ],
)
def test_a_set_of_sources_that_cannot_be(sources: list[Any], code: str) -> None:
    with pytest.raises((SourceError, UriError)) as caught:
        Sources(sources)
    assert caught.value.code == code


def test_kinds_are_not_one_word() -> None:
    class Wrong(Source):
        name, kinds = "shop", "thing"  # type: ignore[assignment]

    with pytest.raises(SourceError, match="tuple"):
        Sources([Wrong()])


class Answering(BaseHTTPRequestHandler):
    """Answers a path with (status, body, headers) of ``replies``."""

    replies: dict[str, tuple[int, bytes, dict[str, str]]] = {}  # noqa: RUF012
    stall = threading.Event()

    def do_GET(self) -> None:
        status, body, headers = self.replies[self.path]
        if body == b"stall":
            # Whoever asked has gone by the time there is an answer.
            self.stall.wait(5)
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def url() -> Iterator[str]:
    Answering.stall.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    Answering.stall.set()
    server.shutdown()
    server.server_close()
    thread.join()


class Thing(msgspec.Struct, frozen=True):
    size: int


class Web(HttpSource):
    name, kinds, path, shape, timeout = "shop", ("thing",), "/things", Thing, 0.2


class WebOneByOne(Web):
    batched = False


def reply(path: str, body: bytes, status: int = 200, **headers: str) -> None:
    Answering.replies = {path: (status, body, {name.replace("_", "-"): value for name, value in headers.items()})}


def test_a_batch_is_one_request(url: str) -> None:
    reply("/things?id=a&id=b%2Fc&id=d", b'{"a": {"size": 1}, "b/c": null, "d": {"size": "big"}}')
    answers = Web(url).fetch(["a", "b/c", "d"])
    assert (answers["a"], answers["b/c"]) == (Thing(1), Gone())
    assert answers["d"].code == "hydrate/bad-payload"


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (500, b"oops", "hydrate/http-status"),
        (404, b"", "hydrate/http-status"),
        (200, b"<html>", "hydrate/bad-answer"),
        (200, b"[1]", "hydrate/bad-answer"),
        (200, b"stall", "hydrate/timeout"),
    ],
)
def test_a_batch_that_fails_fails_whole(url: str, status: int, body: bytes, code: str) -> None:
    reply("/things?id=a", body, status)
    with pytest.raises(HydrateError) as caught:
        Web(url).fetch(["a"])
    assert caught.value.code == code


def test_too_much_is_not_read(url: str) -> None:
    class Small(Web):
        largest = 10

    reply("/things?id=a", b'{"a": {"size": 1}}')
    with pytest.raises(HydrateError, match="more than 10 bytes"):
        Small(url).fetch(["a"])


def test_the_time_a_source_asks_for_is_told(url: str) -> None:
    reply("/things?id=a", b"slow down", 429, Retry_After="17")
    with pytest.raises(HydrateError, match="slow down") as caught:
        Web(url).fetch(["a"])
    assert (caught.value.data["status"], caught.value.data["retry_after"]) == (429, 17)


@pytest.mark.parametrize(("status", "gone"), [(404, True), (410, True), (503, False), (403, False)])
def test_one_by_one_only_404_and_410_say_gone(url: str, status: int, gone: bool) -> None:
    reply("/things/b%2Fc", b"", status)
    answer = WebOneByOne(url).fetch(["b/c"])["b/c"]
    assert (answer == Gone()) == gone
    assert gone or answer.data["status"] == status


def test_nobody_listens() -> None:
    with pytest.raises(HydrateError, match="cannot be reached") as caught:
        Web("http://127.0.0.1:9").fetch(["a"])
    assert caught.value.code == "hydrate/unreachable"


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "shop.example.org", "http://"])
def test_an_address_must_be_of_the_web(url: str) -> None:
    with pytest.raises(SourceError) as caught:
        Web(url)
    assert caught.value.code == "source/bad-url"
