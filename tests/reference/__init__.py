"""Naive twins: the same answers, slowly and plainly, written from the texts and not from the kernels."""
