"""What ckks and secret_sharing cost at every split of LeNet-5 on MNIST: the tables of docs/guides/encryption.md.

Run: python performance/encrypted_splits.py --data-dir DIR [--mode shares] [--split fc1 ...] [--budget-s 120]
"""

import argparse
from pathlib import Path

import torch
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.metrics import accuracy
from mia_bench.benchmark.plan.cells import Setting
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request

SPLITS = ["conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "fc1", "relu3", "fc2", "relu4"]
HEAD = [
    "split",
    "ring",
    "levels",
    "images per ciphertext",
    "server s per image",
    "server s alone",
    "client ms",
    "up KB",
    "down KB",
    "keys MB",
    "accuracy original",
    "polynomial in the clear",
    "on a sample: original",
    "clear",
    "decrypted",
    "images",
    "agreement",
    "largest error",
]


def setting_of(split: str, defense: str) -> Setting:
    """Return the setting of a defense on MNIST at a split."""
    request = Request(dataset="mnist", splits=[split], attacks=["mean_image"], defenses=[defense], images=1)
    return next(cell.setting for cell in plan(request) if cell.setting.defense.name != "undefended")


def row(bench: Artifacts, split: str, mode: str, budget: float) -> list[str]:
    """Measure one split."""
    setting = setting_of(split, f"ckks:mode={mode},budget_s={budget:g}")
    made = bench.protected(setting)
    found, session = made.details, made.model.session
    private = bench.pools(setting.dataset).private
    with torch.no_grad():
        logits = torch.cat([made.model.logits(images) for images in private.images.split(500)])
    whole = accuracy(logits, private.labels)
    return [
        split,
        str(session.layouts[0].parameters.ring),
        str(max(layout.parameters.levels for layout in session.layouts)),
        f"{found['images_per_ciphertext']:.0f}",
        f"{found['server_s_per_image']:.2g}",
        f"{made.costs.server_ms / 1000:.2g}",
        f"{made.costs.client_ms:.0f}",
        f"{made.costs.wire_bytes / 1000:.0f}",
        f"{made.costs.bytes_down / 1000:.0f}",
        f"{found['key_bytes'] / 1e6:.1f}",
        f"{100 * bench.targets.answers(setting.dataset, setting.model, setting.seed).utility:.2f} %",
        f"{100 * whole:.2f} %",
        f"{100 * made.useful.undefended:.2f} %",
        f"{100 * found['accuracy_clear']:.2f} %",
        f"{100 * made.useful.utility:.2f} %",
        str(made.useful.images),
        f"{100 * found['argmax_agreement']:.2f} %",
        f"{found['largest_logit_error']:.0e} of {found['largest_logit']:.0f}",
    ]


SHARES_HEAD = [
    "split",
    "rounds",
    "servers, ms",
    "client, ms",
    "up, KB",
    "down, KB",
    "original",
    "on shares",
    "images",
    "agreement",
    "largest logit error",
]


def row_of_shares(bench: Artifacts, split: str, budget: float) -> list[str]:
    """Measure one split with secret_sharing."""
    setting = setting_of(split, f"secret_sharing:budget_s={budget:g}")
    made = bench.protected(setting)
    return [
        split,
        str(made.costs.rounds),
        f"{made.costs.server_ms:.2g}",
        f"{made.costs.client_ms:.2g}",
        f"{made.costs.wire_bytes / 1000:.1f}",
        f"{made.costs.bytes_down / 1000:.1f}",
        f"{100 * made.useful.undefended:.2f} %",
        f"{100 * made.useful.utility:.2f} %",
        str(made.useful.images),
        f"{100 * made.details['argmax_agreement']:.2f} %",
        f"{made.details['largest_logit_error']:.0e} of {made.details['largest_logit']:.0f}",
    ]


def main() -> None:
    """Print the table, a line as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--mode", choices=["oneshot", "interactive", "shares"], default="oneshot")
    parser.add_argument("--split", nargs="*", default=SPLITS)
    parser.add_argument("--budget-s", type=float, default=120)
    options = parser.parse_args()
    torch.set_num_threads(1)
    bench = Artifacts(device=torch.device("cpu"), data_dir=options.data_dir)
    shares = options.mode == "shares"
    head = SHARES_HEAD if shares else HEAD
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head), flush=True)
    for split in options.split:
        cells = (
            row_of_shares(bench, split, options.budget_s)
            if shares
            else row(bench, split, options.mode, options.budget_s)
        )
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
