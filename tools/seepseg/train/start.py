"""Where a training starts: weights at a path, Ultralytics' by name, the reference model, or nothing if asked for."""

import json
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

import seepseg
from seepseg import ultralytics_home
from seepseg.errors import SourceError, UsageError
from seepseg.sources.download import Link, Patience, checksum, fetch
from seepseg.sources.web import Dropped, open_link

SCRATCH = "scratch"
ARCHITECTURES = {"segment": "yolov8n-seg.yaml", "semantic": "yolo26n-sem.yaml"}
"""What is built where nothing else is named."""
ENDINGS = {"segment": "-seg.pt", "semantic": "-sem.pt"}
"""Of the weights that Ultralytics publishes."""
REFERENCES = {
    "segment": Path("runs", "sos", "weights", "best.pt"),
    "semantic": Path("runs", "sos-semantic", "weights", "best.pt"),
}
FILES = "https://github.com/ultralytics/assets/releases/download"
RELEASES = "https://api.github.com/repos/ultralytics/assets/releases/tags"
"""Lists the sha256 of each file of a release."""
RELEASE = "v8.4.0"
ANSWER_LIMIT = 20_000_000
QUICK = Patience(timeout_s=10, tries=2)
CHOICES = (
    "name weights with --weights FILE.pt (or a run folder), take Ultralytics' with --weights yolov8n-seg.pt (for "
    "task=semantic yolo26n-sem.pt) where there is a network, or start from random weights with --weights scratch"
)


@dataclass(frozen=True, slots=True)
class Start:
    """What a training starts from."""

    model: str
    """What Ultralytics opens: a .pt with its weights, or an architecture."""
    sentence: str
    origin: str
    """path, download, reference or scratch."""
    weights: Path | None = None
    """None for random weights."""
    sha256: str | None = None

    @property
    def pretrained(self) -> str | None:
        """Weights to carry over into an architecture that is named apart from them."""
        return str(self.weights) if self.weights and not self.model.endswith(".pt") else None

    def as_json(self) -> dict[str, Any]:
        """For the record of the run; no folder of this machine."""
        return {
            "from": self.origin,
            "model": Path(self.model).name,
            "weights": self.weights.name if self.weights else None,
            "sha256": self.sha256,
        }


def choose_start(
    weights: str | None, *, model: str | None = None, wish: str | None = None, task: str, sha256: str | None = None
) -> Start:
    """`weights` and `model` are what the user named, `wish` is the model of a preset: if it cannot be had, the
    reference model stands in for it, and if it is for the other task, what Ultralytics publishes for this one."""
    if weights is None and model is not None:
        weights, model = (SCRATCH, model) if _is_architecture(model) else (model, None)
    if weights == SCRATCH or (weights and _is_architecture(weights)):
        if sha256:
            raise UsageError("--weights-sha256 says what weights must be, and this training starts from none; drop it")
        return _scratch(model or (weights if weights != SCRATCH else None) or _architecture_of(wish), task)
    if model is not None and not _is_architecture(model):
        raise UsageError(f"model={model} and --weights {weights} both name weights; give one")
    if weights is not None:
        try:
            start = _named(weights, sha256)
        except SourceError as error:
            raise SourceError(f"{error}; {CHOICES}") from None
        architecture = _check_architecture(model) if model else start.model
        return replace(start, model=architecture)
    return _wished(wish, task, sha256)


def _wished(wish: str | None, task: str, sha256: str | None) -> Start:
    missed, published = "", published_weights()
    if f"{wish}.pt" in published:
        wish = f"{wish}.pt"
    if wish in published and not wish.endswith(ENDINGS[task]):
        wish = Path(ARCHITECTURES[task]).with_suffix(".pt").name
    if wish is not None and not _is_architecture(wish):
        try:
            # A file that lies here under a published name was not named by the user: a checksum must vouch for it.
            return _published(wish, None) if wish in published and not sha256 else _named(wish, sha256)
        except SourceError as error:
            missed = f" (the preset's {error})"
    reference = _reference(task)
    if reference is None:
        raise UsageError(f"no weights to start from{missed}; {CHOICES}")
    sha = verified(reference, sha256)
    said = f"starting from the reference model {REFERENCES[task]}{missed}"
    return Start(str(reference), said, "reference", reference, sha)


def _scratch(architecture: str | None, task: str) -> Start:
    name = _check_architecture(architecture or ARCHITECTURES[task])
    return Start(name, f"starting from random weights, as asked, in the architecture {Path(name).name}", SCRATCH)


