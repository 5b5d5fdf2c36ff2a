"""What a prediction folder may hold, by the words that --save takes."""

from seepseg.errors import UsageError
from seepseg.wording import suggest

MASKS, INSTANCES, OVERLAYS, LABELS, COCO, CSV = "masks", "instances", "overlays", "labels", "coco", "csv"
GEOJSON, GEOPACKAGE, QUICKLOOK = "geojson", "geopackage", "quicklook"
USUAL = (MASKS, INSTANCES, OVERLAYS, COCO, CSV, GEOJSON, QUICKLOOK)
EVERYTHING = (*USUAL, LABELS, GEOPACKAGE)
FOR_SCENES = (MASKS, GEOJSON, GEOPACKAGE, QUICKLOOK)
MOST_NUMBERED = 2**16 - 1
"""The highest number that a pixel of instances/ can hold."""


def parse_save(text: str | None) -> tuple[str, ...]:
    """What is asked for, in the order of EVERYTHING; `all` is all of it."""
    if text is None:
        return USUAL
    words = [word.strip() for word in text.split(",") if word.strip()]
    known = (*EVERYTHING, "all")
    for word in words:
        if word not in known:
            raise UsageError(f"--save {word}{suggest(word, known)}: give some of {', '.join(EVERYTHING)}, or all")
    if not words:
        raise UsageError(f"--save: give some of {', '.join(EVERYTHING)}, or all")
    return EVERYTHING if "all" in words else tuple(one for one in EVERYTHING if one in words)
