import hashlib
import io
import json
import threading
import urllib.request
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import numpy as np
import pytest

from seepseg.errors import OutputError, SourceError, UsageError
from seepseg.sources import download
from seepseg.sources import web as connections
from seepseg.sources.download import Link, Patience, fetch
from server import Server, drop_after, refuse, serve, stall

BODY = np.random.default_rng(7).bytes(3_000_000)
SHA256 = hashlib.sha256(BODY).hexdigest()
QUICK = Patience(timeout_s=0.4, tries=3, pause_s=0.01)


@pytest.fixture
def web() -> Iterator[Server]:
    with serve() as server:
        yield server


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_file_arrives_whole_under_its_own_name(web: Server, tmp_path: Path) -> None:
    file = fetch(Link(web.offer("/data/set.zip", BODY)), tmp_path)
    assert file == tmp_path / "set.zip"
    assert file.read_bytes() == BODY
    assert left_in(tmp_path) == ["set.zip"]


def test_a_file_that_is_there_is_not_fetched_again(web: Server, tmp_path: Path) -> None:
    link = Link(web.offer("/a.zip", BODY), sha256=SHA256)
    fetch(link, tmp_path)
    fetch(link, tmp_path)
    assert len(web.requests) == 1


def test_a_file_that_is_there_but_differs_is_named(web: Server, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"another")
    with pytest.raises(SourceError, match=r"remove .*a\.zip to fetch it again"):
        fetch(Link(web.offer("/a.zip", BODY), sha256=SHA256), tmp_path)
    assert (tmp_path / "a.zip").read_bytes() == b"another"


def test_a_dropped_connection_goes_on_where_it_broke(web: Server, tmp_path: Path) -> None:
    url = web.offer("/a.zip", BODY, faults=[drop_after(1_000_000), drop_after(500_000)])
    assert fetch(Link(url), tmp_path, patience=QUICK).read_bytes() == BODY
    assert [request.range for request in web.requests] == [None, "bytes=1000000-", "bytes=1500000-"]
    assert {request.if_range for request in web.requests[1:]} == {'"v1"'}


def test_a_later_run_goes_on_where_an_earlier_one_gave_up(web: Server, tmp_path: Path) -> None:
    url = web.offer("/a.zip", BODY, faults=[drop_after(2_000_000), refuse(503), refuse(503), refuse(503)])
    with pytest.raises(SourceError, match="go on from 2,000,000 bytes"):
        fetch(Link(url), tmp_path, patience=QUICK)
    assert fetch(Link(url), tmp_path, patience=QUICK).read_bytes() == BODY
    assert web.requests[-1].range == "bytes=2000000-"


def test_a_server_that_ignores_ranges_sends_all_of_it_again(web: Server, tmp_path: Path) -> None:
    url = web.offer("/a.zip", BODY, ranges=False, faults=[drop_after(1_000_000)])
    assert fetch(Link(url), tmp_path, patience=QUICK).read_bytes() == BODY


def test_a_file_that_changed_meanwhile_starts_again(web: Server, tmp_path: Path) -> None:
    newer = BODY[::-1]

    def change(answer: object) -> None:
        drop_after(1_000_000)(answer)  # type: ignore[arg-type]
        web.pages["/a.zip"].body, web.pages["/a.zip"].etag = newer, '"v2"'

    url = web.offer("/a.zip", BODY, faults=[change])
    assert fetch(Link(url), tmp_path, patience=QUICK).read_bytes() == newer


def test_a_part_of_another_link_is_not_continued(web: Server, tmp_path: Path) -> None:
    (tmp_path / "a.zip.part").write_bytes(b"x" * 10)
    (tmp_path / "a.zip.part.json").write_text(json.dumps({"url": "http://127.0.0.1/other/a.zip", "version": '"v1"'}))
    assert fetch(Link(web.offer("/a.zip", BODY)), tmp_path).read_bytes() == BODY


def test_a_part_without_a_version_is_continued_only_when_a_checksum_watches(web: Server, tmp_path: Path) -> None:
    for name, settings in (("plain.zip", {}), ("sure.zip", {"sha256": SHA256})):
        (tmp_path / f"{name}.part").write_bytes(BODY[:100])
        fetch(Link(web.offer(f"/{name}", BODY, etag=None), **settings), tmp_path)
    assert [request.range for request in web.requests] == [None, "bytes=100-"]


def test_a_whole_part_is_recognised_by_416(web: Server, tmp_path: Path) -> None:
    (tmp_path / "a.zip.part").write_bytes(BODY)
    assert fetch(Link(web.offer("/a.zip", BODY), sha256=SHA256), tmp_path).read_bytes() == BODY
    assert len(web.requests) == 1