def _named(weights: str, sha256: str | None) -> Start:
    path = Path(weights)
    if path.is_dir():
        path = path / "weights" / "best.pt" if (path / "weights").is_dir() else path / "best.pt"
    if path.is_file():
        sha = verified(path, sha256)
        return Start(str(path.resolve()), f"starting from the weights {path}", "path", path.resolve(), sha)
    name = weights if Path(weights).suffix else weights + ".pt"
    published = published_weights()
    if name in published:
        return _published(name, sha256)
    close = get_close_matches(name, sorted(published), n=2)
    guess = f"; did you mean {' or '.join(close)}?" if close else ""
    raise UsageError(f"--weights {weights}: no such file, and none that Ultralytics publishes{guess}; {CHOICES}")


def _published(name: str, sha256: str | None) -> Start:
    """In the working directory, where Ultralytics would put it and find it again."""
    is_here = Path(name).is_file()
    try:
        expected = sha256 or published_sha256(name)
        file = fetch(Link(f"{FILES}/{RELEASE}/{name}", sha256=expected), Path(), patience=QUICK)
    except SourceError as error:
        if is_here:
            raise SourceError(
                f"{name} lies here, but nothing vouches for it: {error}; name it with --weights if you trust it"
            ) from None
        raise SourceError(f"{name} cannot be downloaded: {error}") from None
    how = "found here with the checksum of" if is_here else "downloaded from"
    said = f"starting from Ultralytics' {name}, {how} its release {RELEASE} (sha256 {expected})"
    return Start(str(file.resolve()), said, "path" if is_here else "download", file.resolve(), expected)


def published_sha256(name: str) -> str:
    """What GitHub says that the file is: a .pt is a program, so one that nothing vouches for is not run."""
    try:
        with open_link(f"{RELEASES}/{RELEASE}", {}, verified=False, timeout=QUICK.timeout_s) as answer:
            release = json.loads(answer.read(ANSWER_LIMIT))
        digests = {asset["name"]: asset.get("digest") or "" for asset in release["assets"]}
    except Dropped as error:
        raise SourceError(f"its checksum is not to be had: {error}") from None
    except (ValueError, KeyError, TypeError):
        raise SourceError("its checksum is not to be had: GitHub's answer is not a release") from None
    kind, _, digest = digests.get(name, "").partition(":")
    if kind != "sha256":
        raise SourceError("GitHub publishes no checksum for it; say what it must be with --weights-sha256")
    return str(digest)


def published_weights() -> frozenset[str]:
    """The files that Ultralytics offers for the tasks that we train."""
    ultralytics_home.prepare()
    from ultralytics.utils.downloads import GITHUB_ASSETS_NAMES

    return frozenset(name for name in GITHUB_ASSETS_NAMES if name.endswith(tuple(ENDINGS.values())))


def verified(path: Path, sha256: str | None) -> str:
    """The sha256 of a file, which must be what the user says."""
    found = checksum(path, "sha256")
    if sha256 and found != sha256.lower():
        raise UsageError(f"{path}: sha256 is {found}, not {sha256.lower()} as --weights-sha256 says; another file?")
    return found


def _reference(task: str) -> Path | None:
    """Of the repository that this package is installed from, or of the working directory."""
    file = REFERENCES[task]
    roots = (Path(seepseg.__file__).resolve().parents[2], Path.cwd())
    return next((root / file for root in roots if (root / file).is_file()), None)


def _is_architecture(name: str) -> bool:
    return name.endswith((".yaml", ".yml"))


def _architecture_of(weights: str | None) -> str | None:
    """yolov8s-seg.pt → yolov8s-seg.yaml."""
    if weights is None or _is_architecture(weights):
        return weights
    return Path(weights).with_suffix(".yaml").name if weights in published_weights() else None


def _check_architecture(name: str) -> str:
    ultralytics_home.prepare()
    tasks: Any = import_module("ultralytics.nn.tasks")
    try:
        architecture = tasks.yaml_model_load(name)
    except FileNotFoundError:
        raise UsageError(
            f"{name}: no such architecture; Ultralytics has yolov8n-seg.yaml, yolo11n-seg.yaml, yolo26n-seg.yaml and "
            "yolo26n-sem.yaml, each also as s, m, l and x, or give a path to a YAML of your own"
        ) from None
    if "backbone" not in architecture or "head" not in architecture:
        raise UsageError(f"{name}: is no architecture of Ultralytics, which has a backbone and a head")
    return name
