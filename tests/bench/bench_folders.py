"""A model's figures on each folder of the source one by one, such as the two sensors of SOS, and on all of them.

python tests/bench/bench_folders.py runs/sos datasets/sos/data.yaml OUT                # on the test split
python tests/bench/bench_folders.py runs/sos datasets/sos/data.yaml OUT --split val

By the first folder that the manifest names of each image; confidence thresholds are those of the model.
"""

import argparse
import os
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
    args = parser.parse_args()
    dataset = read_dataset(args.data)
    folders: dict[str, list[str]] = {}
    for record in read_manifest(args.data.parent):
        if record.get("split") == args.split and "image" in record:
            image = os.path.abspath(args.data.parent / record["image"])
            folders.setdefault(PurePosixPath(record["source"]).parts[0], []).append(image)
    args.out.mkdir(parents=True, exist_ok=True)
    for name, images in folders.items():
        (args.out / f"{name}.txt").write_text("".join(f"{image}\n" for image in images))
        told = {"path": str(args.out.resolve()), "train": f"{name}.txt", "val": f"{name}.txt", "test": f"{name}.txt"}
        told |= {"names": dict(enumerate(dataset.names)), "seepseg": dataset.settings}
        (args.out / f"{name}.yaml").write_text(yaml.safe_dump(told, sort_keys=False))
        evaluate(args.model, args.out / f"{name}.yaml", "test", args.out / name)
    evaluate(args.model, args.data, args.split, args.out / "all")


def evaluate(model: Path, data: Path, split: str, out: Path) -> None:
    seepseg("eval", model, data, "--split", split, "--out", out, "--overwrite", "--no-pictures")


if __name__ == "__main__":
    main()
