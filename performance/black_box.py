"""Time to quality of black_box against the published loop, on the same attacker's images and the same trained target.

The published loop is that of He, Zhang, Lee, ACSAC 2019: their decoder, batches of 32, Adam with AMSGrad at a flat
rate of 1e-3, every batch sent through the client when it is needed. It is scored every --every batches, and only
its training is timed; its images are in memory already, so no loader is timed. `black_box` is trained from the start
for each number of batches, since its learning rate falls to 0 at the end, and all of it is timed, from the first query
to the images. Quality is the mean PSNR on the private images, which neither attack uses for anything else.

Run: python performance/black_box.py --data-dir DIR [--dataset cifar10] [--published-steps 4000]
"""

import torch
from measuring import SCALES, Scene, Spent, machine, scene, setting_options, timed
from mia_bench.benchmark.interfaces import Observation
from mia_bench.benchmark.metrics import psnr
from torch import Tensor, nn

BATCH = 32
Curve = list[tuple[int, Spent, float]]
"""Number of batches, the time for all of them, and the mean PSNR in dB after them."""


def published_decoder(wire: Tensor, image: Tensor) -> nn.Sequential:
    """Build the decoder for LeNet-5 at relu2 or for cnn6 at relu22, which differ in the size of their maps.

    Args:
        wire: One wire, (C, h, w).
        image: One image, (C, H, W).

    Source: the paper's section 5, and github.com/zechenghe/Inverse_Collaborative_Inference, net.py.
    """
    channels, half = wire.shape[0], wire.shape[0] // 2
    if 2 * wire.shape[1] == image.shape[1]:
        up = nn.ConvTranspose2d(channels, half, 3, stride=2, padding=1, output_padding=1)
        return nn.Sequential(up, nn.ReLU(), nn.ConvTranspose2d(half, image.shape[0], 3, padding=1))
    up = nn.ConvTranspose2d(half, image.shape[0], 5, stride=2, output_padding=1)
    return nn.Sequential(nn.ConvTranspose2d(channels, half, 5), nn.ReLU(), up)


def published(seen: Observation, originals: Tensor, *, steps: int, every: int) -> Curve:
    """Train the published decoder and score it every ``every`` steps."""
    assert seen.query is not None
    mean, std = (torch.tensor(scale).view(1, -1, 1, 1) for scale in SCALES[originals.shape[1]])
    images, wires = seen.aux.images, seen.wire.tensor
    decoder = published_decoder(wires[0], originals[0])
    optimizer = torch.optim.Adam(decoder.parameters(), lr=1e-3, amsgrad=True)
    curve, total = [], Spent(0, 0)

    def train(batch: Tensor) -> None:
        assert seen.query is not None
        optimizer.zero_grad()
        rebuilt = decoder(seen.query(images[batch]).tensor)
        nn.functional.mse_loss(rebuilt, (images[batch] - mean) / std).backward()
        optimizer.step()

    for step in range(1, steps + 1):
        _, spent = timed(lambda: train(torch.randint(len(images), (BATCH,))))
        total = total.plus(spent)
        if step % every == 0 or step == steps:
            with torch.no_grad():
                curve.append((step, total, psnr(mean + std * decoder(wires), originals).mean().item()))
    return curve


def ours(stage: Scene, goal: float, *, first: int, most: int) -> Curve:
    """Run ``black_box`` with more and more batches until it reaches a PSNR."""
    curve: Curve = []
    steps = first
    while steps <= most and not (curve and curve[-1][2] >= goal):
        images, spent = timed(lambda: stage.run(stage.attack(f"black_box:steps={steps}")))  # noqa: B023
        curve.append((steps, spent, psnr(images, stage.originals).mean().item()))
        steps *= 2
    return curve


def reached(curve: Curve, goal: float) -> Spent | None:
    """Return the time until a PSNR was reached, or None if it was not."""
    return next((spent for _, spent, quality in curve if quality >= goal), None)


def main() -> None:
    """Print both curves, and the ratio of their times at each quality of the published one."""
    parser = setting_options(__doc__, images=256)
    parser.add_argument("--published-steps", type=int, default=4000, help="batches of the published loop")
    parser.add_argument("--every", type=int, default=500, help="batches between two scores")
    parser.add_argument("--first", type=int, default=50, help="batches of the shortest training of black_box")
    parser.add_argument("--most", type=int, default=6400, help="batches of its longest training")
    options = parser.parse_args()
    stage = scene(options)
    torch.manual_seed(0)
    seen = stage.observe(stage.attack("black_box"))
    theirs = published(seen, stage.originals, steps=options.published_steps, every=options.every)
    best = max(quality for _, _, quality in theirs)
    mine = ours(stage, best, first=options.first, most=options.most)

    print(f"{machine()}; {stage.setting.label}, {len(stage.originals)} images")
    print("| batches | time | PSNR dB |\n|---|---|---|")
    for name, curve in (("published", theirs), ("black_box", mine)):
        print("\n".join(f"| {name}, {steps} | {spent} | {quality:.2f} |" for steps, spent, quality in curve))
    print("| quality | published | black_box | ratio by the clock | by CPU time |\n|---|---|---|---|---|")
    for goal in sorted({quality for _, _, quality in theirs}):
        slow, fast = reached(theirs, goal), reached(mine, goal)
        if slow and fast:
            wall, cpu = slow.over(fast)
            print(f"| {goal:.2f} dB | {slow} | {fast} | {wall:.1f} | {cpu:.1f} |")
        else:
            print(f"| {goal:.2f} dB | {slow} | not reached | | |")


if __name__ == "__main__":
    main()
