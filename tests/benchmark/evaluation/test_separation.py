"""One component cannot touch another's row, nor read what it was not given."""

import copy
import gc
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.evaluate import evaluate
from mia_bench.benchmark.evaluation.opaque import Opaque
from mia_bench.benchmark.interfaces import (
    Access,
    Attack,
    Channel,
    Dataset,
    Defense,
    ImageSet,
    Model,
    Observation,
    Pools,
    SplitModel,
)
from mia_bench.benchmark.plan.cells import Cell
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.registry import Entry
from mia_bench.benchmark.registry.specs import ResolvedComponent
from mia_bench.models.lenet5 import Lenet5
from torch import Tensor, nn


def cell(defense: str = "undefended", attack: str = "ridge") -> Cell:
    request = Request(
        dataset="imagefolder:size=16", model="lenet5", splits=["relu1"], defenses=[defense], attacks=[attack], images=4
    )
    return next(each for each in plan(request) if (each.setting.defense.name, each.attack.name) == (defense, attack))


def foreign(component: Any) -> ResolvedComponent:
    return ResolvedComponent(Entry("attacks", "evil", "t:Evil", "evil", "1"), component)


def numbers(cell: Cell, bench: Artifacts) -> dict[str, Any]:
    record, _ = evaluate(cell, "0" * 16, bench)
    assert record.row.status == "done", record.row.reason
    changing = {"finished_at", "attack_seconds", "client_ms", "server_ms"}
    row = {name: value for name, value in record.row.model_dump().items() if name not in changing}
    return {**row, **record.per_image.model_dump()}


def gray(seen: Observation) -> Tensor:
    return torch.full((len(seen.wire), *seen.image_shape), 0.5)


def spoil(module: nn.Module) -> None:
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.zero_()
    for part in module.modules():
        part.register_forward_hook(lambda module, inputs, value: value * 0)


class InPlace(Channel):
    """Writes over what it is given."""

    def forward(self, value: Tensor) -> Tensor:
        return value.mul_(0)


class Evil(Defense):
    """Changes whatever it can reach."""

    channel: bool = False

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        torch.set_default_dtype(torch.float64)
        if self.channel:
            return replace(model.copy(), input_channel=InPlace())
        spoil(model.client)
        spoil(model.server)
        train.images.zero_()
        train.labels.zero_()
        return model


class Thief(Attack):
    """Changes whatever it can reach."""

    access: ClassVar[Access] = Access.WHITE_BOX
    source: str = "same_distribution"

    @property
    def aux_source(self) -> str:
        return self.source

    def reconstruct(self, seen: Observation) -> Tensor:
        for module in (seen.client, seen.server, seen.channel):
            if module is not None:
                spoil(module)
        for tensor in (seen.aux.images, seen.aux.labels, seen.wire.tensor):
            tensor.zero_()
        if seen.query is not None:
            seen.query(seen.aux.images)
        torch.set_grad_enabled(False)
        return gray(seen)


class FreeThief(Thief):
    """Changes whatever it can reach, without queries."""

    access: ClassVar[Access] = Access.QUERY_FREE


EVIL: dict[str, Callable[[Cell], Cell]] = {
    "defense": lambda cell: replace(cell, setting=replace(cell.setting, defense=foreign(Evil()))),
    "channel": lambda cell: replace(cell, setting=replace(cell.setting, defense=foreign(Evil(channel=True)))),
    "attack": lambda cell: replace(cell, attack=foreign(Thief())),
    "attack on the set": lambda cell: replace(cell, attack=foreign(Thief(source="same_set"))),
    "query-free attack": lambda cell: replace(cell, attack=foreign(FreeThief())),
}


@pytest.mark.slow
@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
def test_the_row_after_an_evil_component_is_the_same_to_the_last_bit(
    evil: Callable[[Cell], Cell], bench: Artifacts
) -> None:
    alone = [numbers(cell(defense), bench) for defense in ("undefended", "quantize")]
    fresh = Artifacts(device=torch.device("cpu"), data_dir=bench.data_dir)

    evaluate(evil(cell()), "1" * 16, fresh)

    assert [numbers(cell(defense), fresh) for defense in ("undefended", "quantize")] == alone


