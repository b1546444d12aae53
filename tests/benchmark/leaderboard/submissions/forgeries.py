"""Changes to an honest submission, with the reason why each is refused."""

import io
import json
from collections.abc import Callable

from mia_bench.benchmark.leaderboard.csv_files import to_csv
from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.leaderboard.store import to_frame
from PIL import Image

Contents = dict[str, bytes]


def _first(contents: Contents, folder: str) -> str:
    return next(name for name in sorted(contents) if name.startswith(folder))


def _done(contents: Contents) -> str:
    """The first record of a finished cell."""
    found = (name for name in sorted(contents) if name.startswith("cells/"))
    return next(name for name in found if json.loads(contents[name])["row"]["status"] == "done")


def changed_score(contents: Contents) -> None:
    name = _done(contents)
    record = json.loads(contents[name])
    record["row"]["psnr_db"] -= 0.2
    contents[name] = json.dumps(record).encode()


def changed_score_beyond_its_interval(contents: Contents) -> None:
    name = _done(contents)
    record = json.loads(contents[name])
    record["row"]["psnr_db"] -= 5
    contents[name] = json.dumps(record).encode()


def changed_accuracy(contents: Contents) -> None:
    name = _done(contents)
    record = json.loads(contents[name])
    record["row"]["accuracy"] = 0.123
    contents[name] = json.dumps(record).encode()


def changed_row(contents: Contents) -> None:
    lines = contents["leaderboard.csv"].decode().split("\n")
    row = next(line for line in lines if ",31.0," in line)
    contents["leaderboard.csv"] = "\n".join(lines).replace(row, row.replace(",31.0,", ",30.9,")).encode()


def missing_record(contents: Contents) -> None:
    del contents[_first(contents, "cells/")]


def unlisted_record(contents: Contents) -> None:
    lines = contents["leaderboard.csv"].splitlines(keepends=True)
    contents["leaderboard.csv"] = b"".join(lines[:-1])


def hidden_cell(contents: Contents) -> None:
    contents["plan.json"] = json.dumps({**json.loads(contents["plan.json"]), "0" * 16: ""}).encode()


def no_plan(contents: Contents) -> None:
    del contents["plan.json"]


def renamed_record(contents: Contents) -> None:
    contents[f"cells/{'f' * 16}.json"] = contents.pop(_first(contents, "cells/"))


def foreign_path(contents: Contents) -> None:
    contents["../../evil.json"] = b"{}"


def absolute_path(contents: Contents) -> None:
    contents["/tmp/evil.json"] = b"{}"


def script(contents: Contents) -> None:
    contents["setup.py"] = b"raise SystemExit"


def _changed(contents: Contents, change: Callable[[Record], Record], attack: str = "ridge") -> None:
    """Change the first finished record of an attack, and the leaderboard with it."""
    records = {
        name: Record.model_validate_json(text) for name, text in sorted(contents.items()) if name.startswith("cells/")
    }
    name = next(key for key, each in records.items() if each.row.attack == attack and each.row.status == "done")
    records[name] = change(records[name])
    contents[name] = records[name].model_dump_json().encode()
    contents["leaderboard.csv"] = to_csv(to_frame(each.row for each in records.values())).encode()


def _with_row(record: Record, **columns: object) -> Record:
    return record.model_copy(update={"row": record.row.model_copy(update=columns)})


def _brighter(record: Record) -> Record:
    images = record.per_image.model_copy(update={"psnr_db": [value + 3 for value in record.per_image.psnr_db]})
    row = {name: getattr(record.row, name) + 3 for name in ("psnr_db", "psnr_db_low", "psnr_db_high")}
    return _with_row(record, **row).model_copy(update={"per_image": images})


def another_mean_image(contents: Contents) -> None:
    _changed(contents, _brighter, "mean_image")


def another_guarantee(contents: Contents) -> None:
    _changed(contents, lambda record: _with_row(record, guarantee="AES-256-GCM"))


def other_sources(contents: Contents) -> None:
    def of_one(record: Record) -> Record:
        sources = [0] * record.row.n_images
        return record.model_copy(update={"per_image": record.per_image.model_copy(update={"sources": sources})})

    _changed(contents, of_one)


def older_schema(contents: Contents) -> None:
    _changed(contents, lambda record: record.model_copy(update={"schema_version": 3}))


def changed_time(contents: Contents) -> None:
    board = contents["leaderboard.csv"]
    contents["leaderboard.csv"] = board.replace(b",0.5,0.1,", b",0.5,0.2,", 1).replace(b",now,", b",later,")


