"""Ultralytics' trainers with our loss and choice of the best epoch, checkpoints that stay whole, and sentences."""

import errno
import math
import os
import shlex
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from seepseg import ultralytics_home
from seepseg.errors import OutputError, SeepsegError, UsageError
from seepseg.train import class_unions, losses, record
from seepseg.train.losses import Loss
from seepseg.train.machine import use_every_core

BEST = {
    "mask_map": "metrics/mAP50-95(M)",
    "mask_map50": "metrics/mAP50(M)",
    "miou": class_unions.KEY,
    "val_loss": None,
    "ultralytics": None,
}
"""Figures that can name the best epoch, with their columns. Ultralytics' own adds box mAP to mask mAP."""
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "cublas_status_alloc_failed", "cudnn_status_alloc_failed")
"""How libraries say it."""


def trainer_class(task: str, loss: Loss, *, best: str = "mask_map") -> type[Any]:
    """A trainer for YOLO(...).train(trainer=...).

    Task `semantic` has one figure beside val_loss: mean IoU, which `mask_map` stands for there too. The class is made
    here, not imported, so that Ultralytics' workers on several GPUs get it by value, with its loss.
    """
    ultralytics_home.prepare()
    from ultralytics.models.yolo.segment import SegmentationTrainer, SegmentationValidator
    from ultralytics.models.yolo.semantic import SemanticSegmentationTrainer

    check_best(best, task)
    losses.check_task(loss, task)
    stock: type[Any] = {"segment": SegmentationTrainer, "semantic": SemanticSegmentationTrainer}[task]
    counts_unions = task == "segment" and best == "miou"

    class Trainer(stock):  # type: ignore[misc]
        """Differs from Ultralytics' only in what the module's first line names."""

        loss_settings = loss
        best_by = best
        best_fitness: Any

        def train(self) -> Any:
            """Ultralytics' training, with a sentence where the user can help."""
            with record.leaving_word(self.save_dir):
                try:
                    return super().train()
                except (RuntimeError, OSError, MemoryError) as error:
                    sentence = explain(error, self.save_dir, self.args.batch, self.args.imgsz)
                    if sentence is None:
                        raise
                    raise sentence from error

        def set_class_weights(self) -> None:
            """Our vector as it is; without one, whatever cls_pw asks."""
            if loss.class_weights is None:
                super().set_class_weights()
            else:
                _set_class_weights(self, loss, task)

        def get_validator(self) -> Any:
            """Ultralytics' own, unless it must count mean IoU."""
            if not counts_unions:
                return super().get_validator()
            validator = class_unions.validator_class(SegmentationValidator)
            return validator(self.test_loader, save_dir=self.save_dir, args=copy(self.args), _callbacks=self.callbacks)

        def _setup_train(self) -> None:
            super()._setup_train()
            use_every_core(self.device.type)
            _change_criteria(self, loss)
            if counts_unions and self.metrics is not None:
                self.metrics[class_unions.KEY] = 0  # a column from the first row of results.csv on, validated or not

        def validate(self) -> tuple[Any, Any]:
            """Ultralytics' metrics, with the fitness that best.pt and early stopping go by."""
            before = self.best_fitness
            metrics, fitness = super().validate()
            if metrics is not None and best != "ultralytics":
                fitness = fitness_of(best, metrics, fitness)
                improved = before is None or math.isnan(before) or before < fitness
                self.best_fitness = fitness if improved else before
            return metrics, fitness

        def save_model(self) -> bool:
            """Ultralytics' own, so that a kill at any time leaves whole files."""
            with whole_files(self):
                return bool(super().save_model())

        def final_eval(self) -> None:
            """Ultralytics' own, which strips the checkpoints: whole at any time too."""
            with whole_strips():
                super().final_eval()

        def _handle_nan_recovery(self, epoch: int) -> bool:
            try:
                recovered = bool(super()._handle_nan_recovery(epoch))
            except RuntimeError as error:
                raise not_a_number(
                    f"in epoch {epoch + 1}, and returning to the last checkpoint did not help"
                ) from error
            if not recovered and epoch == self.start_epoch and not _is_finite(self.model):
                raise not_a_number(f"in epoch {epoch + 1}")
            return recovered

    return Trainer


def check_best(best: str, task: str) -> None:
    """Refuse a figure that there is none of."""
    if best not in BEST:
        raise UsageError(f"the best epoch can be chosen by {', '.join(BEST)}, not by {best!r}")
    if task == "semantic" and best == "mask_map50":
        raise UsageError("task semantic has no mask mAP; choose the best epoch by miou or val_loss")


