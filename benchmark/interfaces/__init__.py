"""What a plug-in author subclasses and handles: components, images, split models, wires, observations."""

from .channel import Channel, CleanInput
from .components import Attack, Component, Dataset, Defense, Model, Reconstruction, Training
from .images import ImageSet, Pools
from .observation import Access, Observation
from .split_model import Exchange, Normalize, Promise, SplitModel, Target
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
