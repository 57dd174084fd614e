from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.reference import g711 as naive
from voxlab.kernels import g711

EVERY_SAMPLE = np.arange(65536, dtype=np.uint16).view(np.int16)
EVERY_CODE = np.arange(256, dtype=np.uint8)
LAWS = [(g711.encode_ulaw, g711.decode_ulaw, naive.ulaw), (g711.encode_alaw, g711.decode_alaw, naive.alaw)]
AUDIOOP_IS_WRONG_ON = {-100, -4, -1}
"""Of the samples listed there: the stdlib shifts a negative value before taking its magnitude (wrong on 508 in all)."""


@pytest.fixture(scope="module")
def vectors(shared: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((shared / "corpora/media/g711.json").read_text())
    return loaded


def test_decoding_equals_the_published_tables(bodies: str, vectors: dict[str, Any]) -> None:
    tables = vectors["decode_tables"]
    ulaw = np.array(tables["_st_ulaw2linear16"])
    ulaw[[0x7F, 0xFF]] = 0  # the table gives the two zeros as -2 and 2; the Recommendation as 0
    np.testing.assert_array_equal(g711.decode_ulaw(EVERY_CODE), ulaw)
    np.testing.assert_array_equal(g711.decode_alaw(EVERY_CODE), tables["_st_alaw2linear16"])


def test_encoding_equals_the_published_samples(bodies: str, vectors: dict[str, Any]) -> None:
    samples = vectors["encode_samples_cpython_audioop"]
    ulaw = {int(k): v for k, v in samples["ulaw_of_linear"].items() if int(k) not in AUDIOOP_IS_WRONG_ON}
    alaw = {int(k): v for k, v in samples["alaw_of_linear"].items()}
    assert len(ulaw) >= 14
    assert g711.encode_ulaw(np.array(list(ulaw), dtype=np.int16)).tolist() == list(ulaw.values())
    assert g711.encode_alaw(np.array(list(alaw), dtype=np.int16)).tolist() == list(alaw.values())


@pytest.mark.parametrize(("encode", "decode", "reference"), LAWS, ids=["ulaw", "alaw"])
def test_all_inputs_encode_as_the_reference_code_does(bodies: str, encode: Any, decode: Any, reference: Any) -> None:
    step = 7 if bodies == "body" else 1
    samples = np.ascontiguousarray(EVERY_SAMPLE[::step])
    assert encode(samples).tolist() == [reference(each) for each in samples.tolist()]


@pytest.mark.parametrize(("encode", "decode", "reference"), LAWS, ids=["ulaw", "alaw"])
def test_the_curve_rises_is_symmetric_and_stays_within_a_step(encode: Any, decode: Any, reference: Any) -> None:
    samples = np.sort(EVERY_SAMPLE)
    values = decode(encode(samples)).astype(np.int64)
    assert (np.diff(values) >= 0).all()
    np.testing.assert_array_equal(encode(~samples), encode(samples) ^ 0x80)
    inside = np.abs(samples.astype(np.int64)) < 32124
    step = np.maximum(16, np.abs(values) >> 4)
    assert (np.abs(values - samples) <= step)[inside].all()


@pytest.mark.parametrize(("encode", "decode", "reference"), LAWS, ids=["ulaw", "alaw"])
def test_a_code_survives_decoding_and_encoding(bodies: str, encode: Any, decode: Any, reference: Any) -> None:
    again = encode(decode(EVERY_CODE))
    np.testing.assert_array_equal(decode(again), decode(EVERY_CODE))


def test_shapes_are_kept_and_views_and_read_only_arrays_are_taken(bodies: str) -> None:
    matrix = EVERY_SAMPLE[: 64 * 40].reshape(64, 40)[:, ::2]
    matrix.flags.writeable = False
    encoded = g711.encode_ulaw(matrix)
    assert encoded.shape == (64, 20)
    assert encoded[3, 5] == naive.ulaw(int(matrix[3, 5]))
    assert g711.decode_alaw(np.frombuffer(b"\xd5\x55", dtype=np.uint8)).tolist() == [8, -8]
    assert g711.encode_alaw(np.zeros(0, dtype=np.int16)).shape == (0,)


def test_silence_has_the_documented_code() -> None:
    zero = np.zeros(1, dtype=np.int16)
    assert g711.encode_ulaw(zero)[0] == g711.ULAW_SILENCE
    assert g711.encode_alaw(zero)[0] == g711.ALAW_SILENCE


@pytest.mark.parametrize(("convert", "dtype"), [(g711.encode_ulaw, np.int32), (g711.decode_alaw, np.int8)])
def test_another_dtype_is_refused_with_its_name(convert: Any, dtype: Any) -> None:
    with pytest.raises(TypeError, match=np.dtype(dtype).name):
        convert(np.zeros(4, dtype=dtype))
