"""The description of the API: complete, its examples fit, and what the station answers is as it says."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import hypothesis
import msgspec
import pytest
from hypothesis.errors import HypothesisWarning
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # comes with schemathesis

from chargepoint.messages import CardChecked, ChainChecked, CheckCard, CheckChain, JournalPage, ReadJournal
from tests.webconfig.bench import Bench
from webconfig.openapi import document, path_of
from webconfig.table import all_routes

ROUTES = [route for route in all_routes() if route.is_api]


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(msgspec.json.encode(document(all_routes())))
    return found


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_every_route_is_described_with_summary_right_and_answer(description: dict[str, Any]) -> None:
    for route in ROUTES:
        operation = description["paths"][path_of(route.path)[0]][route.method.lower()]
        assert operation["summary"] and operation["x-right"], route.path
        good = [each for status, each in operation["responses"].items() if status.startswith(("1", "2"))]
        assert good, route.path
        is_empty = {101, 204} & {*route.statuses}
        assert is_empty or all("content" in each for each in good), f"{route.path} does not say what it gives"
    numbers = [operation["operationId"] for _, _, operation in operations(description)]
    assert len(numbers) == len(set(numbers))


def test_the_description_is_whole_and_its_examples_fit(description: dict[str, Any]) -> None:
    text = json.dumps(description)
    for name in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in description["components"]["schemas"], name
    for name, schema in description["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert name
    kinds = {path_of(route.path)[0] + route.method.lower(): route for route in ROUTES}
    for method, path, operation in operations(description):
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]["application/json"]
            validator(description, content["schema"]).validate(content["example"])
            body = kinds[path + method].body
            assert body is not None
            msgspec.convert(content["example"], body)


def validator(description: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": description["components"]})


def fits(description: dict[str, Any], operation: dict[str, Any], status: int, kind: str, body: bytes) -> str:
    """Why the answer is not as described; empty: it is."""
    if status >= 500 and status not in (502, 503, 504, 507):
        return f"{status}: {body[:300]!r}"
    answer = operation["responses"].get(str(status))
    if answer is None:
        return f"{status} is not described: {body[:300]!r}"
    content = answer.get("content")
    if not content:
        return ""
    name = kind.partition(";")[0]
    if name not in content:
        return f"{status}: {name} is not described"
    if "json" not in name:
        return ""
    faults = list(validator(description, content[name]["schema"]).iter_errors(json.loads(body)))
    return f"{status}: {faults[0].message[:300]} at {list(faults[0].path)}" if faults else ""


def station() -> dict[str, dict[type[Any], Any]]:
    return {
        "station": {
            ReadJournal: lambda _: JournalPage(rows=(), read_to=0, last_seq=0),
            CheckChain: lambda _: ChainChecked(entries=0),
            CheckCard: lambda _: CardChecked(outcome="allowed", rule=0, text=""),
        }
    }


HARMFUL = ("factory", "log-out", "shutdown", "reboot", "restart", "power_off")


@pytest.mark.realtime
async def test_every_answer_is_as_described(tmp_path: Path, description: dict[str, Any]) -> None:
    """Each route once as its example says."""
    async with Bench(tmp_path, answers=station()) as bench:
        admin = await bench.log_in("admin")
        page = await admin.get("/api/docs")
        assert page.status == 200 and "get_openapi_json" in page.text and '<script src="http' not in page.text
        served = (await admin.get("/api/v1/openapi.json")).json()
        assert served == description
        stranger = bench.client()
        wrong = []
        for method, path, operation in operations(description):
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            options: dict[str, Any] = {"headers": {"X-CSRF-Token": admin.csrf}}
            if content:
                options["json"] = content["example"]
            where = path
            for each in operation.get("parameters", ()):
                if each["in"] == "path":
                    where = where.replace(
                        f"{{{each['name']}}}", "1" if each["schema"]["type"] == "integer" else "none-there"
                    )
            if any(word in where for word in HARMFUL) or where.endswith(("/events", "/ws")):
                continue
            answer = await admin.ask(method.upper(), where, **options)
            kind = answer.headers.get("Content-Type", "")
            fault = fits(description, operation, answer.status, kind, answer.body)
            if fault:
                wrong.append(f"{method} {where}: {fault}")
            refused = await stranger.ask(method.upper(), where)
            if operation["x-right"] != "open" and refused.status != 401:
                wrong.append(f"{method} {where}: open to strangers ({refused.status})")
        assert not wrong, "\n".join(wrong)


async def _fuzz(tmp_path: Path, description: dict[str, Any], examples: int, within_s: float) -> None:
    """Requests made from the description by schemathesis: every answer fits, none is a 5xx of ours."""
    schemathesis = pytest.importorskip("schemathesis")
    schema = schemathesis.openapi.from_dict(description)
    cases: list[Any] = []

    def collect() -> None:
        for result in schema.get_all_operations():
            operation = result.ok()
            if any(word in operation.path for word in (*HARMFUL, "/events", "/ws")):
                continue
            for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
                strategy = operation.as_strategy(generation_mode=mode)

                @hypothesis.given(case=strategy)
                @hypothesis.settings(
                    max_examples=examples, deadline=None, derandomize=True, database=None,
                    suppress_health_check=list(hypothesis.HealthCheck), phases=[hypothesis.Phase.generate],
                )  # fmt: skip
                def take(case: Any) -> None:
                    cases.append(case)

                try:
                    take()
                except hypothesis.errors.Unsatisfiable:
                    continue

    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        await asyncio.to_thread(collect)
    random.Random(7).shuffle(cases)
    wrong: dict[str, str] = {}
    async with Bench(tmp_path, answers=station()) as bench:
        admin = await bench.log_in("admin")
        loop = asyncio.get_running_loop()
        end_s = loop.time() + timedelta(seconds=within_s).total_seconds()
        count = 0
        for case in cases:
            if loop.time() > end_s:
                break
            operation = description["paths"][case.operation.path][case.operation.method.lower()]
            sent = case.as_transport_kwargs(base_url=bench.base)
            headers = {"X-CSRF-Token": admin.csrf}
            if "json" in sent:
                body: Any = json.dumps(sent["json"]).encode()
            else:
                body = sent.get("data") if isinstance(sent.get("data"), bytes | str) else None
            if body is not None:
                headers["Content-Type"] = "application/json"
            query = urlencode(sent.get("params") or {}, doseq=True)
            path = sent["url"].removeprefix(bench.base) + (f"?{query}" if query else "")
            try:
                answer = await admin.ask(case.operation.method.upper(), path, data=body, headers=headers)
            except (aiohttp.ClientError, ValueError):
                continue
            count += 1
            if answer.status == 429:
                await asyncio.sleep(0.2)
                continue
            if answer.status == 404 and answer.headers.get("Content-Type", "").startswith("application/problem"):
                continue  # a path that is in no route
            fault = fits(description, operation, answer.status, answer.headers.get("Content-Type", ""), answer.body)
            if fault:
                wrong.setdefault(
                    f"{case.operation.method} {case.operation.path}", f"{path[:200]} {body!r:.200}: {fault}"
                )
    assert count > 20
    assert not wrong, "\n".join(f"{key}: {value}" for key, value in wrong.items())


@pytest.mark.realtime
async def test_made_up_requests_are_answered_as_described(tmp_path: Path, description: dict[str, Any]) -> None:
    await _fuzz(tmp_path, description, 2, 8.0)


@pytest.mark.realtime
@pytest.mark.long
async def test_many_made_up_requests_are_answered_as_described(tmp_path: Path, description: dict[str, Any]) -> None:
    await _fuzz(tmp_path, description, 40, 250.0)
