"""SRTP and its key derivation as RFC 3711 writes them, a packet at a time (AES in counter mode, HMAC-SHA1)."""

from __future__ import annotations

import hmac
from hashlib import sha1

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def keystream(key: bytes, iv: int, length: int) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.CTR(iv.to_bytes(16, "big"))).encryptor()
    return encryptor.update(bytes(length))


def derive(master_key: bytes, master_salt: bytes, label: int, length: int) -> bytes:
    """s.4.3.1 and s.4.3.3, with a key derivation rate of 0."""
    x = int.from_bytes(master_salt, "big") ^ (label << 48)
    return keystream(master_key, x << 16, length)


def xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def protect(packet: bytes, master: bytes, roc: int, tag_bytes: int) -> bytes:
    """s.3.1, s.4.1.1, s.4.2: a packet with a plain 12-octet header."""
    key, salt = master[:16], master[16:]
    cipher_key, cipher_salt = derive(key, salt, 0, 16), derive(key, salt, 2, 14)
    sequence, ssrc = int.from_bytes(packet[2:4], "big"), int.from_bytes(packet[8:12], "big")
    index = (roc << 16) + sequence
    iv = (int.from_bytes(cipher_salt, "big") << 16) ^ (ssrc << 64) ^ (index << 16)
    sealed = packet[:12] + xor(packet[12:], keystream(cipher_key, iv, len(packet) - 12))
    tag = hmac.new(derive(key, salt, 1, 20), sealed + roc.to_bytes(4, "big"), sha1).digest()
    return sealed + tag[:tag_bytes]
