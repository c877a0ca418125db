from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hmi.drawing.changes import changed, common, merged, overlap
from hmi.drawing.items import Fill, Rect
from tests.hmi.drawing.making import BLUE, fill, picture

WHOLE = Rect(0, 0, 480, 320)


def test_the_same_picture_changes_nothing() -> None:
    assert changed(picture(fill(0, 0), fill(100, 0)), picture(fill(0, 0), fill(100, 0))) == []


def test_one_item_that_differs_is_all_that_is_painted() -> None:
    before = picture(fill(0, 0), fill(100, 100), fill(300, 0))
    after = picture(fill(0, 0), fill(100, 100, colour=BLUE), fill(300, 0))
    assert changed(before, after) == [Rect(98, 98, 64, 44)]


def test_an_item_that_moves_is_painted_where_it_was_and_where_it_is() -> None:
    dirty = changed(picture(fill(0, 0)), picture(fill(200, 0)))
    assert all(any(common(rect, spot) == spot for rect in dirty) for spot in (Rect(0, 0, 60, 40), Rect(200, 0, 60, 40)))


def test_an_item_put_between_others_does_not_repaint_the_others() -> None:
    before = picture(fill(0, 0), fill(300, 0))
    assert changed(before, picture(fill(0, 0), fill(100, 100), fill(300, 0))) == [Rect(98, 98, 64, 44)]


def test_items_that_change_their_order_are_painted() -> None:
    below, above = fill(0, 0), fill(20, 20, colour=BLUE)
    assert changed(picture(below, above), picture(above, below))
    assert changed(picture(below, above), picture(above, below, fill(300, 200)))


def test_another_background_is_a_new_picture() -> None:
    from msgspec.structs import replace

    assert changed(picture(), replace(picture(), background=(1, 2, 3))) == [WHOLE]


rects = st.builds(Rect, st.integers(-20, 470), st.integers(-20, 310), st.integers(0, 90), st.integers(0, 90))
fills = st.builds(lambda rect, shade: Fill(rect=rect, colour=(shade, 0, 0)), rects, st.integers(0, 2))


@given(st.lists(rects, max_size=20))
def test_merged_rectangles_cover_all_and_do_not_overlap(found: list[Rect]) -> None:
    dirty = merged(found, WHOLE)
    for rect in found:
        inside = common(rect, WHOLE)
        if inside.width and inside.height:
            assert any(common(inside, box) == inside for box in dirty)
    assert not any(overlap(a, b) for n, a in enumerate(dirty) for b in dirty[n + 1 :])
    assert all(common(box, WHOLE) == box for box in dirty)


@given(st.lists(fills, max_size=8), st.lists(fills, max_size=8))
def test_what_is_painted_covers_every_item_that_came_or_went(old: list[Fill], new: list[Fill]) -> None:
    dirty = changed(picture(*old), picture(*new))
    for item in set(old) ^ set(new):
        inside = common(item.rect, WHOLE)
        if inside.width and inside.height:
            assert any(common(inside, box) == inside for box in dirty)
