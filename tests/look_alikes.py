"""For each recipe that is kept, a tiny set laid out as the real one, quirks included."""

import json
import uuid
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


def save(path: Path, pixels: NDArray[np.generic], kind: str | None = None) -> None:
    """As the ending says, or as a kind of file that it does not say."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, kind)


def seep(root: Path) -> None:
    for tile in range(21):
        name = f"{41000 + tile // 2:06d}.{tile:06d}.tif"
        save(root / "seep_detection/train_images_256" / name, picture(tile).astype(np.uint16) * 60)
        save(root / "seep_detection/train_masks_256" / name, blob(tile, tile % 7 + 1))


def two_lungs(seed: int) -> Pixels:
    mask = np.zeros((64, 64), np.uint8)
    for x in (20, 44):
        cv2.ellipse(mask, (x, 30 + seed % 5), (8, 18), 0, 0, 360, 255, -1)
    return mask


def colours(seed: int, height: int = 64, width: int = 64) -> Pixels:
    """A picture in colours."""
    return np.dstack([picture(3 * seed + band, height, width) for band in range(3)])


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


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
    """Cut out of pictures that hold scene and mask, so that both have three equal bands and greys of JPEG."""
    for number in range(COUNT):
        greys = cv2.GaussianBlur(255 - blob(number), (0, 0), 1)
        save(root / "images" / f"test{number}.png", np.dstack([picture(number)] * 3))
        save(root / "masks" / f"test{number}.png", np.dstack([greys] * 3))


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
    """The archive of Kaggle holds everything twice, in the root and below data/."""
    for folder in (root / "Lung Segmentation", root / "data" / "Lung Segmentation"):
        for number in range(COUNT):
            ill = number % 2
            save(folder / "CXR_png" / f"CHNCXR_{number:04d}_{ill}.png", colours(number))
            save(folder / "masks" / f"CHNCXR_{number:04d}_{ill}_mask.png", two_lungs(number))
            save(folder / "CXR_png" / f"MCUCXR_{number:04d}_{ill}.png", picture(100 + number))
            save(folder / "masks" / f"MCUCXR_{number:04d}_{ill}.png", two_lungs(100 + number))
        save(folder / "CXR_png" / "CHNCXR_0999_1.png", picture(999))
        save(folder / "test" / "CHNCXR_0998_1.png", picture(998))
        write(folder / "ClinicalReadings" / "CHNCXR_0001_0.txt", "male 45yrs\nnormal\n")
        write(folder / "NLM-MontgomeryCXRSet-ReadMe.pdf", "%PDF-1.4\n")


def oil_tanks(root: Path) -> None:
    lines = ["image_id,class,bounds"]
    for number in range(2 * COUNT):
        name = str(uuid.UUID(int=number << 64))
        save(root / "images" / f"{name}.jpg", colours(number))
        lines.append(f'{name},oil-storage-tank,"({10 + number}, 12, {30 + number}, 33)"')
        lines.append(f'{name},oil-storage-tank,"({5 + number}, 50, {13 + number}, 58)"')
    (root / "annotations.csv").write_text("\n".join(lines) + "\n")
    save(root / "extras" / f"{uuid.UUID(int=1)}.jpg", colours(900))


def flood(root: Path) -> None:
    """Pictures gathered from the web: some are PNG whatever they are called."""
    for number in range(COUNT):
        kind = "PNG" if number == 3 else "JPEG"
        save(root / "Image" / f"{number}.jpg", colours(number, 48 + number, 64), kind)
        save(root / "Mask" / f"{number}.png", blob(number, 255, 48 + number, 64))
    (root / "metadata.csv").write_text("Image,Mask\n" + "".join(f"{n}.jpg,{n}.png\n" for n in range(COUNT)))


def retina(root: Path) -> None:
    for number in range(21, 21 + COUNT):
        save(root / "DRIVE/training/images" / f"{number}_training.tif", colours(number))
        save(root / "DRIVE/training/1st_manual" / f"{number}_manual1.gif", vessels(number))
        save(root / "DRIVE/training/mask" / f"{number}_training_mask.gif", np.full((64, 64), 255, np.uint8))
    save(root / "DRIVE/test/images/01_test.tif", colours(1))
    save(root / "DRIVE/test/mask/01_test_mask.gif", np.full((64, 64), 255, np.uint8))


def vessels(seed: int) -> Pixels:
    """A tree of lines 3 to 1 pixels wide."""
    mask = np.zeros((64, 64), np.uint8)
    for width, ends in ((3, ((32, 62), (32, 34))), (2, ((32, 34), (10, 8))), (1, ((32, 34), (50, 6 + seed % 9)))):
        cv2.line(mask, *ends, 255, width)
    return mask


def penn_fudan(root: Path) -> None:
    """Two cities; people of one picture have the values 1, 2, 3 …"""
    for number in range(1, COUNT + 1):
        name = f"{'FudanPed' if number % 2 else 'PennPed'}{number:05d}"
        people = blob(number, 1)
        people[:8, :6], people[56:, 50:] = 2, 3
        save(root / "PennFudanPed/PNGImages" / f"{name}.png", colours(number))
        save(root / "PennFudanPed/PedMasks" / f"{name}_mask.png", people)
        write(root / "PennFudanPed/Annotation" / f"{name}.txt", "# Compatible with PASCAL Annotation Version 1.00\n")
    write(root / "PennFudanPed/readme.txt", "pedestrians")
    write(root / "PennFudanPed/added-object-list.txt", "PennPed00002: 2\n")


def pets(root: Path) -> None:
    """Some pictures are GIF, PNG with transparency or grey, all called .jpg; one is cut off; other tools left files."""
    kinds = [("JPEG", colours), ("GIF", picture), ("PNG", translucent), ("JPEG", picture)]
    for number in range(1, COUNT + 1):
        name = f"{'Abyssinian' if number < 5 else 'Egyptian_Mau'}_{number}"
        kind, draw = kinds[number % len(kinds)]
        save(root / "images" / f"{name}.jpg", draw(number), kind)
        trimap = np.full((64, 64), 2, np.uint8)
        inner, outer = blob(number, 1), cv2.dilate(blob(number, 1), np.ones((5, 5)))
        trimap[outer > 0], trimap[inner > 0] = 3, 1
        save(root / "annotations/trimaps" / f"{name}.png", trimap)
        write(root / "annotations/trimaps" / f"._{name}.png", "\0\5\26\7Mac OS X")
    save(root / "images/Abyssinian_104.jpg", colours(104))
    cut_off = root / "images/Abyssinian_105.jpg"
    save(cut_off, colours(105))
    cut_off.write_bytes(cut_off.read_bytes()[: cut_off.stat().st_size // 2])
    save(root / "annotations/trimaps/Abyssinian_105.png", np.full((64, 64), 2, np.uint8))
    write(root / "annotations/list.txt", "Abyssinian_1 1 1 1\n")
    write(root / "annotations/xmls/Abyssinian_1.xml", "<annotation/>\n")
    write(root / "images/Abyssinian_100.mat", "MATLAB 5.0 MAT-file")


def translucent(seed: int) -> Pixels:
    """Colours, and how far each pixel covers what lies below: everywhere wholly."""
    return np.dstack([colours(seed), np.full((64, 64), 255, np.uint8)])


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
