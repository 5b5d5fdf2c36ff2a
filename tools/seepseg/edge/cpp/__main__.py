"""`python -m seepseg.edge.cpp PROGRAM`: build the runner of bundles in C++."""

import sys
from pathlib import Path

from seepseg.edge.cpp import build
from seepseg.errors import SeepsegError

if __name__ == "__main__":
    if sys.argv[1:] in (["--help"], ["-h"]):
        print(__doc__)
        sys.exit()
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    try:
        print(f"wrote {build(Path(sys.argv[1]))}")
    except SeepsegError as error:
        print(f"seepseg: {error}", file=sys.stderr)
        sys.exit(2)
