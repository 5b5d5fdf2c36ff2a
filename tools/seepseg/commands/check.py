"""Find what is wrong with a dataset before training does.

seepseg check datasets/seep
seepseg check datasets/seep --near --groups-out groups.csv
"""

import argparse
import csv
import json
from pathlib import Path

from seepseg.check.findings import Finding
from seepseg.check.report import SAMPLE, Report, check_dataset
from seepseg.check.rules import FAULT
from seepseg.commands.flags import add_workers, image_size
from seepseg.errors import OutputError, UsageError
from seepseg.wording import align, count, shorten_classes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The dataset, and how hard to look."""
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="a dataset folder or its data.yaml")
    parser.add_argument(
        "--imgsz", type=image_size, metavar="N", help="image size you will train at (default: as declared)"
    )
    parser.add_argument("--near", action="store_true", help="also look for shifted and blurred copies (slower)")
    parser.add_argument(
        "--groups-out", type=Path, metavar="FILE", help="with --near: write stem,group for 'convert --groups'"
    )
    parser.add_argument("--all", action="store_true", help=f"load every image through Ultralytics, not {SAMPLE}")
    parser.add_argument("--json", action="store_true", help="the whole report as JSON")
    add_workers(parser)


def run(args: argparse.Namespace) -> int:
    """Print the report; 1 where it holds faults, 0 where it holds none."""
    if args.groups_out and not args.near:
        raise UsageError("--groups-out needs --near, which finds the groups")
    sample = None if args.all else SAMPLE
    report = check_dataset(args.dataset, imgsz=args.imgsz, near=args.near, sample=sample, workers=args.workers)
    if args.groups_out:
        _write_groups(args.groups_out, report)
    print(json.dumps(report.as_json(), indent=2, ensure_ascii=False) if args.json else render(report))
    return int(report.faulty)


def render(report: Report) -> str:
    """The report for people: counts, sizes, fidelity, then every finding with its first places."""
    blocks = [_counts(report), _fidelity(report)]
    blocks += [_finding(finding) for finding in report.findings]
    faults = sum(finding.severity == FAULT for finding in report.findings)
    warnings = len(report.findings) - faults
    blocks.append(
        f"{count(faults, 'fault')}, {count(warnings, 'warning')}" if report.findings else "nothing wrong was found"
    )
    return "\n\n".join(block for block in blocks if block)


def _counts(report: Report) -> str:
    splits = list(report.images)
    head = ["", *splits, f"thin at {report.imgsz}", "tiny", "imgsz enough"]
    lines = [["images", *(f"{report.images[split]:,}" for split in splits), "", "", ""]]
    # A part of an object may be a row of its own, so that these are more than the objects that convert counts.
    lines.append(["label rows", *(f"{sum(report.instances[split]):,}" for split in splits), "", "", ""])
    kept, absent = shorten_classes([sum(counts) for counts in zip(*report.instances.values(), strict=True)])
    for size, index in ((report.sizes[index], index) for index in kept):
        counts = [f"{report.instances[split][index]:,}" for split in splits]
        enough = str(size.enough) if size.enough else "-" if not size.objects else "none"
        lines.append([f"  {size.name}", *counts, f"{size.thin:,}", f"{size.tiny:,}", enough])
    return align([head, *lines]) + absent


def _fidelity(report: Report) -> str:
    lines = []
    for trip in report.fidelity:
        kinds = (
            ("masks", trip.traced),
            ("thin or small masks", trip.traced_thin),
            ("polygons as drawn", trip.drawn),
            ("images larger than that", trip.reduced),
        )
        parts = [f"{what} {sum(values) / len(values):.4f} (min {min(values):.4f})" for what, values in kinds if values]
        if parts:
            lines.append(f"IoU through Ultralytics' loader at {trip.imgsz}, {trip.images:,} images: {', '.join(parts)}")
    return "\n".join(lines)


def _finding(finding: Finding) -> str:
    lines = [f"{finding.severity} {finding.code} ({finding.count:,}): {finding.text}"]
    lines += [f"  {place}" for place in finding.places]
    if finding.more:
        lines.append("  ...")
    lines.append(f"  → {finding.way_out}")
    return "\n".join(lines)


def _write_groups(file: Path, report: Report) -> None:
    try:
        with file.open("w", encoding="utf-8", newline="") as text:
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(("stem", "group"))
            writer.writerows(sorted(report.groups.items()))
    except OSError as error:
        raise OutputError(f"{file}: cannot be written: {error.strerror}") from None
