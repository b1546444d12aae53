"""Any network as a sequence of stages: traced, divided where one tensor crosses, and joined again."""

from .linearize import linearize

__all__ = ["linearize"]
