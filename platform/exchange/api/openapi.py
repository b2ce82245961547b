"""The description of the API, as OpenAPI 3.1: ninja's, with what it leaves out."""

from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from exchange.api import problems
from exchange.api.shapes import Shapes

_TIME_OF_DAY = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"


def described(schema: OpenAPISchema) -> OpenAPISchema:
    """Say of problems that they are problem+json, name the scope that each operation needs, and give examples."""
    shapes = Shapes(schema["components"]["schemas"])
    _say_times(schema["components"])
    for path in schema["paths"].values():
        for operation in path.values():
            _operation(operation)
            _examples(shapes, operation)
    return schema


def _say_times(shape: Any) -> None:
    """A time of the format `time` has a zone (RFC 3339); a time of day has none."""
    for each in shape.values() if isinstance(shape, dict) else shape if isinstance(shape, list) else ():
        _say_times(each)
    if isinstance(shape, dict) and shape.get("format") == "time":
        del shape["format"]
        shape["pattern"] = _TIME_OF_DAY


def _operation(operation: dict[str, Any]) -> None:
    scope = operation.get("x-scope")
    if scope:
        operation["security"] = [{name: [scope] for name in each} for each in operation["security"]]
    for parameter in operation["parameters"]:
        # Its schema has them; beside it they would have to be named.
        parameter.pop("examples", None)
    for status, said in operation["responses"].items():
        if int(status) >= 400 and "content" in said:
            [shape] = said["content"].values()
            said["content"] = {problems.MEDIA_TYPE: shape}


def _examples(shapes: Shapes, operation: dict[str, Any]) -> None:
    answers = (said for status, said in operation["responses"].items() if int(status) < 300)
    for said in (operation.get("requestBody", {}), *answers):
        for media, each in said.get("content", {}).items():
            if media == "application/json":
                each["example"] = shapes.example(each["schema"])


class Described(NinjaAPI):
    """ninja's API with our description."""

    def get_openapi_schema(self, **told: Any) -> OpenAPISchema:
        return described(super().get_openapi_schema(**told))
