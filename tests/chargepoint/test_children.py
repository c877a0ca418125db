"""Processes that services start: their code is that of the station, whatever lies in the folder where they start."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from diag.archives import making
from webconfig import certificate, web_certificate
from webconfig.sessions import exporting


@pytest.mark.realtime
@pytest.mark.parametrize(
    "command", [making.MAKE, certificate.MAKE, web_certificate.READ, exporting.EXPORT], ids=lambda command: command[-1]
)
def test_a_child_runs_no_code_out_of_the_folder_of_data(tmp_path: Path, command: list[str]) -> None:
    mark = tmp_path / "was run"
    laid = tmp_path / command[-1].partition(".")[0]  # as the data folder of a service is called
    laid.mkdir()
    (laid / "__init__.py").write_text(f"open({str(mark)!r}, 'w')\n")
    subprocess.run(command, cwd=tmp_path, input=b"", capture_output=True, timeout=30, check=False)
    assert not mark.exists()
