import io
import shutil
import stat
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seepseg.errors import MissingExtra, OutputError, SeepsegError, SourceError
from seepseg.sources.unpack import Limits, is_archive, unpack


def make_zip(path: Path, files: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo("placeholder")
            info.filename, info.compress_type = name, method
            archive.writestr(info, content)
    return path


def make_tar(path: Path, files: dict[str, bytes], *, mode: str = "w:gz", links: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for name, goal in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, goal
            archive.addfile(member)
    return path


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


FILES = {"images/a.png": b"one", "masks/a.png": b"two", "read me.txt": b""}


def test_a_zip_is_unpacked(tmp_path: Path) -> None:
    unpack([(make_zip(tmp_path / "a.zip", FILES), ".")], tmp_path / "out")
    assert content(tmp_path / "out") == FILES


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_a_tar_is_unpacked(tmp_path: Path, mode: str) -> None:
    unpack([(make_tar(tmp_path / "a.tar", FILES, mode=mode), ".")], tmp_path / "out")
    assert content(tmp_path / "out") == FILES


def test_an_archive_is_known_by_its_content_not_its_name(tmp_path: Path) -> None:
    unpack([(make_tar(tmp_path / "a.zip", FILES), ".")], tmp_path / "out")
    assert content(tmp_path / "out") == FILES
    (tmp_path / "b.zip").write_bytes(b"no archive")
    assert [is_archive(tmp_path / name) for name in ("a.zip", "b.zip", "out", "c.zip")] == [True, False, False, False]


def test_several_archives_make_one_folder(tmp_path: Path) -> None:
    one, two = make_zip(tmp_path / "1.zip", {"a": b"1"}), make_tar(tmp_path / "2.tar", {"b": b"2"})
    unpack([(one, "."), (two, "deep/er")], tmp_path / "out")
    assert content(tmp_path / "out") == {"a": b"1", "deep/er/b": b"2"}


def test_a_folder_that_is_there_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputError, match="is there already"):
        unpack([(make_zip(tmp_path / "a.zip", FILES), ".")], tmp_path / "out")


ESCAPES = ["../evil", "a/../../evil", "/evil", "C:\\evil", "c:evil", "..\\evil", "a\\..\\..\\evil", "//host/evil", ""]


@pytest.mark.parametrize("name", ESCAPES)
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_nothing_leads_out_of_the_folder(tmp_path: Path, make: object, name: str) -> None:
    archive = make(tmp_path / "a", {"good": b"1", name: b"2"})  # type: ignore[operator]
    with pytest.raises(SourceError, match="nothing of it was unpacked"):
        unpack([(archive, ".")], tmp_path / "deep" / "out")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "deep"]


NAME = st.text(st.sampled_from("ab./\\:C\0 "), max_size=12)


@given(names=st.lists(NAME, min_size=1, max_size=4), tar=st.booleans())
def test_whatever_the_names_nothing_lands_outside(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], tar: bool
) -> None:
    place = tmp_path_factory.mktemp("any")
    make = make_tar if tar else make_zip
    archive = make(place / "archive", dict.fromkeys(names, b"x"))
    try:
        unpack([(archive, ".")], place / "in" / "out")
    except SeepsegError:
        assert not (place / "in" / "out").exists()
    assert {path.name for path in place.iterdir()} <= {"archive", "in"}
    assert {path.name for path in (place / "in").iterdir()} <= {"out"}


def test_every_problem_is_listed_at_once(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"../one": b"", "/two": b"", "ok": b""})
    with pytest.raises(SourceError) as caught:
        unpack([(archive, ".")], tmp_path / "out")
    assert "'../one' leads out of the folder" in str(caught.value)
    assert "'/two' has an absolute path" in str(caught.value)


