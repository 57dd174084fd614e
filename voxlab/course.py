"""The course's two words, where its notebooks look for them: ``from voxlab.course import predict, check``."""

from __future__ import annotations

from voxlab.notebook.course import check, predict

__all__ = ["check", "predict"]
