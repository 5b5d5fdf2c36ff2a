"""Ultralytics' own settings, from a preset and from key=value: each key and value is checked before anything runs."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from seepseg import ultralytics_home
from seepseg.errors import UsageError, listing
from seepseg.repeated_keys import find_repeated

OURS = {
    "data": "the dataset is the first argument, DATA.yaml",
    "project": "use --project DIR",
    "name": "use --name RUN",
    "save_dir": "use --project DIR and --name RUN",
    "exist_ok": "a run is never overwritten; use --name RUN",
    "resume": "use --resume RUN",
    "cfg": "use --config FILE",
    "pretrained": "use --weights MODEL, or --weights scratch",
    "mode": "this command trains",
}
"""Keys of Ultralytics that are decided elsewhere, and where."""
FLAGS = ("weights", "class_weights", "positives", "repeat", "paste", "merge", "mask_loss", "focal", "best", "stages")
"""Flags of ours that somebody may write as key=value."""
OPTIMIZERS = ("auto", "SGD", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "MuSGD")
TASKS = ("segment", "semantic")
BESIDES = ("augmentations",)
"""What Ultralytics takes though its default configuration does not list it."""


def read_preset(file: Path) -> dict[str, Any]:
    """A flat YAML of Ultralytics' keys; whatever is wrong with it in one error, by line."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        values, lines, repeated = yaml.safe_load(text), _lines(text), find_repeated(text)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: not readable: {getattr(error, 'strerror', None) or error}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{file}: not readable as YAML: {error}") from None
    if not isinstance(values, dict):
        raise UsageError(f"{file}: must hold settings of Ultralytics, such as epochs: 100")
    problems = [f"{file}:{line}: {fault}" for line, fault in repeated]
    problems += [f"{file}:{lines.get(str(key), 1)}: {fault}" for key, fault in faults(values)]
    if problems:
        raise UsageError(listing(problems))
    return {str(key): value for key, value in values.items()}


def read_pairs(words: Sequence[str]) -> dict[str, Any]:
    """Trailing key=value, read as Ultralytics' own command line reads them; every fault in one error."""
    values: dict[str, Any] = {}
    problems = []
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key.strip() or not text.strip():
            problems.append(f"{word}: settings are key=value, without blanks, such as epochs=50")
        elif key.strip() in values:
            problems.append(f"{word}: {key.strip()} is given twice")
        else:
            values[key.strip()] = _value(text.strip())
    problems += [f"{key}={values[key]}: {fault}" for key, fault in faults(values)]
    if problems:
        raise UsageError(listing(problems))
    return values


def faults(values: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """Each key that is not Ultralytics', is decided elsewhere, or has a value that Ultralytics would refuse."""
    known = defaults()
    for key, value in values.items():
        if key in OURS:
            yield str(key), OURS[key]
        elif key not in known and key not in BESIDES:
            yield str(key), f"Ultralytics has no such setting{_guess(str(key), known)}"
        elif fault := _refusal(str(key), value):
            yield str(key), fault


def defaults() -> dict[str, Any]:
    """Ultralytics' settings as they are when nobody says otherwise."""
    ultralytics_home.prepare()
    from ultralytics.utils import DEFAULT_CFG_DICT

    return dict(DEFAULT_CFG_DICT)


def _guess(key: str, known: Mapping[str, Any]) -> str:
    ours = [flag for flag in FLAGS if get_close_matches(key.replace("-", "_"), [flag], cutoff=0.8)]
    close = get_close_matches(key, [name for name in known if name not in OURS], n=3)
    words = [f"--{flag.replace('_', '-')}" for flag in ours] + close
    return f"; did you mean {' or '.join(words)}?" if words else "; see https://docs.ultralytics.com/usage/cfg"


def _refusal(key: str, value: Any) -> str | None:
    from ultralytics.cfg import check_cfg

    if key == "task" and value not in TASKS:
        return f"the tasks are {' and '.join(TASKS)}"
    if key == "augmentations" and not (isinstance(value, list) and all(isinstance(one, dict) for one in value)):
        return "must be a list of transforms as Albumentations writes them"
    if key == "optimizer" and str(value).lower() not in map(str.lower, OPTIMIZERS):
        return f"the optimizers are {', '.join(OPTIMIZERS)}"
    if key == "imgsz" and (type(value) is not int or value < 32):
        return "training takes one whole number of pixels, 32 or more"
    if key == "batch" and (isinstance(value, bool) or not isinstance(value, int | float) or not _is_batch(value)):
        return "give a whole number of images, -1 to fit the GPU, or a share of its memory between 0 and 1"
    try:
        check_cfg({key: value})
    except (TypeError, ValueError) as error:
        return " ".join(str(error).split())
    return None


def _is_batch(value: float) -> bool:
    return value == -1 or 0 < value < 1 or (value >= 1 and value == int(value))


def _value(text: str) -> Any:
    from ultralytics.cfg import smart_value

    return smart_value(text)


def _lines(text: str) -> dict[str, int]:
    """The line of each key at the top level."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return {str(key.value): key.start_mark.line + 1 for key, _ in pairs}
