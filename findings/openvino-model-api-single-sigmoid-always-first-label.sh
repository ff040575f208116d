#!/usr/bin/env bash
# openvino-model-api's ClassificationModel gives the first label and the score 1.0 for every picture when a model has one
# sigmoid output.
#
# Expected: a (1, 1) output is taken as a probability (of the last of two labels), or refused.
# Seen:     (openvino-model-api 0.4.7, openvino 2026.4.1, numpy 2.4.6) softmax is applied to the single value, which
#           makes it 1.0 whatever the model answers, and the index is always 0.
# Exit:     0 while this is so, 1 when it changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check openvino==2026.4.1 openvino-model-api==0.4.7 numpy==2.4.6
cd "$folder"
OPENVINO_TELEMETRY_OPT_OUT=1 venv/bin/python - <<'PYTHON'
import sys

import numpy as np
import openvino
from openvino import opset13 as ops

# Mean brightness through a sigmoid: a dark picture answers about 0.02, a bright one about 0.98.
picture = ops.parameter([1, 3, 32, 32], np.float32, name="picture")
mean = ops.reshape(ops.reduce_mean(picture, np.array([1, 2, 3]), keep_dims=False), np.array([1, 1]), False)
logit = ops.multiply(ops.subtract(mean, np.float32(127.5)), np.float32(0.0314))
model = openvino.Model([ops.sigmoid(logit)], [picture], "lone sigmoid")
model.outputs[0].get_tensor().set_names({"probability"})
model.inputs[0].get_tensor().set_names({"picture"})
for key, value in {"model_type": "Classification", "labels": "healthy sick"}.items():
    model.set_rt_info(value, ["model_info", key])
openvino.save_model(model, "model.xml", compress_to_fp16=False)

from model_api.models import ClassificationModel

classify = ClassificationModel.create_model("model.xml", device="CPU")
dark, bright = (np.full((32, 32, 3), value, np.uint8) for value in (0, 255))
plain = openvino.Core().compile_model("model.xml", "CPU")
answers = [float(plain(p.transpose(2, 0, 1)[None].astype(np.float32))[0][0, 0]) for p in (dark, bright)]
top = [classify(p).top_labels[0] for p in (dark, bright)]
told = [(int(each.id), round(float(each.confidence), 4)) for each in top]
print("the model itself:", [round(a, 3) for a in answers])
print("top label and confidence of dark and bright:", told)
same = told[0] == told[1] == (0, 1.0)
sys.exit(0 if same and answers[0] < 0.1 and answers[1] > 0.9 else 1)
PYTHON
