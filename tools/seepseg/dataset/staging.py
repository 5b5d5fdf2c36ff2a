"""A folder that appears whole or not at all: built beside its place, then renamed into it."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from seepseg.errors import OutputError


@contextmanager
def staged(out: Path, *, overwrite: bool, proof: str) -> Iterator[Path]:
    """A new folder to fill; on leaving it takes the place of `out`, on an error it goes away.

    What `overwrite` replaces must be ours: it has to hold the file `proof`.
    """
    place = check_place(out, overwrite=overwrite, proof=proof)
    partial = place.with_name(f".{place.name}.partial-{os.getpid()}")
    try:
        try:
            partial.mkdir(parents=True)
        except OSError as error:
            raise OutputError(f"{out}: cannot be written: {error.strerror}") from None
        yield partial
        _publish(partial, place)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def check_place(out: Path, *, overwrite: bool, proof: str) -> Path:
    """Where `out` really lies; refused if it is taken or cannot be written to. What a killed run left is cleared."""
    place = Path(os.path.realpath(out))
    _sweep(place)
    parent = next(folder for folder in place.parents if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"{out}: {parent} is not a folder that you may write to")
    if not place.exists() or (place.is_dir() and not any(place.iterdir())):
        return place
    ours = (place / proof).is_file()
    if not overwrite:
        if ours:
            raise OutputError(f"{out} is already there; give another folder, or --overwrite to replace it")
        raise OutputError(f"{out} is already there, and nothing that this command wrote; give another folder")
    if not ours:
        raise OutputError(
            f"{out} is not a folder that seepseg wrote (it has no {proof}), so --overwrite leaves it alone; "
            "remove it yourself or give another folder"
        )
    return place


def keep_apart(out: Path, inputs: Iterable[Path], *, overwrite: bool) -> None:
    """Refuse an `out` that lies in what is read, so that a second run would read the first one's work, or that would
    replace it."""
    place = Path(os.path.realpath(out))
    for given in inputs:
        source = Path(os.path.realpath(given))
        if place == source:
            raise OutputError(f"{out} is what is to be read; give another folder")
        if source in place.parents:
            raise OutputError(f"{out} lies in {given}, which is to be read; write to a folder beside it")
        if overwrite and place in source.parents:
            raise OutputError(f"--overwrite would remove {given}, which is to be read and lies in {out}")


def _publish(partial: Path, out: Path) -> None:
    if not out.exists():
        partial.rename(out)
        return
    replaced = out.with_name(f".{out.name}.replaced-{os.getpid()}")
    out.rename(replaced)
    partial.rename(out)
    shutil.rmtree(replaced, ignore_errors=True)


def _sweep(out: Path) -> None:
    """Clear what a killed run left: bring back a folder it was about to replace, drop the half-built one."""
    if not out.parent.is_dir():
        return
    for left in sorted(out.parent.glob(f".{_literal(out.name)}.*-*")):
        kind, _, pid = left.name[len(out.name) + 2 :].partition("-")
        if kind not in ("partial", "replaced") or not pid.isdigit() or _alive(int(pid)):
            continue
        if kind == "replaced" and not out.exists():
            left.rename(out)
        else:
            shutil.rmtree(left, ignore_errors=True)


def _literal(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _alive(pid: int) -> bool:
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
