"""What a source leaves out, by reason: in listing its images, and in reading them."""

from collections.abc import Iterable

from seepseg.values import LabelledImage, Source, Tally


def count_skips(source: Source, images: Iterable[LabelledImage]) -> dict[str, int]:
    tally = Tally()
    tally.add(source.skipped)
    for image in images:
        tally.add(image.skipped)
    return dict(tally.counts)
