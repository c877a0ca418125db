"""Makes the fonts of the screen (hmi/fonts) out of Debian's packages fonts-noto-core and fonts-noto-cjk.

Needs fonttools (only here, never on a station): `pip install fonttools`, then `python scripts/make_fonts.py`.
Letters that no font has are left out; the layout rules find the ones a text needs (hmi/lint.py).
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

NOTO = Path("/usr/share/fonts/truetype/noto")
CJK = Path("/usr/share/fonts/opentype/noto")
SIMPLIFIED = "Noto Sans CJK SC"
HMI = Path(__file__).parent.parent / "hmi"

LETTERS = (
    (0x0020, 0x007E),  # Latin
    (0x00A0, 0x017F),
    (0x0218, 0x021B),
    (0x0391, 0x03C9),  # Greek, for units
    (0x0400, 0x045F),  # Cyrillic
    (0x0490, 0x04E9),  # ... with the letters of Kazakh
    (0x2010, 0x2027),  # punctuation
    (0x2030, 0x203A),
    (0x2070, 0x208E),  # raised and lowered figures
    (0x20A0, 0x20BF),  # money
    (0x2103, 0x2126),
    (0xFFFD, 0xFFFD),
)
SIGNS = ((0x2190, 0x2199), (0x21BA, 0x21BB), (0x2200, 0x2265), (0x2300, 0x2300))
"""Arrows and signs of arithmetic, which Noto Sans leaves to Noto Sans Math."""
SHAPES = ((0x25A0, 0x25CF), (0x2610, 0x2612), (0x2713, 0x2717), (0x26A0, 0x26A1))


def of(ranges: tuple[tuple[int, int], ...]) -> set[int]:
    return set(chain.from_iterable(range(first, last + 1) for first, last in ranges))


def chinese() -> set[int]:
    """GB 2312: signs, full-width letters and the 3,755 characters of level 1; and all that our own texts use."""
    rows = chain(range(0xA1, 0xA4), range(0xB0, 0xD8))
    cells = (bytes((row, cell)) for row in rows for cell in range(0xA1, 0xFF))
    wanted = {ord(sign) for cell in cells for sign in cell.decode("gb2312", "ignore")}
    texts = "".join(path.read_text(encoding="utf-8") for path in (HMI / "texts").glob("*.toml"))
    return {code for code in wanted | set(map(ord, texts)) if code >= 0x2E80}


def make(source: Path, codes: set[int], target: Path, number: int = -1) -> None:
    options = subset.Options()
    options.layout_features = []
    options.drop_tables += ["MATH", "GSUB", "GPOS", "GDEF", "BASE", "VORG", "vhea", "vmtx"]
    options.hinting = number < 0  # hints of the Chinese font are half its size, and large signs do not need them
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.notdef_outline = True
    font = subset.load_font(str(source), options) if number < 0 else TTFont(source, fontNumber=number)
    work = subset.Subsetter(options)
    work.populate(unicodes=codes)
    work.subset(font)
    font.save(target)
    print(f"{target.name}: {len(font.getBestCmap())} signs, {target.stat().st_size / 1024:.0f} KiB")


def number_of(collection: Path) -> int:
    """Which font of the collection is the one for simplified characters."""
    for number in range(64):
        font = TTFont(collection, fontNumber=number, lazy=True)
        if font["name"].getDebugName(1) == SIMPLIFIED:
            return number
    raise LookupError(SIMPLIFIED)


def main() -> None:
    fonts = HMI / "fonts"
    make(NOTO / "NotoSansMath-Regular.ttf", of(SIGNS), fonts / "NotoSansMath-Regular.ttf")
    make(NOTO / "NotoSansSymbols2-Regular.ttf", of(SHAPES), fonts / "NotoSansSymbols2-Regular.ttf")
    for weight in ("Regular", "Bold"):
        make(NOTO / f"NotoSans-{weight}.ttf", of(LETTERS), fonts / f"NotoSans-{weight}.ttf")
        collection = CJK / f"NotoSansCJK-{weight}.ttc"
        make(collection, chinese(), fonts / f"NotoSansSC-{weight}.otf", number_of(collection))


if __name__ == "__main__":
    main()
