"""Images a second of white_box against the published procedure, on the same images and the same trained target.

The published procedure is rMLE of He, Zhang, Lee, ACSAC 2019, as their code runs it: one image at a time, Adam with
AMSGrad, thousands of steps from gray, gradients of the weights kept. It rebuilds a few of the images, since each takes
as long as the others; with --timed-steps only the first of its steps are run, since each takes as long as the others,
and its quality stays unknown. Medians over --repeats rounds, in which all take turns.

Run: python performance/white_box.py --data-dir DIR [--dataset cifar10] [--ours white_box:iterations=50,tv=0.1 ...]
"""

import copy

import torch
from measuring import SCALES, Scene, Spent, gflop, machine, median_of, peak_gflops, scene, setting_options, timed
from mia_bench.benchmark.metrics import psnr, ssim
from torch import Tensor, nn

PUBLISHED = {("mnist", "relu2"): (500, 1.0, 1.0), ("cifar10", "relu22"): (5000, 10.0, 100.0)}
"""Steps and weight of the total variation, as in the paper's section 4 and the comments in its code, and a factor for
the IR. The weight and the epsilon of Adam suit IRs as large as those of the paper's network, and ours on CIFAR-10 are
small (standard deviation 0.09): factors of 1, 10, 33, 100 and 330 gave 11.2, 9.8, 16.7, 21.5 and
22.1 dB."""


class _Scaled(nn.Module):
    """Multiplies what a network returns."""

    def __init__(self, network: nn.Module, factor: float) -> None:
        super().__init__()
        self.network, self.factor = network, factor

    def forward(self, images: Tensor) -> Tensor:
        return self.factor * self.network(images)


def published(
    client: nn.Module, wire: Tensor, shape: torch.Size, *, steps: int, tv: float, start: float = 0.0
) -> Tensor:
    """Rebuild one image, (1, C, H, W), from its wire, (1, ...), as the published code does.

    Source: github.com/zechenghe/Inverse_Collaborative_Inference, inverse_whitebox_CIFAR.py.
    """
    mean, std = (torch.tensor(scale).view(1, -1, 1, 1) for scale in SCALES[shape[0]])
    units = torch.full((1, *shape), start, requires_grad=True)
    optimizer = torch.optim.Adam([units], lr=1e-2, eps=1e-3, amsgrad=True)
    for _ in range(steps):
        optimizer.zero_grad()
        misfit = (client(mean + std * units) - wire).square().mean()
        rough = units.diff(dim=2).square().mean() + units.diff(dim=3).square().mean()
        (misfit + tv * rough).backward()
        optimizer.step()
    return (mean + std * units).detach().clamp(0, 1)


def work_of(stage: Scene, spec: str) -> float:
    """Estimate the operations of an attack for one image, in billions, from two short runs."""
    attack = stage.attack(spec)
    few, more = (
        gflop(lambda count=count: stage.run(attack.model_copy(update={"iterations": count}))) for count in (2, 4)
    )
    iterations = int(attack.model_dump()["iterations"])
    return (few + (more - few) / 2 * (iterations - 2)) / len(stage.originals)


def line(name: str, images: Tensor | None, originals: Tensor, spent: Spent, *, work: float, peak: float) -> str:
    """Format one line of the table.

    Args:
        name: Name of the attack.
        images: Its reconstructions, (K, C, H, W), or None if it was stopped before its end.
        originals: The private images, (K, C, H, W).
        spent: Time for one image.
        work: Billions of operations for one image.
        peak: Speed of a matrix product, in billions of operations per CPU second.
    """
    rate = work / spent.cpu
    cells = [
        name,
        "" if images is None else f"{psnr(images, originals).mean():.2f}",
        "" if images is None else f"{ssim(images, originals).mean():.3f}",
        f"{1 / spent.wall:.3g}",
        f"{1 / spent.cpu:.3g}",
        f"{rate:.0f}",
        f"{100 * rate / peak:.0f} %",
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table and the ratios."""
    parser = setting_options(__doc__, images=64)
    parser.add_argument("--published-images", type=int, default=8, help="images that the published procedure rebuilds")
    parser.add_argument("--published-steps", type=int, help="default: the paper's for this split")
    parser.add_argument("--published-start", type=float, default=0.0, help="in its units; 0 is gray, -1 black on MNIST")
    parser.add_argument("--timed-steps", type=int, help="run only so many of them, and count the others as long")
    parser.add_argument("--ours", nargs="*", default=["white_box"], help="our attack, with parameters")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    stage = scene(options)
    steps, tv, factor = PUBLISHED.get((stage.setting.dataset.name, stage.setting.split), (500, 1.0, 1.0))
    steps, few = options.published_steps or steps, max(options.repeats, min(options.published_images, options.images))

    seen = stage.observe(stage.attack("white_box"))
    assert seen.client is not None
    client = _Scaled(copy.deepcopy(seen.client).requires_grad_(True), factor)

    run = min(options.timed_steps or steps, steps)

    def rebuild(index: int, steps: int = run) -> Tensor:
        wire = factor * seen.wire.tensor[index : index + 1]
        shape = stage.originals.shape[1:]
        return published(client, wire, shape, steps=steps, tv=tv, start=options.published_start)

    theirs: dict[int, Tensor] = {}
    ours: dict[str, Tensor] = {}
    name = f"published, {steps} steps"
    rounds: dict[str, list[Spent]] = {each: [] for each in [name, *options.ours]}
    for turn in range(options.repeats):
        for index in range(turn, few, options.repeats):
            theirs[index], spent = timed(lambda index=index: rebuild(index))
            rounds[name].append(spent.times(steps / run))
        for spec in options.ours:
            ours[spec], spent = timed(lambda spec=spec: stage.run(stage.attack(spec)))
            rounds[spec].append(spent.shared_by(len(stage.originals)))

    peak = peak_gflops()
    work = {name: gflop(lambda: rebuild(0, steps=1)) * steps, **{spec: work_of(stage, spec) for spec in options.ours}}
    images: dict[str, Tensor | None] = {spec: ours[spec][:few] for spec in ours}
    images[name] = torch.cat([theirs[index] for index in sorted(theirs)]) if run == steps else None
    print(
        f"{machine()}; matrix product {peak:.0f} GFLOP/s; {stage.setting.label}, {options.images} images; PSNR on {few}"
    )
    print("| attack | PSNR dB | SSIM | images/s | images/CPU-s | GFLOP/s | of the peak |\n" + "|---" * 7 + "|")
    for each, spent in rounds.items():
        print(line(each, images[each], stage.originals[:few], median_of(spent), work=work[each], peak=peak))
    for spec in options.ours:
        wall, cpu = median_of(rounds[name]).over(median_of(rounds[spec]))
        print(f"{spec}: {wall:.1f} times the images a second of the published procedure ({cpu:.1f} by CPU time)")


if __name__ == "__main__":
    main()
