"""Hold evaluations against each other: is the difference real?

seepseg compare runs/plain runs/balanced
seepseg compare eval/a eval/b eval/c --out compared
"""

import argparse
import json
from pathlib import Path

from seepseg.commands.flags import replicate_count, seed
from seepseg.dataset.staging import keep_apart, staged
from seepseg.report.compare import Comparison, Pair, Run, compare_runs, comparison_as_json, judge
from seepseg.report.compare_page import render_comparison, summarize_pair, write_signed
from seepseg.report.tables import UNDEFINED, write_interval
from seepseg.report.verdict import Headline

PROOF = "compare.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The runs, and what to leave."""
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="a run folder, or what 'seepseg eval' wrote; the first leads"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="write compare.html and compare.json there")
    parser.add_argument("--overwrite", action="store_true", help="replace what an earlier comparison left there")
    parser.add_argument(
        "--replicates", type=replicate_count, default=1000, metavar="N", help="drawings of the bootstrap (default 1000)"
    )
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of the drawings (default 0)")
    parser.add_argument("--json", action="store_true", help="every figure and difference as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the table, and write the page where that is asked for."""
    if args.out:
        keep_apart(args.out, args.runs, overwrite=args.overwrite)
    comparison = compare_runs(args.runs, replicates=args.replicates, seed=args.seed)
    report = json.dumps(comparison_as_json(comparison), indent=2, ensure_ascii=False, allow_nan=False)
    if args.out:
        with staged(args.out, overwrite=args.overwrite, proof=PROOF) as folder:
            (folder / PROOF).write_text(report + "\n", encoding="utf-8")
            (folder / "compare.html").write_text(render_comparison(comparison), encoding="utf-8", errors="replace")
    print(report if args.json else render(comparison, args.out))
    return 0


def render(comparison: Comparison, out: Path | None = None) -> str:
    """For people: figures, differences, and what they come to."""
    first = comparison.runs[0]
    blocks = [_figures(comparison.runs)]
    for pair in comparison.pairs:
        blocks += [_differences(first, pair)] if pair.differences else []
        blocks += [f"note: {text}" for text in pair.notes if pair.differences]
        blocks.append(summarize_pair(first, pair))
    if out:
        blocks.append(f"{out / 'compare.html'}")
    return "\n\n".join(blocks)


def _figures(runs: tuple[Run, ...]) -> str:
    figures = [run.figures for run in runs]
    rows = [["", *(run.label for run in runs)]]
    for path in dict.fromkeys(path for some in figures for path in some):
        found = [some.get(path) for some in figures]
        label = next(one.label for one in found if one is not None)
        rows.append([label, *map(_value, found)])
    return _align(rows)


def _value(one: Headline | None) -> str:
    if one is None or one.value is None:
        return UNDEFINED
    blank = "" if one.blank is None else f"{one.blank_label} {one.blank:.3f}"
    told = ", ".join(filter(None, [write_interval(one.interval), blank]))
    return f"{one.value:.3f} ({told})" if told else f"{one.value:.3f}"


def _differences(first: Run, pair: Pair) -> str:
    rows = [[f"{pair.label} − {first.label}", "difference", "95 % interval", "p", ""]]
    for path, one in first.figures.items():
        if path in pair.differences:
            apart = pair.differences[path]
            ends = f"{write_signed(apart.low)} to {write_signed(apart.high)}"
            rows.append([one.label, write_signed(apart.difference), ends, f"{apart.p:.3f}", judge(apart)])
    return _align(rows)


def _align(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
