"""What a plug-in author subclasses and handles: components, images, split models, wires, observations."""

from .components import (
    Access,
    Attack,
    Component,
    Dataset,
    Defense,
    ImageSet,
    Model,
    Observation,
    Pools,
    Reconstruction,
    Training,
)
from .split_model import Channel, CleanInput, Exchange, Normalize, Promise, SplitModel, Target
from .wire import Wire, byte_view

__all__ = [
    "Access",
    "Attack",
    "Channel",
    "CleanInput",
    "Component",
    "Dataset",
    "Defense",
    "Exchange",
    "ImageSet",
    "Model",
    "Normalize",
    "Observation",
    "Pools",
    "Promise",
    "Reconstruction",
    "SplitModel",
    "Target",
    "Training",
    "Wire",
    "byte_view",
]
