"""Configuration keys of the security white paper (OCA, Improved security for OCPP 1.6-J, edition 4, section 2)."""

from __future__ import annotations

from ocpp_client.v16.key_kinds import Flag, Key, Number

MAX_CHAIN_BYTES = 10_000
MAX_ROOTS = 20

SECURITY: tuple[Key, ...] = (
    Flag(
        name="AdditionalRootCertificateCheck",
        default="false",
        readonly=True,
        description="a new root of the central system must be signed by the one before",
    ),
    Flag(
        name="AllowSecurityProfileDowngrade",
        default="false",
        readonly=True,
        description="SecurityProfile may go from 3 to 2; set in the station file only",
    ),
    Key(
        name="AuthorizationKey",
        default="",
        writeonly=True,
        has_deputy=True,
        effective="with a new connection, at once",
        description="password of HTTP basic authentication, as 32 to 40 hexadecimal digits; never shown",
    ),
    Number(
        name="CertificateSignedMaxChainSize",
        default=str(MAX_CHAIN_BYTES),
        readonly=True,
        description="most characters of the chain in a CertificateSigned",
    ),
    Number(
        name="CertificateStoreMaxLength",
        default=str(MAX_ROOTS),
        readonly=True,
        description="most root certificates installed at one time",
    ),
    Key(
        name="CpoName",
        default="",
        effective="with the next certificate",
        description="the operator: organisation (O) of the certificates of this station",
    ),
    Number(
        name="SecurityProfile",
        default="0",
        at_most=3,
        has_deputy=True,
        effective="with a new connection, at once",
        description="0 no security, 1 password, 2 TLS and password, 3 TLS with a certificate of the station",
    ),
)
