"""What the folder of a benchmark was begun with: figures of another question must not land in the same table."""

import json
import sys
from pathlib import Path

NAME = "asked.json"


def begin(out: Path, **asked: str | int) -> None:
    """Write down what a new folder is asked; end with a sentence where one that is there was asked something else."""
    file = out / NAME
    if not file.exists():
        if (out / "data.yaml").exists():
            sys.exit(f"{out}: holds a data.yaml and no {NAME} that says how it was drawn; give another folder")
        out.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asked, indent=2) + "\n")
    before = json.loads(file.read_text())
    others = [f"--{key} {before.get(key)}, not {value}" for key, value in asked.items() if before.get(key) != value]
    if others:
        sys.exit(f"{out}: was begun with {', '.join(others)}; give that again, or another folder")
