from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml

from make import write_pairs
from make_dataset import write_dataset
from seepseg import ultralytics_home
from seepseg.dataset.identity import dataset_hash
from seepseg.dataset.layout import read_dataset
from seepseg.dataset.write import Settings, convert
from seepseg.errors import DatasetError, OutputError, UsageError
from seepseg.labels.masks import read_masks
from seepseg.train.balance import image_repeats
from seepseg.train.repeats import count_instances, write_repeats


def class_map(*class_ids: int, size: int = 32) -> np.ndarray:
    """One object a class, side by side, of different sizes."""
    classes = np.zeros((size, size), np.uint8)
    for place, class_id in enumerate(class_ids):
        classes[2 : 9 + 3 * place, 2 + 10 * place : 8 + 10 * place] = class_id + 1
    return classes


def skewed(root: Path) -> Path:
    """Twelve images with oil, of which two have a ship too, and one of sea."""
    train = {f"t{index:02d}.png": class_map(*((0, 1) if index < 2 else (0, 0))) for index in range(12)}
    train["sea.png"] = class_map()
    return write_dataset(root, {"train": train, "val": {"v.png": class_map(0, 1)}})


def load_through_ultralytics(file: Path) -> tuple[Counter[str], list[int]]:
    """How often the training set holds each image, and its objects by class."""
    ultralytics_home.prepare()
    from ultralytics.cfg import get_cfg
    from ultralytics.data.build import build_yolo_dataset
    from ultralytics.data.utils import check_det_dataset

    data = check_det_dataset(str(file))
    cfg = get_cfg(overrides={"imgsz": 32, "task": "segment"})
    loaded = build_yolo_dataset(cfg, data["train"], 4, data, mode="train")
    classes = np.concatenate([label["cls"].ravel() for label in loaded.labels]).astype(int)
    return Counter(Path(path).name for path in loaded.im_files), np.bincount(classes, minlength=data["nc"]).tolist()


def test_ultralytics_trains_on_each_image_as_often_as_said(tmp_path: Path) -> None:
    dataset = read_dataset(skewed(tmp_path / "seep"))
    written = write_repeats(dataset, 0.9)
    files, instances = load_through_ultralytics(written.yaml)
    assert files == {image.name: n for image, n in zip(dataset.splits["train"], written.factors, strict=True)}
    assert files["t00.png"] > files["sea.png"] == 1
    assert instances == list(written.instances_after)
    assert sum(instances) > sum(load_through_ultralytics(dataset.yaml)[1]) == sum(written.instances)


def test_a_fold_repeats_its_own_training_images(tmp_path: Path) -> None:
    images, masks = write_pairs(tmp_path / "in", 12)
    convert(read_masks(images, masks, names=["a", "b"]), tmp_path / "out", Settings(imgsz=48, folds=3))
    fold = read_dataset(tmp_path / "out" / "folds" / "1.yaml")
    written = write_repeats(fold, 1.0)
    assert written.yaml == tmp_path / "out" / "folds" / "1.repeat.yaml"
    assert all(line.startswith("./images/") for line in written.train.read_text().splitlines())
    files, instances = load_through_ultralytics(written.yaml)
    assert set(files) == {image.name for image in fold.splits["train"]}
    assert instances == list(written.instances_after)
    assert read_dataset(written.yaml).splits["val"] == fold.splits["val"]


def test_everything_but_train_stays_as_it_was(tmp_path: Path) -> None:
    root = skewed(tmp_path / "seep")
    written = write_repeats(read_dataset(root), 0.9)
    before, after = (yaml.safe_load(file.read_text()) for file in (root / "data.yaml", written.yaml))
    assert after == {**before, "train": "train.repeat.txt"}
    ours, plain = written.yaml.read_text().splitlines()[:2]
    assert ours == "# seepseg train data.yaml --repeat 0.9 seed=0"
    assert "yolo segment train data=data.repeat.yaml " in plain
    assert dataset_hash(read_dataset(written.yaml)) == dataset_hash(read_dataset(root))


def test_a_wish_to_repeat_is_granted_once(tmp_path: Path) -> None:
    root = skewed(tmp_path / "seep")
    data = yaml.safe_load((root / "data.yaml").read_text())
    data["seepseg"]["balance"] = {"repeat": 0.9, "weights": "sqrt"}
    (root / "data.yaml").write_text(yaml.safe_dump(data))
    written = write_repeats(read_dataset(root), 0.9)
    assert read_dataset(written.yaml).settings["balance"] == {"weights": "sqrt"}
    with pytest.raises(UsageError, match=r"give the data\.yaml"):
        write_repeats(read_dataset(written.yaml), 0.9)