@pytest.mark.parametrize("goal", ["/etc/passwd", "../../x", "images/a.png"])
def test_links_in_a_tar_are_refused(tmp_path: Path, goal: str) -> None:
    archive = make_tar(tmp_path / "a.tar", FILES, links={"link": goal})
    with pytest.raises(SourceError, match="'link' is a link or a device"):
        unpack([(archive, ".")], tmp_path / "out")


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_hard_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        member = tarfile.TarInfo("thing")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(SourceError, match="'thing' is a link or a device"):
        unpack([(tmp_path / "a.tar", ".")], tmp_path / "out")


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("link")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(SourceError, match="link"):
        unpack([(tmp_path / "a.zip", ".")], tmp_path / "out")


def test_an_encrypted_zip_is_a_sentence(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"secret": b"123"}, method=zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    path.write_bytes(data)
    with pytest.raises(SourceError, match="encrypted; unpack the archive yourself"):
        unpack([(path, ".")], tmp_path / "out")


def test_a_method_that_python_cannot_read_is_a_sentence(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"file": b"123"}, method=zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(mark) + offset] = 9
    path.write_bytes(data)
    with pytest.raises(SourceError, match="Python cannot read"):
        unpack([(path, ".")], tmp_path / "out")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("second", "words"), [("a.png", "is there twice"), ("A.PNG", "one file on many disks")])
def test_two_files_of_one_name_are_refused(tmp_path: Path, second: str, words: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", b"1")
        archive.writestr(second, b"2")
    with pytest.raises(SourceError, match=words):
        unpack([(tmp_path / "a.zip", ".")], tmp_path / "out")


def test_what_macos_and_windows_add_is_left_out_and_said(tmp_path: Path) -> None:
    litter = {"__MACOSX/images/._a.png": b"x", "images/._a.png": b"x", ".DS_Store": b"x", "images/Thumbs.db": b"x"}
    notes = unpack([(make_zip(tmp_path / "a.zip", FILES | litter), ".")], tmp_path / "out")
    assert content(tmp_path / "out") == FILES
    assert notes == ["a.zip: left out 4 files that macOS or Windows added"]


def test_backslashes_are_folders(tmp_path: Path) -> None:
    unpack([(make_zip(tmp_path / "a.zip", {"images\\a.png": b"1"}), ".")], tmp_path / "out")
    assert content(tmp_path / "out") == {"images/a.png": b"1"}


def test_a_bomb_stops_early_and_leaves_nothing(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"zeros": bytes(30_000_000)})
    with pytest.raises(SourceError, match="grows more than 300-fold"):
        unpack([(archive, ".")], tmp_path / "out", limits=Limits(harmless_bytes=1_000_000))
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_small_masks_may_shrink_a_thousandfold(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"mask": bytes(3_000_000)})
    unpack([(archive, ".")], tmp_path / "out")
    assert (tmp_path / "out" / "mask").stat().st_size == 3_000_000


def test_a_zip_that_lies_about_a_size_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"file": b"x" * 5000})
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = (100).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(SourceError):
        unpack([(path, ".")], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_total_and_count_have_limits(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", FILES)
    with pytest.raises(SourceError, match="more than the 4 bytes allowed"):
        unpack([(archive, ".")], tmp_path / "out", limits=Limits(total_bytes=4))
    with pytest.raises(SourceError, match="one file more than the 2 allowed"):
        unpack([(archive, ".")], tmp_path / "out", limits=Limits(files=2))


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_a_wrong_byte_in_a_tar_is_called_damaged(tmp_path: Path, mode: str) -> None:
    path = make_tar(tmp_path / "a.tar", {"file": np.random.default_rng(1).bytes(300_000)}, mode=mode)
    data = bytearray(path.read_bytes())
    data[-20_000] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(SourceError, match="damaged"):
        unpack([(path, ".")], tmp_path / "out")


def test_a_disk_too_small_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 8, 2))
    with pytest.raises(OutputError, match="choose another disk"):
        unpack([(make_zip(tmp_path / "a.zip", FILES), ".")], tmp_path / "out")


