"""The package is written in plain English: docstrings, help texts, messages and comments are read from its source."""

import ast
import doctest
import io
import re
import shlex
import tokenize
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from mia_bench.benchmark.checks.catalog import BEHAVIOR, DECLARATION, REPETITION
from mia_bench.benchmark.cli import app
from mia_bench.benchmark.registry.literals import parse, split_at_commas
from mia_bench.benchmark.registry.specs import resolve
from mia_bench.benchmark.registry.sweeps import check_options
from typer.main import get_command

ROOT = Path(__file__).parents[1]
PACKAGE = ("attacks", "benchmark", "defenses", "models", "performance", "docs")
BANNED = re.compile(
    r"\b(pictures?|whoever|at hand|go(es|ing)? on|set aside|alike|likewise|(its|one's|their) own accord|of its own"
    r"|told|whatsoever)\b|(?<!there )\b(is|are) no (?!longer|more|less|larger|smaller|better|fewer|nearer|worse)",
    re.IGNORECASE,
)
"""Words of a private dialect. Write "image", "anyone who", "available", "continue", "moved", "is not a"."""

NO_VERB = re.compile(
    r"(the|an?|what|which|whether|how|why|who|where|all|as|so|of|one|two|with|from|for|no|none|if|only"
    r"|adds|builds|checks|computes|finds|gives|makes|reads|returns|runs|takes|writes)\b",
    re.IGNORECASE,
)
"""Beginnings of a docstring of a function that do not give an order. Write "Return the ..." or "Return whether ..."."""

STATEMENTS = frozenset(body.__name__ for bodies in (DECLARATION, *BEHAVIOR.values(), REPETITION) for body in bodies)
"""Functions in ``benchmark/checks/`` whose docstring states what must hold, since ``mia-bench check`` reports it."""

FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


def files() -> list[str]:
    """The Python files of the package, relative to its root."""
    found = (path.relative_to(ROOT) for folder in PACKAGE for path in sorted((ROOT / folder).rglob("*.py")))
    return [path.as_posix() for path in found if "templates" not in path.parts]


