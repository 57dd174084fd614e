"""Frames encoded before they are due, beside a dictionary of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voxlab.media.ahead import Ahead


@given(st.lists(st.tuples(st.sampled_from(["add", "forget", "take", "clear"]), st.integers(0, 7), st.integers(0, 5))))
def test_frames_encoded_ahead_come_out_in_their_order(commands: list[tuple[str, int, int]]) -> None:
    ahead, model, made = Ahead(), dict[int, int](), 0
    for what, number, count in commands:
        frame = ahead.first + number
        if what == "add":
            start = ahead.end
            ahead.add(np.arange(made, made + count).astype(np.uint8).reshape(count, 1))
            model |= {start + k: (made + k) & 0xFF for k in range(count)}
            made = (made + count) & 0xFF
        elif what == "clear":
            ahead.clear(frame)
            model.clear()
        else:
            if what == "take":
                wanted = [model[k] for k in range(frame, frame + count) if k in model]
                assert ahead.take(frame, count).reshape(-1).tolist() == wanted
                frame += len(wanted)
            else:
                ahead.forget(frame)
            model = {k: value for k, value in model.items() if k >= frame}
            assert ahead.first == frame
        assert ahead.sound.tolist() == [model[k] for k in sorted(model)]
