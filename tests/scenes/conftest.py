"""The small networks of the tests of prediction."""

from predict.conftest import weights

__all__ = ["weights"]
