"""A dataset from Kaggle through kagglehub, which finds the user's own login where one is needed."""

import os
import re
from pathlib import Path
from typing import Any

from seepseg.errors import MissingExtra, SourceError, UsageError
from seepseg.sources.roboflow import hide_keys

SECRETS = ("KAGGLE_KEY", "KAGGLE_API_TOKEN")


def check_handle(handle: str) -> None:
    """OWNER/NAME, perhaps with /versions/N; nothing that could lead out of a folder."""
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*(/versions/\d+)?", handle):
        raise UsageError(f"kaggle:{handle}: give kaggle:OWNER/NAME, as in the dataset's address")


def fetch_kaggle(handle: str, place: Path) -> Path:
    """The dataset's folder, below the given place; kagglehub itself knows what is there already."""
    check_handle(handle)
    hub = _package()
    place.mkdir(parents=True, exist_ok=True)
    before = os.environ.get("KAGGLEHUB_CACHE")
    os.environ["KAGGLEHUB_CACHE"] = str(place.resolve())
    try:
        found = Path(hub.dataset_download(handle))
    except Exception as error:
        secrets = [os.environ.get(name, "") for name in SECRETS]
        words = hide_keys(" ".join(str(error).split()), *secrets)[:300] or type(error).__name__
        raise SourceError(
            f"kaggle:{handle}: {words}. Some datasets need a login: see kaggle.com/settings for a token; "
            "or download it there with a browser and use --from FOLDER|ZIP"
        ) from None
    finally:
        if before is None:
            os.environ.pop("KAGGLEHUB_CACHE", None)
        else:
            os.environ["KAGGLEHUB_CACHE"] = before
    if not found.is_dir() or not any(found.iterdir()):
        raise SourceError(f"kaggle:{handle}: nothing came; download it with a browser and use --from FOLDER|ZIP")
    return found


def _package() -> Any:
    try:
        import kagglehub
    except ImportError:
        raise MissingExtra("kagglehub", "kaggle", "fetching from Kaggle") from None
    return kagglehub
