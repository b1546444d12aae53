"""``mia_bench.run`` with Python objects."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import mia_bench
import numpy as np
import pandas as pd
import pytest
import torch
from mia_bench import Access, Attack, Channel, Defense, ImageSet, Observation, SplitModel, UsageError
from mia_bench.benchmark.plan.local_inputs import local_inputs
from mia_bench.benchmark.runner import run as runner
from mia_bench.defenses.dp_ir import DpIr
from pydantic import ConfigDict, Field, SecretStr
from torch import Tensor, nn

IMAGES = torch.rand(30, 1, 12, 12, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(30) % 3


class Shift(Channel):
    """Adds a constant."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def forward(self, value: Tensor) -> Tensor:
        return value + self.by


class MyShift(Defense):
    """Adds a constant to the IR."""

    by: float = Field(1.0, ge=0)

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        return replace(model.copy(), ir_channel=Shift(self.by))


class Gray(Attack):
    """Answers with gray."""

    access = Access.QUERY_FREE

    def reconstruct(self, seen: Observation) -> Tensor:
        return torch.full((len(seen.wire), *seen.image_shape), 0.5)


class FromFile(Defense):
    """Adds the constant that a file holds."""

    constants: list[Path]

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        return replace(model.copy(), ir_channel=Shift(float(self.constants[0].read_text())))


class Keyed(Defense):
    """Adds a constant that nobody is told."""

    key: SecretStr

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        return replace(model.copy(), ir_channel=Shift(float(self.key.get_secret_value())))


class Failing(MyShift):
    """Fails."""

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        raise ValueError("Nothing works.")


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(400, 3))


def run(out: Path, **changes: Any) -> pd.DataFrame:
    given = {"model": network(), "split": "1", "dataset": (IMAGES, LABELS), "attacks": "ridge", "defenses": "quantize"}
    return mia_bench.run(**{**given, "out": out, "quiet": True, **changes})


def test_a_network_and_tensors_are_attacked_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = run(tmp_path)

    assert board["status"].tolist() == ["done"] * 4
    assert board["n_images"].tolist() == [6] * 4
    assert board["model"].str.startswith("module:kind=Sequential,content=sha256:").all()
    assert board["dataset"].str.startswith("arrays:content=sha256:").all()
    monkeypatch.setattr(runner, "run_job", None)
    pd.testing.assert_frame_equal(
        pd.DataFrame(run(tmp_path, dataset=(IMAGES.numpy(), LABELS.tolist()))), pd.DataFrame(board)
    )


@pytest.mark.slow
def test_a_changed_weight_and_a_changed_pixel_are_new_cells(tmp_path: Path) -> None:
    changed, images = network(), IMAGES.clone()
    with torch.no_grad():
        changed[0].bias[0] += 1
    images[0, 0, 0, 0] = 0

    boards = [run(tmp_path), run(tmp_path, model=changed), run(tmp_path, dataset=(images, LABELS))]

    assert pd.concat(boards)["cell_id"].nunique() == 12


def test_own_defenses_and_attacks_need_no_package(tmp_path: Path) -> None:
    board = run(tmp_path, attacks=[Gray, "ridge"], defenses=[MyShift(by=2), DpIr], options={"sigma": [0.5]})

    assert set(board["status"]) == {"done"}
    assert list(dict.fromkeys(board["defense"])) == ["undefended", "my_shift", "dp_ir"]
    assert list(dict.fromkeys(board["attack"])) == ["gray", "ridge", "mean_image"]
    own = board[board["defense"] == "my_shift"]
    assert own["defense_params"].tolist() == ['{"by":2.0}'] * 3
    assert own["plugin_version"].str.contains("object==sha256:").all()
    assert set(mia_bench.rank(board)["defense"]) == {"undefended", "my_shift", "dp_ir"}


def test_options_sweep_the_parameters_of_an_own_class(tmp_path: Path) -> None:
    board = run(tmp_path, defenses=MyShift, options={"by": np.linspace(0, 1, 3)})

    assert board["defense_params"].unique().tolist() == ["{}", '{"by":0.0}', '{"by":0.5}', '{"by":1.0}']


def test_a_class_whose_code_has_changed_is_a_new_cell(tmp_path: Path) -> None:
    before = run(tmp_path, defenses=MyShift())

    class Shift(Channel):
        def forward(self, value: Tensor) -> Tensor:
            return value - 1

    class Changed(Defense):
        by: float = 1.0

        def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
            return replace(model.copy(), ir_channel=Shift())

    Changed.__name__ = "MyShift"
    after = run(tmp_path, defenses=Changed())

    shared = set(before["cell_id"]) & set(after["cell_id"])
    assert shared == set(before["cell_id"][before["defense"] == "undefended"])
    assert len(pd.read_csv(tmp_path / "leaderboard.csv")) == 4


