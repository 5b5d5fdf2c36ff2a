"""Every command of the README that needs no network, run as it stands there."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import look_alikes
from make import ragged, write_pairs
from make_geotiff import write_geotiff
from make_steady import steady_weights
from make_video import write_film
from predict.conftest import picture
from seepseg.cli import main

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(
    r"`(seepseg (?:convert|get|simulate) [^`]*)`", README.split("## Your data")[1].split("Then look")[0]
)
COUNT = 8
MADE = ("predictions/overlays/tile.png", "slicks/scene.geojson", "film/tracks.csv", "runs/seep/bundle/MODEL.md")


def class_masks(root: Path) -> None:
    write_pairs(root, COUNT, classes=3)


def grey_masks(root: Path) -> None:
    look_alikes.sos(root)
    (root / "train").rename(root / "sos")


def coloured_masks(root: Path) -> None:
    (root / "label_colors.txt").write_text("64 128 64\tAnimal\n0 0 0\tVoid\n192 0 128\tArchway\n")
    for number in range(COUNT):
        look_alikes.save(root / "images" / f"{number}.png", look_alikes.picture(number))
        mask = np.zeros((64, 64, 3), np.uint8)
        mask[:30], mask[30:50] = (64, 128, 64), (192, 0, 128)
        look_alikes.save(root / "masks" / f"{number}_L.png", mask)


def roboflow(root: Path) -> None:
    look_alikes.oil_spill(root / "export")


def one_coco_file(root: Path) -> None:
    images = []
    for number in range(COUNT):
        look_alikes.save(root / "photos" / f"{number}.jpg", look_alikes.picture(number))
        images.append({"id": number, "file_name": f"{number}.jpg", "width": 64, "height": 64})
    one = {"iscrowd": 0, "category_id": 1, "area": 200, "bbox": [5, 5, 20, 20]}
    annotations = [
        {"id": number, "image_id": number, "segmentation": [[5, 5, 25, 5, 25, 25 + number]], **one}
        for number in range(COUNT)
    ]
    table = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "nut"}]}
    (root / "trainval.json").write_text(json.dumps(table))


def instance_masks(root: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(COUNT):
        look_alikes.save(root / "images" / f"{number}.png", look_alikes.picture(number))
        components = cv2.connectedComponents(ragged(rng, 64, 64))[1].astype(np.uint8)
        look_alikes.save(root / "masks" / f"{number}.png", components)


def object_masks(root: Path) -> None:
    for number in range(COUNT):
        folder = root / "stage1_train" / f"cell{number}"
        look_alikes.save(folder / "images" / f"cell{number}.png", look_alikes.picture(number))
        for one in range(2):
            look_alikes.save(folder / "masks" / f"{one}.png", look_alikes.blob(10 * number + one))


def drawn_polygons(root: Path) -> None:
    corners = [[5, 6], [50, 8], [30, 40]]
    for number in range(COUNT):
        look_alikes.save(root / "photos" / f"{number}.jpg", look_alikes.picture(number))
        one = {"label": "slick", "points": corners, "shape_type": "polygon", "group_id": None}
        drawing = {"imagePath": f"{number}.jpg", "shapes": [one]}
        (root / "photos" / f"{number}.json").write_text(json.dumps(drawing))


def box_table(root: Path) -> None:
    lines = ["image_id,bounds,class"]
    for number in range(COUNT):
        look_alikes.save(root / "images" / f"{number}.jpg", look_alikes.picture(number))
        lines.append(f'{number},"(5, 6, 20, {25 + number})",tank')
    (root / "annotations.csv").write_text("\n".join(lines))


def scenes(root: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(3):
        values = rng.normal(-18, 2, (700, 700)).astype(np.float32)
        write_geotiff(root / "scenes" / f"s{number}.tif", values)
        write_geotiff(root / "truth" / f"s{number}.tif", ragged(rng, 70, 70).repeat(10, axis=0).repeat(10, axis=1))


def yolo_folder(root: Path) -> None:
    (root / "folder" / "labels").mkdir(parents=True)
    for number in range(COUNT):
        look_alikes.save(root / "folder" / "images" / f"{number}.jpg", look_alikes.picture(number))
        (root / "folder" / "labels" / f"{number}.txt").write_text("0 .1 .1 .9 .9 .9 .1 .1 .9\n")
    (root / "folder" / "classes.txt").write_text("slick\n")


def zipped_seep(root: Path) -> None:
    import shutil

    look_alikes.seep(root / "given")
    shutil.make_archive(str(root / "seep_detection"), "zip", root / "given")


LAYOUTS: dict[str, Callable[[Path], None] | None] = {
    "convert masks images masks datasets/seep": class_masks,
    "convert masks sos sos": grey_masks,
    "convert masks images masks datasets/camvid": coloured_masks,
    "convert coco export": roboflow,
    "convert coco trainval.json": one_coco_file,
    "convert instances": instance_masks,
    "convert objects": object_masks,
    "convert labelme": drawn_polygons,
    "convert boxes": box_table,
    "convert scenes": scenes,
    "convert yolo": yolo_folder,
    "get seep": zipped_seep,
    "get --list": None,
    "simulate tiles": None,
    "simulate scenes": None,
}


def lay_out(command: str) -> Callable[[Path], None] | None:
    (key,) = [start for start in LAYOUTS if command.startswith(f"seepseg {start}")]
    return LAYOUTS[key]


def test_the_readme_shows_every_kind_of_source() -> None:
    assert len(COMMANDS) == len(LAYOUTS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_runs_as_it_stands(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    build = lay_out(command)
    if build:
        build(tmp_path)
    words = shlex.split(command)[1:]
    if words[0] == "simulate":
        words += ["--count", "40"] if words[1] == "tiles" else ["--size", "512"]
    if words[0] == "get":
        recipes = Path(__file__).parents[1] / "datasets"
        words += ["--recipes", str(recipes)]
    assert main(words) == 0
    if words[0] == "convert":
        out = next(tmp_path.glob("datasets/*"))
        assert main(["check", str(out)]) in (0, 1)
        assert main(["preview", str(out), "--out", "sheet.png", "--split", "train"]) == 0


def test_the_trainings_of_the_readme_are_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configs = Path(__file__).parents[1] / "configs"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").symlink_to(configs)
    write_pairs(tmp_path, 30, classes=2)
    assert main(["convert", "masks", "images", "masks", "datasets/seep", "--names", "a,b", "--imgsz", "64"]) == 0
    for command in re.findall(r"^seepseg (train [^#\n]*)", README, re.MULTILINE):
        assert main([*shlex.split(command), "--dry-run", "--weights", "scratch", "model=yolov8n-seg.yaml"]) == 0
        assert "weight" in capsys.readouterr().out


@pytest.fixture(scope="module")
def trained(torch: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, an image, a scene, a film and land, by the names that the README gives them."""
    root = tmp_path_factory.mktemp("trained")
    (root / "runs/seep/weights").mkdir(parents=True)
    steady_weights(torch, root / "runs/seep/weights/best.pt")
    image = picture(96, 96)
    look_alikes.save(root / "tile.png", image)
    look_alikes.save(root / "tile.pgm", image[..., 0])
    write_geotiff(root / "tile.tif", np.ascontiguousarray(image.transpose(2, 0, 1)))
    write_geotiff(root / "scene.tif", np.tile(picture(300, 300)[..., 0], (1, 2)))
    write_film(root / "flight.mp4", [picture(64, 64, seed) for seed in range(6)])
    land = {"type": "Polygon", "coordinates": [[[3, 36], [3.001, 36], [3.001, 36.1], [3, 36.1], [3, 36]]]}
    (root / "land.geojson").write_text(json.dumps({"type": "Feature", "properties": {}, "geometry": land}))
    return root


