"""A run folder belongs to one process while it trains: a second one would overwrite weights and rows of the first."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seepseg.errors import OutputError

LOCK = ".lock"


@contextmanager
def hold(run: Path) -> Iterator[None]:
    """Around a training; refused while another process trains there.

    The system drops the lock with the process, however that ends. Unlike with flock, loaders that were forked from a
    process which was killed don't hold on to it.
    """
    file = run / LOCK
    try:
        lock = file.open("w")
    except OSError as error:
        raise OutputError(f"{run}: cannot be written to: {error.strerror}; make room, or make it writable") from None
    with lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.fstat(lock.fileno()).st_nlink:
                raise BlockingIOError  # Who held it has just removed it: the next to come would make another.
        except (BlockingIOError, PermissionError):
            raise OutputError(f"{run}: another process is training it; wait until that ends, or stop it") from None
        except OSError as error:
            print(f"note: nothing keeps a second training out of {run}: its disk knows no locks ({error.strerror})")
        try:
            yield
        finally:
            file.unlink(missing_ok=True)