@cache
def source_of(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


@cache
def tree_of(file: str) -> ast.Module:
    return ast.parse(source_of(file))


def texts(file: str) -> Iterator[tuple[int, str]]:
    """Every string of at least two words and every comment, with its line."""
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(source_of(file)).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def takes_a_verb(node: ast.ClassDef | FUNCTION) -> bool:
    """Whether a docstring is neither that of a property, which is a noun, nor that of a check, which is a statement."""
    return node.name not in STATEMENTS and not any("property" in ast.unparse(each) for each in node.decorator_list)


def public(file: str) -> bool:
    return not any(part.startswith("_") for part in Path(file).with_suffix("").parts)


def outlines(node: ast.expr) -> tuple[str, str]:
    """The first and the last character of a message; a space where it is a value that is only known later."""
    match node:
        case ast.Constant(value=str(text)) if " " in text:
            return text[0], " " if text.endswith("%s") else text[-1]
        case ast.JoinedStr(values=[*_, _] as values):
            return outlines(values[0])[0], outlines(values[-1])[1]
    return " ", " "


@pytest.mark.parametrize("file", files())
def test_no_text_uses_a_word_of_the_private_dialect(file):
    found = [
        f"{file}:{line}: {match[0]!r}" for line, text in texts(file) if (match := BANNED.search(" ".join(text.split())))
    ]
    assert not found, "\n".join(found)


READ_BY_USERS = (
    "benchmark/plan/suites/*.toml",
    "benchmark/report/assets/*",
    "docs/**/*.svg",
    "docs/**/*.md",
    "results/*.md",
    "performance/*.md",
    "leaderboard/*.md",
    "examples/*/*.md",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
)
"""Files besides Python whose text users read."""

NAMES = re.compile(r"```.*?```|`[^`]+`|\bpictures/", re.DOTALL)
"""Parts of a page that are not prose: code, and the folder of images that a run writes."""


def prose(text: str) -> str:
    """The text of a page in Markdown, without code."""
    return NAMES.sub(" ", text)


@pytest.mark.parametrize(
    "path",
    sorted(path for pattern in READ_BY_USERS for path in ROOT.glob(pattern)),
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_no_page_suite_or_diagram_uses_a_word_of_the_private_dialect(path):
    text = path.read_text(encoding="utf-8")
    found = BANNED.search(" ".join((prose(text) if path.suffix == ".md" else text).replace("#", " ").split()))
    assert not found, found


@pytest.mark.parametrize("file", files())
def test_docstrings_of_functions_begin_with_a_verb(file):
    functions = [node for node in ast.walk(tree_of(file)) if isinstance(node, FUNCTION) and takes_a_verb(node)]
    documented = [(node, ast.get_docstring(node) or "") for node in functions]
    found = [f"{file}:{node.lineno}: {text[:60]}" for node, text in documented if NO_VERB.match(text)]
    assert not found, "\n".join(found)


ORDER = re.compile(r"(?!(?:a|an|the|base)\b)[a-z]+(?:[^s\W]|ss) ", re.IGNORECASE)
"""Beginnings of a summary that give an order, such as "Train the client": not "Trains the client", not "A client"."""

NOUN_PHRASE = re.compile(r"(?!(?:add|build|draw|load|make|read|return|train|use)s? )", re.IGNORECASE)
"""Beginnings of a summary that name a thing."""

SUMMARIES = {"attacks": ORDER, "defenses": ORDER, "models": NOUN_PHRASE, "benchmark/datasets": NOUN_PHRASE}
"""How the line of a component in ``mia-bench list`` begins, by its folder."""


@pytest.mark.parametrize(
    "file", [file for file in files() if Path(file).parent.as_posix() in SUMMARIES and public(file)]
)
def test_summaries_of_components_are_orders_or_name_a_thing(file):
    rule = SUMMARIES[Path(file).parent.as_posix()]
    name = Path(file).stem.replace("_", "")
    classes = [node for node in tree_of(file).body if isinstance(node, ast.ClassDef)]
    (summary,) = [(ast.get_docstring(node) or "").partition("\n")[0] for node in classes if node.name.lower() == name]
    assert rule.match(summary), summary


ENTRY = re.compile(r"(?P<indent> *)(?P<name>[\w.*]+): (?P<word>[a-z]\w+)")


def entries(docstring: str) -> Iterator[tuple[str, str]]:
    """The name of each argument, attribute and error in a docstring, and the first word of its description."""
    inside = False
    for line in docstring.splitlines():
        if line.strip() and not line.startswith(" "):
            inside = line in ("Args:", "Attributes:", "Raises:")
        elif inside and (match := ENTRY.match(line)) and len(match["indent"]) == 4:
            yield match["name"], match["word"]


@pytest.mark.parametrize("file", files())
def test_descriptions_of_arguments_begin_with_a_capital_letter(file):
    nodes = [node for node in ast.walk(tree_of(file)) if isinstance(node, FUNCTION | ast.ClassDef)]
    found = [
        f"{file}:{node.lineno}: {name}: {word}"
        for node in nodes
        for name, word in entries(ast.get_docstring(node) or "")
        if "_" not in word and word not in ("mia", "pandas", "torch")
    ]
    assert not found, "\n".join(found)


def messages(file: str) -> Iterator[ast.expr]:
    """The messages of a file that are written where they are used: of exceptions, failed cells and checks, and logs."""
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            yield node.exc.args[0]
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            is_message = re.fullmatch(r"logger\.\w+|.*Error|Inapplicable|Skipped|Failed|self\._failed|require", name)
            if is_message and (name != "require" or file.startswith("benchmark/checks/")):
                place = int(name in {"self._failed", "require"})
                yield from node.args[place : place + 1]
            yield from (each.value for each in node.keywords if each.arg in {"reason", "broken"})


@pytest.mark.parametrize("file", files())
def test_messages_are_sentences_with_a_capital_letter_and_a_period(file):
    found = []
    for message in messages(file):
        first, last = outlines(message)
        if first.islower() or last not in ".? ":
            found.append(f"{file}:{message.lineno}: {ast.unparse(message)}")
    assert not found, "\n".join(found)


def sentences(node: ast.expr) -> str:
    """The text of a message, with # for values that are only known later."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(map(sentences, values))
        case ast.Call(func=ast.Attribute(value=ast.JoinedStr() as text)):  # such as .rstrip()
            return sentences(text)
    return "#"


@pytest.mark.parametrize("file", files())
def test_usage_errors_say_what_to_do_in_a_sentence_of_its_own(file):
    """A message that ends with a value is left out, since the value may say it."""
    found = [
        f"{file}:{node.lineno}: {text}"
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("UsageError", "Unreadable", "ContractError")
        and node.args
        for text in [" ".join(map(sentences, node.args))]
        if not (text.endswith("#") or re.search(r"[.?:#] [A-Z]", text))
    ]
    assert not found, "\n".join(found)


VALIDATORS = frozenset({"require_one", "validate", "_settled"})
"""Functions that check parameters and are called by validators, or handed to pydantic."""


def refusals(file: str) -> Iterator[ast.Call]:
    """The errors by which validators of components refuse parameters."""
    for node in ast.walk(tree_of(file)):
        if not isinstance(node, FUNCTION):
            continue
        decorated = any("validator" in ast.unparse(each) for each in node.decorator_list)
        if decorated or node.name in VALIDATORS:
            yield from (
                each for each in ast.walk(node) if isinstance(each, ast.Call) and ast.unparse(each.func) == "ValueError"
            )


@pytest.mark.parametrize("file", [file for file in files() if not file.startswith("benchmark/leaderboard/")])
def test_refused_parameters_say_what_to_do_in_a_sentence_of_its_own(file):
    """Those of records are left out, since what reads them says what to do."""
    texts = [(each.lineno, " ".join(map(sentences, each.args))) for each in refusals(file)]
    found = [f"{file}:{line}: {text}" for line, text in texts if not re.search(r"[.?#] [A-Z#]", text)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("file", [file for file in files() if public(file)])
def test_public_classes_have_an_example(file):
    classes = [node for node in tree_of(file).body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    assert not [node.name for node in classes if "Example:" not in (ast.get_docstring(node) or "")]


@pytest.mark.parametrize("file", [file for file in files() if ">>> " in source_of(file)])
def test_examples_in_python_give_what_they_show(file):
    module = import_module(f"mia_bench.{file.removesuffix('.py').replace('/', '.')}")
    assert doctest.testmod(module).failed == 0


EXAMPLE = re.compile(r"(?:Example: ``|Example:\n +)(mia-bench run .+?)(?:``|\n)")


def commands() -> list[str]:
    return sorted({each for file in files() for each in EXAMPLE.findall(source_of(file))})


@pytest.mark.parametrize("command", commands())
def test_examples_of_commands_name_components_and_options_that_exist(command):
    own = {name for parameter in get_command(app).commands["run"].params for name in parameter.opts}
    words = shlex.split(command)[2:]
    words = words[len(words) % 2 :]  # without the name of a suite
    given = list(zip(words[::2], words[1::2], strict=True))
    kinds = {f"{name}s": [value for option, value in given if option == f"--{name}"] for name in COMPONENTS}
    for kind, specs in kinds.items():
        for spec in specs:
            resolve(kind, *parse(spec))
    options = {option[2:].replace("-", "_"): split_at_commas(value) for option, value in given if option not in own}
    check_options(options, {kind: kinds[kind] for kind in ("attacks", "defenses")})


COMPONENTS = ("attack", "dataset", "defense", "model")


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("Return the image.", True),
        ("Return the picture.", False),
        ("The channel is no longer open.", True),
        ("A retina is no photograph.", False),
        ("There is no file.", True),
    ],
)
def test_the_rule_for_words(text, allowed):
    assert bool(BANNED.search(text)) != allowed


@pytest.mark.parametrize(("text", "allowed"), [("Return it.", True), ("The image.", False), ("Returns it.", False)])
def test_the_rule_for_docstrings(text, allowed):
    assert bool(NO_VERB.match(text)) != allowed


@pytest.mark.parametrize(
    ("text", "order", "thing"),
    [
        ("Train the client.", True, False),
        ("Compress the IR.", True, True),
        ("Trains the client.", False, False),
        ("A network of torchvision.", False, True),
        ("Whole photographs without labels.", True, True),
    ],
)
def test_the_rules_for_summaries(text, order, thing):
    assert (bool(ORDER.match(text)), bool(NOUN_PHRASE.match(text))) == (order, thing)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [("The folder `results/pictures/` is new.", True), ("See pictures/1.png.", True), ("See the pictures.", False)],
)
def test_code_and_paths_on_pages_are_not_prose(text, allowed):
    assert bool(BANNED.search(prose(text))) != allowed
