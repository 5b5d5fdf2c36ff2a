import threading

import pytest

from seepseg.app.shelf import Shelf


def test_what_was_made_once_is_there() -> None:
    shelf: Shelf[str] = Shelf(10, len)
    assert shelf.get("a", lambda: "made") == "made"
    assert shelf.get("a", lambda: "again") == "made"


def test_the_oldest_go_when_there_is_no_room() -> None:
    shelf: Shelf[str] = Shelf(8, len)
    for key in "abac":
        shelf.get(key, lambda: "four")
    assert shelf.get("a", lambda: "new") == "four"
    assert shelf.get("b", lambda: "new") == "new"


def test_one_that_is_larger_than_the_shelf_is_kept_alone() -> None:
    shelf: Shelf[str] = Shelf(2, len)
    shelf.get("a", lambda: "large")
    assert shelf.get("a", lambda: "again") == "large"
    shelf.get("b", lambda: "huge")
    assert shelf.get("a", lambda: "again") == "again"


def test_an_error_is_not_kept() -> None:
    shelf: Shelf[str] = Shelf(10, len)
    with pytest.raises(ZeroDivisionError):
        shelf.get("a", lambda: str(1 // 0))
    assert shelf.get("a", lambda: "made") == "made"


def test_two_who_ask_at_once_wait_for_one_making() -> None:
    shelf: Shelf[str] = Shelf(10, len)
    begun, go = threading.Event(), threading.Event()
    made: list[str] = []

    def make() -> str:
        begun.set()
        go.wait(5)
        made.append("once")
        return "made"

    threads = [threading.Thread(target=shelf.get, args=("a", make)) for _ in range(2)]
    threads[0].start()
    begun.wait(5)
    threads[1].start()
    go.set()
    for thread in threads:
        thread.join(5)
    assert made == ["once"]
