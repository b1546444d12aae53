"""The architectures that adapt to any images; networks from outside have names, files or code as parameters."""

from mia_bench.benchmark import registry
from mia_bench.models._network import Network

ARCHITECTURES = [
    name for name in registry.names("models") if not issubclass(registry.load(registry.find("models", name)), Network)
]