def commands_of(chapter: str) -> list[str]:
    text = README.split(f"## {chapter}\n")[1].split("```")[1]
    lines = [line.split("#")[0].strip() for line in text.strip().splitlines()]
    return [line for line in lines if line]


@pytest.mark.slow
def test_predictions_and_bundle_of_the_readme_are_made_as_it_says(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trained)
    for command in commands_of("Predict"):
        assert main(shlex.split(command)[1:]) == 0, command
    for made in MADE:
        assert Path(made).is_file(), made


@pytest.mark.slow
def test_the_bundle_runs_at_the_edge_as_the_readme_says(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from seepseg.edge.__main__ import main as edge

    monkeypatch.chdir(trained)
    _, command, _ = commands_of("At the edge")
    if not Path("runs/seep/bundle").exists():
        assert main(["export", "runs/seep"]) == 0
    capsys.readouterr()
    assert edge(shlex.split(command)[3:]) == 0
    assert json.loads(capsys.readouterr().out)["image"] == "tile.pgm"


def show(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def figures_of(run: str) -> tuple[dict[str, Any], Callable[[str], str]]:
    """What a run that comes with the project was found to be, and the interval of each figure in words."""
    figures = json.loads((Path(__file__).parents[1] / run / "metrics.json").read_text(encoding="utf-8"))
    return figures, lambda name: "–".join(map(show, figures["ci95"][name]))


def test_the_figures_of_the_models_are_those_of_their_evaluation() -> None:
    (figures, spread), (others, apart) = figures_of("runs/sos"), figures_of("runs/sos-semantic")
    pixels, tiles = figures["pixels"], figures["presence"]["confusion"]
    thin = [bin for bin in figures["widths"] if bin["to"] in (2, 4)]
    told = [
        f"On {figures['images']} tiles held out",
        f"mIoU {show(pixels['miou'])} (95 % interval {spread('pixels.miou')})",
        f"F1 of oil pixels {show(pixels['f1'])} ({spread('pixels.f1')})",
        f"yes to {tiles['tp']} of the {tiles['tp'] + tiles['fn']} tiles",
        f"no to {tiles['tn']} of the {tiles['tn'] + tiles['fp']} that hold none",
        f"of {sum(bin['instances'] for bin in thin)} narrower than 4 px on the tiles held out it finds "
        f"{sum(bin['found'] for bin in thin)}",
        f"mIoU {show(others['pixels']['miou'])} ({apart('pixels.miou')})",
        f"F1 {show(others['pixels']['f1'])} ({apart('pixels.f1')})",
    ]
    said = " ".join(README.split())
    assert [one for one in told if one not in said] == []
    benchmarks = (Path(__file__).parents[1] / "docs/BENCHMARKS.md").read_text(encoding="utf-8")
    rows = {"mIoU of oil and sea": "miou", "IoU of oil": "miou_foreground", "F1 (Dice) of oil pixels": "f1"}
    for label, name in rows.items():
        mine, theirs = (
            f"{show(one['pixels'][name])} ({interval(f'pixels.{name}')})"
            for one, interval in ((figures, spread), (others, apart))
        )
        assert f"| {label} | {mine} | {theirs} |" in benchmarks


def python_of_the_readme(number: int) -> str:
    return README.split("```python\n")[1 + number].split("```")[0]


def test_the_python_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_pairs(tmp_path, COUNT, classes=1)
    exec(python_of_the_readme(0), {})
    assert "train" in capsys.readouterr().out


def test_the_model_of_the_readme_predicts(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained)
    said: dict[str, Any] = {}
    exec(python_of_the_readme(1), said)
    assert said["found"].masks.shape[1:] == (96, 96)
