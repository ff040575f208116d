#!/usr/bin/env bash
# tifffile writes 10, 12 and 14 bits a sample wrongly in big-endian files, without an error.
#
# Expected: what `imwrite` writes, `imread` gives back, in either byte order.
# Seen:     (tifffile 2026.3.3, imagecodecs 2026.3.6, numpy 2.4.6) with `byteorder="<"` the picture comes back; with
#           `byteorder=">"` most values come back changed.
# Exit:     0 while this is so, 1 when it changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check tifffile==2026.3.3 imagecodecs==2026.3.6 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import sys

import numpy as np
import tifffile

seen = {}
for bits in (10, 12, 14):
    picture = (np.arange(24 * 32).reshape(24, 32) * 37 % 2**bits).astype(np.uint16)
    for order in "<>":
        name = f"{bits}{'le' if order == '<' else 'be'}.tif"
        tifffile.imwrite(name, picture, bitspersample=bits, byteorder=order, photometric="minisblack")
        seen[bits, order] = float((tifffile.imread(name) != picture).mean())
        print(f"{bits} bits, byteorder {order}: {seen[bits, order]:.0%} of values changed")
sys.exit(0 if all((share > 0.5) == (order == ">") and (order == ">" or share == 0) for (_, order), share in seen.items()) else 1)
PYTHON
