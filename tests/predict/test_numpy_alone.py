import subprocess
import sys

SCRIPT = """
import sys

before = set(sys.modules)

class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED:
            raise ImportError(f"{name} is not to be imported here")

BLOCKED = {"cv2", "torch", "torchvision", "scipy", "pycocotools", "ultralytics", "rasterio", "shapely", "PIL", "yaml"}
sys.meta_path.insert(0, Wall())

import numpy as np
from seepseg.predict.decode import decode_segment, decode_semantic
from seepseg.predict.letterbox import frame_of, place

frame = frame_of(50, 20, 64)
assert place(np.zeros((20, 50, 3), np.uint8), frame).shape == (64, 64, 3)
output = np.zeros((37, 84), np.float32)
output[:6, 0] = 32, 32, 20, 20, 0.9, 1
assert len(decode_segment(output, np.ones((32, 16, 16), np.float32), frame, conf=0.25).detections) == 1
assert len(decode_semantic(np.ones((1, 8, 8), np.float32), frame, conf=0.25).detections) == 1
new = [sys.modules[name] for name in set(sys.modules) - before]
print({one.__name__.split(".")[0] for one in new if "site-packages" in str(getattr(one, "__file__", ""))})
"""


def test_letterbox_and_decoding_need_numpy_and_nothing_else():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "{'numpy'}"
