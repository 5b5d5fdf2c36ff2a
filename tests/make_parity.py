"""What an export is told where a model answers otherwise."""

from seepseg.edge.parity import Parity, Spread


def differing_parity(precision: str = "fp32") -> Parity:
    apart = Spread(0.1, 0.01)
    return Parity("torchscript", "edge", precision, 1, 9, 2, 1, Spread(0.5, 0.1), 0.1, apart, apart, 0.9, 1.0)
