"""The description of the API as its page shows it: groups of operations, with what each takes and answers."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from exchange.api.shapes import Field, Shapes

# A text with what stood in backticks told apart.
Told = list[tuple[str, bool]]


@dataclass(frozen=True)
class Part:
    """A body or an answer. A file has no fields."""

    status: str
    media: str
    fields: list[Field]
    example: str


@dataclass(frozen=True)
class Operation:
    """One method of one address."""

    name: str
    method: str
    path: str
    summary: Told
    more: list[Told]
    scope: str
    parameters: list[Field]
    body: Part | None
    answers: list[Part]
    refusals: list[str]
    curl: str


@dataclass(frozen=True)
class Group:
    """The operations of one tag. `anchor` is where they begin on the page."""

    name: str
    anchor: str
    operations: list[Operation]


def groups(description: dict[str, Any], site: str) -> list[Group]:
    """Every operation, by tag, in the order of the alphabet; `site` is the address that examples ask."""
    shapes = Shapes(description["components"]["schemas"])
    found: dict[str, list[Operation]] = {}
    for path, methods in description["paths"].items():
        for method, said in methods.items():
            found.setdefault(said["tags"][0], []).append(_operation(shapes, site, path, method.upper(), said))
    return [Group(name, f"group-{name.lower().replace(' ', '-')}", found[name]) for name in sorted(found)]


def _operation(shapes: Shapes, site: str, path: str, method: str, said: dict[str, Any]) -> Operation:
    scope = said["x-scope"]
    more = said.get("description", "").removesuffix(f"Needs the scope `{scope}`.").strip()
    return Operation(
        name=said["operationId"],
        method=method,
        path=path,
        summary=_told(said["summary"]),
        more=[_told(each) for each in more.split("\n\n") if each],
        scope=scope,
        parameters=[_parameter(shapes, each) for each in said["parameters"]],
        body=next(_parts(shapes, "", said["requestBody"]), None) if "requestBody" in said else None,
        answers=[part for status, each in _sorted(said, good=True) for part in _parts(shapes, status, each)],
        refusals=[status for status, _each in _sorted(said, good=False)],
        curl=_curl(shapes, f"{site}{path}", method, said),
    )


def _sorted(said: dict[str, Any], *, good: bool) -> list[tuple[str, dict[str, Any]]]:
    answers = sorted((str(status), each) for status, each in said["responses"].items())
    return [(status, each) for status, each in answers if (int(status) < 400) is good]


def _parts(shapes: Shapes, status: str, said: dict[str, Any]) -> Iterator[Part]:
    if status and "content" not in said:
        yield Part(status, "", [], "")
    for media, each in said.get("content", {}).items():
        shape = each["schema"]
        fields = list(shapes.fields(shape))
        example = each.get("example", shapes.example(shape)) if fields and media.endswith("json") else None
        yield Part(status, media, fields, "" if example is None else _pretty(example))


def _parameter(shapes: Shapes, said: dict[str, Any]) -> Field:
    field = shapes.field(said["name"], said["schema"], required=said["required"])
    told = "" if "description" in said["schema"] else said.get("description", "")
    note = "; ".join(each for each in (said["in"], told.rstrip("."), field.note) if each)
    return Field(field.path, field.kind, field.required, note)


def _curl(shapes: Shapes, url: str, method: str, said: dict[str, Any]) -> str:
    """A line for a shell, in which TUTELAGE_TOKEN is the token."""
    lines = [f"curl{'' if method == 'GET' else f' -X {method}'} {shlex.quote(_filled(shapes, url, said))}"]
    lines.append('-H "Authorization: Bearer $TUTELAGE_TOKEN"')
    if method != "GET":
        lines.append('-H "Idempotency-Key: $(uuidgen)"')
    lines += _sent(shapes, said.get("requestBody", {}).get("content", {}))
    if any("binary" in str(each.get("content")) for each in said["responses"].values()):
        lines.append("-OJ")
    return " \\\n  ".join(lines)


def _sent(shapes: Shapes, content: dict[str, Any]) -> list[str]:
    for media, each in content.items():
        if media == "multipart/form-data":
            return ["-F file=@prompts.jsonl"]
        if not media.endswith("json"):
            return [f"-H 'Content-Type: {media}'", "--data-binary @prompts.jsonl"]
        body = json.dumps(each.get("example", shapes.example(each["schema"])), ensure_ascii=False)
        return [f"-H 'Content-Type: {media}'", f"-d {shlex.quote(body)}"]
    return []


def _filled(shapes: Shapes, url: str, said: dict[str, Any]) -> str:
    """The address with an example in each place, and the questions that must be asked."""
    asked = []
    for each in said["parameters"]:
        example = shapes.example(each["schema"])
        url = url.replace(f"{{{each['name']}}}", str(example))
        if each["in"] == "query" and each["required"]:
            asked.append(f"{each['name']}={example}")
    return "?".join([url, "&".join(asked)]) if asked else url


def _told(text: str) -> Told:
    parts = re.split(r"`([^`]+)`", text)
    return [(part, place % 2 == 1) for place, part in enumerate(parts) if part]


def _pretty(example: Any) -> str:
    return json.dumps(example, indent=2, ensure_ascii=False)