def test_a_part_longer_than_the_file_starts_again(web: Server, tmp_path: Path) -> None:
    (tmp_path / "a.zip.part").write_bytes(BODY + b"more")
    assert fetch(Link(web.offer("/a.zip", BODY), sha256=SHA256), tmp_path, patience=QUICK).read_bytes() == BODY


def test_a_damaged_part_is_thrown_away_once_the_checksum_tells(web: Server, tmp_path: Path) -> None:
    (tmp_path / "a.zip.part").write_bytes(b"\0" * 1000)
    assert fetch(Link(web.offer("/a.zip", BODY), sha256=SHA256), tmp_path).read_bytes() == BODY


def test_a_wrong_checksum_keeps_nothing(web: Server, tmp_path: Path) -> None:
    url = web.offer("/a.zip", BODY)
    with pytest.raises(SourceError, match=f"sha256 is {SHA256} instead of 0000"):
        fetch(Link(url, sha256="0" * 64), tmp_path)
    assert left_in(tmp_path) == []


def test_an_md5_as_zenodo_lists_it_is_checked(web: Server, tmp_path: Path) -> None:
    url = web.offer("/a.zip", BODY)
    with pytest.raises(SourceError, match="md5 is"):
        fetch(Link(url, md5="0" * 32), tmp_path)
    fetch(Link(url, md5=hashlib.md5(BODY).hexdigest().upper()), tmp_path)


def test_a_file_of_another_size_than_expected_is_refused_at_once(web: Server, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="3,000,000 bytes are offered where 5 were expected"):
        fetch(Link(web.offer("/a.zip", BODY), size=5), tmp_path)
    assert left_in(tmp_path) == []


def test_a_file_over_the_limit_is_refused_at_once(web: Server, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="more than the 1,000 allowed"):
        fetch(Link(web.offer("/a.zip", BODY)), tmp_path, largest=1000)
    assert left_in(tmp_path) == []


def test_a_server_that_says_no_length_cannot_send_more_than_the_limit(web: Server, tmp_path: Path) -> None:
    url = web.offer("/a.zip", BODY, faults=[lambda answer: answer.send_page(length=-1)])
    with pytest.raises(SourceError, match="sends more than the 1,000 bytes"):
        fetch(Link(url), tmp_path, largest=1000)
    assert left_in(tmp_path) == []


def test_a_file_without_a_length_arrives(web: Server, tmp_path: Path) -> None:
    url = web.offer("/a.zip", BODY, faults=[lambda answer: answer.send_page(length=-1)])
    assert fetch(Link(url), tmp_path).read_bytes() == BODY


def test_a_server_that_always_stops_early_is_given_up(web: Server, tmp_path: Path) -> None:
    short = [lambda answer: answer.send_page(length=len(BODY) + 10)] * 4
    with pytest.raises(SourceError, match="stopped before the end"):
        fetch(Link(web.offer("/a.zip", BODY, ranges=False, faults=short)), tmp_path, patience=QUICK)
    assert "a.zip" not in left_in(tmp_path)


def test_a_web_page_instead_of_the_file_is_recognised(web: Server, tmp_path: Path) -> None:
    url = web.offer("/a.zip", b"\n<!DOCTYPE html><title>Sign in</title>", headers={"Content-Type": "application/zip"})
    with pytest.raises(SourceError, match="web page instead of the file"):
        fetch(Link(url), tmp_path)
    assert left_in(tmp_path) == []


def test_a_stalled_server_is_asked_again(web: Server, tmp_path: Path) -> None:
    over = threading.Event()
    url = web.offer("/a.zip", BODY, faults=[stall(1000, over)])
    assert fetch(Link(url), tmp_path, patience=QUICK).read_bytes() == BODY
    over.set()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(web: Server, tmp_path: Path, status: int) -> None:
    url = web.offer("/a.zip", BODY, faults=[refuse(status)])
    assert fetch(Link(url), tmp_path, patience=QUICK).read_bytes() == BODY


