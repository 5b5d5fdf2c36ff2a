"""Images of a dataset with their labels laid over them, as training loads them."""

import io
from pathlib import Path

SIDE = 320
"""Of a picture, in pixels."""


def draw_label(image: Path, imgsz: int, *, labels: bool = True, side: int = SIDE) -> bytes:
    """A JPEG, small images enlarged by whole pixels."""
    from PIL import Image

    from seepseg import raster
    from seepseg.dataset.fidelity import load_rows
    from seepseg.dataset.layout import label_path, read_rows
    from seepseg.painting import class_map, fit_photo, overlay, shrink

    pixels = raster.read_pixels(image)
    height, width = pixels.shape[:2]
    share = side / max(width, height)
    wide, high = max(1, round(width * share)), max(1, round(height * share))
    picture = fit_photo(pixels, wide, high)
    if labels:
        loaded = load_rows(read_rows(label_path(image)), width, height, imgsz)
        objects = ((class_id, loaded.paint(row)) for row, class_id in enumerate(loaded.class_ids))
        picture = overlay(picture, shrink(class_map(objects, (loaded.height, loaded.width)), wide, high))
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=85)
    return stream.getvalue()
