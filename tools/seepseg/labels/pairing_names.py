"""How the file names of images and of their masks are made, read off the names themselves.

A rule is what stands before and after the part that both names share: {}_sat.jpg and {}_mask.png. Rules are read off
a sample of names that share their rarest word or number; the one that pairs most images wins.
"""

import heapq
import os
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from seepseg.errors import SourceError, UsageError, listing
from seepseg.labels.pictures import PICTURE_SUFFIXES, Picture

_WORDS = re.compile(r"[^\W\d_]+|\d+")
_MASK_WORDS = re.compile(r"mask|msk|label|lbl|truth|annot|seg|manual|target|(?<![^\W\d_])gt(?![^\W\d_])", re.IGNORECASE)
_IMAGE_WORDS = re.compile(r"image|img|photo|sat|rgb|training|orig|input", re.IGNORECASE)
_SAMPLE = 64
_MOST_NEAR = 8
_MOST_TRIED = 8


class Side(NamedTuple):
    """How the file names of one side are made; an extension only where it tells the sides apart."""

    prefix: str
    suffix: str
    extension: str = ""

    def __str__(self) -> str:
        """As --pair takes it."""
        return f"{self.prefix}{{}}{self.suffix}{self.extension}"


class Rule(NamedTuple):
    """The names of images and of their masks."""

    image: Side
    mask: Side


class Match(NamedTuple):
    """Images and masks by the part of the name that they share."""

    images: dict[str, list[Picture]]
    masks: dict[str, list[Picture]]

    def shared(self) -> list[str]:
        """The keys that have both."""
        return [key for key in self.images if key in self.masks]


def read_side(pattern: str) -> Side:
    """One side as --pair gives it."""
    prefix, hole, tail = pattern.partition("{}")
    if not hole or "{}" in tail or "/" in pattern:
        raise UsageError(f"--pair {pattern}: write {{}} once, for the part of the name that image and mask share")
    stem, extension = os.path.splitext(tail)
    known = extension.lower() in PICTURE_SUFFIXES
    if tail.lower() in PICTURE_SUFFIXES:
        stem, extension, known = "", tail, True
    return Side(prefix, stem, extension.lower()) if known else Side(prefix, tail)


def find_rule(left: Sequence[Picture], right: Sequence[Picture], same: bool, where: str) -> Rule:
    """The one rule that pairs most images with masks; equal stems win where they pair all of them."""
    plain = Rule(Side("", ""), Side("", ""))
    if not same and len(apply_rule(plain, left, right, same).shared()) == len(left):
        return plain
    read_off = [rule for rule, _ in _candidates(left, right, same).most_common(_MOST_TRIED)]
    rules = [turned for rule in read_off if (turned := _orient(rule, left))] if same else [*read_off, plain]
    if read_off and not rules:
        one, other = read_off[0]
        raise SourceError(
            f"{where}: nothing tells which files are the masks; "
            f"say so with --pair '{one}' '{other}', or the other way round"
        )
    matches = {rule: apply_rule(rule, left, right, same) for rule in rules}
    most = max((len(match.shared()) for match in matches.values()), default=0)
    if not most:
        raise SourceError(
            f"{where}: no rule pairs images such as {left[0].path} with masks such as {right[-1].path}; "
            "say how the names go together, as in --pair '{}_sat.jpg' '{}_mask.png'"
        )
    best = {rule: match for rule, match in matches.items() if len(match.shared()) == most}
    chosen = min(best, key=lambda rule: (sum(map(len, (*rule.image, *rule.mask))), rule))
    rivals = [rule for rule in best if _pairing(best[rule]) != _pairing(best[chosen])]
    if rivals:
        lines = [f"  --pair '{rule.image}' '{rule.mask}'" for rule in sorted([chosen, *rivals])]
        raise SourceError(f"{where}: several rules pair {most:,} images with masks; choose one:\n{listing(lines)}")
    return chosen


