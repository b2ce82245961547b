"""JavaScript modules and style sheets put into one file each, with all that they import: one request instead of ten.

Only what our modules use is understood; anything else is refused, never guessed.
"""

import posixpath
import re
from collections.abc import Callable

Read = Callable[[str], str]

_NAMES = r"(?:\{(?P<names>[^}]*)\}|\*\s*as\s+(?P<all>\w+))\s*from\s*"
_IMPORT = re.compile(rf'^import\s+(?:{_NAMES})?"(?P<path>\.{{1,2}}/[^"]+)";$', re.M)
_EXPORT = re.compile(r"^export\s+(?=(?:(?:async\s+)?function\*?|const|class)\s+(?P<name>\w+))", re.M)
# What comes only when it is needed comes in the same file, and runs only then.
_LATER = re.compile(r'\bimport\("(?P<path>\.{1,2}/[^"]+)"\)')
_LEFT = re.compile(r"^(?:import|export)\b.*$|\bimport\s*\(|\bimport\.meta\b", re.M)
_SHEET = re.compile(r'^@import "(?P<path>[^"]+)";\n?', re.M)


class NotUnderstood(ValueError):
    """A module uses a form of import or export that is not put together here; the text shows it."""


def bundle(name: str, read: Read) -> str:
    """Return the module `name` with every module that it imports, each once, in the order of their evaluation.

    `read` gives a module's source by its path. Raises `NotUnderstood`.
    """
    done: dict[str, str] = {}
    body = _body(name, read, done, ())
    return "".join([*done.values(), body])


def joined(name: str, read: Read) -> str:
    """Return the style sheet `name` with the sheets that it imports in their places."""
    here = posixpath.dirname(name)
    return _SHEET.sub(lambda found: joined(_beside(here, found["path"]), read), read(name))


def _body(name: str, read: Read, done: dict[str, str], above: tuple[str, ...]) -> str:
    if name in above:
        raise NotUnderstood(f"{name} imports itself through {' and '.join(above)}")
    source, here = read(name), posixpath.dirname(name)
    for found in _IMPORT.finditer(source):
        path = _beside(here, found["path"])
        if path not in done:
            done[path] = _wrapped(path, _body(path, read, done, (*above, name)), read(path))
    for found in _LATER.finditer(source):
        path = f"{_beside(here, found['path'])} later"
        if path not in done:
            done[path] = _put_off(path, _body(path.split()[0], read, done, (*above, name)), read(path.split()[0]))
    body = _EXPORT.sub("", _IMPORT.sub(lambda found: _taken(found, here), source))
    body = _LATER.sub(
        lambda found: f"Promise.resolve().then({_variable(_beside(here, found['path']) + ' later')})", body
    )
    if left := _LEFT.search(body):
        raise NotUnderstood(f"{name}: {left.group()}")
    return body


def _wrapped(path: str, body: str, source: str) -> str:
    return f"const {_variable(path)} = ({_function(body, source)})();\n"


def _put_off(path: str, body: str, source: str) -> str:
    """A module that runs when it is first asked for, and once."""
    name = _variable(path)
    return f"let {name}_is;\nconst {name} = () => ({name}_is ??= ({_function(body, source)})());\n"


def _function(body: str, source: str) -> str:
    exported = [found["name"] for found in _EXPORT.finditer(source)]
    return f"() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}}"


def _taken(found: "re.Match[str]", here: str) -> str:
    """The import statement as a declaration of what the module's function returned."""
    variable = _variable(_beside(here, found["path"]))
    if found["all"]:
        return f"const {found['all']} = {variable};"
    names = re.sub(r"(\w+)\s+as\s+(\w+)", r"\1: \2", found["names"] or "")
    return f"const {{ {' '.join(names.split())} }} = {variable};" if names else ""


def _variable(path: str) -> str:
    return "_" + re.sub(r"\W", "_", path)


def _beside(here: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(here, path))
