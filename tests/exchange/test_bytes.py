"""An export is, byte for byte, what it was when these lines were written down: digests are compared for years."""

import re
from datetime import UTC, datetime

import pytest
from django.conf import settings

from accounts.models import Project, User
from annotations.models import Assignment, Prompt, Ranking
from exchange.models import Format
from tests import make
from tests.exchange.written import written

IDENT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PROMPT = '"prompt":{"id":"ID","messages":[{"role":"user","content":"Où est-il\\n\\"là\\" 你好?"}]'
PLACED = (
    '{"id":"ID","text":"%s","policy":"ID","finished":true,"tier":%d,"rating":null,'
    '"policy_name":"base","index":%d,"tokens":4,"shown":%d,"flags":[],"note":"","masked":false,'
    '"suspicious":%s}'
)
RANKING = (
    '{"id":"ID","split":"train","labeler":"WHO","revision":1,"weight":1.0,'
    + PROMPT
    + ',"tags":[],"suspicious":[]},"completions":['
    + ",".join([PLACED % ("one", 2, 0, 0, "[]"), PLACED % ("two\u200b", 1, 1, 1, '["U+200B"]')])
    + '],"cut":1,"strength":null,"note":"","flags":[],"unsure":false,"hurried":false,"suspicious":[],'
    '"surplus":false,"slate":{"id":"ID","linked_to":null,"repeat_of":null},"guideline":1,'
    '"created_at":"2026-11-22T20:15:00.000123+00:00","making":"{}"}\n'
)
PAIR = (
    '{"prompt":[{"role":"user","content":"Où est-il\\n\\"là\\" 你好?"}],'
    '"chosen":[{"role":"assistant","content":"two\u200b"}],"rejected":[{"role":"assistant","content":"one"}],'
    '"margin":1.0,"weight":1.0,"labeler":"WHO","ranking":"ID","slate":"ID","prompt_id":"ID"}\n'
)


@pytest.mark.parametrize(("format", "line"), [(Format.RANKINGS, RANKING), (Format.PREFERENCE, PAIR)])
def test_a_line_is_the_same_bytes_in_every_version(project: Project, alice: User, format: str, line: str) -> None:
    slate = make.make_slate(project, ["one", "two\u200b"], policy=make.make_policy(project, "base"))
    make.make_ranking(alice, slate, [[1], [0]], cut=1)
    Prompt.objects.update(messages=[{"role": "user", "content": 'Où est-il\n"là" 你好?'}])
    Ranking.objects.update(created_at=datetime(2026, 11, 22, 20, 15, 0, 123, tzinfo=UTC), making={})
    Assignment.objects.update(shown=[0, 1])
    path = settings.STORE / written(project, format).path / "train.jsonl"
    found = path.read_bytes().decode().replace(alice.pseudonym, "WHO")
    assert IDENT.sub("ID", found) == line
