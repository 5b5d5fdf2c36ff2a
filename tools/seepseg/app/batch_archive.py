"""A prediction folder as one zip, to take away."""

import zipfile
from pathlib import Path

from seepseg.errors import OutputError
from seepseg.outputs.place import JOURNAL

MOST_BYTES = 1_000_000_000
"""What a browser and the memory of a server bear; beyond it the pictures stay away, which can be drawn again."""
_PACKED = (".png", ".tif", ".jpg", ".gpkg", ".mp4")
_PICTURES = "overlays"
_NOTE = "LEFT-OUT.txt"


def pack(folder: Path, file: Path) -> Path:
    """Everything in the folder but the journal; the zip appears whole."""
    found = [one for one in sorted(folder.rglob("*")) if one.is_file() and one.name != JOURNAL]
    inside = [(one, one.relative_to(folder)) for one in found if not one.name.startswith(".")]
    heavy = sum(one.stat().st_size for one, _ in inside) > MOST_BYTES
    part = file.with_name(f".{file.name}.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
            for one, name in inside:
                if not heavy or name.parts[0] != _PICTURES:
                    way = zipfile.ZIP_STORED if one.suffix in _PACKED else zipfile.ZIP_DEFLATED
                    archive.write(one, f"{file.stem}/{name.as_posix()}", way)
            if heavy:
                archive.writestr(f"{file.stem}/{_NOTE}", f"{_PICTURES}/ was left out: the zip would be too large.\n")
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"the zip cannot be written: {error.strerror}; predict fewer images at once") from None
    return file
