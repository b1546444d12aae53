"""Multiply-accumulate operations of every layer of torch with weights, and of products, against closed forms."""

import warnings
from collections.abc import Callable

import pytest
import torch
import torchvision
from mia_bench.benchmark.metrics.macs import count_macs
from torch import Tensor, nn
from torch.nn import functional

N, I, J, O = 2, 4, 6, 10  # noqa: E741 (images, inputs, other inputs, outputs)
SIDE, WIDTH = 5, 3
"""Positions of a map along each axis, and the width of a kernel."""
STEPS, HIDDEN = 5, 8
INDICES = torch.zeros(N, STEPS, dtype=torch.int64)
LONG = nn.LSTM(I, HIDDEN, num_layers=2, bidirectional=True, batch_first=True)
NARROW = nn.LSTM(I, HIDDEN, proj_size=3, batch_first=True)
ATTENTION = nn.MultiheadAttention(HIDDEN, 2, batch_first=True).eval()
CROSS = nn.MultiheadAttention(HIDDEN, 2, kdim=I, vdim=J, batch_first=True).eval()
KEYS = 7
BOTH_WAYS = 2
FEED = 16
"""Width of the layers between two attentions."""
ENCODER = nn.TransformerEncoder(nn.TransformerEncoderLayer(HIDDEN, 2, FEED, batch_first=True), 1).eval()
DECODER = nn.TransformerDecoder(nn.TransformerDecoderLayer(HIDDEN, 2, FEED, batch_first=True), 1).eval()
ENCODED = 4 * STEPS * HIDDEN**2 + 2 * STEPS**2 * HIDDEN + 2 * STEPS * HIDDEN * FEED
ATTENDED = 2 * (STEPS + KEYS) * HIDDEN**2 + 2 * STEPS * KEYS * HIDDEN
"""Operations on the tokens of one image: of a layer of an encoder, and of an attention to other tokens."""


def maps(axes: int) -> tuple[int, ...]:
    return N, I, *[SIDE] * axes


def convolution(axes: int, **settings: int) -> nn.Module:
    return getattr(nn, f"Conv{axes}d")(I, O, WIDTH, **settings)


def transposed(axes: int, **settings: int) -> nn.Module:
    return getattr(nn, f"ConvTranspose{axes}d")(I, O, WIDTH, **settings)


def gates(count: int, inputs: int, hidden: int = HIDDEN) -> int:
    return count * hidden * (inputs + hidden)


