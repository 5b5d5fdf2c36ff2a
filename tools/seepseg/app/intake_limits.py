"""How much a visitor may hand in; one place for all pages."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["image", "scene", "video"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What is more than this is refused with a sentence, before it is decoded."""

    files: int = 200
    """Handed in at once; a zip is one."""
    file_bytes: int = 200 << 20
    total_bytes: int = 2 << 30
    """In the folder of a visitor."""
    zip_files: int = 2_000
    zip_bytes: int = 1 << 30
    """Unpacked."""
    zip_ratio: int = 100
    """Times that a zip may grow, once it is larger than `zip_harmless_bytes`."""
    zip_harmless_bytes: int = 64 << 20
    image_pixels: int = 60_000_000
    """Of what is decoded as a whole."""
    scene_pixels: int = 500_000_000
    """Of what is read by windows."""
    bands: int = 32
    block_bytes: int = 256 << 20
    """Of one block of a TIFF, which is the least that can be read of it."""
    video_frames: int = 3_000
    video_pixels: int = 4096 * 2304


LIMITS = Limits()
UPLOAD_MEGABYTES = LIMITS.file_bytes >> 20
"""What the server itself takes in one file."""
