"""Quantile tables are the same on every processor, for what is made of a trace can hang on their last bit."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np

from voxlab.kernels.chance import gamma_table, normal_table, pareto_table, settled

PROGRAM = """
import hashlib
from voxlab.kernels.chance import gamma_table, normal_table, pareto_table
tables = [gamma_table(shape, 1.0) for shape in (0.3, 1.0, 2.0, 8.0)]
tables += [pareto_table(1.0, shape) for shape in (1.1, 2.0, 5.0)] + [normal_table(0.0, 1.0)]
print(hashlib.sha256(b"".join(table.tobytes() for table in tables)).hexdigest())
"""


def test_tables_hold_22_bits_and_nothing_finer_than_2_to_the_minus_34() -> None:
    values = np.array([0.0, 1 / 3, -1 / 3, 1e-9, 12345.678])
    rounded = settled(values)
    assert np.all(np.abs(rounded - values) <= np.maximum(np.abs(values) * 2.0**-22, 2.0**-35))
    for table in (gamma_table(2.0, 1.0), pareto_table(1.0, 2.0), normal_table(0.0, 1.0)):
        mantissa, exponent = np.frexp(table)
        bits = np.minimum(22, 34 + exponent)
        assert np.array_equal(mantissa * 2.0**bits, np.rint(mantissa * 2.0**bits))


def test_tables_do_not_depend_on_the_vector_instructions_that_are_there() -> None:
    def digest(**environment: str) -> str:
        run = [sys.executable, "-W", "ignore", "-c", PROGRAM]
        return subprocess.run(run, env=os.environ | environment, capture_output=True, text=True, check=True).stdout

    assert digest() == digest(NPY_DISABLE_CPU_FEATURES="X86_V4 X86_V3 AVX512F AVX2 FMA3 ASIMD SVE")
