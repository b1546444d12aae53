"""The interfaces for plug-ins: components, images, split models, wires and observations."""

from .channel import Channel, CleanInput
from .components import Attack, Component, Dataset, Defense, Model
from .images import ImageSet, Pools, TaughtImages
from .low_bits import drop_low_bits
from .observation import Access, Observation
from .prior import Mixture
from .reconstruction import InvalidReconstruction, Reconstruction
from .split_model import Exchange, Normalize, Promise, SplitModel, Target
from .tasks import Task
from .timing import timed_ms
from .training import Training
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
    "InvalidReconstruction",
    "Mixture",
    "Model",
    "Normalize",
    "Observation",
    "Pools",
    "Promise",
    "Reconstruction",
    "SplitModel",
    "Target",
    "Task",
    "TaughtImages",
    "Training",
    "Wire",
    "byte_view",
    "drop_low_bits",
    "timed_ms",
]
