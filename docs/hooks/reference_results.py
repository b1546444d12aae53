"""Pages of the columns of leaderboards and rankings, and of the flags that audits raise."""

from column_meanings import MEANINGS, RANKED
from markdown_pages import table
from mia_bench.benchmark.leaderboard.flag_kinds import FLAG_KINDS
from mia_bench.benchmark.leaderboard.ranked_defense import RankedDefense
from mia_bench.benchmark.leaderboard.records import Row
from mkdocs.exceptions import PluginError

LEADERBOARD = """`OUT/leaderboard.csv` has one row per cell. `OUT/leaderboard.schema.json` names the version of its
columns. Numbers are plain, units are in the names, and `*_params` are canonical JSON.

Compare scores with those of the attack `mean_image`, not with 0 dB. Read the attack that did best, not the
mean of all attacks: a defense is as good as it is against the strongest attack. `mia-bench rank` computes
this [worst case image by image](../explanation/ranking.md)."""

RECORDS = """The record of a cell, `OUT/cells/<cell_id>.json`, has more than its row: the score of every image, the
members of an ensemble and their best per image (`oracle`), which member it selected by PSNR (`selected`) and, if it
is another, for SSIM and `recognisable` (`selected_by_ssim`, the third row of the strip of images),
`posterior_spread`, how much images differ that `prior_denoiser` draws for the same wire (standard deviation of a
pixel) beside the error of their mean (`posterior_error`), the bound on the mean squared error, `identified_chance`
(0.001 where all images differ), the evaluator's agreement, and what the defense measured of itself."""

FLAGS = """A flag doubts a result: it marks what an honest evaluation would not show. `mia-bench run` ends with one line
for each kind of flag, `mia-bench audit` prints the details, and `mia-bench rank` marks the rows.

```sh
mia-bench audit results
```"""


def columns_page() -> str:
    """Return the page of the columns of a leaderboard and of a ranking.

    Raises:
        PluginError: If a column has no meaning in ``column_meanings.py``.
    """
    board = [(f"`{name}`", _meaning(name, MEANINGS)) for name in Row.model_fields]
    ranked = [(f"`{name}`", _meaning(name, MEANINGS | RANKED)) for name in RankedDefense.__dataclass_fields__]
    parts = ["# Columns", "## Leaderboard", LEADERBOARD, table(("column", "meaning"), board)]
    parts += ["## Ranking", "`mia-bench rank` prints the most important of these columns; `--columns` chooses others."]
    parts += [table(("column", "meaning"), ranked), "## Records", RECORDS]
    return "\n\n".join(parts) + "\n"


def flags_page() -> str:
    """Return the page of the flags: what each means, its likely causes, and what to do."""
    parts = [
        "# Flags",
        FLAGS,
        table(("flag", "meaning"), [(f"[`{key}`](#{key})", _code(kind.meaning)) for key, kind in FLAG_KINDS.items()]),
    ]
    for key, kind in FLAG_KINDS.items():
        causes = "\n".join(f"- {_code(cause)}" for cause in kind.causes)
        parts.append(f"## `{key}` {{ #{key} }}")
        parts += [_code(kind.meaning), f"**Likely causes**\n\n{causes}", f"**What to do**\n\n{_code(kind.remedy)}"]
    return "\n\n".join(parts) + "\n"


def _code(text: str) -> str:
    return text.replace("``", "`")


def _meaning(name: str, meanings: dict[str, str]) -> str:
    try:
        return meanings[name]
    except KeyError:
        raise PluginError(f"The column {name} has no meaning. Add one to docs/hooks/column_meanings.py.") from None
