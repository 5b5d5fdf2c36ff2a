import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seepseg.errors import SourceError, UsageError
from seepseg.labels.pairing import Pairs, pair
from seepseg.labels.pairing_names import apply_rule, find_rule
from seepseg.labels.pictures import Picture


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def found(pairs: Pairs, root: Path) -> dict[str, str]:
    return {item.image.relative_to(root).as_posix(): item.payload for item in pairs.items}


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("{}_sat.jpg", "{}_mask.png"),
        ("{}.jpg", "{}-mask.png"),
        ("{}.jpg", "{}.png"),
        ("{}_training.tif", "{}_manual1.gif"),
        ("{}.png", "mask_{}.png"),
        ("{}.jpg", "{}_GT.bmp"),
        ("img{}.jpg", "{}_label.png"),
        ("im_{}_rgb.tif", "gt_{}.tif"),
        ("FudanPed{}.png", "FudanPed{}_mask.png"),
        ("{}.jpg", "{}.jpg.png"),
        ("scene.{}.tif", "scene.{}_seg.tif"),
    ],
)
@pytest.mark.parametrize("same_folder", [True, False])
def test_names_made_by_a_rule_are_paired(tmp_path: Path, image: str, mask: str, same_folder: bool):
    numbers = ["1", "2", "10", "12", "21"]
    images = touch(tmp_path / "a", *(image.format(number) for number in numbers))
    masks = touch(images if same_folder else tmp_path / "b", *(mask.format(number) for number in numbers))
    pairs = pair(images, masks)
    assert found(pairs, images) == {image.format(number): mask.format(number) for number in numbers}
    assert not pairs.skipped


def test_the_rule_is_shown_as_pair_takes_it(tmp_path: Path):
    touch(tmp_path, "1.jpg", "1-mask.png", "2.jpg", "2-mask.png")
    (note,) = pair(tmp_path, tmp_path).notes
    assert note == "2 pairs: {}.jpg ↔ {}-mask.png, such as 1.jpg ↔ 1-mask.png"
    assert pair(tmp_path, tmp_path, names=("{}.jpg", "{}-mask.png")).notes == (note,)


def test_equal_names_in_two_folders_are_pairs(tmp_path: Path):
    names = [f"041869.{number:06}.tif" for number in range(20)]
    images, masks = touch(tmp_path / "i", *names), touch(tmp_path / "m", *names)
    assert found(pair(images, masks), images) == {name: name for name in names}


def test_mirrored_subfolders_are_kept_apart(tmp_path: Path):
    images = touch(tmp_path / "i", "a/1.jpg", "b/1.jpg")
    masks = touch(tmp_path / "m", "a/1_mask.png", "b/1_mask.png")
    assert found(pair(images, masks), images) == {"a/1.jpg": "a/1_mask.png", "b/1.jpg": "b/1_mask.png"}


def test_folders_on_one_side_alone_do_not_matter(tmp_path: Path):
    images, masks = touch(tmp_path / "i", "train/1.jpg", "val/2.jpg"), touch(tmp_path / "m", "1.png", "2.png")
    assert found(pair(images, masks), images) == {"train/1.jpg": "1.png", "val/2.jpg": "2.png"}


def test_one_root_with_folders_of_images_and_masks(tmp_path: Path):
    touch(tmp_path, "train/images/1.png", "train/masks/1.png", "val/images/1.png", "val/masks/1.png", "cover.png")
    pairs = pair(tmp_path, tmp_path)
    assert [item.split for item in pairs.items] == ["train", "val"]
    assert [item.payload for item in pairs.items] == ["train/masks/1.png", "val/masks/1.png"]
    assert [(skip.reason, skip.where) for skip in pairs.skipped] == [
        ("outside the image and mask folders", "cover.png")
    ]


def test_masks_in_a_folder_below_the_images_are_no_images(tmp_path: Path):
    touch(tmp_path, "1.jpg", "2.jpg", "masks/1.png", "masks/2.png")
    assert found(pair(tmp_path, tmp_path / "masks"), tmp_path) == {"1.jpg": "1.png", "2.jpg": "2.png"}


