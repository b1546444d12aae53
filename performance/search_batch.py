"""How long a search takes for one image, by how many images it evaluates at a time.

Each line is a cut of a network, untrained: milliseconds of the processor for one evaluation with its gradient and for
one image. Searches evaluate as many images at a time as keep ``attacks/_limits.py``'s ``MAX_GRAPH_NUMBERS`` numbers.

Run: python performance/search_batch.py [--dataset photos] [--model resnet] [--split stage1 ...] [--counts 1 8 64 512]
"""

import argparse
import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from measuring import machine
from mia_bench.attacks import _limits
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.metrics.graph_numbers import run_with_graph
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.runner.pinning import pin_cells
from torch import nn

REPEATS = 3
"""Times that each count is measured; the fastest counts."""


def milliseconds(client: nn.Module, shape: tuple[int, ...], count: int, images: int) -> float:
    """Return the time for one image, if ``images`` of a shape (C, H, W) are evaluated ``count`` at a time."""
    batch = torch.rand(count, *shape).contiguous(memory_format=torch.channels_last).requires_grad_(True)
    wire = client(batch.detach()) * 0.9
    fastest = float("inf")
    for _ in range(REPEATS):
        start = time.process_time()
        for _ in range(max(1, images // count)):
            torch.autograd.grad((client(batch) - wire).square().sum(), batch)
        fastest = min(fastest, time.process_time() - start)
    return 1000 * fastest / (count * max(1, images // count))


def main() -> None:
    """Print one line for each cut."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="photos")
    parser.add_argument("--model")
    parser.add_argument("--split", nargs="*", default=["all"])
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--counts", nargs="*", type=int, default=[1, 4, 16, 64, 256])
    parser.add_argument("--images", type=int, default=256, help="evaluated for each measurement, at least")
    words = parser.parse_args()
    torch.set_num_threads(1)
    bench = Artifacts(device=torch.device("cpu"), data_dir=words.data_dir)
    place: dict[str, Any] = {"dataset": words.dataset, "model": words.model, "splits": words.split}
    request = Request(**place, attacks=["mean_image"], defenses=["undefended"], images=1)
    lines = []
    for setting in dict.fromkeys(cell.setting for cell in pin_cells(plan(request), bench)):
        shape = bench.facts(setting.dataset).image_shape
        client = bench.targets.structure(setting.dataset, setting.model).split(setting.split).client
        client = client.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        image = torch.rand(shape)
        times = {f"{count} at a time, ms": milliseconds(client, shape, count, words.images) for count in words.counts}
        chosen = _limits.backward_batch_size(client, image)
        lines.append({"split": setting.split, "numbers": run_with_graph(client, image)[1], **times, "chosen": chosen})
    print(f"{machine()}; {words.dataset}, {words.model or 'the recommended model'}")
    print(pd.DataFrame(lines).to_markdown(index=False, floatfmt=".3g"))


if __name__ == "__main__":
    main()
