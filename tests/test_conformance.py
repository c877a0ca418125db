"""The table of conformance tells what is: no rule without test or reason, no unknown id, no old document."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance import DOCUMENT, RULES, document, markers, read_rules
from tests.conformance_gaps import NOT_DONE

PROOFS = markers()


def test_every_marker_names_a_rule() -> None:
    assert {identity: PROOFS[identity] for identity in PROOFS if identity not in RULES} == {}


def test_every_rule_has_a_test_or_a_reason() -> None:
    assert [identity for identity in RULES if identity not in PROOFS and identity not in NOT_DONE] == []


def test_a_reason_stands_only_for_a_known_rule_without_test() -> None:
    assert [identity for identity in NOT_DONE if identity in PROOFS or identity not in RULES] == []


def test_the_document_is_the_one_the_sources_make() -> None:
    assert DOCUMENT.read_text() == document(RULES, PROOFS, NOT_DONE), "run: python -m tests.conformance"


def test_a_marker_is_found_on_functions_and_classes_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(
        "import pytest\n"
        "@pytest.mark.ocpp('a')\nclass TestMany:\n"
        "    @pytest.mark.parametrize('n', [1, 2])\n    @pytest.mark.ocpp('b', 'c')\n    async def test_one(s): ...\n"
        "    def helper(self): ...\n"
        "@pytest.mark.ocpp('d')\ndef not_a_test(): ...\n"
        "@pytest.mark.xfail\n@pytest.mark.ocpp('d')\ndef test_fails(): ...\n"
        "@pytest.mark.ocpp(some.name)\ndef test_unclear(): ...\n"
    )
    assert markers(tmp_path) == {
        "a": ["test_x.py::TestMany::test_one"],
        "b": ["test_x.py::TestMany::test_one"],
        "c": ["test_x.py::TestMany::test_one"],
        "not a text: some.name": ["test_x.py::test_unclear"],
    }


@pytest.mark.parametrize("text", ["# c\na | 1 | rule\n", "# c\na | 1 | | r\na | 1 | | r\n", "# c\n | 1 | | r\n"])
def test_a_malformed_rule_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "1.txt").write_text(text)
    with pytest.raises(ValueError, match=r"1\.txt:"):
        read_rules(tmp_path)