def test_another_content_of_a_file_that_a_parameter_names_is_a_new_cell(tmp_path: Path) -> None:
    file = tmp_path / "constant.txt"
    boards = []
    for constant in ("0.5", "20", "20", "0.5"):
        file.write_text(constant)
        boards.append(run(tmp_path / "out", defenses=FromFile(constants=[file])))
    first, second, *last = [board[board["defense"] == "from_file"] for board in boards]

    assert not set(first["cell_id"]) & set(second["cell_id"])
    assert [set(each["cell_id"]) for each in last] == [set(second["cell_id"]), set(first["cell_id"])]
    assert first["defense_params"].tolist() == second["defense_params"].tolist() == [f'{{"constants":["{file}"]}}'] * 2


def test_two_settings_that_a_record_does_not_tell_apart_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Expected parameters of Keyed that its record restores"):
        run(tmp_path, defenses=[Keyed(key="0.1"), Keyed(key="20")])  # pyright: ignore[reportArgumentType]


def test_an_own_class_that_fails_is_a_row_with_the_reason(tmp_path: Path) -> None:
    board = run(tmp_path, defenses=Failing())

    assert set(board["status"][board["defense"] == "failing"]) == {"failed"}
    assert "ValueError: Nothing works." in set(board["reason"])


def test_a_network_stays_as_it_was(tmp_path: Path) -> None:
    given = network().train()
    given(IMAGES[:2]).sum().backward()
    before = {name: value.clone() for name, value in given.state_dict().items()}
    gradients = [each.grad.clone() for each in given.parameters() if each.grad is not None]
    random = torch.get_rng_state()

    run(tmp_path, model=given, defenses="nopeek", options={"tuning_epochs": 1})

    assert given.training
    assert all(each.requires_grad for each in given.parameters())
    assert all(torch.equal(value, before[name]) for name, value in given.state_dict().items())
    assert all(torch.equal(each.grad, old) for each, old in zip(given.parameters(), gradients, strict=True))
    assert torch.equal(torch.get_rng_state(), random)


def test_the_cells_of_objects_are_never_computed_for_someone_else(tmp_path: Path) -> None:
    board = run(tmp_path, attacks=Gray(), defenses=MyShift())

    for row in board.to_dict("records"):
        assert {row["dataset"], row["model"]} <= set(local_inputs(row))
    foreign = {"dataset": "photos", "model": "cnn6", "defense": "my_shift", "attack": "ridge"}
    assert local_inputs({**foreign, "plugin_version": "object==sha256:0123"}) == ["my_shift"]


def test_numbers_may_be_those_of_numpy_and_lists_any_collection(tmp_path: Path) -> None:
    board = run(
        tmp_path,
        seeds=range(2),
        images=np.int64(4),
        jobs=np.int64(1),
        attacks=(name for name in ["ridge"]),
        defenses={"dp_ir"},
        options={"sigma": np.array([0.1, 0.5], dtype=np.float32), "epsilon": None},
    )

    assert sorted(board["seed"].unique()) == [0, 1]
    assert set(board["n_images"]) == {4}
    assert sum('"sigma":0.1' in params for params in board["defense_params"]) == 4


class Required(Defense):
    """Has a parameter without a default, and one of a type that JSON lacks."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    weights: Tensor

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        return model


class Blind(Attack):
    """Does not say what it uses."""

    def reconstruct(self, seen: Observation) -> Tensor:
        return seen.aux.images[: len(seen.wire)]


Dropout = type("Dropout", (MyShift,), {"__doc__": "Has the name of an installed one."})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"jobs": 2},
            r"no worker processes for objects of this Python session, which are .*, got jobs=2. Leave it out",
        ),
        ({"cell_timeout": 9.0}, "got cell_timeout=9.0"),
        ({"engine": "ray"}, "got engine='ray'"),
        ({"model": nn.Linear}, r"got the class Linear. Give an instance, as Linear\(\)"),
        ({"model": IMAGES}, r"a torch.nn.Module, or a component .*, got Tensor \(30, 1, 12, 12\) torch.float32"),
        ({"defenses": Required}, r"none that fit for weights: Field required. Give an instance, as Required\(weights"),
        ({"defenses": Required(weights=IMAGES)}, "Expected parameters of Required that JSON can hold"),
        ({"defenses": Dropout()}, "got Dropout, which would be called dropout as .* is. Rename it."),
        ({"attacks": Blind}, "The attack Blind has no class variable 'access' of type Access. Set it as in `access"),
        ({"defenses": Gray()}, "Expected a subclass of Defense among the defenses, got Gray."),
        ({"defenses": {"name": "dp_ir", "sigma": IMAGES}}, r"sigma=Tensor \(30, 1, 12, 12\) torch.float32: "),
        ({"split": "9"}, "Unknown split '9'"),
        ({"images": 7}, "at most 6, the private images"),
        ({"images": IMAGES}, "Expected images to be a whole number of at least 1"),
        ({"dataset": {"name": (IMAGES, LABELS), "size": 3}}, "Invalid size beside the object among the datasets"),
        ({"dataset": (IMAGES, torch.arange(30) % 5)}, r"Expected 5 outputs, .*, got 3\. .* categories=FILE"),
        ({"dataset": torch.rand(30, 3, 12, 12)}, "Expected a network that takes 2 images of 3x12x12"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        run(tmp_path, **changes)
    assert "tensor(" not in str(refused.value)
    assert len(str(refused.value)) < 1000
