"""Where an evaluation goes: a folder of its own, or the run folder of the model, beside weights and record."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seepseg.dataset.staging import staged
from seepseg.edge.bundle import is_bundle
from seepseg.errors import OutputError, UsageError

METRICS, THRESHOLDS = "metrics.json", "thresholds.json"
OLD = (METRICS, "curves.json", "images.csv", "replicates.npz", "failures.json", "failures", "plots", "report.html")
"""What an earlier evaluation left in a run folder, so that nothing of it stands beside the new one."""


def choose_folder(model: Path | None, out: Path | None) -> Path:
    """What --out says, else the run folder of the model."""
    if out is not None:
        return out
    if model is not None and model.is_dir() and not is_bundle(model):
        return model
    raise UsageError("give a folder for the figures with --out; only those of a run folder go into the run itself")


@contextmanager
def evaluation_folder(out: Path, run: Path | None, *, overwrite: bool) -> Iterator[Path]:
    """A folder to fill, which comes to `out` once it is whole. Of a run, only an earlier evaluation is replaced."""
    if run is not None and os.path.realpath(out) == os.path.realpath(run):
        if (run / METRICS).exists() and not overwrite:
            raise OutputError(
                f"{run / METRICS} is already there; give --overwrite to evaluate the run again, or another --out"
            )
        with staged(run / ".evaluation", overwrite=True, proof=METRICS) as folder:
            yield folder
        _move_into(run, run / ".evaluation")
        return
    if (out / "weights").exists():
        raise OutputError(f"{out}: is the folder of another run; give one of its own for this evaluation")
    with staged(out, overwrite=overwrite, proof=METRICS) as folder:
        yield folder


def show_path(path: Path) -> str:
    """Without the folders of this machine: relative below the working directory, else the last two names."""
    if not path.is_absolute():
        return path.as_posix()
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else "/".join(path.parts[-2:])


def _move_into(run: Path, folder: Path) -> None:
    """Metrics go first and come last: where they are, the rest belongs to them. The run's thresholds stay: those that
    are to be the run's were put there."""
    for name in OLD:
        _remove(run / name)
    (folder / THRESHOLDS).unlink(missing_ok=True)
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name == METRICS):
        os.replace(entry, run / entry.name)
    folder.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
