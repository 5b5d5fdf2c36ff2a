"""What every test relies on."""

import os
import signal
from typing import Any

import pytest
from hypothesis import settings

# A shell that starts the tests in the background has them, and all they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Networks this small gain nothing from a second thread, and threads of tests side by side wait for each other.
os.environ["OMP_NUM_THREADS"] = "1"

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def torch() -> Any:
    """PyTorch, with Ultralytics kept from the network and the user's home."""
    from seepseg import ultralytics_home

    ultralytics_home.prepare()
    import torch

    return torch
