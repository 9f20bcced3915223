"""Expands the run lengths of a BMP ("Bitmap Compression", Win32), pure."""

from __future__ import annotations

_LINE_END, _PICTURE_END, _MOVE = 0, 1, 2


def expanded(data: memoryview, width: int, height: int, is_rle4: bool) -> tuple[bytearray, bytearray | None]:
    """
    Return the index of each pixel, row after row as in the file; and 255 for each pixel that the file tells of, 0 for
    the others. That is None if it tells of all of them.

    A run that goes over the end of its row is cut off there.

    Raises:
        OSError: *data* end before the picture does.
    """
    total = width * height
    indices = bytearray(total)
    gaps: list[tuple[int, int]] = []
    told = 0  # up to here each pixel is told, or stands in `gaps`
    x = y = at = 0
    while y < height and not (y == height - 1 and x >= width and at >= len(data)):
        if at + 2 > len(data):
            raise OSError(f"the run lengths end in row {y:,} of {height:,}")
        count, value = data[at], data[at + 1]
        at += 2
        if count:
            run = bytes((value >> 4, value & 15)) * (count + 1 >> 1) if is_rle4 else bytes((value,)) * count
            run = run[:count]
        elif value == _LINE_END:
            x, y = 0, y + 1
            continue
        elif value == _PICTURE_END:
            break
        elif value == _MOVE:
            if at + 2 > len(data):
                raise OSError(f"the run lengths end in row {y:,} of {height:,}")
            x, y = x + data[at], y + data[at + 1]
            at += 2
            continue
        else:
            length = (value + 1) // 2 if is_rle4 else value
            raw = data[at : at + length]
            if len(raw) < length:
                raise OSError(f"the run lengths end in row {y:,} of {height:,}")
            run = bytes(part for byte in raw for part in (byte >> 4, byte & 15))[:value] if is_rle4 else bytes(raw)
            at += length + length % 2  # to an even number of bytes
        run = run[: max(width - x, 0)]
        start = y * width + x
        if run:
            if start > told:
                gaps.append((told, start))
            indices[start : start + len(run)] = run
            told = start + len(run)
            x += len(run)
    if told < total:
        gaps.append((told, total))
    return indices, _seen(gaps, total) if gaps else None


def _seen(gaps: list[tuple[int, int]], total: int) -> bytearray:
    seen = bytearray(b"\xff") * total
    for start, end in gaps:
        seen[start:end] = bytes(end - start)
    return seen
