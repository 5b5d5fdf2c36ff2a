"""A part of a benchmark in a process of its own: nothing that another loaded, and a peak of memory of its own."""

import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Answer = dict[str, Any]
Part = Callable[[dict[str, Any]], Answer]


def seepseg(*words: object) -> None:
    """A command as a user gives it, shown before it runs."""
    command = [sys.executable, "-m", "seepseg", *map(str, words)]
    print("$", " ".join(["seepseg", *command[3:]]), flush=True)
    subprocess.run(command, check=True)


def run_alone(script: str, part: str, job: dict[str, Any], *, limit: float) -> Answer:
    """What the part answers, its peak memory added; or {"failed": why}, also where it took over `limit` seconds."""
    print(f"  {time.strftime('%H:%M:%S')} {part} {job.get('label', '')}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "job.json").write_text(json.dumps(job))
        command = [sys.executable, script, "--alone", part, str(place)]
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=limit)
        except subprocess.TimeoutExpired:
            return {"failed": f"not done in {limit / 60:.0f} min"}
        if done.returncode:
            print(done.stdout[-3000:], file=sys.stderr)
            why = (done.stdout.strip().splitlines() or ["no word"])[-1]
            return {"failed": "killed, as when memory is full" if done.returncode < 0 else why[:120]}
        answer: Answer = json.loads((place / "answer.json").read_text())
        return answer


def answer_alone(parts: Mapping[str, Part]) -> bool:
    """In the process that `run_alone` started: do the part, and leave its answer. False in any other process."""
    if sys.argv[1:2] != ["--alone"]:
        return False
    part, place = sys.argv[2], Path(sys.argv[3])
    _first_to_go()
    answer = parts[part](json.loads((place / "job.json").read_text()))
    (place / "answer.json").write_text(json.dumps(answer | {"peak_gb": peak_gb()}))
    return True


def peak_gb() -> float:
    """Resident, of this process: Linux hands the peak that getrusage tells from a process to the one that it starts."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e9


def _first_to_go() -> None:
    """Where memory runs out, this process shall end, and not the one that keeps the results."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
