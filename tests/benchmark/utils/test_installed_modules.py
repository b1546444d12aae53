"""Which modules a function imports."""

from mia_bench.benchmark.utils import installed_modules


def test_imports_are_found_in_functions_with_many_names_and_constants() -> None:
    attributes = "\n".join(f"    given.name{number}; {number + 1000}.5" for number in range(300))
    found: dict = {}
    exec(
        f"def build(given):\n{attributes}\n    values = {list(range(2000, 2300))}\n    from helper import part\n", found
    )

    assert list(installed_modules._imports(found["build"].__code__)) == ["helper"]
