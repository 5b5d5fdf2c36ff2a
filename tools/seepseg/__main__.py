"""`python -m seepseg` is `seepseg`."""

import sys

from seepseg.cli import main

sys.exit(main())
