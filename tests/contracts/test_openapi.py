"""What the OpenAPI document promises, tried with requests that it allows and requests that it forbids."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service.http.app import create_app
from service.settings import Settings
from tests.conftest import SEED_FILE
from tests.doubles import INFO, Counting, SomeModels
from tests.live import live

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
BOUNDED = settings(
    max_examples=30, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)  # fmt: skip
"""The same requests every time: a failure can be repeated."""


OPERATIONS = [
    (path, method.upper())
    for path, methods in create_app(Settings(seeds=Path("none"))).openapi()["paths"].items()
    for method in methods
]


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("seeds")
    (folder / SEED_FILE.name).write_bytes(SEED_FILE.read_bytes())
    options = Settings(seeds=folder, models=folder, summary_model=INFO.id, topics_model=INFO.id)
    app = create_app(options, models=SomeModels({INFO.id: Counting()}))
    with live(app) as base:
        yield schemathesis.openapi.from_url(f"{base}/openapi.json")


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_route_keeps_to_its_schema(api: Any, path: str, method: str) -> None:
    @BOUNDED
    @given(case=api[path][method].as_strategy())
    def check(case: Any) -> None:
        case.call_and_validate(checks=CHECKS)

    check()


def test_the_document_names_every_option_once_with_its_bounds(tmp_path: Path) -> None:
    app = create_app(Settings(seeds=tmp_path))
    schemas = app.openapi()["components"]["schemas"]
    assert schemas["SummariseRequest"]["properties"]["sentences"]["anyOf"][0]["maximum"] == 1_000
    assert schemas["TagRequest"]["properties"]["threshold"]["description"]
    assert schemas["TagRequest"]["additionalProperties"] is False