def fitness_of(best: str, metrics: Mapping[str, float], stock: float) -> float:
    """The figure to be high; Ultralytics' where the task doesn't have the column."""
    if best == "val_loss":
        return -sum(value for key, value in metrics.items() if key.startswith("val/"))
    return float(metrics.get(BEST[best] or "", stock))


def _set_class_weights(trainer: Any, loss: Loss, task: str) -> None:
    import torch
    from ultralytics.utils.torch_utils import unwrap_model

    if trainer.args.cls_pw:
        raise UsageError(f"cls_pw={trainer.args.cls_pw:g} and class weights exclude each other; drop one of them")
    weights = losses.column_weights(loss, trainer.data, task)
    if weights is not None:
        model: Any = unwrap_model(trainer.model)
        getattr(model, "student_model", model).class_weights = torch.tensor(weights, device=trainer.device)


def _change_criteria(trainer: Any, loss: Loss) -> None:
    """On the model and on its average, so that training and validation loss mean the same."""
    from ultralytics.utils.torch_utils import unwrap_model

    if not loss.changes_criterion:
        return
    models: tuple[Any, ...] = (unwrap_model(trainer.model), trainer.ema.ema)
    for model in models:
        if getattr(model, "criterion", None) is None:
            model.criterion = model.init_criterion()
        losses.change_criterion(model.criterion, loss)


def _is_finite(model: Any) -> bool:
    return all(bool(tensor.isfinite().all()) for tensor in model.state_dict().values())


@contextmanager
def whole_files(trainer: Any) -> Iterator[None]:
    """Let the trainer write its checkpoints beside their places, then rename them, last.pt after the others.

    Ultralytics writes in place: a kill or a full disk would leave half a last.pt, and nothing to resume from. The
    criterion stays out meanwhile, whichever release of Ultralytics writes.
    """
    places = trainer.wdir, trainer.last, trainer.best
    average, part = trainer.ema.ema, trainer.save_dir / "weights.part"
    criterion = getattr(average, "criterion", None)
    shutil.rmtree(part, ignore_errors=True)
    trainer.wdir, trainer.last, trainer.best = part, part / trainer.last.name, part / trainer.best.name
    average.criterion = None
    try:
        yield
        places[0].mkdir(parents=True, exist_ok=True)
        for file in sorted(part.iterdir()):
            os.replace(file, places[0] / file.name)
    finally:
        trainer.wdir, trainer.last, trainer.best = places
        average.criterion = criterion
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def whole_strips() -> Iterator[None]:
    """Let Ultralytics' trainer write a stripped checkpoint beside its place, then rename it."""
    engine: Any = import_module("ultralytics.engine.trainer")
    stock = engine.strip_optimizer
    engine.strip_optimizer = partial(_strip, stock)
    try:
        yield
    finally:
        engine.strip_optimizer = stock


def _strip(stock: Any, file: Path, updates: dict[str, Any] | None = None) -> Any:
    part = Path(f"{file}.part")
    try:
        combined = stock(file, str(part), updates)
        if part.exists():
            os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)
    return combined


def not_a_number(when: str, slower: str = "optimizer=AdamW lr0=0.0005") -> UsageError:
    """What to change where weights or losses are no longer finite."""
    return UsageError(
        f"the loss became infinite or not a number {when}; lower the learning rate ({slower}) "
        "or train without mixed precision (amp=False)"
    )


def explain(error: BaseException, run: Path, batch: float, imgsz: int) -> SeepsegError | None:
    """A sentence for memory or a disk that ran out, None for anything else."""
    text = str(error).lower()
    if "shared memory" in text or "</torch_" in text:
        return UsageError(
            "the memory that loaders share is full (/dev/shm); give it more (docker run --shm-size=8g), or train with "
            "fewer of them: workers=0"
        )
    full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
    if full or "no space left" in text or "pytorchstreamwriter failed writing" in text:
        how = f", then run: seepseg train --resume {shlex.quote(str(run))}"
        resume = how if (run / "weights" / "last.pt").exists() else ""
        return OutputError(f"{run}: the disk is full; free some space{resume}")
    if isinstance(error, MemoryError) or any(words in text for words in OUT_OF_MEMORY):
        smaller = f"batch={int(batch) // 2} or a smaller imgsz" if batch >= 2 else "a smaller imgsz or a smaller model"
        return UsageError(f"batch={batch:g} at imgsz={imgsz} does not fit into memory; try {smaller}")
    return None
