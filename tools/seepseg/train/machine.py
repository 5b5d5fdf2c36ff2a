"""What a run was made with: versions, commit, hardware. Nothing that names this machine's folders."""

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from seepseg import __version__

PACKAGES = ("torch", "torchvision", "ultralytics", "numpy", "opencv-python", "albumentations")


def read_versions() -> dict[str, str]:
    """Of Python, this package and those that decide what a training gives."""
    found = {"python": platform.python_version(), "seepseg": __version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def read_commit() -> dict[str, Any] | None:
    """The commit of the repository that the working directory is in, and whether tracked files differ from it."""
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "changed": bool(changes)} if commit else None


def read_hardware() -> dict[str, Any]:
    """CPU, memory and GPUs."""
    import torch

    gpus = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return {
        "cpu": _cpu_model(),
        "cores": core_count(),
        "ram_gb": round(_memory_bytes() / 1e9, 1),
        "gpus": [{"name": gpu.name, "memory_gb": round(gpu.total_memory / 1e9, 1)} for gpu in gpus],
        "system": f"{platform.system()} {platform.machine()}",
    }


def core_count() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use_every_core(device_type: str) -> None:
    """Ultralytics leaves one core unused when it trains on the CPU: of two, that is half the speed.

    Who sets OMP_NUM_THREADS, as torch's users do on shared machines, gets as many as that says.
    """
    import torch

    if device_type == "cpu":
        asked = os.environ.get("OMP_NUM_THREADS", "")
        torch.set_num_threads(int(asked) if asked.isdigit() and int(asked) else core_count())


def describe_device(device: str) -> str:
    """As Ultralytics names it ('', cpu, 0, '0,1', mps): what that is, for the user."""
    import torch

    if device in ("cpu", "mps") or (not device and not torch.cuda.is_available()):
        kind = "Apple GPU" if device == "mps" else f"CPU, {_cpu_model()}, {core_count()} cores"
        return kind + ("" if device else " (no GPU found)")
    numbers = [int(word) for word in device.replace("cuda:", "").split(",") if word.strip().isdigit()] or [0]
    return ", ".join(f"GPU {number}, {_gpu(torch.cuda, number)}" for number in numbers)


def _gpu(cuda: Any, number: int) -> str:
    if number >= cuda.device_count():
        return "which is not there"
    gpu = cuda.get_device_properties(number)
    return f"{gpu.name} with {gpu.total_memory / 1e9:.0f} GB"


def _cpu_model() -> str:
    try:
        lines: Sequence[str] = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = ()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
