"""What is done for rare classes: the user's choice, and the weights and repeats that it makes of a dataset's counts."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seepseg.errors import UsageError, listing
from seepseg.train.losses import MASKS
from seepseg.wording import align, suggest

WEIGHTS = "none, inverse, sqrt, effective:β, cls_pw:x, or name=weight,name=weight for some classes"
POWERS = {"none": 0.0, "sqrt": 0.5, "inverse": 1.0}
"""Weights that are a power of 1 / instances, as Ultralytics' cls_pw is."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What the user asks for, each switch on its own; the defaults change nothing."""

    weights: str | Mapping[str, float] = "none"
    positives: bool = False
    """Weights raise only what a missed object costs; the whole column of the class loss otherwise."""
    repeat: float = 0.0
    """Share of images under which a class is rare enough for its images to be repeated; 0 is off."""
    paste: int = 0
    """Training instances that every class is brought up to by pasting; 0 is off."""
    merge: tuple[str, ...] = ()
    """NEW=a,b each."""
    mask_loss: Literal["bce", "dice", "iou"] = "bce"
    focal: float = 0.0
    """Gamma of the focal factor, from 1 on; 0 is off."""


def read_balance(given: object, where: str) -> Balance:
    """What stands under `seepseg: balance:`, where nothing means a plain training. `where` is how errors call it."""
    return override(Balance(), given, where)


def override(base: Balance, given: object, where: str) -> Balance:
    """The base with the settings that are given; None leaves what the base has. Every problem in one error."""
    if given is None:
        return base
    if not isinstance(given, Mapping):
        raise UsageError(f"{where}: must hold settings such as weights: sqrt, not {given!r}")
    values, problems = {}, []
    for key, value in given.items():
        if key not in _READERS:
            problems.append(f"{where}: no setting is called {key}{_near(str(key), _READERS)}")
        elif value is not None:
            try:
                values[key] = _READERS[key](value)
            except ValueError as error:
                problems.append(f"{where}: {key}: {error}")
    balance = replace(base, **values)
    if values.get("positives") and balance.weights == "none" and not problems:
        problems.append(f"{where}: positives: says what weights do, and there are none; give weights too")
    if problems:
        raise UsageError(listing(problems))
    return balance


def class_weights(counts: ArrayLike, how: str | Mapping[str, float], names: Sequence[str]) -> tuple[float, ...]:
    """The weight of each class with so many instances. Rules give a mean of 1, as Ultralytics' cls_pw does: a class
    without instances gets the mean. Weights by name stay as given, 1 where a class is not named."""
    if not isinstance(how, str):
        return _by_name(how, names)
    instances = np.asarray(counts, np.float64)
    present = instances > 0
    if not present.any():
        return (1.0,) * len(names)
    try:
        rule, value = _read_rule(how)
    except ValueError as error:
        raise UsageError(f"weights: {error}") from None
    known = np.where(present, instances, 1.0)
    weights = known**-value if rule == "power" else _effective(known, value)
    weights = np.where(present, weights, weights[present].mean())
    return tuple((weights / weights.mean()).tolist())


def positive_weights(counts: ArrayLike, how: str | Mapping[str, float], names: Sequence[str]) -> tuple[float, ...]:
    """The same for positives alone: a rule gives the least-weighted class 1 and rarer ones more, without a cap, so
    that no class is turned down. A class without instances has no positives, and keeps 1."""
    weights = class_weights(counts, how, names)
    present = np.asarray(counts) > 0
    if not isinstance(how, str) or not present.any():
        return weights
    values = np.array(weights)
    return tuple(np.where(present, values / values[present].min(), 1.0).tolist())


def image_repeats(counts: ArrayLike, threshold: float, *, seed: int = 0) -> NDArray[np.int64]:
    """How often each image is to be shown, from its instances per class (images × classes).

    LVIS' rule: r(class) = max(1, √(threshold / share of images with it)), and an image takes the most of its classes.
    Of n images that all ask for 1.4, round(0.4 n), drawn by the seed, are shown twice and the others once: what a
    class gets is what it was promised to within one image, which drawing each by itself would not keep.
    """
    present = np.asarray(counts) > 0
    share = present.sum(axis=0) / max(len(present), 1)
    factors = np.sqrt(np.maximum(1.0, threshold / np.where(share > 0, share, np.inf)))
    wanted = np.where(present, factors, 1.0).max(axis=1, initial=1.0)
    repeats: NDArray[np.int64] = np.floor(wanted).astype(np.int64)
    rng = np.random.default_rng(seed)
    for factor in np.unique(wanted).tolist():
        alike = np.flatnonzero(wanted == factor)
        more = math.floor(len(alike) * (factor % 1) + 0.5)
        repeats[rng.permutation(alike)[:more]] += 1
    return repeats


