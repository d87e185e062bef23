"""The OpenAPI document against the service: examples hold, answers fit, no input is a fault."""

from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from helpers import NOW, Client, client_for
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ttai_analysis.app import create_app
from ttai_analysis.context import ServiceContext
from ttai_analysis.settings import Settings
from ttai_analysis.web.documentation import EXAMPLES

service = create_app(ServiceContext(Settings(as_of=NOW)))
schema = schemathesis.openapi.from_asgi("/openapi.json", service)
document: dict[str, Any] = schema.raw_schema


def _answer_schema(path: str) -> dict[str, Any]:
    content = document["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]
    return {**content["schema"], "components": document["components"]}


@pytest.mark.parametrize("path", EXAMPLES)
def test_each_example_is_answered_in_the_documented_shape(client: Client, path: str) -> None:
    response = client.post(path, EXAMPLES[path])
    assert response.status_code == 200, response.text
    jsonschema_rs.validate(_answer_schema(path), response.json())


def test_every_operation_is_documented_with_the_one_error_shape() -> None:
    paths = document["paths"]
    assert {path for path, methods in paths.items() if "post" in methods} == set(EXAMPLES)
    for path, methods in paths.items():
        for operation in methods.values():
            responses = operation["responses"]
            for status in ("400", "404", "422", "429", "500", "502", "504"):
                shape = responses[status]["content"]["application/json"]["schema"]
                assert shape == {"$ref": "#/components/schemas/ErrorBody"}, (path, status)
    assert "HTTPValidationError" not in document["components"]["schemas"]


@schema.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_no_input_is_a_fault_of_the_service(case: schemathesis.Case[Any]) -> None:
    response = case.call()
    assert response.status_code < 500 or response.status_code in (503, 504), response.text
    case.validate_response(
        response,
        checks=[status_code_conformance, content_type_conformance, response_schema_conformance],
    )
    if response.status_code >= 400 and case.path != "/readyz":
        assert set(response.json()) == {"error"}


def test_the_document_does_not_depend_on_the_process(client: Client) -> None:
    assert (
        client.get("/openapi.json").json()
        == client_for(Settings(as_of=NOW)).get("/openapi.json").json()
    )
