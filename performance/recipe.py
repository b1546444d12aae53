"""The fast recipe for targets against the standard one, and against itself without each of its ingredients.

Every variant trains the same network with the same seed. Prints processor seconds and the accuracy on the test images.

Run: python performance/recipe.py --data-dir DIR [--dataset cifar10] [--model cnn6] [--device cpu] [--seeds 1]
     [--images N] [--only standard fast cosine ...]
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import torch
from measuring import machine
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.interfaces import ImageSet, Target, Training
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.training import FAST, STANDARD, Recipe, recipes, train_target
from mia_bench.benchmark.utils.seeding import seeded

FEW = "as few multiplications"
"""Ends the names of variants that make fewer passes, with the multiplications of the fast recipe."""
BFLOAT16 = "fast, bfloat16"
VARIANTS: dict[str, Recipe] = {
    "standard": STANDARD,
    "fast": FAST,
    f"standard, {FEW}": STANDARD,
    f"whole images, {FEW}": replace(FAST, sizes=STANDARD.sizes),
    BFLOAT16: FAST,
    "with shifts": replace(FAST, shifts=True),
    "no label smoothing": replace(FAST, label_smoothing=0.0),
    "standard weight decay": replace(FAST, weight_decay=STANDARD.weight_decay),
    "cosine": replace(FAST, decay="cos"),
    "one learning rate": replace(FAST, last_rate=1.0),
    "batches of 128": replace(FAST, batch_size=128),
}


def trained(recipe: Recipe, target: Target, data: ImageSet, training: Training, seed: int) -> float:
    """Train a target in place by a recipe, and return the processor seconds."""
    start = time.process_time()
    with seeded("recipe", seed), patch.object(recipes, "FAST", recipe):
        train_target(target, data, replace(training, fast=True))
    return time.process_time() - start


@torch.no_grad()
def accuracy(target: Target, data: ImageSet) -> float:
    """Return the share of images whose class a target tells."""
    hits = sum((target(data.images[part]).argmax(1) == data.labels[part]).sum() for part in chunks(len(data)))
    return float(hits) / len(data)


def chunks(count: int) -> list[slice]:
    """Divide positions into slices of 500."""
    return [slice(first, first + 500) for first in range(0, count, 500)]


def main() -> None:
    """Print one line per variant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--model")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--images", type=int, help="train on so many images only")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", nargs="*", choices=VARIANTS, default=list(VARIANTS), metavar="VARIANT")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(machine())
    bench = Artifacts(device=torch.device(options.device), data_dir=options.data_dir)
    request = Request(
        dataset=[options.dataset], model=options.model, attacks=["mean_image"], defenses=["undefended"], images=1
    )
    setting = plan(request)[0].setting
    pools, training = bench.pools(setting.dataset), setting.dataset.component.training  # pyright: ignore[reportAttributeAccessIssue]
    train = pools.train[: options.images]
    print("| recipe | passes | CPU-s | accuracy |\n|---|---|---|---|")
    for name in options.only:
        recipe, passes = VARIANTS[name], training.epochs
        if name.endswith(FEW):
            passes = max(1, round(FAST.cost * passes))
        for seed in range(options.seeds):
            with seeded("build", seed):
                target = bench.targets._build(setting.dataset, setting.model).to(options.device)
            asked = replace(training, epochs=passes, bfloat16=name == BFLOAT16)
            seconds = trained(recipe, target, train, asked, seed)
            reached = accuracy(target, pools.private)
            print(f"| {name} | {passes} | {seconds:.0f} | {reached:.2%} |", flush=True)


if __name__ == "__main__":
    main()
