"""A protected split model as files that can be deployed: two ONNX graphs, and a description of what they need."""
