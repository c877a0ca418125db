"""The page of updates: firmware of controllers is offered by name, to those controllers it is meant for."""

from __future__ import annotations

from msgspec.structs import replace

from hmi.drawing.items import Text
from hmi.samples import PANELS, Sample, look, view
from hmi.screens import SCREENS
from hmi.technician.samples import samples

NAME = "TechnikUpdateControllerPage"
WRITING = next(each for each in samples() if each.name == f"{NAME} writing")
TALL = next(panel for panel in PANELS if (panel.width, panel.height) == (1080, 1920))


def test_each_controller_gets_a_button_for_each_image_that_is_meant_for_it() -> None:
    found, buttons = [], []
    for number in range(9):
        place = replace(WRITING.place, fields={**WRITING.place.fields, "page": str(number)})
        picture = SCREENS[NAME].picture(view(Sample(NAME, place, WRITING.seen), look(TALL), "en"))
        found += [item.text for item in picture.items if isinstance(item, Text)]
        buttons += [each.name for each in picture.targets if each.name.startswith("staff:do:update_controller")]
    told = " ".join(" ".join(found).split())
    assert "Firmware on the station" in told and "main.bin · 1, 2" in told and "pm.bin · all connectors" in told
    main = {name for name in buttons if "main.bin" in name}
    assert len(main) == 2  # the package names connectors 1 and 2
    assert len({name for name in buttons if "pm.bin" in name}) == len(WRITING.seen.connectors) > 2
