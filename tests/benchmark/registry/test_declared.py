"""What components declare is read from their source, and is what the classes say."""

import subprocess
import sys
from pathlib import Path

import pytest
from mia_bench.benchmark import registry
from mia_bench.benchmark.registry.declared import _Source, _Unclear, declared
from mia_bench.benchmark.registry.labels import default_params, spec
from mia_bench.benchmark.registry.specs import resolve
from pydantic_core import PydanticUndefined, to_jsonable_python


@pytest.mark.parametrize("kind", ["attacks", "defenses"])
def test_the_source_tells_the_defaults_that_the_classes_have(kind: registry.Kind) -> None:
    for name in registry.names(kind):
        entry = registry.find(kind, name)
        assert entry.path is not None
        read = _Source.read(entry.path).declaration(entry.target.partition(":")[2])
        loaded = registry.load(entry)

        fields = {key: field.default for key, field in loaded.model_fields.items()}
        assert read.defaults == {
            key: to_jsonable_python(default) for key, default in fields.items() if default is not PydanticUndefined
        }
        assert read.stronger_with == getattr(loaded, "stronger_with", {})


def test_reading_declarations_imports_no_torch() -> None:
    code = """
import sys
from mia_bench.benchmark import registry
from mia_bench.benchmark.registry.declared import declared
for kind in ("attacks", "defenses"):
    for name in registry.names(kind):
        declared(kind, name)
assert declared("attacks", "ridge_skip").defaults
print("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_a_default_that_only_code_can_tell_is_unclear(tmp_path: Path) -> None:
    path = tmp_path / "odd.py"
    path.write_text("from abc import ABC\nclass Odd(ABC):\n    width: float = Field(max(1, 2), ge=0)\n")

    with pytest.raises(_Unclear):
        _Source.read(path).declaration("Odd")


def test_a_component_that_is_not_installed_declares_nothing() -> None:
    assert declared("defenses", "never_installed").defaults == {}
    assert spec("defenses", "never_installed", {"width": 2, "name": None}) == "never_installed:width=2,name=none"


@pytest.mark.parametrize(
    ("name", "params"), [("topk", {"kept": 0.2}), ("ckks", {"ring": 4096, "mode": "interactive"}), ("dp_ir", {})]
)
def test_a_spec_is_written_as_the_resolved_component_writes_it(name: str, params: dict[str, object]) -> None:
    resolved = resolve("defenses", name, params)

    assert spec("defenses", name, resolved.component.model_dump(mode="json")) == resolved.canonical
    assert default_params("defenses", name) == resolve("defenses", name, {}).component.params
