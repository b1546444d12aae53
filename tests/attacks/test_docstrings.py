"""What the docstrings of the attacks hold."""

import inspect
import re

import pytest
from mia_bench.benchmark import registry

RUN = {"--attack", "--data-dir", "--dataset", "--defense", "--split"}


@pytest.mark.parametrize("name", registry.names("attacks"))
def test_the_example_of_an_attack_names_it_and_options_that_exist(name: str) -> None:
    attack = registry.load(registry.find("attacks", name))
    found = re.search(r"Example:\n    ``mia-bench run (.*)``", inspect.getdoc(attack) or "")
    assert found

    words = found[1].split()
    options = {word: words[index + 1] for index, word in enumerate(words) if word.startswith("--")}
    fields = set(attack.model_fields)
    if "--defense" in options:
        fields |= set(registry.load(registry.find("defenses", options["--defense"])).model_fields)

    assert options["--attack"] == name
    assert {option[2:].replace("-", "_") for option in options.keys() - RUN} <= fields


@pytest.mark.parametrize("name", registry.names("attacks"))
def test_the_docstring_of_an_attack_ends_with_its_source(name: str) -> None:
    attack = registry.load(registry.find("attacks", name))

    assert "Source: " in (inspect.getdoc(attack) or "").split("\n\n")[-1]
