"""Which mask belongs to which image, found by rule from the file names and shown before anything is written."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seepseg.errors import SourceError, UsageError, listing
from seepseg.labels.pairing_names import Match, Rule, apply_rule, find_rule, read_side
from seepseg.labels.pictures import Picture, list_pictures, own_splits, own_stems
from seepseg.values import Item, Skip
from seepseg.wording import count

UNMATCHED = ("error", "skip", "background")
IMAGE_FOLDERS = frozenset(("images", "image", "imgs", "img"))
MASK_FOLDERS = frozenset(("masks", "mask", "labels", "label", "annotations", "gt", "groundtruth", "ground_truth"))


@dataclass(frozen=True, slots=True)
class Pairs:
    """Each image as an item whose payload is its mask's path below the mask folder, or None."""

    items: tuple[Item, ...]
    rule: tuple[str, str]
    skipped: tuple[Skip, ...]
    notes: tuple[str, ...]


def pair(images: Path, masks: Path, *, names: tuple[str, str] | None = None, unmatched: str = "error") -> Pairs:
    """Images with their masks; `names` decides by hand: ('{}_sat.jpg', '{}_mask.png')."""
    if unmatched not in UNMATCHED:
        raise UsageError(f"--unmatched {unmatched}: choose among {', '.join(UNMATCHED)}")
    left, right, skipped = _two_sides(images, masks)
    same, where = left is right, str(images) if images == masks else f"{images}, {masks}"
    rule = Rule(read_side(names[0]), read_side(names[1])) if names else find_rule(left, right, same, where)
    match = apply_rule(rule, left, right, same)
    _refuse_doubles(match, rule)
    found = [(match.images[key][0], match.masks[key][0]) for key in match.shared()]
    if not found:
        raise SourceError(f"{where}: no image and mask fit {rule.image} and {rule.mask}")
    shown = _shown(rule, found)
    bare = [one for key, ones in match.images.items() if key not in match.masks for one in ones]
    spare = [one for key, ones in match.masks.items() if key not in match.images for one in ones]
    if same:
        odd = _unfit(left, match.images, match.masks)
    else:
        odd = _unfit(right, match.masks)
        (odd if names else bare).extend(_unfit(left, match.images))
    skipped += [Skip("name fits neither image nor mask", one.path) for one in odd]
    skipped += [Skip("mask without an image", one.path) for one in spare]
    skipped += _judge_bare(bare, spare, unmatched, len(found) + len(bare), shown)
    rows: list[tuple[Picture, str | None]] = [(image, mask.path) for image, mask in found]
    if unmatched == "background":
        rows += [(image, None) for image in bare]
    return _as_pairs(images, sorted(rows, key=lambda row: row[0]), len(found), shown, skipped)


def _as_pairs(
    root: Path, rows: list[tuple[Picture, str | None]], number: int, shown: tuple[str, str], skipped: list[Skip]
) -> Pairs:
    pictures = [image for image, _ in rows]
    splits, notes = own_splits(pictures)
    stems = own_stems(pictures)
    twice = [stem for stem, times in Counter(stems).items() if times > 1]
    if twice:
        raise SourceError(f"{root}: several images are called {', '.join(sorted(twice))}; keep one of each name")
    items = tuple(
        Item(root / image.path, stem, mask, split)
        for (image, mask), stem, split in zip(rows, stems, splits, strict=True)
    )
    first, mask = next((image.path, mask) for image, mask in rows if mask)
    note = f"{count(number, 'pair')}: {shown[0]} ↔ {shown[1]}, such as {first} ↔ {mask}"
    return Pairs(items, shown, tuple(skipped), (note, *notes))


def _unfit(pictures: Sequence[Picture], *sides: dict[str, list[Picture]]) -> list[Picture]:
    """Those whose names were not made by the rule."""
    taken = {one.path for side in sides for ones in side.values() for one in ones}
    return [one for one in pictures if one.path not in taken]


def _two_sides(images: Path, masks: Path) -> tuple[list[Picture], list[Picture], list[Skip]]:
    """Files of either side; one and the same list where both lie in one folder and only names tell them apart."""
    same = images.resolve() == masks.resolve()
    left, others = list_pictures(images, without=None if same else masks)
    right, rest = (left, []) if same else list_pictures(masks, without=images)
    skipped = [Skip("not a picture", path) for path in (*others, *rest)]
    for root, pictures, instead in ((images, left, others), (masks, right, others if same else rest)):
        if not pictures:
            seen = f", only files such as {instead[0]}; give PNG, TIFF or the like" if instead else ""
            raise SourceError(f"{root}: holds no pictures{seen}")
    if same:
        imaged, masked = _in_folders(left, IMAGE_FOLDERS), _in_folders(left, MASK_FOLDERS)
        if imaged and masked:
            known = {one.path for one in (*imaged, *masked)}
            skipped += [Skip("outside the image and mask folders", one.path) for one in left if one.path not in known]
            return imaged, masked, skipped
    return left, right, skipped


def _in_folders(pictures: Sequence[Picture], wanted: frozenset[str]) -> list[Picture]:
    """Those whose innermost folder of either kind is such a one; it is left out of what they are compared by."""
    found = []
    for one in pictures:
        steps = one.folder.split("/")
        telling = [at for at, step in enumerate(steps) if step.lower() in IMAGE_FOLDERS | MASK_FOLDERS]
        if telling and steps[telling[-1]].lower() in wanted:
            found.append(one._replace(folder="/".join(steps[: telling[-1]] + steps[telling[-1] + 1 :])))
    return found


def _refuse_doubles(match: Match, rule: Rule) -> None:
    problems = []
    for key in match.shared():
        for kind, found in (("images", match.images[key]), ("masks", match.masks[key])):
            if len(found) > 1:
                problems.append(f"  {len(found)} {kind}: {', '.join(one.path for one in found)}")
    if problems:
        raise SourceError(
            f"names do not pair one to one by {rule.image} and {rule.mask}:\n{listing(problems)}\n"
            "say which files to take, as in --pair '{}.jpg' '{}_mask.png'"
        )


def _judge_bare(
    bare: Sequence[Picture], spare: Sequence[Picture], unmatched: str, total: int, shown: tuple[str, str]
) -> list[Skip]:
    if bare and unmatched == "error":
        rest = f"; masks without an image: {_few(spare)}" if spare else ""
        raise SourceError(
            f"{len(bare):,} of {total:,} images have no mask by the rule {shown[0]} ↔ {shown[1]}: {_few(bare)}{rest}.\n"
            "Add --unmatched skip to leave them out, --unmatched background if they show nothing, "
            "or --pair to say how the names go together"
        )
    reason = "image without a mask" if unmatched == "skip" else "image without a mask, taken as background"
    return [Skip(reason, one.path) for one in bare]


def _few(pictures: Sequence[Picture], most: int = 5) -> str:
    names = ", ".join(one.path for one in pictures[:most])
    return names if len(pictures) <= most else f"{names}, ... ({len(pictures):,})"


def _shown(rule: Rule, found: Sequence[tuple[Picture, Picture]]) -> tuple[str, str]:
    """The rule as --pair takes it; with the extension where all files of a side have the same."""
    patterns = []
    for side, pictures in zip(rule, zip(*found, strict=True), strict=True):
        extensions = {picture.extension for picture in pictures}
        only = side.extension or (extensions.pop() if len(extensions) == 1 else "")
        patterns.append(str(side._replace(extension=only)))
    return patterns[0], patterns[1]
