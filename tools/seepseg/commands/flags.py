"""Flags that several commands share."""

import argparse
import os

from seepseg.errors import UsageError


def image_size(text: str) -> int:
    """What --imgsz takes."""
    return _whole("--imgsz", text, 32, 16_384)


def worker_count(text: str) -> int:
    """What --workers takes."""
    return _whole("--workers", text, 1, 1024)


def replicate_count(text: str) -> int:
    """What --replicates takes."""
    return _whole("--replicates", text, 100, 100_000)


def seed(text: str) -> int:
    """What --seed takes."""
    return _whole("--seed", text, 0, 2**32 - 1)


def add_workers(parser: argparse._ActionsContainer) -> None:
    """--workers, with one process a core if not given, and eight at most."""
    parser.add_argument(
        "--workers",
        type=worker_count,
        default=min(os.cpu_count() or 1, 8),
        metavar="N",
        help="processes (default: one a core, 8 at most)",
    )


def _whole(flag: str, text: str, least: int, most: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise UsageError(f"{flag} {text}: give a whole number from {least:,} to {most:,}")
    return value
