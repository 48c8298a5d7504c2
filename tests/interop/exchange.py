"""The values of the inWebo exchange, computed from its specification.

Both sides of these tests use it: the device in inwebo.py and the service in server.py. It shares no
code with crates/inwebo, which computes the same. So a test fails if the two understand the exchange
differently. It protects neither its timing nor its memory, and is for tests alone.
"""

from __future__ import annotations

import hashlib
import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

EXPONENT = 17
DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789"
HASH_BYTES = 32
# The number of bytes that OAEP takes of each block of a sealed value.
OVERHEAD = 2 * HASH_BYTES + 2


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def kma(pin: str, serial: str) -> bytes:
    """Returns the key that a PIN unlocks on a device."""
    return bytes.fromhex(sha256(f"{pin};{serial}")[:32])


def proof(challenge: str, k0: str, last: str) -> str:
    """Returns R0 with the serial, R1 with K1, or R2 with the PIN."""
    return sha256(f"{challenge};{k0};{last}")


def evolve(k1: str, dk1: str) -> str:
    return sha256(f"{k1};{dk1}")[:32]


def password(k1: str, challenge: str, secret: str) -> str:
    """Returns the one-time password of a `defi`, with the service secret in its stored form."""
    digest = hashlib.sha256(f"{k1}:{challenge}:{secret}".encode()).digest()
    number = (int.from_bytes(digest[:4], "big") & 0x0FFFFFFF) * 1024 + (int.from_bytes(digest[4:8], "big") & 1023)
    text = ""
    while True:
        number, digit = divmod(number, len(DIGITS))
        text += DIGITS[digit]
        if number == 0:
            return text


# Blocks of random bytes: the exchange uses ECB for nothing else.


def encrypt_block(key: bytes, value: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return encryptor.update(value) + encryptor.finalize()


def decrypt_block(key: bytes, value: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(key), modes.ECB()).decryptor()
    return decryptor.update(value) + decryptor.finalize()


def oaep():
    return padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


def encrypt_to(modulus: int, value: bytes) -> str:
    """Encrypts by ordinary RSA-OAEP. Returns hex."""
    return rsa.RSAPublicNumbers(EXPONENT, modulus).public_key().encrypt(value, oaep()).hex()


def unseal(modulus: int, sealed: str) -> int:
    """Returns the modulus in a value that was padded by OAEP and raised to the private exponent.
    Anyone with that key's modulus can open it."""
    size, data = size_of(modulus), bytes.fromhex(sealed)
    if not data or len(data) % size != 0:
        raise ValueError("a sealed value is whole blocks")
    blocks = (data[start : start + size] for start in range(0, len(data), size))
    opened = (unpad(pow(int.from_bytes(block, "big"), EXPONENT, modulus).to_bytes(size, "big")) for block in blocks)
    return int.from_bytes(b"".join(opened), "big")


class Key:
    """An RSA key with the exponent of the exchange."""

    def __init__(self, bits: int):
        # The library makes no keys of this exponent, but it makes primes.
        while True:
            numbers = rsa.generate_private_key(public_exponent=65537, key_size=bits).private_numbers()
            p, q = numbers.p, numbers.q
            if (p - 1) % EXPONENT != 0 and (q - 1) % EXPONENT != 0:
                break
        self.modulus = p * q
        self.exponent = pow(EXPONENT, -1, (p - 1) * (q - 1))
        self.private = rsa.RSAPrivateNumbers(
            p,
            q,
            self.exponent,
            rsa.rsa_crt_dmp1(self.exponent, p),
            rsa.rsa_crt_dmq1(self.exponent, q),
            rsa.rsa_crt_iqmp(p, q),
            rsa.RSAPublicNumbers(EXPONENT, self.modulus),
        ).private_key()

    def decrypt(self, encrypted: str) -> bytes:
        """Decrypts a value. Raises ValueError if it was not encrypted to this key."""
        return self.private.decrypt(bytes.fromhex(encrypted), oaep())

    def seal(self, modulus: int) -> str:
        """Seals the modulus of another key by this key."""
        size, value = size_of(self.modulus), modulus.to_bytes(size_of(modulus), "big")
        pieces = (value[start : start + size - OVERHEAD] for start in range(0, len(value), size - OVERHEAD))
        raised = (pow(int.from_bytes(pad(piece, size), "big"), self.exponent, self.modulus) for piece in pieces)
        return b"".join(number.to_bytes(size, "big") for number in raised).hex()


def size_of(modulus: int) -> int:
    return (modulus.bit_length() + 7) // 8


# OAEP without the RSA: the library offers OAEP only with the usual exponents.


def pad(message: bytes, size: int) -> bytes:
    data = hashlib.sha256(b"").digest() + b"\0" * (size - OVERHEAD - len(message)) + b"\1" + message
    seed = os.urandom(HASH_BYTES)
    data = xor(data, mask(seed, len(data)))
    return b"\0" + xor(seed, mask(data, HASH_BYTES)) + data


def unpad(block: bytes) -> bytes:
    seed, data = block[1 : 1 + HASH_BYTES], block[1 + HASH_BYTES :]
    seed = xor(seed, mask(data, HASH_BYTES))
    data = xor(data, mask(seed, len(data)))
    message = data[HASH_BYTES:].lstrip(b"\0")
    if block[0] != 0 or data[:HASH_BYTES] != hashlib.sha256(b"").digest() or message[:1] != b"\1":
        raise ValueError("not what OAEP pads")
    return message[1:]


def mask(seed: bytes, length: int) -> bytes:
    """Computes MGF1."""
    counts = range((length + HASH_BYTES - 1) // HASH_BYTES)
    return b"".join(hashlib.sha256(seed + count.to_bytes(4, "big")).digest() for count in counts)[:length]


def xor(first: bytes, second: bytes) -> bytes:
    if len(first) != len(second):
        raise ValueError("of different lengths")
    return bytes(a ^ b for a, b in zip(first, second))
