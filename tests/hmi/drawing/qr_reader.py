"""Reads QR codes as a telephone would, from pixels; for pictures without noise: no correction of errors.

Source: ISO/IEC 18004 (format information, masks, placement, byte mode), versions 1 to 10, level M.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pygame

BLOCKS = {
    1: (16,), 2: (28,), 3: (44,), 4: (32,) * 2, 5: (43,) * 2, 6: (27,) * 4, 7: (31,) * 4,
    8: (38, 38, 39, 39), 9: (36, 36, 36, 37, 37), 10: (43,) * 4 + (44,),
}  # fmt: skip
ALIGNED = {
    1: (), 2: (6, 18), 3: (6, 22), 4: (6, 26), 5: (6, 30), 6: (6, 34), 7: (6, 22, 38), 8: (6, 24, 42), 9: (6, 26, 46),
    10: (6, 28, 50),
}  # fmt: skip
MASKS: tuple[Callable[[int, int], bool], ...] = (
    lambda i, j: (i + j) % 2 == 0,
    lambda i, j: i % 2 == 0,
    lambda i, j: j % 3 == 0,
    lambda i, j: (i + j) % 3 == 0,
    lambda i, j: (i // 2 + j // 3) % 2 == 0,
    lambda i, j: i * j % 2 + i * j % 3 == 0,
    lambda i, j: (i * j % 2 + i * j % 3) % 2 == 0,
    lambda i, j: ((i + j) % 2 + i * j % 3) % 2 == 0,
)
Matrix = list[list[bool]]


def read(canvas: pygame.Surface) -> str:
    """The text of the only code on `canvas`, dark on light."""
    return _text(_matrix(canvas))


def _matrix(canvas: pygame.Surface) -> Matrix:
    wide, high = canvas.get_size()
    dark = [(x, y) for y in range(high) for x in range(wide) if sum(canvas.get_at((x, y))[:3]) < 384]
    left, top = min(x for x, _ in dark), min(y for _, y in dark)
    side = max(x for x, _ in dark) - left + 1
    along = 0
    while sum(canvas.get_at((left + along, top))[:3]) < 384:
        along += 1
    module = along / 7
    count = round(side / module)
    middle = [int((n + 0.5) * module) for n in range(count)]
    return [[sum(canvas.get_at((left + x, top + y))[:3]) < 384 for x in middle] for y in middle]


def _text(matrix: Matrix) -> str:
    size = len(matrix)
    version = (size - 17) // 4
    bits = [matrix[8][x] for x in (0, 1, 2, 3, 4, 5, 7, 8)]
    form = sum(bit << (7 - n) for n, bit in enumerate(bits)) ^ 0b10101000
    assert form >> 6 == 0b00, "level M"
    mask = MASKS[form >> 3 & 7]
    read = [matrix[i][j] != mask(i, j) for i, j in _places(size, version)]
    words = [sum(bit << (7 - n) for n, bit in enumerate(read[at : at + 8])) for at in range(0, len(read) - 7, 8)]
    blocks: list[list[int]] = [[] for _ in BLOCKS[version]]
    rest = iter(words)
    for step in range(max(BLOCKS[version])):
        for block, length in zip(blocks, BLOCKS[version], strict=True):
            if step < length:
                block.append(next(rest))
    data = "".join(f"{word:08b}" for block in blocks for word in block)
    assert data[:4] == "0100", "byte mode"
    width = 8 if version < 10 else 16
    count = int(data[4 : 4 + width], 2)
    start = 4 + width
    return bytes(int(data[start + 8 * n : start + 8 * n + 8], 2) for n in range(count)).decode()


def _places(size: int, version: int) -> Iterator[tuple[int, int]]:
    """Rows and columns of the data bits, in their order."""
    column, is_up = size - 1, True
    while column > 0:
        if column == 6:
            column -= 1
        for i in range(size - 1, -1, -1) if is_up else range(size):
            for j in (column, column - 1):
                if not _is_function(i, j, size, version):
                    yield i, j
        column, is_up = column - 2, not is_up


def _is_function(i: int, j: int, size: int, version: int) -> bool:
    if (i < 9 and j < 9) or (i < 9 and j >= size - 8) or (i >= size - 8 and j < 9) or i == 6 or j == 6:
        return True
    if version >= 7 and ((i < 6 and j >= size - 11) or (j < 6 and i >= size - 11)):
        return True
    places = ALIGNED[version]
    corners = {(6, 6), (6, places[-1]), (places[-1], 6)} if places else set()
    return any(abs(i - y) <= 2 and abs(j - x) <= 2 for y in places for x in places if (y, x) not in corners)
