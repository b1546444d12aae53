"""Small networks whose layers take tokens."""

import torch
from torch import Tensor, nn


class Attending(nn.Module):
    """A transformer of one block, whose class token is made before the images are looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.positions = nn.Parameter(torch.randn(1, 17, 8))
        self.patches = nn.Conv2d(3, 8, 2, 2)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 5)

    def forward(self, images: Tensor) -> Tensor:
        token = self.token.expand(images.shape[0], -1, -1)
        patches = self.patches(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([token, patches], 1) + self.positions
        tokens = tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0]
        return self.head(self.norm(tokens)[:, 0])


class Transposing(nn.Module):
    """Reads attributes of tensors in front of layers that take them, one of them inside a module."""

    class Twice(nn.Module):
        """Gives a layer's output, transposed twice."""

        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.LayerNorm(8)

        def forward(self, tokens: Tensor) -> Tensor:
            return self.layer(tokens).mT.mT

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 2, 2)
        self.norm = self.Twice()
        self.head = nn.Linear(8, 5)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.norm(self.patches(images).flatten(2).mT)).mean(1)


class Encoding(nn.Module):
    """Has the encoder of torch between its patches and its last layer."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 2, 2)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(8))
        self.fc = nn.Linear(8, 5)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.encoder(self.patches(images).flatten(2).transpose(1, 2)).mean(1))


class Masking(Encoding):
    """Gives its encoder a mask that follows from the images, and one that does not, by keywords."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("causal", torch.triu(torch.full((16, 16), float("-inf")), 1))

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images).flatten(2).transpose(1, 2)
        padded = (tokens[:, :, 0] > 100).float()
        return self.fc(self.encoder(tokens, mask=self.causal, src_key_padding_mask=padded).mean(1))
