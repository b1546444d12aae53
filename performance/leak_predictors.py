"""Whether the Jacobian of the client, or the radius of its classes, predicts the leak of a cut before any attack.

For each cut of an undefended network: the effective rank and the condition number of the client's Jacobian, the share
of the image's directions that the Jacobian keeps, and the class radius (Golden Partition Zone, arXiv 2506.15412: the
mean squared distance of IRs to the mean of their class), as a share of their variance. Spearman's correlation compares
each with the PSNR of the strongest attack of a board.

Run: python performance/leak_predictors.py BOARD --dataset photos --model lenet5 [--data-dir DIR] [--jacobians 1]
"""

import argparse
from pathlib import Path

import pandas as pd
import torch
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.leaderboard.loading import load_boards
from mia_bench.benchmark.leaderboard.ranking import rank
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request
from scipy.stats import spearmanr
from torch import Tensor

LARGEST_JACOBIAN = 10_000_000
"""Numbers of a Jacobian above which a random part of the IR stands for all of it."""


def jacobian(client: torch.nn.Module, image: Tensor) -> Tensor:
    """Return the Jacobian of a client at one image (1, C, H, W): (numbers of the IR, numbers of the image)."""
    size = client(image).numel()
    rows = min(size, LARGEST_JACOBIAN // image.numel())
    generator = torch.Generator().manual_seed(0)
    chosen = torch.randperm(size, generator=generator)[:rows] if rows < size else torch.arange(size)
    found = torch.func.jacrev(lambda each: client(each).flatten()[chosen], chunk_size=256)(image)
    return found.reshape(rows, -1)


def singular_values(matrix: Tensor) -> Tensor:
    """Return the singular values, largest first, from the smaller of the two Gram matrices."""
    rows = matrix.double() if len(matrix) <= matrix.shape[1] else matrix.double().T
    return torch.linalg.eigvalsh(rows @ rows.T).clamp(min=0).sqrt().flip(0)


def spectrum(values: Tensor, pixels: int) -> dict[str, float]:
    """Return measures of the singular values of a Jacobian of so many pixels."""
    shares = values / values.sum()
    entropy = -(shares * shares.clamp(min=1e-30).log()).sum()
    kept = values[values > 1e-4 * values[0]]
    return {
        "effective_rank": float(entropy.exp()),
        "log_condition": float((kept[0] / kept[-1]).log10()),
        "kept_directions": len(kept) / pixels,
    }


def class_radius(irs: Tensor, labels: Tensor) -> float:
    """Return the mean squared distance of IRs (N, D) to the mean of their class, as a share of their variance."""
    within = sum(float((irs[labels == each] - irs[labels == each].mean(0)).square().sum()) for each in labels.unique())
    return within / float((irs - irs.mean(0)).square().sum())


def measure(bench: Artifacts, dataset: str, model: str, split: str, jacobians: int) -> dict[str, float]:
    """Measure one cut."""
    request = Request(dataset=[dataset], model=[model], split=[split], attacks=["mean_image"], defenses=["undefended"])
    (setting, *_) = dict.fromkeys(cell.setting for cell in plan(request))
    client = bench.targets.get(setting.dataset, setting.model, setting.seed).split(split).copy().client.eval()
    private = bench.pools(setting.dataset).private
    found = []
    for image in private.images[:jacobians]:
        found.append(spectrum(singular_values(jacobian(client, image[None])), image.numel()))
    mean = pd.DataFrame(found).mean().to_dict()
    with torch.no_grad():
        irs = client(private.images[:500]).flatten(1)
    return {**mean, "class_radius": class_radius(irs, private.labels[:500]), "ir_numbers": irs.shape[1]}


def main() -> None:
    """Print the measures of each cut and their correlations with the leak."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("board", type=Path)
    parser.add_argument("--dataset", default="photos")
    parser.add_argument("--model", default="lenet5")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--jacobians", type=int, default=1)
    words = parser.parse_args()
    torch.set_num_threads(1)
    ranked = rank(*load_boards([words.board]))
    plain = ranked[(ranked["defense"] == "undefended") & (ranked["model"] == words.model) & ranked["psnr_db"].notna()]
    bench = Artifacts(device=torch.device("cpu"), data_dir=words.data_dir)
    lines = []
    for split, psnr_db in zip(plain["split"], plain["psnr_db"], strict=True):
        found = measure(bench, words.dataset, words.model, split, words.jacobians)
        lines.append({"split": split, "psnr_db": psnr_db, **found})
    frame = pd.DataFrame(lines)
    print(frame.to_markdown(index=False, floatfmt=".3g"))
    for name in frame.columns[2:]:
        rho, p = spearmanr(frame["psnr_db"], frame[name])
        print(f"Spearman of psnr_db with {name}: {rho:+.2f} (p {p:.2g}, {len(frame)} cuts)")


if __name__ == "__main__":
    main()
