#!/usr/bin/env bash
# Pillow's resize(box=...) with an antialiased filter reads pixels outside of the box.
#
# Expected: the same as crop(box) and then resize, as the box is "the region to be resized".
# Seen:     (pillow 13.0.0, numpy 2.4.6) a black region beside a white one comes out grey at its edge: 31 of 255 in the
#           first column; crop and then resize gives 0.
# Exit:     0 while this is so, 1 when it changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check pillow==13.0.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from PIL import Image

values = np.zeros((10, 30), np.uint8)
values[:, :10] = 255
picture, box = Image.fromarray(values), (10, 0, 20, 10)
by_box = np.asarray(picture.resize((4, 4), Image.Resampling.BILINEAR, box=box))
by_crop = np.asarray(picture.crop(box).resize((4, 4), Image.Resampling.BILINEAR))
print("first row with box:", by_box[0], " with crop:", by_crop[0])
sys.exit(0 if by_box[0, 0] > 20 and not by_crop.any() else 1)
PYTHON
