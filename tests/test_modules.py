"""Modules are put together as browsers would evaluate them; what is not understood is refused."""

import shutil
from pathlib import Path

import pytest
from asgiref.sync import iscoroutinefunction
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.test import override_settings
from django.urls import URLPattern, URLResolver, get_resolver

from tutelage.assets import CollectedFiles
from tutelage.modules import NotUnderstood, bundle, joined
from tutelage.serving import STREAMS

FILES = {
    "a/main.js": 'import { one, two as zwei } from "./parts/numbers.js";\nimport * as words from "../b/words.js";\n'
    "console.log(one, zwei(), words.NAME);\n",
    "a/parts/numbers.js": 'import { NAME } from "../../b/words.js";\nexport const one = 1;\n'
    "export function two() {\n  return NAME.length;\n}\n",
    "b/words.js": 'export const NAME = "ab";\nconst hidden = 1;\n',
    "all.css": '@import "a/one.css";\np { color: red; }\n',
    "a/one.css": "b { color: blue; }\n",
}


def test_each_module_is_there_once_before_who_needs_it_and_hides_what_it_does_not_export() -> None:
    text = bundle("a/main.js", FILES.__getitem__)
    assert text.count('"ab"') == 1
    assert text.index('"ab"') < text.index("function two") < text.index("console.log")
    assert "return { NAME };" in text
    assert "const { one, two: zwei } = _a_parts_numbers_js;" in text
    assert "const words = _b_words_js;" in text
    assert "export" not in text
    assert "import" not in text


def test_what_is_imported_when_it_is_needed_is_in_the_same_file_and_runs_once_when_it_is_asked_for() -> None:
    asks = 'import { NAME } from "./words.js";\nconst dialogs = () => import("./dialogs.js");\ndialogs();\ndialogs();\n'
    dialogs = 'import { NAME } from "./words.js";\nexport function show() {\n  return NAME;\n}\n'
    files = {"main.js": asks, "dialogs.js": dialogs, "words.js": FILES["b/words.js"]}
    text = bundle("main.js", files.__getitem__)
    assert text.count('"ab"') == 1
    assert "const dialogs = () => Promise.resolve().then(_dialogs_js_later);" in text
    assert "const _dialogs_js_later = () => (_dialogs_js_later_is ??= (() => {" in text
    assert text.index("_dialogs_js_later_is;") < text.index("const dialogs")
    assert "import" not in text


def test_a_sheet_stands_in_the_place_of_its_import() -> None:
    assert joined("all.css", FILES.__getitem__) == "b { color: blue; }\np { color: red; }\n"


@pytest.mark.parametrize(
    "source",
    [
        "export default 1;",
        "export { a };",
        "export let a = 1;",
        'export * from "./b.js";',
        "const b = await import(name);",
        "const here = import.meta.url;",
        'import b from "./b.js";',
        'import { a } from "elsewhere";',
        'import "./main.js";',
    ],
)
def test_what_is_not_understood_is_refused(source: str) -> None:
    with pytest.raises(NotUnderstood):
        bundle("main.js", {"main.js": source}.__getitem__)


def test_every_module_and_sheet_of_ours_is_put_together_under_the_name_of_its_content(tmp_path: Path) -> None:
    with override_settings(STATIC_ROOT=tmp_path):
        call_command("collectstatic", interactive=False, verbosity=0)
    collected = CollectedFiles(location=tmp_path, base_url="/static/")
    assert collected.is_collected
    address = collected.url("annotations/rank.js")
    assert address != "/static/annotations/rank.js"
    text = (tmp_path / address.removeprefix("/static/")).read_text(encoding="utf-8")
    assert "import " not in text
    assert "letters.includes" in text
    assert (tmp_path / (address.removeprefix("/static/") + ".gz")).exists()
    words = (tmp_path / collected.stored_name("tutelage/words-zh-hans.js")).read_text(encoding="utf-8")
    assert "gettext" in words
    assert "无" in words or "\\u" in words


def test_where_nothing_was_collected_files_are_served_as_they_lie() -> None:
    assert not staticfiles_storage.is_collected
    assert staticfiles_storage.url("annotations/rank.js") == "/static/annotations/rank.js"
    assert any(path == "annotations/rank.js" for finder in get_finders() for path, _ in finder.list([]))


def test_a_second_collection_takes_what_has_changed_and_keeps_what_open_pages_ask_for(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "x").mkdir(parents=True)
    with override_settings(STATIC_ROOT=tmp_path / "out", STATICFILES_DIRS=[source]):
        names = []
        for text in ("let a = 1;", "let a = 2;"):
            (source / "x/a.js").write_text(text)
            call_command("collectstatic", interactive=False, verbosity=0)
            names.append(CollectedFiles(location=tmp_path / "out", base_url="/static/").stored_name("x/a.js"))
        assert names[0] != names[1]
        assert all((tmp_path / "out" / name).exists() for name in names)
    shutil.rmtree(tmp_path / "out")


def test_streams_are_the_only_coroutines_so_the_only_ones_that_need_the_event_loop() -> None:
    found = list(_views(get_resolver()))
    assert found
    assert {address.endswith(STREAMS) for address, is_stream in found if is_stream} == {True}
    assert not [address for address, is_stream in found if address.endswith(STREAMS) and not is_stream]


def _views(resolver: URLResolver, before: str = "/") -> list[tuple[str, bool]]:
    found: list[tuple[str, bool]] = []
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            found += _views(entry, before + str(entry.pattern))
        elif isinstance(entry, URLPattern):
            found.append((before + str(entry.pattern), iscoroutinefunction(entry.callback)))
    return found
