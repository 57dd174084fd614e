"""Ratios against software that people really use, measured beside it in the same run; nothing here asserts on seconds.

The programs of others are started by the same harness as in `tests/peers`, whose folder is put on the path for it.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
