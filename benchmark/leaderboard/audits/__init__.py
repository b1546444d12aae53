"""Signs that a leaderboard cannot be trusted: one function for each kind of flag."""

from .catalog import AUDITS, audit
from .notice import grouped, notice

__all__ = ["AUDITS", "audit", "grouped", "notice"]
