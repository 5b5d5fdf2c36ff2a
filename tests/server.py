"""A web server on this machine that misbehaves as it is told, for tests of downloads."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Page:
    """What stands behind one path; each request uses up one entry of `faults`, then all goes well."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    etag: str | None = '"v1"'
    ranges: bool = True
    faults: list[Callable[["Answer"], None]] = field(default_factory=list)


@dataclass
class Request:
    path: str
    range: str | None
    if_range: str | None
    agent: str | None


@dataclass
class Server:
    address: str
    pages: dict[str, Page] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def offer(self, path: str, body: bytes = b"", **settings: object) -> str:
        """Put a page up and return its link."""
        self.pages[path] = Page(body, **settings)  # type: ignore[arg-type]
        return self.address + path


class Answer(BaseHTTPRequestHandler):
    server_log: Server
    timeout = 5

    def log_message(self, *words: object) -> None:
        pass

    def do_GET(self) -> None:
        log = self.server_log
        read = self.headers.get
        log.requests.append(Request(self.path, read("Range"), read("If-Range"), read("User-Agent")))
        self.page = log.pages[urlsplit(self.path).path]
        if self.page.faults:
            self.page.faults.pop(0)(self)
        else:
            self.send_page()

    def send_page(self, *, most: int | None = None, length: int | None = None) -> None:
        """The page or the range asked for; `most` bytes of it, under a Content-Length of `length`."""
        page, start = self.page, 0
        asked = self.headers.get("Range")
        if asked and page.ranges and self.headers.get("If-Range", page.etag) == page.etag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(page.body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(page.body)}")
                self.end_headers()
                return
        body = page.body[start:]
        self.send_response(206 if start else page.status)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(page.body) - 1}/{len(page.body)}")
        if page.etag:
            self.send_header("ETag", page.etag)
        for name, value in page.headers.items():
            self.send_header(name, value)
        if length != -1:
            self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body[:most])


def drop_after(count: int) -> Callable[[Answer], None]:
    """Promise everything, send `count` bytes, hang up."""
    return lambda answer: answer.send_page(most=count)


def refuse(status: int, **headers: str) -> Callable[[Answer], None]:
    def fault(answer: Answer) -> None:
        answer.send_response(status)
        for name, value in headers.items():
            answer.send_header(name.replace("_", "-"), value)
        answer.send_header("Content-Length", "0")
        answer.end_headers()

    return fault


def stall(count: int, release: threading.Event) -> Callable[[Answer], None]:
    """Send `count` bytes, then nothing until the test is over."""

    def fault(answer: Answer) -> None:
        answer.send_page(most=count)
        answer.wfile.flush()
        release.wait(5)

    return fault


@contextmanager
def serve() -> Iterator[Server]:
    """A server for the length of a test."""
    log = Server("")
    handler = type("Handler", (Answer,), {"server_log": log})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http_server:
        http_server.daemon_threads = True
        log.address = f"http://127.0.0.1:{http_server.server_port}"
        thread = threading.Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield log
        finally:
            http_server.shutdown()
            thread.join()
