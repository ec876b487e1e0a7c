"""The real size of the frames of an AV1 picture, whatever size the AVIF file declares.

libavif decodes a frame at its own size and only then scales it to the size that the file declares, so two kilobytes
that declare 64 x 64 pixels can cost gigabytes. The sequence headers bound the frames (AV1 specification, 5.3 and 5.5).
"""

from __future__ import annotations

from embedding.image.containers.bare import broken

_SEQUENCE_HEADER = 1


class ParseBudget:
    """Limits the work on one file, in which units and bytes may be listed many times over."""

    def __init__(self, steps: int = 100_000) -> None:
        self.steps = steps

    def spend(self, steps: int = 1) -> None:
        self.steps -= steps
        if self.steps < 0:
            raise broken("AVIF", "too many pieces")


def largest_frame(item: bytes, budget: ParseBudget) -> int:
    """The most pixels that a frame of these open bitstream units can have; 0 without a sequence header."""
    largest = at = 0
    while at < len(item):
        budget.spend()
        head = item[at]
        kind, extended, sized = head >> 3 & 15, head >> 2 & 1, head >> 1 & 1
        at += 1 + extended
        length = len(item) - at
        if sized:
            length, at = _leb128(item, at)
        if kind == _SEQUENCE_HEADER:
            largest = max(largest, _frame_pixels(item[at : at + min(length, 4096)]))
        at += length
    return largest


def _leb128(item: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(8):
        byte = item[at]
        at += 1
        value |= (byte & 127) << 7 * place
        if byte < 128:
            break
    return value, at


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int = 1) -> int:
        self._left -= count
        if self._left < 0:
            raise broken("AVIF", "its sequence header is cut")
        return self._value >> self._left & ((1 << count) - 1)

    def take_uvlc(self) -> None:
        zeros = 0
        while not self.take():
            zeros += 1
        if zeros < 32:
            self.take(zeros)


def _frame_pixels(header: bytes) -> int:
    bits = _Bits(header)
    bits.take(4)  # seq_profile, still_picture
    reduced = bits.take()
    if reduced:
        bits.take(5)  # seq_level_idx
    else:
        _skip_timing_and_operating_points(bits)
    width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
    width, height = bits.take(width_bits) + 1, bits.take(height_bits) + 1
    # A frame of a full header may override its size with anything that fits these bits.
    return width * height if reduced else 1 << (width_bits + height_bits)


def _skip_timing_and_operating_points(bits: _Bits) -> None:
    decoder_model, delay_bits = 0, 0
    if bits.take():  # timing_info_present_flag
        bits.take(64)
        if bits.take():  # equal_picture_interval
            bits.take_uvlc()
        decoder_model = bits.take()
        if decoder_model:
            delay_bits = bits.take(5) + 1
            bits.take(42)
    display_delay = bits.take()
    for _ in range(bits.take(5) + 1):
        bits.take(12)  # operating_point_idc
        if bits.take(5) > 7:  # seq_level_idx
            bits.take()  # seq_tier
        if decoder_model and bits.take():
            bits.take(2 * delay_bits + 1)
        if display_delay and bits.take():
            bits.take(4)
