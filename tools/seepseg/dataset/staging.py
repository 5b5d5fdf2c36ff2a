"""A folder that appears whole or not at all: built beside its place, then renamed into it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seepseg.errors import OutputError


@contextmanager
def staged(out: Path, *, overwrite: bool, proof: str) -> Iterator[Path]:
    """A new folder to fill; on leaving it takes the place of `out`, on an error it goes away.

    What `overwrite` replaces must be ours: it has to hold the file `proof`.
    """
    out = Path(os.path.abspath(out))
    _sweep(out)
    _refuse(out, overwrite, proof)
    partial = out.with_name(f".{out.name}.partial-{os.getpid()}")
    try:
        partial.mkdir(parents=True)
        yield partial
        _publish(partial, out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _refuse(out: Path, overwrite: bool, proof: str) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not overwrite:
        raise OutputError(f"{out.name} is already there; give another folder, or --overwrite to replace it")
    if not (out / proof).is_file():
        raise OutputError(
            f"{out.name} is not a folder that seepseg wrote (it has no {proof}), so --overwrite leaves it alone; "
            "remove it yourself or give another folder"
        )


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
