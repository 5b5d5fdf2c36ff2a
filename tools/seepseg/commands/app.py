"""Open the page in a browser: analyse images, run batches, look at datasets, trainings and models.

  seepseg app
  seepseg app --models bundles --folders scenes
  seepseg app --address 0.0.0.0 --port 80 --no-browser

Models are looked for in runs/ and where --models says; none that a visitor uploads is ever loaded. Without --address
the page can be reached from this machine alone; it has no log-in, so put one in front of it where strangers come.
`streamlit run streamlit_app.py` in the repository opens the same page. Ctrl-C ends it.
"""

import argparse
from pathlib import Path

from seepseg.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where it listens, and what it may read."""
    parser.add_argument("--port", type=int, metavar="N", help="default: the first free one from 8501 on")
    parser.add_argument("--address", default="localhost", metavar="A", help="0.0.0.0 for the network (localhost)")
    parser.add_argument(
        "--models", type=Path, action="extend", nargs="+", default=[], metavar="DIR", help="more runs or bundles"
    )
    parser.add_argument(
        "--folders", type=Path, action="extend", nargs="+", default=[], metavar="DIR", help="images for all visitors"
    )
    parser.add_argument("--no-browser", action="store_true", help="only serve")


def run(args: argparse.Namespace) -> int:
    """Serve until it is stopped."""
    if args.port is not None and not 1 <= args.port <= 65_535:
        raise UsageError(f"--port {args.port}: give a number from 1 to 65535")
    for flag in ("models", "folders"):
        for path in getattr(args, flag):
            if not path.exists():
                raise UsageError(f"--{flag} {path}: no such folder")
    from seepseg.app.serving import find_root, serve
    from seepseg.app.settings import Settings

    settings = Settings(find_root(Path.cwd()), tuple(args.models), tuple(args.folders))
    serve(settings, port=args.port, address=args.address, browser=not args.no_browser)
    return 0
