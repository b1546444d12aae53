"""Installed packages with components of somebody else."""

from collections.abc import Mapping, Sequence
from pathlib import Path


def install(site: Path, name: str, source: str, points: Mapping[str, Sequence[str]]) -> Path:
    """Write the module ``name`` and its metadata into a folder of site packages.

    Args:
        site: the folder.
        name: of the package and of its module.
        source: the module.
        points: entry points, such as ``crash = bad:Crash``, by kind, such as ``attacks``.
    """
    facts = site / f"{name}-1.0.dist-info"
    facts.mkdir(parents=True)
    (site / f"{name}.py").write_text(source)
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    sections = (f"[mia_bench.{kind}]\n" + "".join(f"{line}\n" for line in lines) for kind, lines in points.items())
    (facts / "entry_points.txt").write_text("".join(sections))
    return site
