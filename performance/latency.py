"""The modelled over the measured processor time of networks of torchvision, on one core with its own profile.

Run: python performance/latency.py [--networks resnet18 mobilenet_v3_small ...] [--sizes 64 224]
"""

from __future__ import annotations

import argparse
import time
import tomllib
from statistics import median

import torch
from measuring import machine
from mia_bench.benchmark.interfaces import Normalize
from mia_bench.benchmark.interfaces.split_model import Target
from mia_bench.benchmark.splits.devices import Device
from mia_bench.benchmark.splits.profiling import measured_profile
from mia_bench.benchmark.splits.structure import count_cuts
from mia_bench.models.torchvision import Torchvision

NETWORKS = ["resnet18", "mobilenet_v3_small", "efficientnet_b0", "vit_b_16", "squeezenet1_1"]
CALLS = 9


def measured_ms(target: Target, images: torch.Tensor) -> float:
    """Return the median milliseconds of the processor for one image, after a call that prepares the kernels."""
    times = []
    with torch.no_grad():
        target(images)
        for _ in range(CALLS):
            start = time.thread_time()
            target(images)
            times.append(1000 * (time.thread_time() - start))
    return median(times)


def main() -> None:
    """Print a table, one line per network and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="*", default=NETWORKS)
    parser.add_argument("--sizes", type=int, nargs="*", default=[64, 224])
    options = parser.parse_args()
    torch.set_num_threads(1)
    profile = measured_profile()
    device = Device(**tomllib.loads(profile))
    bare = device.model_copy(update={"us_per_operation": None, "activation_gbyte_per_s": None})
    print(f"{machine()}\n\n{profile}")
    print("| network | pixels | operations | measured, ms | modelled / measured | by multiplications alone |")
    print("|---|--:|--:|--:|--:|--:|")
    for name in options.networks:
        for size in options.sizes:
            shape = (3, size, size)
            layers = Torchvision(name=name).build(shape, 10)
            target = Target(Normalize(torch.zeros(3), torch.ones(3)), layers).eval()
            last = count_cuts(target, shape)[-1]
            stages = [*last.client_stages, *last.server_stages]
            actual = measured_ms(target, torch.rand(1, *shape))
            whole, part = (1000 * each.seconds(stages) / actual for each in (device, bare))
            operations = sum(each.operations for each in stages)
            print(f"| {name} | {size} | {operations} | {actual:.1f} | {whole:.2f} | {part:.2f} |", flush=True)


if __name__ == "__main__":
    main()