def test_the_same_call_writes_the_same_bytes_and_leaves_nothing_else(tmp_path: Path) -> None:
    root = skewed(tmp_path / "seep")
    texts, folders = [], []
    for _ in range(2):
        written = write_repeats(read_dataset(root), 0.5, seed=3)
        texts.append((written.yaml.read_bytes(), written.train.read_bytes()))
        folders.append(sorted(path.name for path in root.iterdir()))
    assert texts[0] == texts[1]
    assert folders[0] == folders[1]
    assert {"data.repeat.yaml", "train.repeat.txt"} < set(folders[0])


def test_repeats_are_those_of_the_rule_by_the_seed(tmp_path: Path) -> None:
    dataset = read_dataset(skewed(tmp_path / "seep"))
    counts = count_instances(dataset.splits["train"], 2)
    for seed in range(3):
        written = write_repeats(dataset, 0.5, seed=seed)
        assert np.array_equal(written.factors, image_repeats(counts, 0.5, seed=seed))


def test_train_of_several_folders_is_one_list(tmp_path: Path) -> None:
    root = write_dataset(tmp_path, {"train": {"a.png": class_map(0)}, "val": {"b.png": class_map(1)}})
    data = {**yaml.safe_load((root / "data.yaml").read_text()), "train": ["images/train", "images/val"]}
    (root / "data.yaml").write_text(yaml.safe_dump(data))
    written = write_repeats(read_dataset(root), 0.0)
    assert written.train.read_text() == "./images/train/a.png\n./images/val/b.png\n"


def test_images_elsewhere_are_listed_by_their_whole_path(tmp_path: Path) -> None:
    write_dataset(tmp_path / "there", {"train": {"a.png": class_map(0)}})
    here = tmp_path / "here"
    here.mkdir()
    (here / "data.yaml").write_text(
        f"train: {tmp_path}/there/images/train\nval: ../there/images/train\nnames: [a, b]\n"
    )
    written = write_repeats(read_dataset(here), 0.0)
    assert written.train == here / "train.repeat.txt"
    assert written.train.read_text() == f"{tmp_path}/there/images/train/a.png\n"


def test_an_image_listed_twice_counts_twice(tmp_path: Path) -> None:
    root = skewed(tmp_path)
    (root / "train.txt").write_text("./images/train/t00.png\n" * 2 + "./images/train/t05.png\n")
    (root / "data.yaml").write_text((root / "data.yaml").read_text().replace("images/train", "train.txt"))
    written = write_repeats(read_dataset(root), 0.0)
    assert written.instances == (4, 2)
    assert written.train == root / "train.repeat.txt"
    assert written.train.read_text() == (root / "train.txt").read_text()


def test_rows_are_counted_as_ultralytics_reads_them(tmp_path: Path) -> None:
    image = tmp_path / "images" / "a.png"
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_bytes(
        b"\xef\xbb\xbf0 .1 .1 .2 .2 .1 .2\n\n1.0 .1 .1 .2 .2 .1 .2\r\n1 .5 .5 .2 .2\n"
    )
    assert count_instances([image, tmp_path / "images" / "sea.png", image], 2).tolist() == [[1, 2], [0, 0], [1, 2]]


def test_classes_that_are_none_are_refused_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("0 .1 .1 .2 .2 .1 .2\n2 .1 .1 .2 .2 .1 .2\noil 1 1\n0.5 1 1\n")
    with pytest.raises(DatasetError, match=r"(?s)a\.txt:2: .*a\.txt:3: .*a\.txt:4: .*seepseg check"):
        count_instances([tmp_path / "images" / "a.png"], 2)


def test_a_split_without_images_is_refused(tmp_path: Path) -> None:
    root = write_dataset(tmp_path, {"val": {"b.png": class_map(1)}})
    with pytest.raises(DatasetError, match="train has no images"):
        write_repeats(read_dataset(root), 0.5)


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    root = skewed(tmp_path)
    (root / "train.repeat.txt").mkdir()
    with pytest.raises(OutputError, match=r"train\.repeat\.txt: cannot be written"):
        write_repeats(read_dataset(root), 0.5)
    assert not list(root.glob(".train*"))
    assert not (root / "data.repeat.yaml").exists()
