"""Labels as Ultralytics' own dataset class gives them to training, without its traces in the user's folder."""

import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from seepseg import outline, ultralytics_home
from seepseg.dataset.fidelity import Loaded, border_of
from seepseg.dataset.layout import label_path


def load_through_ultralytics(images: Sequence[Path], class_count: int, imgsz: int) -> Iterator[tuple[Path, Loaded]]:
    """Each image with its objects in the order of the label rows, at `imgsz`, without augmentation. Images that the
    loader drops are missing; duplicate rows are gone, and then the order is its own.

    It works on links in a temporary folder: the loader writes caches beside labels and rewrites truncated JPEGs.
    """
    if not images:
        return
    with tempfile.TemporaryDirectory(prefix="seepseg-") as folder, _quiet():
        links = _link(images, Path(folder))
        dataset = _open(Path(folder) / "images", class_count, imgsz)
        for index, file in enumerate(dataset.im_files if dataset else ()):
            yield links[Path(file).name], _take(dataset[index], imgsz)


def _open(images: Path, class_count: int, imgsz: int) -> Any:
    from ultralytics.cfg import get_cfg
    from ultralytics.data.dataset import YOLODataset

    try:
        return YOLODataset(
            img_path=str(images),
            imgsz=imgsz,
            augment=False,
            rect=False,
            hyp=get_cfg(overrides={"mask_ratio": 1, "overlap_mask": False}),
            data={"names": {index: str(index) for index in range(class_count)}, "channels": 3},
            task="segment",
        )
    except (RuntimeError, ValueError):
        return None


def _take(item: dict[str, Any], imgsz: int) -> Loaded:
    height, width = item["ori_shape"]
    wide, high = outline.loaded_size(width, height, imgsz)
    left, top = border_of(wide, high, imgsz)
    ids = tuple(item["cls"].numpy().reshape(-1).astype(int).tolist())
    masks = item["masks"].numpy().astype(np.uint8, copy=False)[:, top : top + high, left : left + wide]
    return Loaded(ids, wide, high, masks.__getitem__)


def _link(images: Sequence[Path], folder: Path) -> dict[str, Path]:
    """Numbered links: the order is ours, and two images of one stem keep their own labels."""
    for name in ("images", "labels"):
        (folder / name).mkdir()
    links = {}
    for number, image in enumerate(images):
        name = f"{number:06d}{image.suffix}"
        (folder / "images" / name).symlink_to(image.resolve())
        label = label_path(image)
        if label.exists():
            (folder / "labels" / f"{number:06d}.txt").symlink_to(label.resolve())
        links[name] = image
    return links


@contextmanager
def _quiet() -> Iterator[None]:
    """Ultralytics without its messages, downloads and installs."""
    ultralytics_home.prepare()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ultralytics.utils  # noqa: F401  (sets its logger up, which is to be silenced after that)

        logger = logging.getLogger("ultralytics")
        level = logger.level
        logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            logger.setLevel(level)
