from pathlib import Path

import pytest

from seepseg.errors import UsageError
from seepseg.sources.parts import Piece, join
from seepseg.values import Item, LabelledImage, Skip, Source


def read_here(item: Item, width: int, height: int) -> LabelledImage:
    return LabelledImage(width, height, skipped=(Skip("read as", f"{item.stem} {item.payload}"),))


def source(root: Path, stems: list[str], *, names: tuple[str, ...] = ("oil",), group: str | None = None) -> Source:
    items = tuple(Item(root / f"{stem}.png", stem, payload=stem.upper(), group=group) for stem in stems)
    return Source("masks", root, names, items, read_here, {"a": 1}, (Skip("why", "where"),), ("a note",))


def test_shared_stems_get_the_name_of_their_part(tmp_path: Path) -> None:
    pieces = [
        Piece(source(tmp_path / "x", ["1", "2"]), None, "x"),
        Piece(source(tmp_path / "y", ["2", "3"]), None, "y"),
    ]
    assert [item.stem for item in join(pieces).items] == ["1", "x/2", "y/2", "3"]


def test_each_item_is_read_by_its_own_reader_with_its_own_payload(tmp_path: Path) -> None:
    joined = join([Piece(source(tmp_path / "x", ["1"]), None, "x"), Piece(source(tmp_path / "y", ["b"]), None, "y")])
    read = joined.read(joined.items[1], 4, 3)
    assert (read.width, read.skipped[0].where) == (4, "b B")


def test_a_part_can_belong_to_one_split(tmp_path: Path) -> None:
    pieces = [Piece(source(tmp_path / "x", ["1"]), None, "x"), Piece(source(tmp_path / "y", ["2"]), "test", "y")]
    assert [item.split for item in join(pieces).items] == [None, "test"]


def test_groups_of_two_parts_stay_apart(tmp_path: Path) -> None:
    pieces = [Piece(source(tmp_path / n, [n], group="scene"), None, n) for n in ("x", "y")]
    assert [item.group for item in join(pieces).items] == ["x/scene", "y/scene"]


def test_notes_skips_and_settings_say_their_part(tmp_path: Path) -> None:
    joined = join([Piece(source(tmp_path / n, [n]), "val", n) for n in ("x", "y")])
    assert joined.notes == ("x: a note", "y: a note")
    assert [skip.where for skip in joined.skipped] == ["x: where", "y: where"]
    assert joined.settings == {"x": {"a": 1, "split": "val"}, "y": {"a": 1, "split": "val"}}
    assert joined.root == tmp_path.resolve()


def test_parts_with_other_classes_are_refused(tmp_path: Path) -> None:
    pieces = [Piece(source(tmp_path, ["1"], names=(n,)), None, n) for n in ("oil", "ship")]
    with pytest.raises(UsageError, match="oil: oil; ship: ship"):
        join(pieces)