def test_several_masks_an_image_are_an_error_with_the_choices(tmp_path: Path):
    images = touch(tmp_path / "i", "a_1_rgb.png", "a_2_rgb.png")
    masks = touch(tmp_path / "m", *(f"a_{number}_{kind}.png" for number in (1, 2) for kind in ("color", "labelIds")))
    with pytest.raises(SourceError, match="several rules") as error:
        pair(images, masks)
    assert "--pair '{}_rgb' '{}_color'" in str(error.value)
    assert "--pair '{}_rgb' '{}_labelIds'" in str(error.value)
    assert pair(images, masks, names=("{}_rgb", "{}_labelIds")).items[1].payload == "a_2_labelIds.png"


def test_two_masks_of_one_stem_are_an_error_that_names_both(tmp_path: Path):
    images, masks = touch(tmp_path / "i", "1.jpg"), touch(tmp_path / "m", "1.png", "1.tif")
    with pytest.raises(SourceError, match=r"2 masks: 1\.png, 1\.tif"):
        pair(images, masks)


def test_sides_that_nothing_tells_apart_are_an_error(tmp_path: Path):
    touch(tmp_path, "1_a.png", "1_b.png", "2_a.png", "2_b.png")
    with pytest.raises(SourceError, match="nothing tells which files are the masks"):
        pair(tmp_path, tmp_path)


def test_names_with_nothing_in_common_are_an_error(tmp_path: Path):
    images, masks = touch(tmp_path / "i", "cat.jpg"), touch(tmp_path / "m", "dog.png")
    with pytest.raises(SourceError, match="--pair"):
        pair(images, masks)


def test_an_image_without_a_mask_is_an_error_that_lists_it(tmp_path: Path):
    images, masks = touch(tmp_path / "i", "1.jpg", "2.jpg", "12.jpg"), touch(tmp_path / "m", "1_m.png", "12_m.png")
    with pytest.raises(SourceError, match=r"1 of 3 images have no mask .*: 2\.jpg"):
        pair(images, masks)


@pytest.mark.parametrize(
    ("unmatched", "payloads", "reason"),
    [
        ("skip", ["1.png", "3.png"], "image without a mask"),
        ("background", ["1.png", None, "3.png"], "image without a mask, taken as background"),
    ],
)
def test_images_without_a_mask_follow_the_rule_given(tmp_path: Path, unmatched: str, payloads: list[str], reason: str):
    images, masks = touch(tmp_path / "i", "1.jpg", "2.jpg", "3.jpg"), touch(tmp_path / "m", "1.png", "3.png")
    pairs = pair(images, masks, unmatched=unmatched)
    assert [item.payload for item in pairs.items] == payloads
    assert [(skip.reason, skip.where) for skip in pairs.skipped] == [(reason, "2.jpg")]


def test_masks_without_an_image_and_other_files_are_counted(tmp_path: Path):
    images = touch(tmp_path / "i", "1.jpg", "notes.txt", ".hidden.jpg")
    masks = touch(tmp_path / "m", "1.png", "2.png", "__MACOSX/1.png")
    pairs = pair(images, masks)
    assert sorted((skip.reason, skip.where) for skip in pairs.skipped) == [
        ("mask without an image", "2.png"),
        ("not a picture", "notes.txt"),
    ]


def test_an_image_that_the_rule_does_not_fit_has_no_mask(tmp_path: Path):
    images = touch(tmp_path / "i", "1_sat.jpg", "2_sat.jpg", "cover.jpg")
    masks = touch(tmp_path / "m", "1_mask.png", "2_mask.png", "legend.png")
    with pytest.raises(SourceError, match=r"1 of 3 images have no mask .*: cover\.jpg"):
        pair(images, masks)
    assert [(skip.reason, skip.where) for skip in pair(images, masks, unmatched="skip").skipped] == [
        ("name fits neither image nor mask", "legend.png"),
        ("image without a mask", "cover.jpg"),
    ]


def test_files_of_one_folder_that_fit_neither_side_are_counted(tmp_path: Path):
    touch(tmp_path, "1_sat.jpg", "1_mask.png", "2_sat.jpg", "2_mask.png", "cover.jpg")
    (skip,) = pair(tmp_path, tmp_path).skipped
    assert (skip.reason, skip.where) == ("name fits neither image nor mask", "cover.jpg")


def test_two_backgrounds_of_one_name_are_an_error(tmp_path: Path):
    images, masks = touch(tmp_path / "i", "1.jpg", "2.jpg", "2.png"), touch(tmp_path / "m", "1.png")
    with pytest.raises(SourceError, match="several images are called 2"):
        pair(images, masks, unmatched="background")