class Kept(Dataset):
    """Returns images that it keeps."""

    kept: ClassVar[list[Pools]] = []

    def load(self, data_dir: Path | None) -> Pools:
        torch.manual_seed(0)
        sets = [ImageSet(torch.rand(40, 3, 16, 16), torch.arange(40) % 2) for _ in range(3)]
        self.kept.append(Pools(*sets, classes=("a", "b")))
        return self.kept[-1]


def test_images_that_a_dataset_keeps_are_copied(bench: Artifacts) -> None:
    chosen = ResolvedComponent(Entry("datasets", "kept", "t:Kept", "evil", "1"), Kept())
    before = bench.pools(chosen).private.images.clone()

    Kept.kept[-1].private.images.zero_()

    assert torch.equal(bench.pools(chosen).private.images, before)


class Shared(Model):
    """Returns one module again and again."""

    kept: ClassVar[list[nn.Sequential]] = []

    def build(self, image_shape: tuple[int, int, int], classes: int) -> nn.Sequential:
        if not self.kept:
            self.kept.append(Lenet5().build(image_shape, classes))
        return self.kept[0]


def test_a_model_that_returns_one_module_twice_is_refused(bench: Artifacts) -> None:
    shared = ResolvedComponent(Entry("models", "shared", "t:Shared", "evil", "1"), Shared())

    with pytest.raises(UsageError, match="got the same parameters twice from model shared"):
        bench.check(replace(cell().setting, model=shared))


def test_a_user_in_float64_without_gradients_gets_the_same_rows(bench: Artifacts) -> None:
    """As a notebook may be; ``mia_bench.run`` sets the state itself, and this is what it is made of."""
    alone = numbers(cell("quantize"), bench)
    fresh = Artifacts(device=torch.device("cpu"), data_dir=bench.data_dir)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            protected = fresh.protected(cell("quantize").setting)
            assert {weight.dtype for weight in protected.model.modules().parameters()} == {torch.float32}
    finally:
        torch.set_default_dtype(torch.float32)
    assert numbers(cell("quantize"), fresh) == alone


def reachable(start: object) -> list[Any]:
    """Everything that can be reached from an object, but not through modules, classes or names in a module."""
    found, waiting = {id(start): start}, [start]
    while waiting:
        for each in gc.get_referents(waiting.pop()):
            boundary = isinstance(each, types.ModuleType | type) or (isinstance(each, dict) and "__builtins__" in each)
            if id(each) not in found and not boundary:
                found[id(each)] = each
                waiting.append(each)
    return list(found.values())


@pytest.mark.parametrize("observations", [1, 2])
@pytest.mark.parametrize("defense", ["undefended", "dp_ir", "dropout", "quantize", "topk", "dp_input", "tee"])
def test_a_black_box_attack_reaches_no_weights_and_no_private_images(
    defense: str, observations: int, bench: Artifacts
) -> None:
    looked = cell(defense)
    protected, originals = bench.protected(looked.setting), bench.originals(looked.setting)
    client = [weight for weight in protected.model.client.parameters() if weight.numel() > 10]
    attack = copy.copy(looked.attack.component)
    if observations > 1 and protected.model.stochastic and isinstance(protected.wire.payload, Tensor):
        attack = attack.model_copy(update={"observations": observations})
    assert isinstance(attack, Attack)

    seen = bench.observe(looked.setting, attack)

    assert seen.query is not None
    assert client
    for each in reachable(seen):
        if isinstance(each, Tensor):
            same = [known for known in (*client, originals, originals[0]) if known.shape == each.shape]
            assert not any(torch.equal(each, known) for known in same), f"a tensor {tuple(each.shape)}"
    for door in ("args", "func", "keywords", "__closure__", "__self__", "__wrapped__", "__dict__"):
        assert not hasattr(seen.query, door)


def test_an_opaque_function_is_copied_as_itself_and_never_sent() -> None:
    function = Opaque(len)

    assert copy.deepcopy([function])[0] is copy.copy(function) is function
    assert function([1, 2]) == 2
    with pytest.raises(TypeError, match="stays in its process"):
        function.__reduce__()
