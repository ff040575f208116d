"""Workers of Dask are started with a trim threshold that has each large array mapped anew."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import resource
import numpy as np
from edgeall.cluster.allocator import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(100):
        np.ones(1 << 20, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(faults(), keep_freed_memory(), faults())
"""


def test_freed_memory_is_used_again() -> None:
    variables = {**os.environ, "MALLOC_TRIM_THRESHOLD_": "65536"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=variables, capture_output=True, text=True, check=True
    )
    before, told, after = done.stdout.split()
    if told == "False":
        pytest.skip("this C library has no mallopt")
    assert int(before) > 100 * 100  # of 256 pages an array
    assert int(after) < 100 * 10
