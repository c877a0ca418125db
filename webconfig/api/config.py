"""The station file over the API: own draft, check, dry run, apply, confirm, return, versions (webconfig.md 6 and 13).

`ETag` of the draft is its version, of everything else that of the station file. What changes takes `If-Match`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from chargepoint.config_difference import Change
from chargepoint.dry_run import Findings
from chargepoint.messages import (
    ActionResult,
    CheckDraft,
    ConfigurationFault,
    ConfigurationState,
    ConfigurationVersion,
    KeepConfiguration,
    ReadVersion,
    ReadVersions,
    ReturnConfiguration,
    WriteDraft,
)
from chargepoint.rights import Right
from webconfig.answers import Answer, Json, Problem
from webconfig.ask import Ask
from webconfig.configuration.applying import apply, deed_of, dry_run
from webconfig.configuration.seen import NONE, Seen, seen
from webconfig.pages.config import faults_of, outcome
from webconfig.routes import Route, get, post

BODY_BYTES = 1 << 20
CONFLICTS = frozenset({"draft_changed", "changed_meanwhile", "busy", "nothing_on_trial", "not_needed"})


class Configuration(msgspec.Struct, frozen=True):
    """The station file as it is. `trial`: on_trial, kept, returned or empty; `phase` what goes on now."""

    version: str
    text: str
    changed_by: str
    changed_at: str
    faults: tuple[ConfigurationFault, ...]
    trial: str
    trial_reason: str
    phase: str
    missing: str
    planned_by: str
    planned_at: str


class OwnDraft(msgspec.Struct, frozen=True):
    """The caller's draft. `base` is the version it was begun from; `is_behind`: the file is another one by now. `deed`
    is what applies it: apply_values (G2) or apply_configuration (G3, takes the password)."""

    version: str
    base: str
    text: str
    is_behind: bool
    deed: str
    faults: tuple[ConfigurationFault, ...]
    changes: tuple[Change, ...]


class PutDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole text, or single values as {"station.power_limit_w": "50000"}; neither: the draft is dropped."""

    text: str | None = None
    changes: dict[str, str] = {}


class TextBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`text` None: the caller's draft."""

    text: str | None = None


class Checked(msgspec.Struct, frozen=True):
    ok: bool
    faults: tuple[ConfigurationFault, ...]


class ApplyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`confirm` has to be true. `password`: the caller's own, for what takes G3. `wait`: as soon as nobody charges;
    `at`: not before this moment (ISO 8601)."""

    confirm: bool = False
    password: str = ""
    comment: str = ""
    wait: bool = False
    at: str = ""


class Done(msgspec.Struct, frozen=True):
    code: str
    text: str


class VersionList(msgspec.Struct, frozen=True):
    versions: tuple[ConfigurationVersion, ...]


class OneVersion(msgspec.Struct, frozen=True):
    number: int
    text: str


async def configuration(ask: Ask) -> Answer:
    now = (await seen(ask)).page
    state = ask.site.state("configuration", ConfigurationState) or ConfigurationState()
    told = Configuration(
        now.version, now.file, now.changed_by, now.changed_at, now.file_faults, now.trial, now.trial_reason,
        state.phase, state.missing, now.planned_by, now.planned_at,
    )  # fmt: skip
    return Json(told, etag=now.version)


async def draft(ask: Ask) -> Answer:
    now = await seen(ask)
    return Json(_draft(now), etag=now.draft_version)


def _draft(now: Seen) -> OwnDraft:
    page = now.page
    return OwnDraft(
        now.draft_version, page.draft_base, page.draft, now.is_behind, deed_of(page), page.faults, now.changes()
    )


async def put_draft(ask: Ask) -> Answer:
    body = ask.body(PutDraft)
    expected = _if_match(ask)
    request = WriteDraft(
        by=ask.login,
        text=body.text,
        changes=body.changes,
        keeps_faults=True,
        expected=expected,
    )
    _good(ask, await ask.call("hub", request))
    return await draft(ask)


async def check(ask: Ask) -> Answer:
    text = await _text(ask)
    result = await ask.call("hub", CheckDraft(text=text))
    return Json(Checked(result.ok, faults_of(result)))


async def try_it(ask: Ask) -> Answer:
    return Json(await dry_run(ask, await _text(ask)))


async def _text(ask: Ask) -> str:
    body = ask.body(TextBody)
    if body.text is not None:
        return body.text
    now = await seen(ask)
    if not now.has_draft:
        raise Problem(409, "no_draft", ask.text("config.no_draft"))
    return now.text


async def apply_it(ask: Ask) -> Answer:
    body, base, now = ask.body(ApplyBody), _if_match(ask), await seen(ask)
    if not body.confirm:
        raise Problem(422, "not_confirmed", "confirm has to be true.", {"confirm": "not_confirmed"})
    if base != now.page.version:
        raise Problem(
            412,
            "changed_meanwhile",
            ask.text("config.changed_meanwhile", by=now.page.changed_by or "–", at=now.page.changed_at),
            headers={"ETag": f'"{now.page.version}"'},
        )
    result = await apply(
        ask, now.page, password=body.password, base=base, comment=body.comment, wait=body.wait, at=body.at
    )
    _good(ask, result)
    return Json(Done(result.code, result.text), status=202)


async def confirm(ask: Ask) -> Answer:
    result = _good(ask, await ask.call("hub", KeepConfiguration(by=ask.login)))
    return Json(Done(result.code, result.text))


async def rollback(ask: Ask) -> Answer:
    result = _good(ask, await ask.call("hub", ReturnConfiguration(by=ask.login)))
    return Json(Done(result.code, result.text), status=202)


async def versions(ask: Ask) -> Answer:
    return Json(VersionList((await ask.call("hub", ReadVersions())).versions))


async def version(ask: Ask) -> Answer:
    number = ask.number("number", 0, 10_000_000)
    found = await ask.call("hub", ReadVersion(number=number))
    if not found.ok:
        raise Problem(404, "not_found", ask.text("problem.not_found"))
    return Json(OneVersion(number, found.text))


def _if_match(ask: Ask) -> str:
    """The version the caller means. Raises Problem 428 when he names none."""
    given = ask.if_match
    if not given or given == "*" or len(given) > 64:
        raise Problem(428, "if_match", f'If-Match has to name the version (ETag), "{NONE}" for no draft.')
    return given


def _good(ask: Ask, result: ActionResult) -> ActionResult:
    if result.ok:
        return result
    fields = {row[0]: f"{row[2]}. {row[3]}" for row in result.table[1:] if len(row) == 4}
    status = 412 if result.code == "draft_changed" else 409 if result.code in CONFLICTS else 422
    raise Problem(status, result.code, outcome(ask, result), fields)


_OPEN: dict[str, Any] = {"is_safe_mode": True, "tag": "config"}
_SEE: dict[str, Any] = {**_OPEN, "statuses": (409, 503)}
ROUTES = (
    get("/api/v1/config", configuration, Right.CONFIGURE, summary="The station file", gives=Configuration, **_SEE),
    get("/api/v1/config/draft", draft, Right.CONFIGURE, summary="Own draft", gives=OwnDraft, **_SEE),
    Route(
        method="PUT",
        path="/api/v1/config/draft",
        handler=put_draft,
        right=Right.CONFIGURE,
        summary="Change or drop the own draft",
        body=PutDraft,
        gives=OwnDraft,
        body_bytes=BODY_BYTES,
        **{**_OPEN, "statuses": (409, 412, 422, 428, 503)},
    ),
    post(
        "/api/v1/config/check",
        check,
        Right.CONFIGURE,
        summary="All faults of a text, or of the own draft",
        body=TextBody,
        gives=Checked,
        body_bytes=BODY_BYTES,
        **_SEE,
    ),
    post(
        "/api/v1/config/dry-run",
        try_it,
        Right.CONFIGURE,
        summary="Start a text, or the own draft, on simulated devices (up to 10 s)",
        body=TextBody,
        gives=Findings,
        body_bytes=BODY_BYTES,
        **_SEE,
    ),
    post(
        "/api/v1/config/apply",
        apply_it,
        Right.CONFIGURE,
        summary="Apply the own draft on trial; somebody has to confirm it",
        body=ApplyBody,
        gives=Done,
        **{**_OPEN, "statuses": (202, 403, 409, 412, 422, 428, 503)},
    ),
    post("/api/v1/config/confirm", confirm, Right.CONFIGURE, summary="Keep what is on trial", gives=Done, **_SEE),
    post(
        "/api/v1/config/rollback",
        rollback,
        Right.CONFIGURE,
        summary="Give the file before the trial back",
        gives=Done,
        **{**_OPEN, "statuses": (202, 409, 503)},
    ),
    get("/api/v1/config/versions", versions, Right.CONFIGURE, summary="Versions kept", gives=VersionList, **_SEE),
    get(
        "/api/v1/config/versions/{number:[0-9]{1,8}}",
        version,
        Right.CONFIGURE,
        summary="The text of one version",
        gives=OneVersion,
        **{**_OPEN, "statuses": (404, 503)},
    ),
)