def _candidates(left: Sequence[Picture], right: Sequence[Picture], same: bool) -> Counter[Rule]:
    """Rules read off a sample of the images, with the number of times each came up."""
    holders: dict[str, set[int]] = defaultdict(set)
    for number, one in enumerate(right):
        for word in _words(one):
            holders[word].add(number)
    rules: Counter[Rule] = Counter()
    for number in range(0, len(left), max(len(left) // _SAMPLE, 1)):
        words = sorted((word for word in _words(left[number]) if word in holders), key=lambda w: (len(holders[w]), w))
        itself = {number} if same else set()
        near: set[int] = set()
        for word in words:
            fewer = near & holders[word] if near else holders[word]
            if len(fewer) > len(fewer & itself):
                near = fewer
        for other in heapq.nsmallest(_MOST_NEAR, near - itself):
            rule = _read_off(left[number], right[other], words, same)
            if rule:
                rules[rule] += 1
    return rules


def _words(picture: Picture) -> set[str]:
    return {*_WORDS.findall(picture.stem), f"/{picture.folder}"}


def _read_off(image: Picture, mask: Picture, words: Sequence[str], same: bool) -> Rule | None:
    """What stands around the rarest word that both hold, that word grown as long as both go on alike."""
    a, b = image.stem, mask.stem
    places_a, places_b = ({match[0]: match.span() for match in _WORDS.finditer(stem)} for stem in (a, b))
    seed = next((word for word in words if word in places_a and word in places_b), None)
    if seed is None:
        return None
    (low_a, high_a), (low_b, high_b) = places_a[seed], places_b[seed]
    ahead = _grow(a[high_a:], b[high_b:])
    back = _grow(a[:low_a][::-1], b[:low_b][::-1])
    first = Side(a[: low_a - back], a[high_a + ahead :])
    second = Side(b[: low_b - back], b[high_b + ahead :])
    if same and first == second:
        if image.extension.lower() == mask.extension.lower():
            return None
        first = first._replace(extension=image.extension.lower())
        second = second._replace(extension=mask.extension.lower())
    return Rule(first, second)


def _grow(a: str, b: str) -> int:
    """How far two texts go on alike without stopping inside a word or after a separator."""
    alike = 0
    while alike < min(len(a), len(b)) and a[alike] == b[alike]:
        alike += 1
    while alike:
        last, following = a[alike - 1], a[alike : alike + 1] + b[alike : alike + 1]
        cuts = any((last.isalpha() and one.isalpha()) or (last.isdigit() and one.isdigit()) for one in following)
        if not cuts and (last.isalnum() or not following):
            break
        alike -= 1
    return alike


def _orient(rule: Rule, pictures: Sequence[Picture]) -> Rule | None:
    """Which of two sides in one folder is the mask: by its words, by having an affix at all, by not being JPEG."""
    one, other = rule

    def says_mask(side: Side) -> bool:
        return bool(_MASK_WORDS.search(f"{side.prefix} {side.suffix}"))

    def says_no_image(side: Side) -> bool:
        return not _IMAGE_WORDS.search(f"{side.prefix} {side.suffix}")

    def has_affix(side: Side) -> bool:
        return bool(side.prefix or side.suffix)

    def is_no_jpeg(side: Side) -> bool:
        mine = (picture for picture in pictures if _key(side, picture) is not None)
        return any(picture.extension.lower() not in (".jpg", ".jpeg") for picture in mine)

    for says in (says_mask, says_no_image, has_affix, is_no_jpeg):
        if says(one) != says(other):
            return rule if says(other) else Rule(other, one)
    return None


def _key(side: Side, picture: Picture) -> str | None:
    """The part of the stem that image and mask share, or None where the name is not made this way."""
    stem, prefix, suffix = picture.stem, side.prefix, side.suffix
    if side.extension and picture.extension.lower() != side.extension:
        return None
    if len(stem) <= len(prefix) + len(suffix) or not (stem.startswith(prefix) and stem.endswith(suffix)):
        return None
    return stem[len(prefix) : len(stem) - len(suffix)]


def apply_rule(rule: Rule, left: Sequence[Picture], right: Sequence[Picture], same: bool) -> Match:
    """Folders count where both sides have any in common; a name that fits both sides is of the closer-fitting one."""
    folders = not {one.folder for one in left}.isdisjoint({one.folder for one in right})
    mask_closer = sum(map(len, rule.mask)) >= sum(map(len, rule.image))
    match = Match({}, {})
    sides = (
        (rule.image, rule.mask, left, match.images, same and mask_closer),
        (rule.mask, rule.image, right, match.masks, same and not mask_closer),
    )
    for side, other, pictures, found, yields in sides:
        for picture in pictures:
            key = _key(side, picture)
            if key is None or (yields and _key(other, picture) is not None):
                continue
            found.setdefault(f"{picture.folder}/{key}" if folders else key, []).append(picture)
    return match


def _pairing(match: Match) -> list[tuple[str, ...]]:
    return sorted(tuple(one.path for one in (*match.images[key], *match.masks[key])) for key in match.shared())
