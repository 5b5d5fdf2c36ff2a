"""Run lengths as COCO counts them, column by column from the top left, zeros first; numpy alone."""

import numpy as np
from numpy.typing import NDArray

from seepseg.values import Bitmap


def count_runs(bitmap: Bitmap, x: int, y: int, width: int, height: int) -> NDArray[np.int64]:
    """Of an image that is 0 but for a crop at (x, y), where it is the bitmap."""
    rows, columns = np.nonzero(bitmap.T)[::-1]
    at = (columns + x) * height + rows + y
    if not len(at):
        return np.array([width * height])
    firsts = np.flatnonzero(np.diff(at, prepend=-2) != 1)
    ends = at[np.append(firsts[1:], len(at)) - 1] + 1
    marks = np.concatenate(([0], np.stack([at[firsts], ends], axis=1).ravel(), [width * height]))
    counts = np.diff(marks)
    return counts if counts[-1] else counts[:-1]
