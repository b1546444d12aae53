"""Any network as a sequence of stages: traced, divided where one tensor crosses, and joined again."""

from .independence import require_independence
from .linearize import OTHER_IMAGES, linearize
from .tracing import refuse_torchscript
from .wrappers import unwrapped

__all__ = ["OTHER_IMAGES", "linearize", "refuse_torchscript", "require_independence", "unwrapped"]
