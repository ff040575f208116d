"""Olive: its pass OnnxStaticQuantization alone, with calibration images and nothing else given."""

import os
import shutil
from pathlib import Path

os.environ["OLIVE_DISABLE_TELEMETRY"] = "1"

import numpy as np
import olive
from contract import Refused, Task, answer
from olive.data.component.dataset import BaseDataset
from olive.data.registry import Registry


class Images(BaseDataset):
    def __init__(self, path: str) -> None:
        self.tensors = np.load(path, mmap_mode="r")

    def __len__(self) -> int:
        return len(self.tensors)

    def __getitem__(self, index: int):
        return {"image": np.array(self.tensors[index])}, 0


@Registry.register_dataset("peer_images")
def images(path: str, **_: object) -> Images:
    return Images(path)


def make(task: Task) -> str:
    folder = Path(task.out).parent / "olive"
    olive.run(
        {
            "input_model": {"type": "ONNXModel", "model_path": task.onnx},
            "data_configs": [
                {
                    "name": "calibration",
                    "load_dataset_config": {"type": "peer_images", "params": {"path": task.calibration}},
                    "dataloader_config": {"params": {"batch_size": 1}},
                }
            ],
            "passes": {"static": {"type": "OnnxStaticQuantization", "data_config": "calibration"}},
            "output_dir": str(folder),
            "cache_dir": str(folder / "cache"),
        }
    )
    found = [path for path in folder.rglob("*.onnx") if "cache" not in path.relative_to(folder).parts]
    if not found:
        raise Refused("the workflow ended without an ONNX file")
    shutil.copyfile(found[0], task.out)
    return "pass OnnxStaticQuantization, everything else its default"


answer(make)
