"""Tables of labels that cannot be used: one sentence says what is wrong."""

from pathlib import Path

import pytest
from mia_bench.benchmark.errors import UsageError

from .labeled_images import NUMBERS, folder, images, table


def test_numbers_beyond_single_precision_are_refused(tmp_path: Path) -> None:
    table(images(tmp_path), NUMBERS * 1e39, "file,x,y")

    with pytest.raises(UsageError, match=r"Expected numbers up to 3e38 in .*labels\.csv, got .*e\+40\. Scale them\."):
        folder(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("file,x,y\n0.png,1,cat\n", "Expected numbers in the column 'y' of .*, got 'cat'. Write numbers. Names"),
        ("file,x\n0.png,cat\n1.png,3.5\n2.png,\n", "Expected a value in the column 'x' of .*, got none in line 4"),
        ("file,x\n0.png,cat\n1.png,dog\n", "Expected at least 3 images in"),
        ("file;x\n0.png;1\n", "Expected commas between the columns of .*, got semicolons.* and points in decimal"),
        ("file;x;y\n0.png;1;2\n1.png;1,5;2,5\n", "Expected commas between the columns of .*, got semicolons"),
        ("file\tx\n0.png\t1\n", "Expected commas between the columns of .*, got tabs"),
        (
            'file,x\n0.png,"1,5"\n1.png,2\n',
            "Expected numbers without commas in the column 'x' of .*, got '1,5'. Write p",
        ),
        ('file,x,y\n0.png,",5",1\n1.png,-2,1\n', "Expected numbers without commas in the column 'x' of .*"),
        (
            'file,x\n0.png,"1,000.5"\n1.png,200\n',
            "Expected numbers without commas in the column 'x' of .*, got '1,000.5'",
        ),
        (
            'file,x\n0.png,"1,000,000"\n1.png,200\n',
            "got '1,000,000'. Write points in .*, and nothing between thousands",
        ),
        ("y,file\n1.5,0.png\n2.5,1.png\n", "Expected the paths of the images in the first column of .*'file'. Move"),
        (",file,x\n0,0.png,2\n1,1.png,3\n", "Expected the paths of the images in the first column of .*'file'. Move"),
        ("y,file\ncat,0.png\ndog,1.png\n", "Expected the paths of the images in the first column of .*'file'. Move"),
        ("file,x\n0.png,1\n1.png,\n", "got none in line 3"),
        ("file,x\n0.png,True\n1.png,\n", "got none in line 3"),
        ("file,x\n0.png,cat\n1.png,\n", "Expected a value in the column 'x' .*, got none in line 3"),
        ("file,x\n0.png,1\n1.png,NA\n", "got none in line 3"),
        (f"file,x\n0.png,{10**30}\n1.png,1\n", "Expected numbers of at most 64 bits in the column 'x' .*, got 10000"),
        (
            "file,x\n0.png,1,7\n1.png,2,8\n",
            "Expected a name for each column in the header of .*labels.csv, got too few",
        ),
        ("file,x\n../0.png,1\n", "Expected a path relative to .* in line 2"),
        ("file,x\n0.png,1\n0.png,2\n", "got '0.png' again in line 3"),
        ("0.png,1\n1.png,2\n2.png,4\n", "Expected a header in .*labels.csv, got the image '0.png' in line 1. Write a"),
        ("file\n0.png\n", "got 1 column and 1 line"),
        ("", "Expected a table of labels, got"),
        ("file,x\n0.png,1.5\n1.png,2\n", "Expected at least 3 images in"),
        ("file,x\n0.png,1.5\n1.png,2\n77.png,3\n", "Cannot read the image .*77.png.* Correct its path in .*labels.csv"),
    ],
)
def test_a_table_that_is_not_one_is_refused(tmp_path: Path, content: str, words: str) -> None:
    (images(tmp_path) / "labels.csv").write_text(content)

    with pytest.raises(UsageError, match=words):
        folder(tmp_path)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_table_in_another_encoding_is_refused_with_the_one_to_save_it_in(tmp_path: Path, encoding: str) -> None:
    (images(tmp_path) / "labels.csv").write_text("file,größe\n0.png,1\n", encoding=encoding)

    with pytest.raises(UsageError, match=r"Expected a table in UTF-8, got another encoding in .*labels.csv. Save it"):
        folder(tmp_path)


def test_a_task_without_a_table_asks_for_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Expected a table of labels for task=regression, got none in .*labels.csv"):
        folder(images(tmp_path), task="regression")


@pytest.mark.parametrize(
    ("text", "encoding", "words"),
    [
        ("file;größe\na/0.png;1\n", "utf-8", "Expected commas between the columns of .*, got semicolons"),
        ("file|kind\na/0.png|1\n", "utf-8", "Expected commas between the columns of .*, got vertical bars"),
        ("file,größe\na/0.png,1\n", "latin-1", "Expected a table in UTF-8, got another encoding"),
        ("file\tgröße\na/0.png\t1\n", "utf-16", "Expected a table in UTF-8, got another encoding"),
        ('"file,kind\na/0.png,1\n', "utf-8", "Expected a table of labels, got"),
        ("a\\0.png,1\nb\\1.png,2\n", "utf-8", "Expected a header in .*, got the image .* in line 1"),
    ],
)
def test_a_table_that_may_name_images_is_refused_rather_than_left_to_the_folders(
    text: str, encoding: str, words: str, tmp_path: Path
) -> None:
    images(tmp_path, lambda index: f"{'ab'[index % 2]}/{index}.png")
    (tmp_path / "labels.csv").write_text(text, encoding=encoding)

    for task in ("classification", "auto"):
        with pytest.raises(UsageError, match=words):
            folder(tmp_path, task=task)


@pytest.mark.parametrize("name", ["labels.csv", "attributes.csv"])
def test_tables_whose_names_differ_by_case_alone_are_refused(tmp_path: Path, name: str) -> None:
    for each in (name, name.upper()):
        table(images(tmp_path), NUMBERS, "file,x,y", each)

    with pytest.raises(
        UsageError, match=rf"Expected one file {name} in .*, got {name.upper()} and {name}, whose names"
    ):
        folder(tmp_path)
