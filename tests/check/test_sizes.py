import pytest

from seepseg.check.findings import Ledger
from seepseg.check.objects import Extent
from seepseg.check.sizes import Sizes, judge_sizes


def sizes_of(*extents, names=("oil", "ship")):
    sizes = Sizes(names)
    sizes.add(extents)
    return sizes


def test_a_line_of_one_pixel_in_a_tile_of_256_needs_1024():
    (oil, ship) = sizes_of(Extent(0, 1 / 256, 0.5)).at(256)
    assert (oil.objects, oil.thin, oil.tiny, oil.enough) == (1, 1, 0, 1024)
    assert (ship.objects, ship.enough) == (0, None)


@pytest.mark.parametrize(("imgsz", "thin", "tiny"), [(256, 1, 1), (512, 0, 1), (1024, 0, 0)])
def test_thin_and_tiny_depend_on_the_image_size(imgsz, thin, tiny):
    (oil, _) = sizes_of(Extent(0, 1 / 256, 2 / 256)).at(imgsz)
    assert (oil.thin, oil.tiny) == (thin, tiny)


def test_one_crumb_in_a_hundred_does_not_decide():
    (oil, _) = sizes_of(Extent(0, 1 / 4000, 1 / 4000), *[Extent(0, 0.1, 0.1)] * 99).at(640)
    assert (oil.thin, oil.enough) == (1, 96)


def test_beyond_the_largest_size_none_is_proposed():
    (oil, _) = sizes_of(Extent(0, 1 / 9000, 0.5)).at(640)
    assert oil.enough is None


def test_the_finding_says_how_many_and_which_size_would_do():
    ledger = Ledger()
    judge_sizes(sizes_of(Extent(1, 1 / 256, 0.5), Extent(1, 1 / 256, 0.5)).at(256), ledger)
    (finding,) = ledger.findings()
    assert (finding.code, finding.count) == ("object-thin", 2)
    assert finding.places == ("ship: 2 of 2; imgsz 1024 shows 95% of them",)
