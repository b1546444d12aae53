"""What tests ask of protected models."""

from mia_bench.benchmark.interfaces import Channel, Defense, ImageSet, SplitModel
from mia_bench.defenses.dp_ir import DpIr


def accuracy(model: SplitModel, data: ImageSet) -> float:
    """The share of images whose class the server answers from what was sent."""
    return (model.answer(model.send(data.images)).argmax(1) == data.labels).float().mean().item()


def channel_of(defense: type[Defense], protected: SplitModel) -> Channel:
    """The channel on which ``DpIr`` or ``DpInput`` adds noise."""
    return protected.ir_channel if defense is DpIr else protected.input_channel
