"""For each recipe that is kept, a tiny set laid out as the real one, quirks included."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
COUNT = 8


def picture(seed: int, height: int = 64, width: int = 64) -> Pixels:
    """Smooth enough to be no noise, and like no other."""
    return cv2.GaussianBlur(np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8), (0, 0), 1.5)


def blob(seed: int, value: int = 255, height: int = 64, width: int = 64) -> Pixels:
    mask = np.zeros((height, width), np.uint8)
    x, y = np.random.default_rng(seed).integers(15, 45, 2).tolist()
    cv2.circle(mask, (x, y), 9, value, -1)
    return mask


def save(path: Path, pixels: NDArray[np.generic]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def seep(root: Path) -> None:
    for tile in range(21):
        name = f"{41000 + tile // 2:06d}.{tile:06d}.tif"
        save(root / "seep_detection/train_images_256" / name, picture(tile).astype(np.uint16) * 60)
        save(root / "seep_detection/train_masks_256" / name, blob(tile, tile % 7 + 1))


def sos(root: Path) -> None:
    for sensor, first in (("palsar", 10001), ("sentinel", 20001)):
        for number in range(first, first + COUNT):
            save(root / "train" / sensor / f"{number}_sat.jpg", picture(number))
            greys = cv2.GaussianBlur(blob(number), (0, 0), 1)
            save(root / "train" / sensor / f"{number}_mask.png", greys)


def sos_refined(root: Path) -> None:
    for number in range(2 * COUNT):
        name = f"{'train' if number < COUNT else 'val'}/palsar_{number}.png"
        save(root / "images" / name, picture(number))
        save(root / "masks" / name, blob(number))


def mcan(root: Path) -> None:
    for number in range(COUNT):
        save(root / "images" / f"{number}.png", picture(number))
        save(root / "masks" / f"{number}.png", 255 - blob(number))


def oil_spill(root: Path) -> None:
    names = ["true-colour", "rainbow", "sheen", "object"]
    categories = [{"id": 0, "name": "oil", "supercategory": "none"}]
    categories += [{"id": n, "name": name, "supercategory": "oil"} for n, name in enumerate(names, 1)]
    for part, split in enumerate(("train", "valid", "test")):
        images, annotations = [], []
        for number in range(4):
            seed = part * 10 + number
            file = f"oil-{seed}_jpg.rf.{seed:032x}.jpg"
            save(root / split / file, picture(seed))
            images.append({"id": number, "file_name": file, "height": 64, "width": 64})
            corners = [10, 10, 40 + number, 10, 40, 45, 10, 40]
            annotations.append({
                "id": number, "image_id": number, "category_id": number + 1, "iscrowd": 0, "area": 900,
                "bbox": [10, 10, 30 + number, 35], "segmentation": [corners],
            })  # fmt: skip
        table = {"images": images, "annotations": annotations, "categories": categories}
        (root / split / "_annotations.coco.json").write_text(json.dumps(table))


def lungs(root: Path) -> None:
    folder = root / "data" / "Lung Segmentation"
    for number in range(COUNT):
        save(folder / "CXR_png" / f"CHNCXR_{number:04d}_0.png", picture(number))
        save(folder / "masks" / f"CHNCXR_{number:04d}_0_mask.png", blob(number))
        save(folder / "CXR_png" / f"MCUCXR_{number:04d}_0.png", picture(100 + number))
        save(folder / "masks" / f"MCUCXR_{number:04d}_0.png", blob(100 + number))
    save(folder / "CXR_png" / "CHNCXR_0999_1.png", picture(999))
    (folder / "ClinicalReadings").mkdir()


def oil_tanks(root: Path) -> None:
    lines = ["image_id,class,bounds"]
    for number in range(2 * COUNT):
        save(root / "images" / f"{number:08x}-tank.jpg", picture(number))
        lines.append(f'{number:08x}-tank,oil-storage-tank,"({10 + number}, 12, {30 + number}, 33)"')
    (root / "annotations.csv").write_text("\n".join(lines) + "\n")
    save(root / "extras" / "extra.jpg", picture(900))


def flood(root: Path) -> None:
    for number in range(COUNT):
        save(root / "Image" / f"{number}.jpg", picture(number))
        save(root / "Mask" / f"{number}.png", blob(number))
    (root / "metadata.csv").write_text("Image,Mask\n" + "".join(f"{n}.jpg,{n}.png\n" for n in range(COUNT)))


def retina(root: Path) -> None:
    for number in range(21, 21 + COUNT):
        save(root / "DRIVE/training/images" / f"{number}_training.tif", picture(number))
        save(root / "DRIVE/training/1st_manual" / f"{number}_manual1.gif", blob(number))
        save(root / "DRIVE/training/mask" / f"{number}_training_mask.gif", np.full((64, 64), 255, np.uint8))
    save(root / "DRIVE/test/images/01_test.tif", picture(1))


def penn_fudan(root: Path) -> None:
    for number in range(1, COUNT + 1):
        save(root / "PennFudanPed/PNGImages" / f"FudanPed{number:05d}.png", picture(number))
        people = blob(number, 1)
        people[:8, :6] = 2
        save(root / "PennFudanPed/PedMasks" / f"FudanPed{number:05d}_mask.png", people)
    (root / "PennFudanPed/readme.txt").write_text("pedestrians")


def pets(root: Path) -> None:
    for number in range(1, COUNT + 1):
        save(root / "images" / f"Abyssinian_{number}.jpg", picture(number))
        trimap = np.full((64, 64), 2, np.uint8)
        inner, outer = blob(number, 1), cv2.dilate(blob(number, 1), np.ones((5, 5)))
        trimap[outer > 0], trimap[inner > 0] = 3, 1
        save(root / "annotations/trimaps" / f"Abyssinian_{number}.png", trimap)
    (root / "annotations/list.txt").write_text("Abyssinian_1 1 1 1\n")
    (root / "images/Abyssinian_1.mat").write_bytes(b"matlab")


def cityscapes(root: Path) -> None:
    for split, cities in (("train", ("aachen", "bochum")), ("val", ("frankfurt",))):
        for number in range(COUNT):
            stem = f"{cities[number % len(cities)]}_{number:06d}_000019"
            place = f"{split}/{cities[number % len(cities)]}"
            save(root / "leftImg8bit" / place / f"{stem}_leftImg8bit.png", picture(len(split) * 100 + number))
            ids = np.full((64, 64), 7, np.uint16)
            ids[blob(number) > 0] = (24, 25, 26, 27, 28, 31, 32, 33)[number] * 1000
            ids[:5, :5], ids[60:, :] = 26, 3
            save(root / "gtFine" / place / f"{stem}_gtFine_instanceIds.png", ids)
            save(root / "gtFine" / place / f"{stem}_gtFine_labelIds.png", np.zeros((64, 64), np.uint8))


def coco(root: Path) -> None:
    for part, split in enumerate(("train2017", "val2017")):
        images, annotations = [], []
        for number in range(COUNT):
            file = f"{part:06d}{number:06d}.jpg"
            save(root / split / file, picture(part * 100 + number))
            images.append({"id": number, "file_name": file, "height": 64, "width": 64})
            annotations.append({
                "id": number, "image_id": number, "category_id": (1, 3)[number % 2], "iscrowd": 0, "area": 600,
                "bbox": [5, 5, 30, 20], "segmentation": [[5, 5, 35, 5, 35, 25, 5, 25.5 + number]],
            })  # fmt: skip
        categories = [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}]
        table = {"images": images, "annotations": annotations, "categories": categories}
        (root / "annotations").mkdir(exist_ok=True)
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(table))
        (root / "annotations" / f"captions_{split}.json").write_text(json.dumps({"images": images, "annotations": []}))


def sentinel1_oil(root: Path) -> None:
    def scene(path: Path, seed: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        level = picture(seed, 640, 640).astype(np.float32) / 16 - 28
        level[:, :20] = 0
        where = {"crs": "EPSG:4326", "transform": rasterio.Affine(1e-4, 0, 10 + seed / 10, 0, -1e-4, 50)}
        shape = {"width": 640, "height": 640, "count": 2, "dtype": "float32"}
        with rasterio.open(path, "w", driver="GTiff", **where, **shape) as file:
            file.write(np.stack([level, level - 6]))

    folders = [("Oil_Spill", "Oil", "oil"), ("Lookalike", "Lookalike", "lookalike"), ("No_Oil", "No_oil", "no_oil")]
    for kind, (long, images, masks) in enumerate(folders):
        for number in range(3):
            seed = kind * 10 + number
            truth = blob(seed, int(kind == 0), 640, 640)
            scene(root / f"01_Train_Val_{long}_images" / images / f"{number:05d}.tif", seed)
            save(root / f"01_Train_Val_{long}_mask" / f"Mask_{masks}" / f"{number:05d}.tif", truth)
        test = root / "02_Test_images_and_ground_truth"
        named = images.replace("_", " ")
        scene(test / "Images" / named / "00000.tif", kind * 10 + 5)
        save(test / "Mask" / named / "00000_segmentation.tif", blob(kind, int(kind == 0), 640, 640))


LOOK_ALIKES: dict[str, Callable[[Path], None]] = {
    "cityscapes": cityscapes,
    "coco": coco,
    "flood": flood,
    "lungs": lungs,
    "mcan": mcan,
    "oil-spill": oil_spill,
    "oil-tanks": oil_tanks,
    "penn-fudan": penn_fudan,
    "pets": pets,
    "retina": retina,
    "seep": seep,
    "sentinel1-oil": sentinel1_oil,
    "sos": sos,
    "sos-refined": sos_refined,
}
