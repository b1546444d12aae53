"""Deprecated: the names of split models for plug-ins of version 0.1. Import them from ``mia_bench`` instead."""

from .interfaces import Channel, CleanInput, Exchange, Normalize, Promise, SplitModel, Target

__all__ = ["Channel", "CleanInput", "Exchange", "Normalize", "Promise", "SplitModel", "Target"]