def test_split_folders_of_the_images_become_splits(tmp_path: Path):
    names = ["train/1", "valid/2", "test/3"]
    images = touch(tmp_path / "i", *(f"{name}.jpg" for name in names))
    masks = touch(tmp_path / "m", *(f"{name}.png" for name in names))
    pairs = pair(images, masks)
    assert {item.stem: item.split for item in pairs.items} == {"1": "train", "2": "val", "3": "test"}
    assert "splits as the folders have them: test, train, valid" in pairs.notes


def test_split_folders_beside_other_folders_are_not_used_and_said(tmp_path: Path):
    names = ["train/1", "val/2", "more/3"]
    images = touch(tmp_path / "i", *(f"{name}.jpg" for name in names))
    masks = touch(tmp_path / "m", *(f"{name}.png" for name in names))
    pairs = pair(images, masks)
    assert {item.split for item in pairs.items} == {None}
    assert "not used as splits" in pairs.notes[1]


def test_equal_stems_keep_their_folder(tmp_path: Path):
    images, masks = touch(tmp_path / "i", "a/1.jpg", "b/1.jpg", "b/2.jpg"), tmp_path / "m"
    touch(masks, "a/1.png", "b/1.png", "b/2.png")
    assert [item.stem for item in pair(images, masks).items] == ["a/1", "b/1", "2"]


@pytest.mark.parametrize("pattern", ["_sat.jpg", "{}_{}.jpg", "a/{}.jpg"])
def test_a_pattern_without_one_gap_is_refused(tmp_path: Path, pattern: str):
    touch(tmp_path, "1.jpg", "1.png")
    with pytest.raises(UsageError, match=r"write \{\} once"):
        pair(tmp_path, tmp_path, names=(pattern, "{}.png"))


def test_a_pattern_may_tell_by_the_extension_alone(tmp_path: Path):
    touch(tmp_path, "1.tif", "1.png")
    assert pair(tmp_path, tmp_path, names=("{}.tif", "{}.png")).items[0].payload == "1.png"


@pytest.mark.parametrize("missing", ["nowhere", "empty"])
def test_a_folder_without_pictures_is_an_error(tmp_path: Path, missing: str):
    images = touch(tmp_path / "i", "1.jpg")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=missing):
        pair(images, tmp_path / missing)


def seconds_to_pair(count):
    left = [Picture(f"{n}_sat.jpg", "", f"{n}_sat", ".jpg") for n in range(count)]
    right = [Picture(f"{n}_mask.png", "", f"{n}_mask", ".png") for n in range(count)]
    start = time.process_time()
    rule = find_rule(left, right, False, "here")
    assert (str(rule.image), str(rule.mask)) == ("{}_sat", "{}_mask")
    return time.process_time() - start


def test_the_time_grows_with_the_files_not_with_their_square():
    few, many = (min(seconds_to_pair(count) for _ in range(3)) for count in (2_000, 16_000))
    assert many < 24 * few  # eight times as many; their square would be 64 times


_words = st.text("abcxyz", min_size=1, max_size=5)


@settings(max_examples=60)
@given(
    numbers=st.sets(st.integers(0, 10**6), min_size=2, max_size=30),
    before=st.tuples(_words | st.just(""), _words | st.just("")),
    after=st.tuples(_words | st.just(""), _words | st.just("")),
)
def test_any_affixes_around_numbers_are_found(numbers: set[int], before: tuple[str, str], after: tuple[str, str]):
    def pictures(side: int, extension: str) -> list[Picture]:
        stems = [f"{before[side]}{n}{after[side]}" for n in sorted(numbers)]
        return [Picture(stem + extension, "", stem, extension) for stem in stems]

    left, right = pictures(0, ".jpg"), pictures(1, ".png")
    match = apply_rule(find_rule(left, right, False, "here"), left, right, False)
    assert len(match.shared()) == len(numbers)
    for key in match.shared():
        assert left.index(match.images[key][0]) == right.index(match.masks[key][0])


def test_a_folder_of_other_files_than_pictures_says_which(tmp_path: Path):
    images, masks = touch(tmp_path / "i", "1.jpg"), touch(tmp_path / "m", "1.npy")
    with pytest.raises(SourceError, match=r"m: holds no pictures, only files such as 1\.npy; give PNG"):
        pair(images, masks)
