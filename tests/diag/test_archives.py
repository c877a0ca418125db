"""What archives are made of: bounded, whole or not at all, without secrets."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from chargepoint.masking import without_cards, without_secrets
from diag.archives import shelf
from diag.make_archive import pack

CARD = "04A2B3C4D5E6"


def test_only_the_newest_stay_and_half_made_ones_go(tmp_path: Path) -> None:
    folder = tmp_path / shelf.FOLDER
    folder.mkdir()
    for day in range(1, 6):
        (folder / f"2026-01-0{day}_FullLogs.zip").write_bytes(b"x")
    (folder / "notes.txt").write_text("not one of ours")
    (folder / "2026-01-01_FullLogs.part").write_bytes(b"x")
    shelf.sweep(tmp_path)
    assert shelf.keep(tmp_path, 2) == 3
    assert sorted(path.name for path in folder.iterdir()) == [
        "2026-01-04_FullLogs.zip", "2026-01-05_FullLogs.zip", "notes.txt"]  # fmt: skip
    assert shelf.path_of(tmp_path, "20260105-fulllogs") == folder / "2026-01-05_FullLogs.zip"
    assert shelf.path_of(tmp_path, "notes") is None


def test_what_is_packed_is_bounded_and_secrets_are_out(tmp_path: Path) -> None:
    def source(name: str, content: bytes, size: int | None = None) -> io.BytesIO:
        head = json.dumps({"name": name, "size": len(content) if size is None else size}).encode()
        return io.BytesIO(head + b"\n" + content)

    assert pack(source("a.txt", b"hello"), tmp_path / "a.zip") == 1
    for bad in (source("../a", b"x"), source("a", b"x", 2), source("a", b"", 1 << 40)):
        with pytest.raises(ValueError):
            pack(bad, tmp_path / "b.zip")
    assert not list(tmp_path.glob("b.*"))
    told = without_secrets('[ocpp]\nurl = "wss://x"\nauthorization_key = "hunter2"\napn_password="p"\n')
    assert "hunter2" not in told and '"p"' not in told and "wss://x" in told
    assert without_cards(f"card {CARD}, 7 times") == "card ··D5E6, 7 times"


def test_no_secret_of_a_table_on_one_line_and_no_number_of_letters_goes_out() -> None:
    text = 'p = { name = "a", password = "x y", url = "u", apiToken=\'z\', "my-secret" = "w" }\n'
    shown = without_secrets(text)
    assert '"a"' in shown and '"u"' in shown and not {"x y", "'z'", '"w"'} & set(re.findall(r"x y|'z'|\"w\"", shown))
    frame = '[2,"1","StartTransaction",{"idTag":"USER-KZ-0077","parentIdTag" : "FLEETNO1"}]'
    assert without_cards(frame) == '[2,"1","StartTransaction",{"idTag":"··0077","parentIdTag" : "··TNO1"}]'
