"""The Chinese catalogue says everything that the English source says, and what is served is what is written."""

import ast
import gettext
import shutil
import subprocess
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import override_settings

ROOT = Path(__file__).resolve().parents[1]
CATALOGUE = ROOT / "platform/tutelage/locale/zh_Hans/LC_MESSAGES"
HELP = (
    "Write the missing Chinese: manage.py makemessages -l zh_Hans -d django (and -d djangojs) --no-location "
    "--no-obsolete --ignore .venv --ignore var --ignore tests, translate, then msgfmt -o X.mo X.po"
)


def _run(*command: str) -> str:
    assert shutil.which(command[0]), f"{command[0]} is missing: apt-get install gettext"
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of all that holds strings: makemessages leaves files beside what it reads."""
    copy = tmp_path_factory.mktemp("sources")
    for folder in ("annotations", "platform"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "demo"))
    return copy


@pytest.mark.parametrize("domain", ["django", "djangojs"])
def test_every_string_is_translated_and_none_is_a_guess(
    domain: str, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sources)
    locale = sources / "platform/tutelage/locale"
    with override_settings(LOCALE_PATHS=[locale]):
        call_command("makemessages", locale=["zh_Hans"], domain=domain, no_location=True, no_obsolete=True, verbosity=0)
    fresh = str(locale / f"zh_Hans/LC_MESSAGES/{domain}.po")
    left = _run("msgattrib", "--untranslated", "--no-fuzzy", fresh) + _run("msgattrib", "--only-fuzzy", fresh)
    assert left == "", HELP


@pytest.mark.parametrize("domain", ["django", "djangojs"])
def test_the_compiled_catalogue_is_the_written_one(domain: str, tmp_path: Path) -> None:
    compiled = tmp_path / f"{domain}.mo"
    _run("msgfmt", "--check-format", "-o", str(compiled), str(CATALOGUE / f"{domain}.po"))
    with compiled.open("rb") as written, (CATALOGUE / f"{domain}.mo").open("rb") as served:
        assert _strings(gettext.GNUTranslations(written)) == _strings(gettext.GNUTranslations(served)), HELP


def _strings(catalogue: gettext.GNUTranslations) -> dict[object, str]:
    return dict(catalogue._catalog)  # type: ignore[attr-defined]


def test_strings_are_marked_by_names_that_are_collected() -> None:
    """Under another name than its own or `_`, makemessages passes a string over, and nobody misses it."""
    renamed = [
        f"{path.relative_to(ROOT)}: {alias.asname}"
        for folder in ("annotations", "platform")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
        if alias.asname not in (None, "_")
    ]
    assert renamed == []


def test_a_string_without_chinese_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.po"
    path.write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "new"\nmsgstr ""\n')
    assert 'msgid "new"' in _run("msgattrib", "--untranslated", str(path))
