"""Hold evaluations against each other: is the difference real?

seepseg compare runs/plain runs/balanced
seepseg compare eval/a eval/b eval/c --out compared
"""

import argparse
import json
from pathlib import Path

from seepseg.commands.flags import replicate_count, seed
from seepseg.dataset.staging import keep_apart, staged

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
    from seepseg.report.compare import compare_runs, comparison_as_json
    from seepseg.report.compare_page import render_comparison
    from seepseg.report.compare_text import render

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
