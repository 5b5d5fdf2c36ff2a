"""coco.json: every object with its run lengths at the image's own size, written image by image."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

from seepseg import __version__
from seepseg.outputs.journal import Found, Record
from seepseg.outputs.place import Place

COCO = "coco.json"
Read = Callable[[], Iterator[Record]]
"""All records from the first, as often as asked."""


def write_coco(place: Place, read: Read, names: Sequence[str]) -> None:
    """Ids of images and objects count from 1, since COCOeval takes an object 0 for none; those of classes from 0.

    Images that failed are not in it, nor are scenes of more pixels than COCO's counts can hold.
    """
    categories = [{"id": index, "name": name, "supercategory": ""} for index, name in enumerate(names)]
    with place.grow(COCO) as file:
        info = {"description": "predicted by seepseg", "version": __version__}
        file.write(f'{{"info":{_json(info)},\n"licenses":[],\n"categories":{_json(categories)},\n"images":[')
        _write_list(file, (_image(number, one) for number, one in _numbered(read)))
        file.write('],\n"annotations":[')
        _write_list(
            file,
            (_annotation(number, record, one) for number, record in _numbered(read) for one in _objects(record)),
            ids=True,
        )
        file.write("]}\n")


def _numbered(read: Read) -> Iterator[tuple[int, Record]]:
    return enumerate((one for one in read() if one.reason is None), 1)


def _objects(record: Record) -> Iterator[Found]:
    return (one for one in record.objects if one.rle is not None)


def _image(number: int, record: Record) -> dict[str, Any]:
    return {"id": number, "file_name": record.name, "width": record.width, "height": record.height}


def _annotation(image_id: int, record: Record, one: Found) -> dict[str, Any]:
    return {
        "image_id": image_id,
        "category_id": one.class_id,
        "segmentation": {"size": [record.height, record.width], "counts": one.rle},
        "area": one.area_px,
        "bbox": list(one.bbox),
        "iscrowd": 0,
        "score": round(one.confidence, 6),
    }


def _write_list(file: IO[str], entries: Iterator[dict[str, Any]], *, ids: bool = False) -> None:
    separator = "\n"
    for number, entry in enumerate(entries, 1):
        file.write(separator + _json({"id": number} | entry if ids else entry))
        separator = ",\n"
    file.write("\n")


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
