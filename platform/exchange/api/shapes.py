"""What the description's JSON schemas say, for people: fields with their kinds and bounds, and examples."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Shape = dict[str, Any]

# No shape of ours holds itself; what is deeper than this is an object.
_DEEPEST = 6
_EXAMPLES = {
    "date-time": "2026-11-20T10:00:00Z",
    "date": "2026-11-20",
    "uuid": "3f2b7a52-6a0f-4d0a-8f5e-0d7c1a4f9b11",
    "binary": "(the bytes of the file)",
}
_PLAIN = {"object", "string", "integer", "number", "boolean"}
_KINDS = {"date-time": "date and time", "date": "day", "uuid": "uuid", "binary": "file"}


@dataclass(frozen=True)
class Field:
    """One field: where it stands, as `prompts[].messages[].role`, and what it may be."""

    path: str
    kind: str
    required: bool
    note: str


class Shapes:
    """The shapes of one description, by the names that it gives them."""

    def __init__(self, components: dict[str, Shape]) -> None:
        self._components = components

    def example(self, shape: Shape) -> Any:
        """A value of this shape: the one that its author gave, or one that is put together of its parts."""
        shape = self._resolved(shape)
        for given in ("examples", "example", "const", "enum"):
            if given in shape:
                value = shape[given]
                return value[0] if given in ("examples", "enum") else value
        if "anyOf" in shape:
            return self.example(_first_value(shape["anyOf"]))
        if shape.get("type") == "object":
            return {name: self.example(each) for name, each in shape.get("properties", {}).items()}
        if shape.get("type") == "array":
            return [self.example(shape["items"])] if shape.get("items") else []
        return _plain_example(shape)

    def fields(self, shape: Shape, path: str = "", depth: int = 0) -> Iterator[Field]:
        """Every field of an object, those of the objects in it below their own."""
        shape = self._resolved(shape)
        required = shape.get("required", [])
        for name, each in shape.get("properties", {}).items():
            yield self.field(f"{path}{name}", each, required=name in required)
            inner, mark = self._inside(each)
            if inner is not None and depth < _DEEPEST:
                yield from self.fields(inner, f"{path}{name}{mark}.", depth + 1)

    def field(self, path: str, shape: Shape, *, required: bool) -> Field:
        return Field(path, self.kind(shape), required, _note(self._resolved(shape)))

    def kind(self, shape: Shape) -> str:
        """What values it takes, in words."""
        shape = self._resolved(shape)
        if "anyOf" in shape:
            return " or ".join(dict.fromkeys(self.kind(each) for each in shape["anyOf"]))
        if "const" in shape:
            return str(shape["const"])
        if "enum" in shape:
            return ", ".join(str(each) for each in shape["enum"])
        if shape.get("type") == "array":
            inner = self.kind(shape["items"]) if shape.get("items") else "anything"
            return f"list of {inner}s" if inner in _PLAIN else f"list of {inner}"
        return _KINDS.get(shape.get("format", ""), str(shape.get("type", "anything")))

    def _inside(self, shape: Shape) -> tuple[Shape | None, str]:
        """The object in a field, and what its path gets: nothing, or [] where there are many."""
        shape, mark = self._resolved(shape), ""
        for _ in range(_DEEPEST):
            if "anyOf" in shape:
                shape = self._resolved(_first_value(shape["anyOf"]))
            elif shape.get("type") == "array" and shape.get("items"):
                shape, mark = self._resolved(shape["items"]), f"{mark}[]"
        return (shape, mark) if "properties" in shape else (None, "")

    def _resolved(self, shape: Shape) -> Shape:
        while "$ref" in shape:
            beside = {name: value for name, value in shape.items() if name != "$ref"}
            shape = self._components[shape["$ref"].rpartition("/")[2]] | beside
        return shape


def _first_value(choices: list[Shape]) -> Shape:
    return next((each for each in choices if each.get("type") != "null"), choices[0])


def _plain_example(shape: Shape) -> Any:
    kind = shape.get("type")
    if shape.get("default") is not None:
        return shape["default"]
    if kind == "string":
        return _EXAMPLES.get(shape.get("format", ""), "text")
    if kind in ("integer", "number"):
        return shape.get("minimum", shape.get("maximum", 1))
    return {"boolean": False}.get(str(kind))


def _note(shape: Shape) -> str:
    said = [shape.get("description", ""), *_bounds(shape)]
    if shape.get("default") not in (None, "", []):
        said.append(f"if left out {str(shape['default']).lower()}")
    return "; ".join(each for each in said if each)


def _bounds(shape: Shape) -> Iterator[str]:
    inner: Shape = _first_value(shape["anyOf"]) if "anyOf" in shape else shape
    for least, most, what in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
    ):
        low, high = inner.get(least), inner.get(most)
        if low is not None and high is not None:
            yield f"{low} to {high}{what}"
        elif high is not None:
            yield f"at most {high}{what}"
        elif low is not None:
            yield f"at least {low}{what}"
