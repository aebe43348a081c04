"""Images of 8 x 8 pixels that look like digits: strokes of a font, moved by a pixel, with noise."""

import torch

FONT = """
.###....#...####..####..#..#..####..####..####..####..####.
#...#..##......#.....#..#..#..#.....#........#..#..#..#..#.
#...#...#....###...###..####..####..####....#...####..####.
#...#...#...#........#.....#.....#..#..#....#...#..#.....#.
.###...###..####..####.....#..####..####....#...####..####.
"""


def glyphs():
    rows = [line for line in FONT.split("\n") if line]
    out = torch.zeros(10, 8, 8)
    for d in range(10):
        for y, row in enumerate(rows):
            for x, c in enumerate(row[6 * d:6 * d + 5]):
                out[d, y + 1, x + 1] = float(c == "#")
    return out


GLYPHS = glyphs()


def digits(size, rng):
    """Images (size, 1, 8, 8) between -1 and 1."""
    which = torch.randint(4, (size,), generator=rng)
    images = GLYPHS[which]
    move = torch.rand(size, generator=rng) < 0.5
    images = torch.where(move[:, None, None], images.roll(1, dims=2), images)
    images = images * (0.7 + 0.3 * torch.rand(size, 1, 1, generator=rng))
    return (2 * images - 1).unsqueeze(1)
