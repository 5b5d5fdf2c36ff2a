"""A model's figures on each folder of the source one by one, such as the two sensors of SOS, and on all of them.

python tests/bench/bench_folders.py runs/sos datasets/sos/data.yaml OUT                # on the test split
python tests/bench/bench_folders.py runs/sos datasets/sos/data.yaml OUT --split val
python tests/bench/bench_folders.py runs/sos datasets/sos/data.yaml OUT --without 12508_sat 30783_sat

Confidence thresholds are those of the model.
"""

import argparse
from pathlib import Path, PurePosixPath

import yaml
from own_process import seepseg

from seepseg.dataset.layout import read_dataset, read_manifest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--without", nargs="+", default=[], metavar="STEM", help="images to leave out")
    args = parser.parse_args()
    dataset = read_dataset(args.data)
    folders: dict[str, list[Path]] = {"all": []}
    for record in read_manifest(args.data.parent):
        if record.get("split") == args.split and Path(record["image"]).stem not in args.without:
            image = args.data.parent.absolute() / record["image"]
            for name in {"all", PurePosixPath(record["source"]).parent.name or "all"}:
                folders.setdefault(name, []).append(image)
    args.out.mkdir(parents=True, exist_ok=True)
    for name, images in folders.items():
        (args.out / f"{name}.txt").write_text("".join(f"{image}\n" for image in images))
        told = {split: str(args.data.parent.absolute() / "images" / split) for split in ("train", "val")}
        told |= {"test": f"{name}.txt", "names": dict(enumerate(dataset.names))}
        data = args.out / f"{name}.yaml"
        data.write_text(yaml.safe_dump(told | {"seepseg": dataset.settings}, sort_keys=False))
        place = ["--out", args.out / name, "--overwrite", "--no-pictures"]
        seepseg("eval", args.model, data, "--split", "test", *place)


if __name__ == "__main__":
    main()
