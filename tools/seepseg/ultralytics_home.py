"""Ultralytics as a library: it installs nothing, calls nobody and leaves the user's home alone."""

import os
import tempfile
from pathlib import Path

ASKED_OFFLINE = os.environ.get("YOLO_OFFLINE")
"""As the user set it, before `prepare` says it to Ultralytics alone."""


def prepare() -> None:
    """Set the environment that `import ultralytics` reads; call it before the import. What the user set stays."""
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    os.environ.setdefault("YOLO_OFFLINE", "true")
    if "YOLO_CONFIG_DIR" not in os.environ:
        folder = Path(tempfile.gettempdir(), f"seepseg-ultralytics-{os.getuid()}")
        folder.mkdir(exist_ok=True)
        os.environ["YOLO_CONFIG_DIR"] = str(folder)