def test_a_server_that_asks_for_time_gets_it(web: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(download.time, "sleep", waited.append)
    fetch(Link(web.offer("/a.zip", BODY, faults=[refuse(429, Retry_After="7")])), tmp_path)
    assert waited == [7.0]


def test_pauses_double_and_stay_bounded() -> None:
    assert [Patience().pause(failures, None) for failures in (1, 2, 3, 20)] == [1, 2, 4, 60]
    assert Patience().pause(1, 86_400.0) == 60


@pytest.mark.parametrize(("status", "words"), [(401, "login"), (403, "refuses"), (404, "no such file"), (418, "418")])
def test_a_plain_no_is_not_asked_again(web: Server, tmp_path: Path, status: int, words: str) -> None:
    url = web.offer("/a.zip", BODY, faults=[refuse(status)])
    with pytest.raises(SourceError, match=words):
        fetch(Link(url), tmp_path, patience=QUICK)
    assert len(web.requests) == 1


def test_a_redirect_is_followed(web: Server, tmp_path: Path) -> None:
    end = web.offer("/real/b.zip", BODY)
    url = web.offer("/a.zip", faults=[refuse(302, Location=end)])
    assert fetch(Link(url), tmp_path).read_bytes() == BODY


def test_a_resumed_redirect_still_asks_for_the_rest(web: Server, tmp_path: Path) -> None:
    end = web.offer("/real/b.zip", BODY, faults=[drop_after(1000)])
    url = web.offer("/a.zip", faults=[refuse(302, Location=end), refuse(302, Location=end)])
    assert fetch(Link(url), tmp_path, patience=QUICK).read_bytes() == BODY
    assert web.requests[-1].range == "bytes=1000-"


def test_redirects_in_a_circle_end(web: Server, tmp_path: Path) -> None:
    url = web.address + "/a.zip"
    web.offer("/a.zip", faults=[refuse(302, Location=url)] * 20)
    with pytest.raises(SourceError, match="circles"):
        fetch(Link(url), tmp_path, patience=QUICK)
    assert len(web.requests) < 10


@pytest.mark.parametrize("target", ["http://example.org/a.zip", "file:///etc/passwd", "ftp://example.org/a.zip"])
def test_a_redirect_to_what_a_link_may_not_be_is_refused(web: Server, tmp_path: Path, target: str) -> None:
    url = web.offer("/a.zip", faults=[refuse(302, Location=target)])
    with pytest.raises((UsageError, SourceError)):
        fetch(Link(url), tmp_path, patience=QUICK)
    assert left_in(tmp_path) == []


def test_a_redirect_never_leads_down_from_https_to_http() -> None:
    request = urllib.request.Request("https://example.org/a.zip")
    with pytest.raises(SourceError, match="not safe"):
        connections._Redirects(True).redirect_request(
            request, io.BytesIO(), 302, "Found", Message(), "http://127.0.0.1/a.zip?key=1"
        )


@pytest.mark.parametrize("url", ["http://example.org/a.zip", "ftp://example.org/a.zip", "file:///tmp/a.zip", "a.zip"])
def test_unsafe_links_are_refused_without_asking_anyone(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match="https"):
        fetch(Link(url), tmp_path)


def test_a_key_in_the_link_is_never_shown(web: Server, tmp_path: Path) -> None:
    url = web.offer("/a.zip", faults=[refuse(404)]) + "?key=SECRET"
    with pytest.raises(SourceError) as caught:
        fetch(Link(url), tmp_path)
    assert "SECRET" not in str(caught.value)
    with pytest.raises(UsageError) as refused:
        fetch(Link("https://me:SECRET@example.org/a.zip"), tmp_path)
    assert "SECRET" not in str(refused.value)


def test_a_key_in_the_link_is_not_written_beside_the_part(web: Server, tmp_path: Path) -> None:
    url = web.offer("/a.zip", BODY, faults=[drop_after(10)] + [refuse(503)] * 3) + "?key=SECRET"
    with pytest.raises(SourceError):
        fetch(Link(url), tmp_path, patience=QUICK)
    assert "SECRET" not in (tmp_path / "a.zip.part.json").read_text()


def test_a_full_disk_is_said_before_anything_is_fetched(
    web: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "ROOM_LEFT", 1 << 62)
    with pytest.raises(OutputError, match="choose another disk with --downloads"):
        fetch(Link(web.offer("/a.zip", BODY)), tmp_path)


def test_nobody_listening_is_a_sentence(tmp_path: Path) -> None:
    with serve() as gone:
        url = gone.address + "/a.zip"
    with pytest.raises(SourceError, match="3 tries"):
        fetch(Link(url), tmp_path, patience=QUICK)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://a.b/c/d.zip?download=1", "d.zip"),
        ("https://a.b/c/%2e%2e%2fd.zip", "d.zip"),
        ("https://a.b/", "download"),
        ("https://a.b/..", "download"),
        ("https://a.b/c%5C..%5Cd.zip", "c_.._d.zip"),
    ],
)
def test_the_name_of_a_file_stays_in_its_folder(url: str, name: str) -> None:
    assert Link(url).name == name