def table_rows(
    names: Sequence[str],
    instances: Sequence[int],
    images: Sequence[int],
    weights: Sequence[float] | None = None,
    *,
    repeated: tuple[Sequence[int], Sequence[int]] | None = None,
    pasted: Sequence[int] | None = None,
) -> list[dict[str, Any]]:
    """One record a class. `repeated` holds its instances and images an epoch once images are repeated; `instances`
    and `images` are those of the training split before that, `pasted` ones among them."""
    rows = []
    for index, name in enumerate(names):
        row: dict[str, Any] = {"class": name, "instances": int(instances[index]), "images": int(images[index])}
        if pasted is not None:
            row["pasted"] = int(pasted[index])
        if weights is not None:
            row["weight"] = round(float(weights[index]), 6)
        if repeated is not None:
            row["repeats"] = round(repeated[1][index] / images[index], 4) if images[index] else 1.0
            row["instances_per_epoch"], row["images_per_epoch"] = int(repeated[0][index]), int(repeated[1][index])
        rows.append(row)
    return rows


def balance_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The records as aligned text."""
    if not rows:
        return ""
    keys = list(rows[0])
    cells = [[key.replace("_", " ") for key in keys], *([_cell(key, row[key]) for key in keys] for row in rows)]
    return align(cells)


def _near(word: str, known: Collection[str]) -> str:
    return suggest(word, known) or f"; there are {', '.join(known)}"


def _cell(key: str, value: Any) -> str:
    if key == "weight":
        return f"{value:.2f}"
    if key == "repeats":
        return f"×{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _by_name(how: Mapping[str, float], names: Sequence[str]) -> tuple[float, ...]:
    unknown = [f"weights: no class is called {name}{_near(name, names)}" for name in how if name not in names]
    if unknown:
        raise UsageError(listing(unknown))
    return tuple(float(how.get(name, 1.0)) for name in names)


def _effective(instances: NDArray[np.float64], beta: float) -> NDArray[np.float64]:
    """1 over the effective number of instances, (1 - β) / (1 - βⁿ)."""
    if beta == 0:
        return np.ones_like(instances)
    return np.asarray((1 - beta) / -np.expm1(instances * math.log(beta)))


def _read_rule(text: str) -> tuple[Literal["power", "effective"], float]:
    word, colon, number = text.partition(":")
    if word in POWERS and not colon:
        return "power", POWERS[word]
    if word == "cls_pw":
        return "power", _number(number or None, "cls_pw:x takes an x from 0 to 1", 0, 1)
    if word == "effective":
        beta = _number(number or None, "effective:β takes a β from 0 to below 1, such as effective:0.999", 0, 1)
        if beta < 1:
            return "effective", beta
        raise ValueError("effective:β takes a β below 1; 1 is inverse")
    raise ValueError(f"{text!r} is no rule{suggest(word, [*POWERS, 'cls_pw', 'effective'])}; give {WEIGHTS}")


def _read_weights(value: object) -> str | dict[str, float]:
    if isinstance(value, str) and "=" in value:
        value = _read_pairs(value)
    if isinstance(value, Mapping):
        weights = {
            str(key).strip(): _number(one, f"{key}: a weight is a number above 0", 0) for key, one in value.items()
        }
        if not weights or 0 in weights.values():
            raise ValueError("a weight by name is a number above 0, such as dot: 3")
        return weights
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no rule; give {WEIGHTS}")
    _read_rule(value)
    return value


def _read_pairs(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in text.split(","):
        name, _, weight = part.rpartition("=")
        if name.strip() in pairs:
            raise ValueError(f"{name.strip()} is given twice")
        pairs[name.strip()] = weight
    return pairs


def _read_merge(value: object) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, Sequence) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"write NEW=a,b, or a list of those, not {value!r}")
    for text in texts:
        new, _, old = text.partition("=")
        if not new.strip() or not all(name.strip() for name in old.split(",")):
            raise ValueError(f"write NEW=a,b, not {text!r}")
    return tuple(texts)


def _read_switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"is true or false, not {value!r}")
    return value


def _read_count(value: object) -> int:
    number = _number(value, "is a whole number of instances, 0 for none", 0)
    if number % 1:
        raise ValueError(f"is a whole number of instances, not {value!r}")
    return int(number)


def _read_mask_loss(value: object) -> str:
    if value not in MASKS:
        raise ValueError(f"no such loss as {value!r}{_near(str(value), MASKS)}")
    return str(value)


def _number(value: object, says: str, least: float, most: float = math.inf) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not (least <= number <= most) or math.isinf(number):
        raise ValueError(says if value is None else f"{says}, not {value!r}")
    return number


_READERS: dict[str, Callable[[object], Any]] = {
    "weights": _read_weights,
    "positives": _read_switch,
    "repeat": lambda value: _number(value, "is a share of images from 0 to 1", 0, 1),
    "paste": _read_count,
    "merge": _read_merge,
    "mask_loss": _read_mask_loss,
    "focal": lambda value: _number(value, "is 0 for none, or a gamma from 1 on, such as 1.5", 0 if value == 0 else 1),
}
