"""What was measured at an export, as rows of words: on the console and in MODEL.md."""

from collections.abc import Mapping, Sequence

from seepseg.edge.bundle import FULL
from seepseg.edge.loss import Loss
from seepseg.edge.parity import Parity, Spread

_COLUMNS = (
    "model",
    "run by",
    "bits",
    "instances",
    "differing",
    "verdicts",
    "raw",
    "box px",
    "score",
    "least IoU",
    "ms",
)


def parity_rows(parities: Sequence[Parity]) -> list[list[str]]:
    """Of each way to run a model."""
    return [list(_COLUMNS), *map(_parity_row, parities)]


def _parity_row(one: Parity) -> list[str]:
    counts = (one.instances, one.differing, one.verdicts)
    spreads = (one.raw, one.box_px, one.score)
    ms = "-" if one.ms is None else f"{one.ms:.1f}"
    words = (one.engine, one.runtime, one.precision)
    return [*words, *map(str, counts), *map(_spread, spreads), f"{one.least_iou:.4f}", ms]


def loss_rows(losses: Sequence[Loss]) -> list[list[str]]:
    """Of each figure, that of 32 bits and that of fewer."""
    head = ["model", "bits", "mask mAP50", "mask mAP50-95", "mIoU"]
    rows = [["of the .pt", FULL, *(figure(losses[0].full[key]) for key in losses[0].full)]]
    return [head, *rows, *([one.engine, one.precision, *map(figure, one.fewer.values())] for one in losses)]


def size_rows(sizes: Mapping[str, int]) -> list[list[str]]:
    """Of each model."""
    return [["model", "MB"], *([name, f"{size / 1e6:.1f}"] for name, size in sizes.items())]


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """The first row is the head, the first column is words and the others are numbers."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    rule = ["---", *["---:"] * (len(cells[0]) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [cells[0], rule, *cells[1:]])


def figure(value: float | None) -> str:
    """With three digits; a dash for none."""
    return "-" if value is None else f"{value:.3f}"


def _spread(spread: Spread | None) -> str:
    """The largest and the mean."""
    return "-" if spread is None else f"{spread.most:.0e} / {spread.mean:.0e}"
