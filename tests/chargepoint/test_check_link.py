"""`chargepoint check` of the way to the central system: certificates, and what the security profile needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint.__main__ import main
from ocpp_client.simulated_authority import Authority, Issued

STATION = (Path(__file__).parents[2] / "examples" / "minimal.toml").read_text()


@pytest.fixture(scope="module")
def root() -> Authority:
    return Authority.root()


def check(folder: Path, ocpp: str, secrets: str = "") -> int:
    (folder / "station.toml").write_text(f'{STATION}\n[ocpp]\nurl = "wss://central.example/o"\n{ocpp}\n')
    if secrets:
        (folder / "secrets.toml").touch(mode=0o600)
        (folder / "secrets.toml").write_text(secrets)
    return main(["check", str(folder / "station.toml")])


def pair(key: Issued, certificate: Issued) -> str:
    return (
        f'ocpp_client_key = """\n{key.key_pem.decode()}"""\nocpp_client_certificate = """\n{certificate.chain_pem}"""\n'
    )


def test_key_and_certificate_stand_in_secrets_on_lines_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], root: Authority
) -> None:
    (tmp_path / "root.pem").write_text(root.pem)
    own = root.station("home-1")
    assert check(tmp_path, 'security_profile = 3\nca_file = "root.pem"', pair(own, own)) == 0
    told = capsys.readouterr()
    assert "security profile 3 (TLS and certificate of the station)" in told.out
    assert "PRIVATE" not in told.out + told.err and "Warning" not in told.err


def test_a_key_that_does_not_belong_to_the_certificate_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], root: Authority
) -> None:
    assert check(tmp_path, "security_profile = 3", pair(root.station("a"), root.station("a"))) == 1
    told = capsys.readouterr().err
    assert "the private key is not that of the (first) certificate" in told and "BEGIN" not in told.partition(".")[0]


@pytest.mark.parametrize(
    ("ocpp", "secrets", "fault"),
    [
        ('ca_file = "missing.pem"', "", "it cannot be read: No such file or directory. Put the roots"),
        ('ca_file = "station.toml"', "", "it holds no certificates. Put the roots"),
        ("", 'ocpp_client_key = "x"', "a PEM text begins with -----BEGIN"),
        ("", 'ocpp_client_key = """-----BEGIN X"""', "ocpp_client_certificate is missing. Set both"),
        ("", 'ocpp_client_certificate = """-----BEGIN X"""', "ocpp_client_key is missing. Set both"),
        ("", 'ocpp_client_key = "-----BEGIN\\u0000"', "a line break or another control character"),
    ],
)
def test_certificates_that_cannot_be_used_are_faults(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ocpp: str, secrets: str, fault: str
) -> None:
    assert check(tmp_path, ocpp, secrets) == 1
    assert fault in capsys.readouterr().err


@pytest.mark.parametrize(
    ("ocpp", "warning"),
    [
        ("security_profile = 2", "profile 2 needs a password. Set ocpp_authorization_key"),
        ("security_profile = 3", "profile 3 needs a certificate of this station. Set ocpp_client_key"),
    ],
)
def test_what_the_profile_needs_and_is_not_there_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ocpp: str, warning: str
) -> None:
    assert check(tmp_path, ocpp) == 0
    assert warning in capsys.readouterr().err


def test_a_certificate_that_no_profile_shows_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], root: Authority
) -> None:
    own = root.station("home-1")
    assert check(tmp_path, "", pair(own, own)) == 0
    assert "is not shown at profile 0. Set 3" in capsys.readouterr().err