def changed_guarantee(contents: Contents) -> None:
    contents["leaderboard.csv"] = contents["leaderboard.csv"].replace(b",none,", b",AES,").replace(b",now,", b",later,")


def doubled_row(contents: Contents) -> None:
    contents["leaderboard.csv"] += contents["leaderboard.csv"].splitlines(keepends=True)[1]


def another_column(contents: Contents) -> None:
    header, *lines = contents["leaderboard.csv"].splitlines()
    contents["leaderboard.csv"] = b"\n".join([header + b",rank", *(line + b",1" for line in lines)])


def page_as_strip(contents: Contents) -> None:
    contents[_first(contents, "pictures/")] = b"<script>alert(1)</script>"


def huge_strip(contents: Contents) -> None:
    contents[_first(contents, "pictures/")] = _black(13_000)


def strip_beyond_what_pillow_reads(contents: Contents) -> None:
    contents[_first(contents, "pictures/")] = _black(20_000)


def tiny_strip(contents: Contents) -> None:
    contents[_first(contents, "pictures/")] = _black(1)


def strip_cut_short(contents: Contents) -> None:
    name = _first(contents, "pictures/")
    contents[name] = contents[name][: len(contents[name]) // 2]


def _black(side: int) -> bytes:
    target = io.BytesIO()
    Image.new("1", (side, side)).save(target, format="PNG")
    return target.getvalue()


def bomb(contents: Contents) -> None:
    contents[_first(contents, "cells/")] = b" " * 2**24


def no_leaderboard(contents: Contents) -> None:
    del contents["leaderboard.csv"]


FORGERIES: dict[Callable[[Contents], None], str] = {
    changed_score: r"cells/[0-9a-f]{16}\.json is not a valid record. Expected row.psnr_db [0-9.]+, .*, got [0-9.]+\.$",
    changed_score_beyond_its_interval: r"valid record. Expected psnr_db between psnr_db_low .*, got [0-9.]+\.$",
    changed_row: "Expected psnr_db 31.0 as in the record",
    changed_accuracy: "Expected row.accuracy [0-9.]+, the utility, got 0.123",
    another_mean_image: "Expected equal psnr_db of mean_image, which does not depend on the defense, in cells ",
    another_guarantee: r"Expected one guarantee of .* in cells [0-9a-f]{16} and [0-9a-f]{16}, got different ones\. ",
    other_sources: "Expected equal sources of the same images in cells ",
    older_schema: "Expected records of schema 4, got schema 3 of cell ",
    changed_time: "Expected server_ms 0.1 as in the record cells/.*, got 0.2 in leaderboard.csv, line ",
    changed_guarantee: "Expected guarantee 'none' as in the record cells/.*, got 'AES' in leaderboard.csv, line ",
    doubled_row: r"Expected cell [0-9a-f]{16} once in .*, got it again in line 20\.",
    another_column: "Expected columns of a leaderboard in .*, got 'rank'",
    missing_record: "Expected a record of each planned cell in .*, but 1 of 18 is missing",
    unlisted_record: "Expected a row of the leaderboard for each record",
    hidden_cell: "but 1 of 19 is missing, such as 0000000000000000",
    no_plan: "Expected a plan.json",
    renamed_record: r"Expected the record of cell f{16}, got cell [0-9a-f]{16} in cells/f{16}\.json\.$",
    foreign_path: "Expected only records, strips and a leaderboard in .*evil.json",
    absolute_path: "Expected only records, strips and a leaderboard in .*evil.json",
    script: "Expected only records, strips and a leaderboard in .*setup.py",
    page_as_strip: "Expected a PNG image as 'pictures/.* It is not a PNG.",
    huge_strip: "Expected a PNG image as 'pictures/.* at most 31,703,520 pixels, got 13,000 x 13,000.",
    strip_beyond_what_pillow_reads: "Expected a PNG image as 'pictures/.* at most 31,703,520 pixels, got more.",
    tiny_strip: "Expected a PNG image as 'pictures/.* at least 5 x 15 pixels, got 1 x 1.",
    strip_cut_short: "Expected a PNG image as 'pictures/.* It is damaged",
    bomb: "Expected files of a usual size in .*, which is too large",
    no_leaderboard: "leaderboard.csv",
}
"""Changes to an honest submission whose checksums were computed again, with the reason of the refusal."""
