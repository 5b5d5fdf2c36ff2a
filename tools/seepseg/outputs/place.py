"""Where a prediction goes: a folder that knows what made it, so that the same command goes on where it stopped."""

import errno
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from seepseg.dataset.staging import check_place, keep_apart
from seepseg.errors import OutputError

PROOF, JOURNAL = "prediction.json", "progress.jsonl"
TABLES = ("coco.json", "instances.csv", "summary.csv")
"""What is made of the journal once everything is predicted."""
FORMAT = 1
_PART = ".part"
_DIGEST = 64
"""Letters of a sha256."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Place:
    """An open prediction folder. Files appear in it whole, and none outside of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._inside: set[Path] = {path}

    def write(self, name: str, data: bytes) -> None:
        """A file by its name within the folder, in place of an earlier one."""
        target = self.ready(name)
        part = self.path / _PART
        try:
            part.unlink(missing_ok=True)
            with part.open("xb") as file:
                file.write(data)
            os.replace(part, target)
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise refusal(target, error) from None

    @contextmanager
    def grow(self, name: str) -> Iterator[IO[str]]:
        """A text file that is written bit by bit, and takes its name at the end."""
        target = self.ready(name)
        part = target.with_name(f".{target.name}{_PART}")
        try:
            part.unlink(missing_ok=True)
            # Names of files may hold bytes that are no text.
            with part.open("x", encoding="utf-8", errors="surrogateescape", newline="") as file:
                yield file
            os.replace(part, target)
        except OSError as error:
            raise refusal(target, error) from None
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def ready(self, name: str) -> Path:
        """Where a file of this name goes, its folder made; a link that leads out of the folder is not followed."""
        target = self.path / name
        folder = target.parent
        if folder not in self._inside:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise refusal(folder, error) from None
            if not Path(os.path.realpath(folder)).is_relative_to(self.path):
                raise OutputError(f"{folder}: a link that leads out of {self.path}; remove it, or give another --out")
            self._inside.add(folder)
        return target

    def remove(self, names: Iterable[str]) -> None:
        """Files that may be there; none is looked for behind a link that leads out of the folder."""
        for target in (self.path / name for name in names):
            if not Path(os.path.realpath(target.parent)).is_relative_to(self.path):
                continue
            try:
                target.unlink(missing_ok=True)
            except OSError as error:
                raise refusal(target, error) from None


def refusal(target: Path, error: OSError) -> OutputError:
    """The sentence for a file that could not be written."""
    if error.errno in _FULL:
        return OutputError(
            f"{target}: the disk is full ({error.strerror}); what is finished stays: make room and give the same "
            "command again"
        )
    return OutputError(f"{target}: cannot be written: {error.strerror or error}")


def open_place(out: Path, source: Path, model: Path, made: Mapping[str, Any], *, overwrite: bool) -> tuple[Place, bool]:
    """The folder, and whether it already holds part of this very prediction. `made` are the model and settings that
    all of it is made with: a new folder says so before anything else, or one that a full disk left could not go on."""
    keep_apart(out, [source], overwrite=overwrite)
    where = Path(os.path.realpath(out))
    if overwrite and where in Path(os.path.realpath(model)).parents:
        raise OutputError(f"--overwrite would remove {model}, the model, which lies in {out}")
    earlier = None if overwrite else read_proof(where)
    if earlier is not None:
        _refuse_another(out, earlier, made)
        return Place(where), True
    check_place(out, overwrite=overwrite, proof=PROOF)
    if where.exists():
        _clear(where)
    try:
        where.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refusal(out, error) from None
    place = Place(where)
    write_proof(place, made, status="unfinished")
    return place, False


def read_proof(folder: Path) -> dict[str, Any] | None:
    """What prediction.json says; None where there is none."""
    file = folder / PROOF
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        if record["format"] != FORMAT:
            raise OutputError(f"{file}: written by another version of seepseg; give another --out, or --overwrite")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{file}: not readable ({error}); give another --out, or --overwrite") from None
    found: dict[str, Any] = record
    return found


def write_proof(place: Place, made: Mapping[str, Any], **more: Any) -> None:
    """prediction.json anew."""
    record = {"format": FORMAT, **made, **more}
    place.write(PROOF, (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode(errors="backslashreplace"))


def drop_tables(place: Place) -> None:
    """Of an earlier, shorter run: nothing may look whole that is not."""
    place.remove(TABLES)


def _refuse_another(out: Path, earlier: Mapping[str, Any], made: Mapping[str, Any]) -> None:
    made = json.loads(json.dumps(made))
    wrong = []
    for section in ("model", "settings"):
        before, now = earlier.get(section, {}), made[section]
        differing = [key for key in sorted(before.keys() | now.keys()) if before.get(key) != now.get(key)]
        if section == "model" and "sha256" not in differing and "file" in differing:
            differing.remove("file")  # The same model, moved or copied.
        wrong += [f"{key} was {_show(before.get(key))} and is {_show(now.get(key))}" for key in differing]
    if wrong:
        raise OutputError(
            f"{out} holds a prediction made otherwise ({'; '.join(wrong)}); give another --out, or --overwrite to "
            "replace it"
        )


def _show(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ",".join(value)
    if isinstance(value, str) and len(value) == _DIGEST:
        return f"{value[:12]}..."
    text = "not set" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:197]}..."


def _clear(folder: Path) -> None:
    """The journal goes first, so that what is left of a clearing that was cut off is not taken for finished work; the
    proof last, so that it can be cleared again."""
    try:
        (folder / JOURNAL).unlink(missing_ok=True)
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name == PROOF):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
    except OSError as error:
        raise OutputError(f"{folder}: cannot be cleared: {error.strerror or error}") from None
