"""What a safetensors file says of itself before any of its arrays is made."""

from __future__ import annotations

from typing import Any

import msgspec

LARGEST_HEADER = 16 * 2**20


def header_of(content: bytes) -> dict[str, Any]:
    """Return the header of a safetensors file.

    Raises:
        ValueError: If there is none, or it claims more than it may.
    """
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > len(content) - 8:
        raise ValueError("it is truncated")
    if length > LARGEST_HEADER:
        raise ValueError(f"its header claims {length} bytes; {LARGEST_HEADER} are allowed")
    return msgspec.json.decode(content[8 : 8 + length], type=dict[str, Any])
