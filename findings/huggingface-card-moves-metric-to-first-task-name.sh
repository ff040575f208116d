#!/usr/bin/env bash
# huggingface_hub moves a metric to another task name when a model card is read and written unchanged.
#
# Expected: the two results of a card's model-index, one model on two devices (one task type and data set, two task
#           names), are the same two after ModelCard has read and written the card; or an error says that they cannot be.
# Seen:     (huggingface_hub 2.4.0) one result with the first task's name and both metrics, so that the second device's
#           accuracy stands under the first. With another task type the two stay apart.
# Exit:     0 while this is so, 1 when it changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check huggingface_hub==2.4.0 pyyaml==6.0.3
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import huggingface_hub
import yaml
from huggingface_hub import ModelCard

CARD = """---
model-index:
- name: cells
  results:
  - task: {type: image-classification, name: on device A}
    dataset: {type: cells, name: Cells, split: test}
    metrics:
    - {type: accuracy, value: 0.9}
  - task: {type: image-classification, name: on device B}
    dataset: {type: cells, name: Cells, split: test}
    metrics:
    - {type: accuracy, value: 0.7}
---
# Cells
"""


def read(card):
    index = yaml.safe_load(card.split("---")[1])["model-index"]
    return [(r["task"]["name"], [m["value"] for m in r["metrics"]]) for r in index[0]["results"]]


before, after = read(CARD), read(str(ModelCard(CARD)))
print("huggingface_hub", huggingface_hub.__version__)
print("as written: ", before)
print("saved again:", after)
apart = read(str(ModelCard(CARD.replace("{type: image-classification, name: on device B}", "{type: other, name: on device B}"))))
print("other type: ", apart)
as_seen = after == [("on device A", [0.9, 0.7])] and apart == before
print("as seen" if as_seen else "CHANGED")
sys.exit(not as_seen)
PYTHON
