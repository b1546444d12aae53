"""Networks of torchvision: names, given weights, normalization, the last layer."""

from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import torchvision
from mia_bench.benchmark.checks.lab import Lab
from mia_bench.benchmark.checks.models import every_layer_is_a_split, fits_any_images
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.interfaces.split_model import Normalize
from mia_bench.benchmark.interfaces.stages import find_cuts
from mia_bench.benchmark.registry.specs import ResolvedComponent, resolve
from mia_bench.models.torchvision import Torchvision
from torch import nn

IMAGE = (3, 32, 32)


@pytest.fixture(scope="session")
def trained() -> nn.Module:
    torch.manual_seed(0)
    return torchvision.models.squeezenet1_1(num_classes=4).eval()


@pytest.fixture
def file(trained: nn.Module, tmp_path: Path) -> Path:
    path = tmp_path / "squeezenet.safetensors"
    safetensors.torch.save_file(trained.state_dict(), path)
    return path


def chosen(**params: Any) -> ResolvedComponent:
    return resolve("models", "torchvision", {"name": "squeezenet1_1", **params})


def model(**params: Any) -> Torchvision:
    component = chosen(**params).component
    assert isinstance(component, Torchvision)
    return component


def test_given_weights_are_used_as_they_are(trained: nn.Module, file: Path) -> None:
    images = torch.rand(3, *IMAGE)
    with torch.no_grad():
        assert torch.equal(model(weights=file).build(IMAGE, 4)(images), trained(images))


