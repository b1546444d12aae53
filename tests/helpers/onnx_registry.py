"""Which functions of ONNX stand for which of torch: looked up once, not for each graph, which takes half its time."""

import functools

from torch.onnx._internal.exporter._registration import ONNXRegistry

registry = functools.cache(ONNXRegistry.from_torchlib)
