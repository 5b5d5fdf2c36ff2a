import csv
import json

import numpy as np
import pytest

from make import ragged
from make_dataset import write_dataset
from seepseg.cli import main


@pytest.fixture
def dataset(tmp_path):
    rng = np.random.default_rng(0)
    masks = [np.where(ragged(rng, 48, 48, 0.1), 2, ragged(rng, 48, 48)).astype(np.uint8) for _ in range(4)]
    train, val = {"a.png": masks[0], "b.png": masks[1]}, {"c.png": masks[2], "d.png": masks[3]}
    return write_dataset(tmp_path / "ds", {"train": train, "val": val}, imgsz=96)


def test_a_sound_dataset_exits_0(dataset, capsys):
    assert main(["check", str(dataset)]) == 0
    out = capsys.readouterr().out
    assert "IoU through Ultralytics' loader at 96" in out
    assert "0 faults" in out


def test_the_table_counts_label_rows_under_that_name(dataset, capsys):
    main(["check", str(dataset)])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    rows = {
        split: [
            line[0] for file in (dataset / "labels" / split).glob("*.txt") for line in file.read_text().splitlines()
        ]
        for split in ("train", "val")
    }
    assert ["label", "rows", *(str(len(some)) for some in rows.values())] in lines
    counts = [line[1:3] for line in lines if line[:1] == ["oil"]]
    assert counts == [[str(some.count("0")) for some in rows.values()]]


def test_classes_that_never_occur_are_counted_where_they_are_many(tmp_path, capsys):
    mask = np.full((32, 32), 3, np.uint8)
    for number, shown in ((16, True), (17, False)):
        names = [f"class{index}" for index in range(number)]
        root = write_dataset(tmp_path / str(number), {"train": {"a.png": mask}, "val": {"b.png": mask}}, names=names)
        main(["check", str(root)])
        table = capsys.readouterr().out.partition("\n\n")[0]
        assert ("class0" in table) == shown
        assert (f"{number - 1} of {number} classes never occur and are not shown" in table) != shown
        assert "class2 " in table


def test_faults_exit_1_with_place_and_way_out(dataset, capsys):
    labels = dataset / "labels/val/c.txt"
    labels.write_text(labels.read_text() + "9 0 0 1 0 1 1\n")
    assert main(["check", str(dataset)]) == 1
    out = capsys.readouterr().out
    line = len(labels.read_text().splitlines())
    assert f"{labels}:{line}" in out
    assert "→ correct the id, or add the name to data.yaml" in out


def test_json_is_for_programs(dataset, capsys):
    (dataset / "labels/val/c.txt").write_text("9 0 0 1 0 1 1\n")
    assert main(["check", str(dataset / "data.yaml"), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["images"] == {"train": 2, "val": 2}
    codes = {finding["code"]: finding["count"] for finding in report["findings"]}
    assert codes["label-class"] == 1
    assert report["faults"] + report["warnings"] == len(codes)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "no such file"),
        (["--groups-out", "g.csv"], "needs --near"),
        (["--imgsz", "0"], "--imgsz 0"),
        (["--imgsz", "100000000"], "--imgsz 100000000: give a whole number from 32 to 16,384"),
        (["--imgsz", "large"], "--imgsz large"),
        (["--workers", "0"], "--workers 0"),
    ],
)
def test_what_the_user_must_change_exits_2(dataset, capsys, arguments, words):
    place = [] if arguments == ["nowhere"] else [str(dataset)]
    assert main(["check", *place, *arguments]) == 2
    assert words in capsys.readouterr().err


def test_near_twins_are_written_as_groups(dataset, tmp_path):
    (dataset / "images/val/c.png").write_bytes((dataset / "images/train/a.png").read_bytes())
    assert main(["check", str(dataset), "--near", "--groups-out", str(tmp_path / "g.csv")]) == 1
    rows = list(csv.reader((tmp_path / "g.csv").read_text().splitlines()))
    assert rows == [["stem", "group"], ["a", "a"], ["c", "a"]]
