"""Facts of a protected model, which do not depend on the attack: how equal they are wherever it is computed."""

from __future__ import annotations

COUNTS = ("rounds", "client_macs", "client_params", "client_param_bytes")
"""Columns of operations, parameters and messages."""
EXACT = ("task", "utility_metric", "accuracy_images", "guarantee", *COUNTS)
"""Columns that are equal on all machines."""
PROMISES = ("epsilon", "delta")
"""Columns of promises in numbers, which are equal up to rounding."""
RELATIVE_SLACK = {"epsilon": 0.01, "delta": 0.01, "wire_bytes": 0.05, "bytes_down": 0.05, "client_peak_bytes": 0.1}
"""The largest relative difference of further columns. In the reference boards, compressed messages of networks that
were trained anew differ by up to 1.6 %."""
UTILITIES = ("accuracy", "utility", "agreement", "accuracy_undefended")
"""Columns of shares, or of another metric that is at most 1, on test images."""
UTILITY_ROUNDING = 0.002
"""How far they may differ with the same network: by answers between two classes."""
UTILITY_SLACK = 0.05
"""The same with another network. In the reference boards, those of one defense whose networks were trained anew or on
another device differ by up to 0.035."""
