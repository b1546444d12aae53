"""Reconstruction attacks, one file each, and the parts that attacks are built from.

The public parts keep their names and arguments between minor versions, and load on first use. Modules that begin with
an underscore may change at any time.

Example:
    >>> from mia_bench.attacks import Queries, DecoderRecipe, train_decoder, decode
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._decoders.fitting import DecoderRecipe, decode, train_decoder
    from ._decoders.inverse_network import InverseNetwork
    from ._decoders.layers import Standardize
    from ._decoders.queries import Queries
    from ._inversion.cosine_covariance import CosineCovariance
    from ._inversion.lbfgs import minimize
    from ._inversion.rmle import ir_shape, wire_as_ir
    from ._inversion.tv_gaussian import TvGaussianPrior
    from ._shrinkage import shrink_to_mean, shrinkage_factor

_PUBLIC = {
    "Queries": "_decoders.queries",
    "DecoderRecipe": "_decoders.fitting",
    "train_decoder": "_decoders.fitting",
    "decode": "_decoders.fitting",
    "InverseNetwork": "_decoders.inverse_network",
    "Standardize": "_decoders.layers",
    "wire_as_ir": "_inversion.rmle",
    "ir_shape": "_inversion.rmle",
    "minimize": "_inversion.lbfgs",
    "CosineCovariance": "_inversion.cosine_covariance",
    "TvGaussianPrior": "_inversion.tv_gaussian",
    "shrinkage_factor": "_shrinkage",
    "shrink_to_mean": "_shrinkage",
}
__all__ = [
    "CosineCovariance",
    "DecoderRecipe",
    "InverseNetwork",
    "Queries",
    "Standardize",
    "TvGaussianPrior",
    "decode",
    "ir_shape",
    "minimize",
    "shrink_to_mean",
    "shrinkage_factor",
    "train_decoder",
    "wire_as_ir",
]


def __getattr__(name: str) -> Any:
    """Load a public part from the module that owns it."""
    if name not in _PUBLIC:
        raise AttributeError(f"The module {__name__!r} has no attribute {name!r}.")
    return getattr(import_module(f".{_PUBLIC[name]}", __name__), name)


def __dir__() -> list[str]:
    """List the public parts."""
    return __all__
