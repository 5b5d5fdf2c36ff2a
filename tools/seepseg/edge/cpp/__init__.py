"""The runner of bundles in C++: `python -m seepseg.edge.cpp seepseg-edge` builds it against the installed torch."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from seepseg.errors import MissingExtra, UsageError

FLAGS = ("-std=c++20", "-O2", "-ffp-contract=off")
"""A product and a sum that the compiler joins round otherwise than in Python."""
LIBRARIES = ("-ltorch_cpu", "-lc10")
"""Without -ltorch, which brings CUDA along where torch is built with it: 366 MB more of memory, for nothing here."""


def find_compiler() -> str | None:
    """What CXX names, else g++; None where there is none."""
    return shutil.which(os.environ.get("CXX", "g++"))


def build(program: Path, *, flags: Sequence[str] = ()) -> Path:
    """Compile the runner; with further flags of the compiler."""
    if program.is_dir() or not program.parent.is_dir():
        raise UsageError(f"{program}: give a name for the program, in a folder that is there")
    compiler = find_compiler()
    if compiler is None:
        raise UsageError("no C++ compiler is found; install g++ 11 or newer, or name another in the variable CXX")
    torch = _find_torch()
    includes = [str(torch / "include"), str(torch / "include/torch/csrc/api/include")]
    libraries = str(torch / "lib")
    unfinished = program.with_name(f".{program.name}.part")
    command = [
        *(compiler, *FLAGS, *flags, str(Path(__file__).with_name("seepseg_edge.cpp")), "-o", str(unfinished)),
        *(word for folder in includes for word in ("-isystem", folder)),
        *("-L", libraries, f"-Wl,-rpath,{libraries}", *LIBRARIES),
    ]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode:
        unfinished.unlink(missing_ok=True)
        raise UsageError(f"the compiler could not build the runner:\n{shlex.join(command)}\n{made.stderr[-2000:]}")
    unfinished.replace(program)
    return program


def _find_torch() -> Path:
    """Found without importing it, which takes a second."""
    found = find_spec("torch")
    if found is None or not found.submodule_search_locations:
        raise MissingExtra("torch", "dev", "the runner in C++")
    return Path(found.submodule_search_locations[0])
