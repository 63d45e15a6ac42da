"""Values of a shared cache: hashes of their content, and bytes without pickle that any machine reads."""

import hashlib
import json
import zlib
from typing import Any

import numpy as np

from gymlab.arguments import shown
from gymlab.errors import InputError
from gymlab.runtime.single_flight import ABSENT

# The first bytes of every entry: a mark of gymlab, and the version of the form below.
_MAGIC = b"gymlab\x00\x01"
_CHECKSUM_BYTES = 16
# Compression is tried on the first bytes, and used if it saves a fifth.
_TRIED_BYTES, _WORTH_IT = 65_536, 0.8
# Booleans, integers, floats, complex numbers, texts, times and durations: no objects.
_PLAIN_KINDS = "biufcSUMm"


def content_hash(*parts: object) -> str:
    """Return a BLAKE2b hash of arrays, texts, bytes and JSON values, to be used as a key.

    Raises
    ------
    InputError
        If a part is none of these.

    Examples
    --------
    >>> content_hash("ada", np.arange(3)) == content_hash("ada", np.array([0, 1, 2]))
    True
    >>> content_hash("ada", 1) == content_hash("eve", 1)
    False
    """
    digest = hashlib.blake2b(digest_size=32)
    for part in parts:
        head, content = _plain(part)
        digest.update(len(head).to_bytes(8, "big") + head + len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.hexdigest()


def encode(value: object) -> bytes:
    """Return a value as bytes that :func:`decode` reads on any machine.

    Raises
    ------
    InputError
        If it is neither an array without objects, bytes nor a JSON value.
    """
    head, content = _plain(value)
    tried = content[:_TRIED_BYTES]
    packed = len(zlib.compress(tried, 1)) < _WORTH_IT * len(tried)
    body = len(head).to_bytes(4, "big") + head + (zlib.compress(content, 1) if packed else bytes(content))
    body = bytes([packed]) + body
    return _MAGIC + hashlib.blake2b(body, digest_size=_CHECKSUM_BYTES).digest() + body


def decode(stored: bytes, max_bytes: int) -> Any:  # noqa: ANN401 - values of any type
    """Return the value in bytes that :func:`encode` wrote; :data:`ABSENT` if they are other bytes.

    Parameters
    ----------
    stored
        The bytes of the server.
    max_bytes
        Largest value, in bytes, so that a small entry cannot expand without end.

    Examples
    --------
    >>> decode(encode([1, "a"]), 1000), decode(b"other", 1000) is ABSENT
    ([1, 'a'], True)
    """
    start = len(_MAGIC) + _CHECKSUM_BYTES
    body = stored[start:]
    checksum = hashlib.blake2b(body, digest_size=_CHECKSUM_BYTES).digest()
    if stored[:start] != _MAGIC + checksum:
        return ABSENT
    # The checksum finds damage. Bytes that somebody made on purpose may still have any form.
    try:
        return _decoded(body, max_bytes)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError, zlib.error):
        return ABSENT


def _decoded(body: bytes, max_bytes: int) -> Any:  # noqa: ANN401 - values of any type
    end = 5 + int.from_bytes(body[1:5], "big")
    head, content = json.loads(body[5:end]), body[end:]
    if body[0]:
        expansion = zlib.decompressobj()
        content = expansion.decompress(content, max_bytes)
        if not expansion.eof:
            raise ValueError("the content does not end within the limit")
    if head == "bytes":
        return content
    if head == "json":
        return json.loads(content)
    kind = np.dtype(head["dtype"])
    if kind.kind not in _PLAIN_KINDS:
        raise ValueError("objects are not read")
    return np.frombuffer(content, dtype=kind).reshape(head["shape"])


def _plain(value: object) -> tuple[bytes, bytes | memoryview]:
    """Return a value as a header of JSON and its content."""
    if isinstance(value, np.ndarray) and value.dtype.kind in _PLAIN_KINDS and value.dtype.names is None:
        head = json.dumps({"dtype": value.dtype.str, "shape": value.shape})
        return head.encode(), np.ascontiguousarray(value).view(np.uint8).data.cast("B") if value.size else b""
    if isinstance(value, bytes):
        return b'"bytes"', value
    try:
        return b'"json"', json.dumps(value, allow_nan=False, sort_keys=True).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"a shared cache keeps arrays without objects, bytes and JSON values, not {shown(value)}: {error}"
        ) from None
