"""Where a bundle goes: a folder, or a .zip of one, whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seepseg.dataset.staging import check_place, staged
from seepseg.edge.bundle import MANIFEST
from seepseg.edge.packing import list_zip, pack
from seepseg.errors import OutputError, UsageError


@contextmanager
def bundle_folder(out: Path, *, zipped: bool, overwrite: bool) -> Iterator[tuple[Path, Path]]:
    """A folder to fill, and where it will be found: as it is, or packed. A disk that is full, be it that of scratch
    files, is told by the bundle's name."""
    try:
        if zipped:
            with _packed(out, overwrite=overwrite) as (folder, place):
                yield folder, place
        else:
            with staged(out, overwrite=overwrite, proof=MANIFEST) as folder:
                yield folder, out
    except OSError as error:
        raise OutputError(
            f"{out}: the bundle cannot be written ({error.strerror or error}); nothing of it was kept: make room there "
            f"and in {tempfile.gettempdir()}, and export again"
        ) from None


@contextmanager
def _packed(out: Path, *, overwrite: bool) -> Iterator[tuple[Path, Path]]:
    place = out if out.suffix == ".zip" else out.with_name(f"{out.name}.zip")
    if place.exists() and not (overwrite and place.is_file()):
        raise OutputError(f"{place} is already there; give another name, or --overwrite to replace it")
    if place.exists() and not _is_bundle(place):
        raise OutputError(
            f"{place} is no bundle that seepseg wrote (it has no {MANIFEST}), so --overwrite leaves it alone; "
            "remove it yourself or give another name"
        )
    check_place(place.with_name(f"{place.name}.unpacked"), overwrite=False, proof=MANIFEST)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as scratch:
        folder = Path(scratch, "bundle")
        folder.mkdir()
        yield folder, place
        pack(folder, Path(scratch, "packed"))
        os.replace(Path(scratch, "packed"), place)


def _is_bundle(file: Path) -> bool:
    try:
        return MANIFEST in list_zip(file, MANIFEST)[0]
    except UsageError:
        return False
