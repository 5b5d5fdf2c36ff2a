"""Whether a bundle and the model in it say the same of themselves."""

from pathlib import Path

from seepseg.edge.bundle import Bundle
from seepseg.errors import UsageError
from seepseg.predict.network import Network


def check_agreement(bundle: Bundle, file: Path, network: Network) -> None:
    """`file` is for the sentence alone."""
    for what in ("names", "task", "background", "stride"):
        own, said = getattr(network, what), getattr(bundle, what)
        if own != said:
            raise UsageError(
                f"{file}: disagrees with the bundle on {what}, {own} against {said}; "
                "copy the bundle again, or export it again"
            )
    if network.fixed_imgsz not in (None, bundle.imgsz):
        raise UsageError(
            f"{file}: takes images of {network.fixed_imgsz}, but the bundle says {bundle.imgsz}; export the model again"
        )