Case = tuple[Callable[[Tensor], object], Tensor | tuple[int, ...], int]
LAYERS: dict[str, Case] = {
    "Linear": (nn.Linear(I, O), (N, I), N * I * O),
    "Linear of tokens": (nn.Linear(I, O), (N, STEPS, I), N * STEPS * I * O),
    "Bilinear": (lambda x: nn.Bilinear(I, J, O)(x, torch.rand(N, J)), (N, I), N * I * J * O),
    "Bilinear of tokens": (
        lambda x: nn.Bilinear(I, J, O)(x, torch.rand(N, STEPS, J)),
        (N, STEPS, I),
        N * STEPS * I * J * O,
    ),
    **{f"Conv{d}d": (convolution(d), maps(d), N * 3**d * I * O * WIDTH**d) for d in (1, 2, 3)},
    "Conv2d in groups": (convolution(2, groups=2), maps(2), N * 3**2 * (I // 2) * O * WIDTH**2),
    "Conv2d with strides": (convolution(2, stride=2, padding=1), maps(2), N * 3**2 * I * O * WIDTH**2),
    **{f"ConvTranspose{d}d": (transposed(d), maps(d), N * SIDE**d * I * O * WIDTH**d) for d in (1, 2, 3)},
    "ConvTranspose2d in groups": (
        transposed(2, groups=2, stride=2, padding=1, output_padding=1),
        maps(2),
        N * SIDE**2 * I * (O // 2) * WIDTH**2,
    ),
    "Embedding": (nn.Embedding(9, O), INDICES, 0),
    "EmbeddingBag": (nn.EmbeddingBag(9, O), INDICES, 0),
    "EmbeddingBag with weights": (
        lambda x: nn.EmbeddingBag(9, O, mode="sum")(x, per_sample_weights=torch.rand(N, STEPS)),
        INDICES,
        N * STEPS * O,
    ),
    "RNN": (nn.RNN(I, HIDDEN, batch_first=True), (N, STEPS, I), N * STEPS * gates(1, I)),
    "GRU": (nn.GRU(I, HIDDEN, batch_first=True), (N, STEPS, I), N * STEPS * gates(3, I)),
    "LSTM": (nn.LSTM(I, HIDDEN, batch_first=True), (N, STEPS, I), N * STEPS * gates(4, I)),
    "LSTM of two layers in both directions": (
        LONG,
        (N, STEPS, I),
        N * STEPS * BOTH_WAYS * (gates(4, I) + gates(4, BOTH_WAYS * HIDDEN)),
    ),
    "LSTM with projection": (NARROW, (N, STEPS, I), N * STEPS * (4 * HIDDEN * (I + 3) + HIDDEN * 3)),
    "RNNCell": (nn.RNNCell(I, HIDDEN), (N, I), N * gates(1, I)),
    "GRUCell": (nn.GRUCell(I, HIDDEN), (N, I), N * gates(3, I)),
    "LSTMCell": (nn.LSTMCell(I, HIDDEN), (N, I), N * gates(4, I)),
    "MultiheadAttention": (
        lambda x: ATTENTION(x, x, x),
        (N, STEPS, HIDDEN),
        N * (4 * STEPS * HIDDEN**2 + 2 * STEPS**2 * HIDDEN),
    ),
    "MultiheadAttention to other tokens": (
        lambda x: CROSS(x, torch.rand(N, KEYS, I), torch.rand(N, KEYS, J), need_weights=False),
        (N, STEPS, HIDDEN),
        N * (2 * STEPS * HIDDEN**2 + KEYS * (I + J) * HIDDEN + 2 * STEPS * KEYS * HIDDEN),
    ),
    "TransformerEncoderLayer": (
        ENCODER.layers[0],
        (N, STEPS, HIDDEN),
        N * ENCODED,
    ),
    "TransformerEncoder": (ENCODER, (N, STEPS, HIDDEN), N * ENCODED),
    "TransformerDecoderLayer": (
        lambda x: DECODER.layers[0](x, torch.rand(N, KEYS, HIDDEN)),
        (N, STEPS, HIDDEN),
        N * (ENCODED + ATTENDED),
    ),
    "TransformerDecoder": (
        lambda x: DECODER(x, torch.rand(N, KEYS, HIDDEN)),
        (N, STEPS, HIDDEN),
        N * (ENCODED + ATTENDED),
    ),
    "Transformer": (
        lambda x: nn.Transformer(HIDDEN, 2, 1, 1, FEED, batch_first=True).eval()(x, x),
        (N, STEPS, HIDDEN),
        N * (2 * ENCODED + 4 * STEPS * HIDDEN**2 + 2 * STEPS**2 * HIDDEN),
    ),
    "AdaptiveLogSoftmaxWithLoss": (
        lambda x: nn.AdaptiveLogSoftmaxWithLoss(I, O, [O // 2])(x, torch.zeros(N, dtype=torch.int64)),
        (N, I),
        N * I * (O // 2 + 1),
    ),
    "LinearCrossEntropyLoss": (
        lambda x: nn.LinearCrossEntropyLoss(I, O)(x, torch.zeros(N, dtype=torch.int64)),
        (N, I),
        N * I * O,
    ),
    "DeformConv2d": (
        lambda x: torchvision.ops.DeformConv2d(I, O, WIDTH)(x, torch.zeros(N, 2 * WIDTH**2, 3, 3)),
        maps(2),
        N * 3**2 * I * O * WIDTH**2,
    ),
    "BatchNorm2d": (nn.BatchNorm2d(I).eval(), maps(2), 0),
}
NOT_COUNTED = {
    "of elements": "CELU ELU GELU GLU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid LogSoftmax Mish "
    "PReLU RReLU ReLU ReLU6 SELU SiLU Sigmoid Softmax Softmax2d Softmin Softplus Softshrink Softsign Tanh Tanhshrink "
    "Threshold",
    "noise": "AlphaDropout Dropout Dropout1d Dropout2d Dropout3d FeatureAlphaDropout",
    "normalizations": "BatchNorm1d BatchNorm2d BatchNorm3d CrossMapLRN2d GroupNorm InstanceNorm1d InstanceNorm2d "
    "InstanceNorm3d LayerNorm LocalResponseNorm RMSNorm SyncBatchNorm",
    "pooling and interpolation, whose weights are fixed": "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d "
    "AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d AvgPool1d AvgPool2d AvgPool3d FractionalMaxPool2d "
    "FractionalMaxPool3d LPPool1d LPPool2d LPPool3d MaxPool1d MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d "
    "Upsample UpsamplingBilinear2d UpsamplingNearest2d",
    "positions": "ChannelShuffle CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d "
    "Flatten Fold Identity PixelShuffle PixelUnshuffle ReflectionPad1d ReflectionPad2d ReflectionPad3d "
    "ReplicationPad1d ReplicationPad2d ReplicationPad3d Unflatten Unfold ZeroPad1d ZeroPad2d ZeroPad3d",
    "distances and losses": "BCELoss BCEWithLogitsLoss CTCLoss CosineEmbeddingLoss CosineSimilarity CrossEntropyLoss "
    "GaussianNLLLoss HingeEmbeddingLoss HuberLoss KLDivLoss L1Loss MSELoss MarginRankingLoss MultiLabelMarginLoss "
    "MultiLabelSoftMarginLoss MultiMarginLoss NLLLoss NLLLoss2d PairwiseDistance PoissonNLLLoss SmoothL1Loss "
    "SoftMarginLoss TripletMarginLoss TripletMarginWithDistanceLoss",
    "others that compute nothing themselves": "Container DataParallel Module ModuleDict ModuleList ParameterDict "
    "ParameterList RNNBase RNNCellBase Sequential",
}
"""Modules of torch that count 0 operations, by the reason."""
PRODUCTS: dict[str, Case] = {
    "matmul": (lambda x: x @ torch.rand(I, O), (N, I), N * I * O),
    "matmul of batches": (lambda x: x @ torch.rand(N, I, O), (N, J, I), N * J * I * O),
    "matmul with a vector": (lambda x: x @ torch.rand(I), (N, I), N * I),
    "matmul of vectors": (lambda x: x @ torch.rand(I), (I,), I),
    "vdot": (lambda x: torch.vdot(x, torch.rand(I)), (I,), I),
    "mv": (lambda x: x.mv(torch.rand(I)), (N, I), N * I),
    "addmv": (lambda x: torch.addmv(torch.rand(N), x, torch.rand(I)), (N, I), N * I),
    "addmm": (lambda x: torch.addmm(torch.rand(O), x, torch.rand(I, O)), (N, I), N * I * O),
    "bmm": (lambda x: x.bmm(torch.rand(N, I, O)), (N, J, I), N * J * I * O),
    "baddbmm": (lambda x: torch.baddbmm(torch.rand(N, J, O), x, torch.rand(N, I, O)), (N, J, I), N * J * I * O),
    "addbmm": (lambda x: torch.addbmm(torch.rand(J, O), x, torch.rand(N, I, O)), (N, J, I), N * J * I * O),
    "einsum": (lambda x: torch.einsum("nji,nio->njo", x, torch.rand(N, I, O)), (N, J, I), N * J * I * O),
    "tensordot": (lambda x: torch.tensordot(x, torch.rand(I, O), 1), (N, J, I), N * J * I * O),
    "inner": (lambda x: torch.inner(x, torch.rand(O, I)), (N, I), N * I * O),
    "linear": (lambda x: functional.linear(x, torch.rand(O, I)), (N, I), N * I * O),
    "scaled_dot_product_attention": (
        lambda x: functional.scaled_dot_product_attention(x, torch.rand(N, 2, KEYS, I), torch.rand(N, 2, KEYS, I)),
        (N, 2, STEPS, I),
        N * 2 * 2 * STEPS * KEYS * I,
    ),
    "conv_transpose2d": (
        lambda x: functional.conv_transpose2d(x, torch.rand(I, O, WIDTH, WIDTH)),
        maps(2),
        N * SIDE**2 * I * O * WIDTH**2,
    ),
    "conv_tbc": (
        lambda x: torch.conv_tbc(x, torch.rand(WIDTH, I, O), torch.zeros(O)),
        (STEPS, N, I),
        N * 3 * I * O * WIDTH,
    ),
    "_int_mm": (
        lambda x: torch._int_mm(x, torch.ones(32, 24, dtype=torch.int8)),
        torch.ones(40, 32, dtype=torch.int8),
        40 * 32 * 24,
    ),
    "cdist": (lambda x: torch.cdist(x, torch.rand(J, I)), (N, STEPS, I), N * STEPS * J * I),
    "cdist of many rows": (lambda x: torch.cdist(x, x), (30, 16), 30 * 30 * 16),
    "cdist by matrix products": (
        lambda x: torch.cdist(x, torch.rand(J, I), compute_mode="use_mm_for_euclid_dist"),
        (STEPS, I),
        STEPS * J * I,
    ),
    "cdist of sums of absolute differences": (lambda x: torch.cdist(x, torch.rand(J, I), p=1), (STEPS, I), 0),
}
SAMPLES = 16
MASK = torch.tensor([[1.0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 0]])
"""A matrix (3, I) of which 5 numbers are not 0."""
STORED = 5
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "Sparse CSR")  # in beta state
    COO, CSR = MASK.to_sparse(), MASK.to_sparse_csr()
SPARSE: dict[str, Case] = {
    "sparse.mm": (lambda x: torch.sparse.mm(COO, x), (I, O), STORED * O),
    "sparse.mm of rows": (lambda x: torch.sparse.mm(CSR, x), (I, O), STORED * O),
    "sparse.mm of two": (lambda x: torch.sparse.mm(COO, x.to_sparse()), (I, O), STORED * O),
    "sparse.addmm": (lambda x: torch.sparse.addmm(torch.rand(3, O), COO, x), (I, O), STORED * O),
    "sparse.sampled_addmm": (lambda x: torch.sparse.sampled_addmm(CSR, x, torch.rand(J, I)), (3, J), STORED * J),
    "hspmm": (lambda x: torch.hspmm(COO, x), (I, O), STORED * O),
    "smm": (lambda x: torch.smm(COO, x), (I, O), STORED * O),
    "sparse @ dense": (lambda x: COO @ x, (I, O), STORED * O),
    "sparse rows @ dense": (lambda x: CSR @ x, (I, O), STORED * O),
    "sparse @ vector": (lambda x: COO @ x, (I,), STORED),
    "dense @ sparse rows": (lambda x: x @ CSR, (J, 3), STORED * J),
    "dense @ sparse columns": (lambda x: x @ MASK.to_sparse_csc(), (J, 3), STORED * J),
    "linear with sparse weights": (lambda x: functional.linear(x, CSR), (N, I), STORED * N),
    "addmm of sparse rows": (lambda x: torch.addmm(torch.rand(3, O), CSR, x), (I, O), STORED * O),
    "bmm of sparse matrices": (lambda x: torch.stack([MASK, MASK]).to_sparse().bmm(x), (2, I, O), 2 * STORED * O),
}
OTHERS: dict[str, Case] = {
    "linalg.vecdot": (lambda x: torch.linalg.vecdot(x, torch.rand(I)), (N, I), N * I),
    "linalg.vecdot of an exported graph": (
        lambda x: torch.ops.aten.linalg_vecdot.default(x, torch.rand(N, I)),
        (N, I),
        N * I,
    ),
    "linalg.vecdot of one vector": (lambda x: torch.linalg.vecdot(x, torch.rand(I)), (I,), I),
    "dot": (lambda x: x.dot(torch.rand(I)), (I,), I),
    "einsum to one number each": (lambda x: torch.einsum("ni,ni->n", x, torch.rand(N, I)), (N, I), N * I),
    "einsum of three": (
        lambda x: torch.einsum("ni,ij,jo->no", x, torch.rand(I, J), torch.rand(J, O)),
        (N, I),
        N * (I * J + J * O),
    ),
    "addmm in place": (lambda x: torch.rand(N, O).addmm_(x, torch.rand(I, O)), (N, I), N * I * O),
    "addmv in place": (lambda x: torch.rand(N).addmv_(x, torch.rand(I)), (N, I), N * I),
    "baddbmm in place": (lambda x: torch.rand(N, J, O).baddbmm_(x, torch.rand(N, I, O)), (N, J, I), N * J * I * O),
    "addmm with an activation": (
        lambda x: torch._addmm_activation(torch.rand(O), x, torch.rand(I, O)),
        (N, I),
        N * I * O,
    ),
    "attention of which groups share keys": (
        lambda x: functional.scaled_dot_product_attention(x, x[:, :1], x[:, :1], enable_gqa=True),
        (N, 2, STEPS, I),
        N * 2 * 2 * STEPS**2 * I,
    ),
    "Conv3d in groups with dilation": (
        lambda x: nn.Conv3d(I, O, WIDTH, groups=2, dilation=2)(x),
        maps(3),
        N * 1**3 * (I // 2) * O * WIDTH**3,
    ),
    "ConvTranspose2d with dilation": (transposed(2, dilation=2), maps(2), N * SIDE**2 * I * O * WIDTH**2),
    "LSTM of sequences of different lengths": (
        lambda x: nn.LSTM(I, HIDDEN)(nn.utils.rnn.pack_padded_sequence(x, [5, 3])),
        (STEPS, N, I),
        (5 + 3) * gates(4, I),
    ),
    "pdist": (torch.pdist, (STEPS, I), STEPS * (STEPS - 1) // 2 * I),
    "fft of complex numbers": (lambda x: torch.fft.fft(x + 0j), (N, SAMPLES), N * SAMPLES * 4 // 2),
    "rfft": (torch.fft.rfft, (N, SAMPLES), N * SAMPLES * 4 // 4),
    "irfft": (lambda x: torch.fft.irfft(x + 0j), (N, SAMPLES // 2 + 1), N * SAMPLES * 4 // 4),
    "rfft2": (torch.fft.rfft2, (N, SAMPLES, SAMPLES), N * SAMPLES**2 * 8 // 4),
}


@pytest.mark.filterwarnings("ignore:LSTM with projections", "ignore:Sparse CS")
@pytest.mark.parametrize("name", [*LAYERS, *PRODUCTS, *SPARSE, *OTHERS])
def test_operations_are_those_by_hand(name: str) -> None:
    call, given, by_hand = (LAYERS | PRODUCTS | SPARSE | OTHERS)[name]

    assert count_macs(call, given if isinstance(given, Tensor) else torch.rand(given)) == by_hand


def test_every_layer_of_torch_is_counted_by_hand_or_known_to_count_nothing() -> None:
    layers = {name for name, each in vars(nn).items() if isinstance(each, type) and issubclass(each, nn.Module)}
    by_hand = {name.split()[0] for name in LAYERS}
    zero = {name for names in NOT_COUNTED.values() for name in names.split()}

    usual = {name.removeprefix("Lazy") for name in layers}  # what the first call makes of them

    assert usual <= by_hand | zero


def test_what_is_not_counted_though_it_multiplies_is_named(caplog: pytest.LogCaptureFixture) -> None:
    assert count_macs(torch.linalg.inv, torch.eye(3)) == 0

    (message,) = caplog.messages
    assert message.startswith("The MACs are too low: the operations of aten.linalg_inv_ex are not counted.")


@pytest.mark.parametrize(
    "layer", [nn.ReLU(), nn.MaxPool2d(2), nn.Softmax(1), nn.Upsample(scale_factor=2), nn.Flatten()]
)
def test_layers_without_products_are_not_named(layer: nn.Module, caplog: pytest.LogCaptureFixture) -> None:
    assert count_macs(layer, torch.rand(maps(2))) == 0
    assert not caplog.messages