@pytest.mark.parametrize(
    ("prefix", "wrapper"),
    [
        *((prefix, wrapper) for prefix in ("", "module.", "module._orig_mod.") for wrapper in (None, "state_dict")),
        ("backbone.", "model"),
        ("module.backbone.", "ema"),
    ],
)
def test_what_training_programs_write_around_weights_is_understood(
    trained: nn.Module, tmp_path: Path, prefix: str, wrapper: str | None
) -> None:
    weights: Any = {f"{prefix}{name}": tensor for name, tensor in trained.state_dict().items()}
    beside = {"epoch": 3, "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}}
    torch.save({wrapper: weights, **beside} if wrapper else weights, tmp_path / "w.pth")
    built = model(weights=tmp_path / "w.pth").build(IMAGE, 4)
    images = torch.rand(2, *IMAGE)
    with torch.no_grad():
        assert torch.equal(built(images), trained(images))


def test_a_weights_file_is_known_by_its_content(file: Path, tmp_path: Path) -> None:
    before = chosen(weights=file)
    other = tmp_path / "other.safetensors"
    other.write_bytes(file.read_bytes())
    assert chosen(weights=other).identity == before.identity
    assert str(file) not in str(before.identity)
    assert before.canonical.startswith("torchvision:name=squeezenet1_1,weights=sha256:")

    file.write_bytes(file.read_bytes() + b" ")
    assert chosen(weights=file).identity != before.identity


def test_what_a_command_takes_has_the_path_of_the_file(file: Path) -> None:
    assert f"weights={file}" in chosen(weights=file).with_paths()
    assert "weights=sha256:" in chosen(weights=file).canonical


def test_a_file_that_changes_after_it_was_named_is_refused(file: Path) -> None:
    named = model(weights=file)
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(UsageError, match=r"Expected .*squeezenet.safetensors to be sha256:\w+, got sha256:\w+. It has"):
        named.build(IMAGE, 4)


def test_a_hash_alone_names_weights_but_builds_nothing(file: Path) -> None:
    known = chosen(weights=file)
    from_a_board = chosen(weights=str(known.component.model_dump(mode="json")["weights"]))
    assert from_a_board.identity == known.identity
    with pytest.raises(UsageError, match=r"Expected the path of a file, got sha256:\w+. Give the file with that"):
        model(weights=known.component.model_dump(mode="json")["weights"]).build(IMAGE, 4)


@pytest.mark.filterwarnings("ignore:.*torch.jit.* is deprecated")
def test_an_archive_of_torchscript_is_refused_in_a_sentence(tmp_path: Path) -> None:
    torch.jit.script(nn.ReLU()).save(str(tmp_path / "w.pt"))
    with pytest.raises(UsageError, match=r"Expected weights, got the TorchScript archive .*w.pt, which is code. Save"):
        model(weights=tmp_path / "w.pt").build(IMAGE, 4)


def broken(trained: nn.Module, kind: str) -> Any:
    weights = dict(trained.state_dict())
    name, first = next(iter(weights.items()))
    return {
        "missing": {each: weight for each, weight in weights.items() if each != name},
        "extra": {**weights, "foo": torch.zeros(1)},
        "shape": {**weights, name: torch.zeros(2, 2)},
        "nan": {**weights, name: first * torch.nan},
        "quantized": {**weights, name: first.to(torch.int8)},
        "two sets": {"epoch": 3, "params": weights, "params_ema": weights},
        "sparse": {**weights, name: first.to_sparse()},
        "meta": {**weights, name: first.to("meta")},
        "whole network": nn.ReLU(),
        "number": {"weight": 3},
    }[kind]


def test_weights_inside_two_wrappers_and_of_eight_bits_are_read(trained: nn.Module, tmp_path: Path) -> None:
    weights = {name: weight.to(torch.float8_e4m3fn) for name, weight in trained.state_dict().items()}
    torch.save({"model": {"state_dict": weights}, "epoch": 3}, tmp_path / "w.pth")
    built = model(weights=tmp_path / "w.pth").build(IMAGE, 4)
    assert torch.equal(built.state_dict()["features/0.weight"], weights["features.0.weight"].float())


@pytest.mark.parametrize(("key", "average"), [("state_dict", "state_dict_ema"), ("model", "model_ema")])
def test_averages_of_weights_come_before_those_of_the_last_step_and_the_log_says_so(
    trained: nn.Module, tmp_path: Path, caplog: pytest.LogCaptureFixture, key: str, average: str
) -> None:
    averages = trained.state_dict()
    last = {name: weight + 1 for name, weight in averages.items()}
    torch.save({key: last, average: averages, "optimizer": {"lr": 0.1}}, tmp_path / "w.pth")

    with caplog.at_level("INFO", logger="mia_bench"):
        built = model(weights=tmp_path / "w.pth").build(IMAGE, 4)

    assert torch.equal(built.state_dict()["features/0.weight"], averages["features.0.weight"])
    sentences = [message for message in caplog.messages if "Read the weights" in message]
    assert len(sentences) == 1
    assert f"Read the weights '{average}' of {tmp_path / 'w.pth'}, which also holds '{key}'." in sentences[0]


def test_a_checkpoint_that_contains_itself_is_refused(tmp_path: Path) -> None:
    checkpoint: dict[str, Any] = {}
    checkpoint["state_dict"] = checkpoint
    torch.save(checkpoint, tmp_path / "w.pth")
    with pytest.raises(UsageError, match=r"Expected named tensors, got 'state_dict' with a dict in .*w.pth. Save"):
        model(weights=tmp_path / "w.pth").build(IMAGE, 4)


@pytest.mark.filterwarnings("ignore:Validating sparse tensor")
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "Expected the weights 'features.0.weight', got none in .*w.pth. Give the weights of this network"),
        ("extra", "Expected the weights of the network alone, got also 'foo' in .*w.pth"),
        ("shape", r"Expected features.0.weight to be \(64, 3, 3, 3\), got \(2, 2\) in .*w.pth. It is of another"),
        ("nan", "Expected finite weights, got NaN or infinity in features.0.weight in .*w.pth"),
        ("quantized", "Expected features.0.weight to be floating-point numbers, got int8 in .*w.pth. Give the weights"),
        ("two sets", "Expected one set of weights, got 2 in .*w.pth: 'params', 'params_ema'. Save"),
        ("sparse", "Expected dense tensors, got a sparse one called 'features.0.weight' in .*w.pth. Save"),
        ("meta", "Expected dense tensors, got an empty one called 'features.0.weight' in .*w.pth. Save"),
        ("whole network", "Expected a file that holds nothing but tensors, got .*w.pth with torch.nn.*Save"),
        ("number", "Expected named tensors, got 'weight' with a int in .*w.pth. Save"),
    ],
)
def test_weights_that_do_not_fit_are_refused_in_a_sentence(
    trained: nn.Module, tmp_path: Path, kind: str, words: str
) -> None:
    torch.save(broken(trained, kind), tmp_path / "w.pth")
    with pytest.raises(UsageError, match=words):
        model(weights=tmp_path / "w.pth").build(IMAGE, 4)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("w.pt2", "torch.export archive .*w.pt2. Such archives can run code when they are read. Save"),
        ("w.onnx", r"Expected a file that ends in .safetensors, .pt, .pth, .bin, .ckpt or .tar, got .*w.onnx"),
        ("w.pth", "Expected weights, got .*w.pth, which is not a file of torch.save"),
        ("w.safetensors", "Expected a file of safetensors, got .*w.safetensors"),
    ],
)
def test_files_that_are_no_weights_are_refused_in_a_sentence(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / name).write_bytes(b"not weights")
    with pytest.raises(UsageError, match=words):
        model(weights=tmp_path / name).build(IMAGE, 4)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (
            {"name": "resnet81"},
            "name=resnet81: expected a classification network of torchvision. Did you mean 'resnet1",
        ),
        (
            {"weights": "nowhere.pth"},
            "weights=nowhere.pth: expected a file that can be read, got an error: No such file",
        ),
        ({"mean": 0.5}, "Expected mean and std together"),
        ({"pretrained": "NEWEST"}, "Expected pretrained to be true or one of IMAGENET1K_V1, DEFAULT, got NEWEST"),
        ({"std": 0.0, "mean": 0.0}, r"'torchvision': std=0.0: input should be greater than 0\. Run mia-bench show"),
        (
            {"std": [0.5, 0.0], "mean": 0.0},
            r"'torchvision': std.1=0.0: input should be greater than 0\. Run mia-bench show",
        ),
        (
            {"name": "fcn_resnet50"},
            "name=fcn_resnet50: expected a network .* that classifies images, got one for another task. Write a",
        ),
    ],
)
def test_wrong_parameters_are_refused_in_a_sentence(params: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        model(**params)


def test_a_head_that_does_not_fit_is_refused_or_replaced(trained: nn.Module, file: Path) -> None:
    with pytest.raises(
        UsageError,
        match=r"Expected 3 outputs, one for each class, label or number of the dataset, got 4\. .*head=retrain",
    ):
        model(weights=file).build(IMAGE, 3)
    retrained = model(weights=file, head="retrain")
    built = retrained.build(IMAGE, 3)
    assert retrained.retrains_head
    assert built(torch.rand(2, *IMAGE)).shape == (2, 3)
    assert torch.equal(built.get_submodule("features/0").weight, trained.get_submodule("features.0").weight)  # pyright: ignore[reportArgumentType]


def test_given_weights_come_with_the_published_normalization(file: Path) -> None:
    assert model().normalization(3) is None
    mean, std = model(weights=file).normalization(3) or ()
    assert mean.tolist() == pytest.approx([0.485, 0.456, 0.406])
    assert std.tolist() == pytest.approx([0.229, 0.224, 0.225])
    mean, std = model(weights=file, mean=0.5, std=[0.1, 0.2, 0.3]).normalization(3) or ()
    assert (mean.tolist(), std.tolist()) == (pytest.approx([0.5] * 3), pytest.approx([0.1, 0.2, 0.3]))
    with pytest.raises(UsageError, match=r"Expected mean to be a number or a list of 3, .* got 2 numbers"):
        model(mean=[0.5, 0.5], std=1).normalization(3)


def test_pretrained_names_the_weights_and_their_hash() -> None:
    published = torchvision.models.SqueezeNet1_1_Weights.IMAGENET1K_V1
    for written in ("true", True, "IMAGENET1K_V1"):
        named = model(pretrained=written).given_weights
        assert named is not None
        assert named.startswith("IMAGENET1K_V1@")
        assert named.partition("@")[2] in published.url
    assert model(pretrained="false").given_weights is None


def test_without_a_connection_pretrained_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: Any, **__: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(torchvision.models._api, "load_state_dict_from_url", offline)
    with pytest.raises(UsageError, match=r"Expected a connection to https://download.pytorch.org/.*weights=FILE"):
        model(pretrained=True).build(IMAGE, 1000)


def test_gray_images_and_wrong_sizes_are_refused_in_a_sentence() -> None:
    with pytest.raises(UsageError, match="Expected images with 3 channels for squeezenet1_1, got 1"):
        model().build((1, 32, 32), 4)
    with pytest.raises(UsageError, match="Expected a network that takes 2 images of 3x8x8, got SqueezeNet, which does"):
        model().build((3, 8, 8), 4)
    with pytest.raises(UsageError, match=r"Expected images that vit_b_16 takes, got 3x40x40: .*Choose another size"):
        model(name="vit_b_16").build((3, 40, 40), 4)


@pytest.mark.slow
def test_published_weights_of_a_transformer_are_refused_for_another_size_before_any_download() -> None:
    model = Torchvision.model_validate({"name": "vit_b_16", "pretrained": True})
    with pytest.raises(UsageError, match=r"images that vit_b_16 takes, got 3x64x64: .*224.*Choose another size"):
        model.build((3, 64, 64), 1000)


@pytest.mark.slow
def test_the_checks_of_models_pass_for_the_images_that_it_takes() -> None:
    lab = Lab()
    assert fits_any_images(model(), lab)
    assert every_layer_is_a_split(model(), lab)


def test_an_untrained_network_has_cuts_with_dotted_names() -> None:
    cuts = find_cuts(model().build(IMAGE, 4), "features.*")
    assert cuts[:4] == ["features.0", "features.1", "features.2", "features.3"]


def test_weights_of_a_network_that_normalizes_again_meet_the_images_that_they_expect(tmp_path: Path) -> None:
    torch.manual_seed(0)
    published = torchvision.models.googlenet(num_classes=4, aux_logits=False, transform_input=True, init_weights=False)
    for part in published.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = 1.0
    published(torch.rand(8, *IMAGE))  # in training mode: without statistics, logits hardly depend on the images
    safetensors.torch.save_file(published.state_dict(), tmp_path / "googlenet.safetensors")
    preset = torchvision.models.GoogLeNet_Weights.DEFAULT.transforms()
    images = torch.rand(2, *IMAGE)

    given = resolve("models", "torchvision", {"name": "googlenet", "weights": tmp_path / "googlenet.safetensors"})
    component = given.component
    assert isinstance(component, Torchvision)
    expectation = component.normalization(3)
    assert expectation is not None
    with torch.no_grad():
        found = component.build(IMAGE, 4)(Normalize(*expectation)(images))
        expected = published.eval()(Normalize(torch.tensor(preset.mean), torch.tensor(preset.std))(images))
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
