import json
import os
import subprocess
import sys

import numpy as np
import pytest

from predict.conftest import picture

SCRIPT = """
import sys, importlib.abc, json

ALLOWED = set(sys.stdlib_module_names) | {"seepseg", "numpy", "typing_extensions"} | ENGINE

class Wall(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in ALLOWED:
            raise ModuleNotFoundError(f"No module named {name!r}: it is not to be imported here", name=name)

deeds = []

def watch(event, args):
    if event.startswith(("socket.", "tempfile.", "os.mkdir", "os.rename", "subprocess.", "os.system")):
        deeds.append(f"{event}{args}")
    elif event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        deeds.append(f"{event}{args}")

import numpy as np

sys.meta_path.insert(0, Wall())
import PACKAGE
import warnings
warnings.simplefilter("error")
sys.addaudithook(watch)

from seepseg.edge.answer import answer_as_json
from seepseg.edge.runtime import load_bundle

model = load_bundle(sys.argv[1], engine=sys.argv[2], threads=1)
print(json.dumps([deeds, answer_as_json("tile", model.answer(np.load(sys.argv[3])))]))
"""
ENGINES = {
    "torchscript": ("torch", {"torch", "torchgen"}),
    "onnx": ("onnxruntime", {"onnxruntime"}),
    "openvino": ("openvino", {"openvino"}),
}


def run_walled(bundle, engine, tmp_path):
    """In a process that can import one engine and numpy alone and has no home folder."""
    package, allowed = ENGINES[engine]
    np.save(tmp_path / "tile.npy", picture(48, 80))
    script = SCRIPT.replace("ENGINE", repr(allowed)).replace("PACKAGE", package)
    command = [sys.executable, "-B", "-c", script, str(bundle), engine, str(tmp_path / "tile.npy")]
    bare = {key: value for key, value in os.environ.items() if key in ("PATH", "LD_LIBRARY_PATH")}
    bare |= {"HOME": "/nonexistent", "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=bare, cwd=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_bundle_runs_on_numpy_and_its_engine(edge_bundle, engine, tmp_path):
    done = run_walled(edge_bundle, engine, tmp_path)
    assert done.returncode == 0, done.stderr
    deeds, answer = json.loads(done.stdout)
    assert deeds == []
    assert answer["instances"]
    assert not done.stderr


def test_the_wall_holds():
    script = SCRIPT.replace("ENGINE", "set()").replace("PACKAGE", "json").partition("from seepseg.edge.answer")[0]
    script += """
for package in ("cv2", "ultralytics", "torchvision", "scipy", "PIL", "rasterio", "yaml", "pycocotools", "torch"):
    try:
        __import__(package)
    except ImportError:
        continue
    sys.exit(package)
"""
    assert subprocess.run([sys.executable, "-B", "-c", script], check=False).returncode == 0


def test_the_runtime_loads_no_package_but_numpy():
    script = (
        "import sys, numpy; before = set(sys.modules)\n"
        "import seepseg.edge.runtime, seepseg.edge.images, seepseg.edge.__main__\n"
        "new = [sys.modules[name] for name in set(sys.modules) - before]\n"
        "print({one.__name__.split('.')[0] for one in new if 'site-packages' in str(getattr(one, '__file__', ''))})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("set()", "{'numpy'}")
