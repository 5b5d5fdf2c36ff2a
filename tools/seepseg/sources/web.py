"""Opening a link: which addresses are allowed, how far a redirect may lead, what an answer means.

The standard library's urllib does it: it hands over the bytes as they were sent (nothing is decoded behind our back,
so lengths and checksums hold) and is one dependency less.
"""

import http.client
import ipaddress
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from typing import IO
from urllib.parse import urlsplit

from seepseg import __version__
from seepseg.errors import SourceError, UsageError

MOST_REDIRECTS = 5
WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})
REFUSALS = {
    401: "asks for a login; log in with a browser, download the file there, and use --from FILE",
    403: "refuses it; perhaps it asks for a login: download the file with a browser and use --from FILE",
    404: "has no such file; the address may have changed: look at the dataset's page",
    410: "says that the file is gone for good",
}


class Dropped(Exception):
    """The connection failed or the server is busy: worth another try."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class RangeRefused(Exception):
    """The server has nothing from that byte on; `total` is the file's size where it says so."""

    def __init__(self, total: int | None) -> None:
        super().__init__(str(total))
        self.total = total


def check_address(url: str, *, verified: bool) -> None:
    """Only https, or http where nobody between could change the file unseen: to this machine, or with a checksum."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{hide_query(url)}: not a link that can be downloaded; give one that begins with https://")
    if parts.username or parts.password:
        raise UsageError(f"{hide_query(url)}: a link must not hold a user name or a password")
    if parts.scheme == "http" and not verified and not _is_this_machine(parts.hostname):
        raise UsageError(
            f"{hide_query(url)}: http can be changed on the way; use https, or say what the file must be with --sha256"
        )


def hide_query(url: str) -> str:
    """A link as it may be shown: what stands behind the ? or before the @ can be a key."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def open_link(url: str, headers: Mapping[str, str], *, verified: bool, timeout: float) -> http.client.HTTPResponse:
    """The answer to a GET, redirects followed; what cannot get better raises SourceError, the rest Dropped."""
    check_address(url, verified=verified)
    opener = urllib.request.build_opener(_Redirects(verified))
    sent = {"User-Agent": f"seepseg/{__version__}", "Accept-Encoding": "identity", **headers}
    shown = hide_query(url)
    try:
        response: http.client.HTTPResponse = opener.open(urllib.request.Request(url, headers=sent), timeout=timeout)
        return response
    except urllib.error.HTTPError as error:
        with error:
            raise _meaning(error, shown) from None
    except urllib.error.URLError as error:
        raise _no_connection(error.reason, shown) from None
    except (OSError, http.client.HTTPException) as error:
        raise Dropped(_words(error)) from None


def _meaning(error: urllib.error.HTTPError, shown: str) -> Exception:
    if error.code == 416:
        total = str(error.headers.get("Content-Range", "")).rpartition("/")[2]
        return RangeRefused(int(total) if total.isdigit() else None)
    if error.code in WORTH_ANOTHER_TRY:
        wait = str(error.headers.get("Retry-After", ""))
        return Dropped(f"the server answers {error.code} {error.reason}", float(wait) if wait.isdigit() else None)
    if error.code in (301, 302, 303, 307, 308):
        return SourceError(
            f"{shown}: the server sends us in circles, too far, or to another kind of address; open it in a browser"
        )
    meaning = REFUSALS.get(error.code, f"answers {error.code} {error.reason}")
    return SourceError(f"{shown}: the server {meaning}")


def _no_connection(reason: object, shown: str) -> Exception:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return SourceError(
            f"{shown}: the server's certificate cannot be verified ({reason.verify_message}); "
            "download the file with a browser and use --from FILE"
        )
    if isinstance(reason, socket.gaierror):
        return Dropped("the server's name is not known here; is there a network?")
    return Dropped(_words(reason))


def _words(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    return str(reason) or type(reason).__name__


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a few redirects, each to an allowed address, and never down from https to http."""

    max_redirections = MOST_REDIRECTS
    max_repeats = 2

    def __init__(self, verified: bool) -> None:
        self.verified = verified

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if old.scheme == "https" and new.scheme != "https":
            raise SourceError(
                f"{hide_query(req.full_url)}: the server sends us on to {hide_query(newurl)}, which is not safe"
            )
        check_address(newurl, verified=self.verified)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
