"""The small networks of the tests of prediction."""

from predict.conftest import torch, weights

__all__ = ["torch", "weights"]