def test_a_cut_archive_is_called_damaged(tmp_path: Path) -> None:
    whole = make_tar(tmp_path / "a.tar.gz", {"file": bytes(range(256)) * 400}).read_bytes()
    (tmp_path / "b.tar.gz").write_bytes(whole[:-200])
    with pytest.raises(SourceError, match="damaged or cut short"):
        unpack([(tmp_path / "b.tar.gz", ".")], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_wrong_byte_in_a_zip_is_called_damaged(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"file": b"x" * 500}, method=zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"xx", b"xy", 1))
    with pytest.raises(SourceError, match="damaged"):
        unpack([(path, ".")], tmp_path / "out")


def test_what_is_no_archive_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.rar").write_bytes(b"Rar!\x1a\x07\x00")
    with pytest.raises(SourceError, match="neither zip, tar nor 7z"):
        unpack([(tmp_path / "a.rar", ".")], tmp_path / "out")


def test_modes_and_owners_of_strangers_are_not_taken_over(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        member = tarfile.TarInfo("tool")
        member.mode, member.uid = 0o6777, 4321
        archive.addfile(member)
    unpack([(tmp_path / "a.tar", ".")], tmp_path / "out")
    found = (tmp_path / "out" / "tool").stat()
    assert not found.st_mode & 0o6111
    assert found.st_uid != 4321


def make_seven(path: Path, files: dict[str, bytes], **settings: object) -> Path:
    py7zr = pytest.importorskip("py7zr")
    with py7zr.SevenZipFile(path, "w", **settings) as archive:
        for name, data in files.items():
            archive.writestr(data, name)
    return path


def test_a_7z_is_unpacked_without_litter(tmp_path: Path) -> None:
    files = {name: data or b"-" for name, data in FILES.items()}
    archive = make_seven(tmp_path / "a.7z", files | {"__MACOSX/images/._a.png": b"x", "images/._a.png": b"x"})
    assert unpack([(archive, ".")], tmp_path / "out") == ["a.7z: left out 2 files that macOS or Windows added"]
    assert content(tmp_path / "out") == files


def test_a_7z_with_a_link_is_refused(tmp_path: Path) -> None:
    py7zr = pytest.importorskip("py7zr")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "real").write_bytes(b"1")
    (tmp_path / "in" / "link").symlink_to("real")
    with py7zr.SevenZipFile(tmp_path / "a.7z", "w") as archive:
        archive.writeall(tmp_path / "in", "in")
    with pytest.raises(SourceError, match="'in/link' is a link"):
        unpack([(tmp_path / "a.7z", ".")], tmp_path / "out")


def test_a_7z_bomb_is_refused_by_its_table(tmp_path: Path) -> None:
    archive = make_seven(tmp_path / "a.7z", {"zeros": bytes(20_000_000)})
    with pytest.raises(SourceError, match="300-fold"):
        unpack([(archive, ".")], tmp_path / "out", limits=Limits(harmless_bytes=1_000_000))


def test_a_cut_7z_is_called_damaged(tmp_path: Path) -> None:
    whole = make_seven(tmp_path / "a.7z", {"file": bytes(range(256)) * 40}).read_bytes()
    (tmp_path / "b.7z").write_bytes(whole[:-30])
    with pytest.raises(SourceError, match="damaged"):
        unpack([(tmp_path / "b.7z", ".")], tmp_path / "out")


def test_an_encrypted_7z_is_a_sentence(tmp_path: Path) -> None:
    archive = make_seven(tmp_path / "a.7z", {"file": b"1" * 100}, password="word")
    with pytest.raises(SourceError, match="encrypted"):
        unpack([(archive, ".")], tmp_path / "out")


def test_without_py7zr_a_7z_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "py7zr", None)
    (tmp_path / "a.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(40))
    with pytest.raises(MissingExtra, match="py7zr"):
        unpack([(tmp_path / "a.7z", ".")], tmp_path / "out")
