"""A dataset version from Roboflow, as a COCO export, through the roboflow package.

The package prints links that hold the key, reads keys from files of its own, says nothing when a download fails
halfway, and takes a folder that is there for a finished download: so it runs muted, with the key that the environment
holds, into a folder of its own that is looked through afterwards.
"""

import contextlib
import io
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from seepseg.errors import OutputError, SourceError, UsageError

KEY = "ROBOFLOW_API_KEY"
BOXES_ONLY = "object-detection"


def split_handle(handle: str) -> tuple[str, str, int]:
    """WORKSPACE/PROJECT/VERSION taken apart."""
    match = re.fullmatch(r"(\w[\w.-]*)/(\w[\w.-]*)/v?(\d+)", handle)
    if not match:
        raise UsageError(f"roboflow:{handle}: give roboflow:WORKSPACE/PROJECT/VERSION, as in the project's address")
    return match[1], match[2], int(match[3])


def fetch_roboflow(handle: str, target: Path) -> Path:
    """The COCO export in the target folder, whole; one that is there is used again."""
    workspace, project, number = split_handle(handle)
    if _exports(target):
        return target
    if target.exists():
        raise OutputError(f"{target}: is there but holds no COCO export; remove it")
    key = os.environ.get(KEY, "").strip()
    if not key:
        raise UsageError(
            f"{KEY} is not set: copy your key from the settings of your Roboflow account and run "
            f"'export {KEY}=...', or export the dataset as COCO there and use --from FOLDER|ZIP"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        with _sentences(handle, key):
            _download(key, workspace, project, number, stage / "export")
        if not _exports(stage / "export"):
            raise SourceError(f"roboflow:{handle}: what came holds no _annotations.coco.json; is the version empty?")
        os.replace(stage / "export", target)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return target


def _download(key: str, workspace: str, project: str, number: int, folder: Path) -> None:
    version = _package()(api_key=key).workspace(workspace).project(project).version(number)
    layout = "coco" if getattr(version, "type", "") == BOXES_ONLY else "coco-segmentation"
    version.download(layout, location=str(folder), overwrite=True)


def _package() -> Callable[..., Any]:
    import roboflow

    client: Callable[..., Any] = roboflow.Roboflow
    return client


@contextlib.contextmanager
def _sentences(handle: str, key: str) -> Iterator[None]:
    """Nothing that the package prints is shown, and whatever it raises becomes a sentence without the key."""
    quiet = io.StringIO()
    try:
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
            yield
    except (KeyboardInterrupt, OutputError):
        raise
    except (Exception, SystemExit) as error:
        words = hide_keys(" ".join(str(error).split()), key)[:300] or type(error).__name__
        raise SourceError(
            f"roboflow:{handle}: {words}. Look whether workspace, project and version are right and the key may see "
            "them; or export it as COCO on the project's page and use --from FOLDER|ZIP"
        ) from None


def hide_keys(text: str, *keys: str) -> str:
    """The text without these secrets, and without any query that could hold one."""
    for key in filter(None, keys):
        text = text.replace(key, "***")
    return re.sub(r"((?:api_)?(?:key|token|signature)=)[^&\s'\"]+", r"\1***", text, flags=re.IGNORECASE)


def _exports(folder: Path) -> bool:
    return next(folder.rglob("_annotations.coco.json"), None) is not None
