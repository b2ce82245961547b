"""What a program sends, and what it gets back."""

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client

from accounts import api_tokens
from accounts.models import Scope, User

ALL = list(Scope.values)


class Caller:
    """A program that acts for a person with a token of theirs."""

    def __init__(self, person: User, *scopes: str) -> None:
        self.token, self.secret = api_tokens.issue(by=person, name="test", scopes=scopes or ALL, days=1)
        self._client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {self.secret}"})

    def get(self, path: str, **query: Any) -> HttpResponse:
        return self._client.get(f"/api/v1{path}", query)

    def get_range(self, path: str, span: str, tag: str) -> HttpResponse:
        """Go on with a download of which the beginning is there."""
        return self._client.get(f"/api/v1{path}", headers={"Range": span, "If-Range": tag})

    def send(self, method: str, path: str, body: Any = None, key: str = "") -> HttpResponse:
        headers = {"Idempotency-Key": key} if key else {}
        sent = "" if body is None else json.dumps(body)
        return self._client.generic(method, f"/api/v1{path}", sent, content_type="application/json", headers=headers)

    def post(self, path: str, body: Any = None, key: str = "") -> HttpResponse:
        return self.send("POST", path, body, key)


def said(response: HttpResponse) -> Any:
    return json.loads(response.content)


def problem(response: HttpResponse) -> tuple[int, str]:
    """The status and the kind of a problem, which must be one."""
    assert response["Content-Type"] == "application/problem+json"
    told = said(response)
    assert told["status"] == response.status_code
    return told["status"], told["type"].partition("#")[2]


def prompt_body(*texts: str) -> dict[str, Any]:
    return {"prompts": [{"messages": [{"role": "user", "content": text}]} for text in texts]}
