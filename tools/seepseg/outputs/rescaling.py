"""16-bit and float values for a model that was trained on 8-bit images: by a rule that is asked for."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from seepseg import survey
from seepseg.errors import UsageError
from seepseg.outputs.listing import Entry
from seepseg.predict.engine import Model
from seepseg.predict.model_input import ModelInput
from seepseg.scale_choice import choose_rule
from seepseg.values import Item

UNKNOWN = "whether the 8-bit images that the model was trained on were made in this way is not known"


def has_rule(model: Model) -> bool:
    """Whether the model has the rule of its training, which others do not fit."""
    return model.input.rule is not None and model.input.rule.kind != "none"


def wants_rule(model: Model, image: Path) -> bool:
    """Whether the model can be shown this file only by a rule that somebody else names."""
    header = None if has_rule(model) else survey.read_header(image)
    return header is not None and header.content in ("integer", "float")


def with_rule(model: Model, entries: Sequence[Entry], scale: str) -> tuple[Model, tuple[str, ...]]:
    """The model with one rule for all these files, where any of them needs one, and what the user should know."""
    if has_rule(model):
        raise UsageError(
            f"--scale {scale}: {model.path} has the rule of its training, which others do not fit; leave it out"
        )
    rule, notes = choose_rule([Item(entry.path, entry.stem) for entry in entries], scale=scale, bands=None)
    if rule is None:
        return model, notes
    return with_input(model, replace(model.input, rule=rule)), (*notes, UNKNOWN)


def with_input(model: Model, model_input: ModelInput) -> Model:
    """The same model for whoever holds this one; others may use it meanwhile."""
    return cast("Model", _WithInput(model, model_input))


class _WithInput:
    """Passes everything else on to a model."""

    def __init__(self, model: Model, model_input: ModelInput) -> None:
        self._model, self.input = model, model_input

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)
