"""How far columns of a record and of a new run of its cell may differ."""

from ..leaderboard import model_facts
from ..leaderboard.model_facts import PROMISES
from ..metrics.scales import PSNR_CEILING_DB

NETWORKS = {"psnr_db": 0.3, "ssim": 0.02}
"""By how much the mean may differ between networks in addition to the margin of the images. A network that is trained
with other instructions of the processor becomes another one: on 32 photographs, the SSIM of ``ridge`` behind ``vib``
differed by 0.047 between two, which is 3.7 standard errors."""
SCATTER = {"psnr_db": 1.5, "ssim": 0.06}
"""How far they may differ at most. PSNR differed by 0.95 dB between these two networks."""
AMPLIFIED = {"psnr_db": 0.1, "ssim": 0.005}
"""How far they may differ at most with the same network: an attack amplifies rounding in single images."""
FEW_IMAGES = {"psnr_db": 0.5, "ssim": 0.02}
"""The largest such difference with too few images for a margin."""
CONFIDENCE = 0.9973
"""Probability that chance stays within the margin of images that scatter: three standard errors of many images."""
FLIPS = 0.15
"""Share of images that at most are identified with one network and not with another (3 of 32 with ``ridge``)."""
RELATIVE = {**dict.fromkeys(PROMISES, 0.001), "client_peak_bytes": 0.1}
"""The largest relative difference of further columns."""
BYTES = {"wire_bytes": (0.005, 0.03), "bytes_down": (0.005, 0.03)}
"""The same with the same network, and with another. In the reference boards, compressed messages of networks that were
trained anew differ by up to 1.6 %."""
OTHERS = {"ms_ssim": (0.002, 0.02), "lpips": (0.002, 0.02), "imagenet_distance": (0.002, 0.02)}
OTHERS |= {"bound_psnr_db": (0.02, 0.5), "bound_identified": (0.002, 0.05)}
OTHERS |= {"attribute_accuracy": (0.05, 0.1), "attribute_gain": (0.05, 0.1)}
"""The same for scores without values of images. Bounds of networks that were trained anew differ by up to 0.35 dB and
0.004 in the reference boards. Accuracies of attributes differ by 0.01 between two runs of ``tee`` with the same
network, and by 0.06 between the two networks."""
RATIO_ROUNDING = 0.002
"""How far ``leak_r2`` may differ from what the scores of the images give, as a share of the mean image's error."""
TRIVIAL_BOUND = {"bound_psnr_db": PSNR_CEILING_DB, "bound_identified": 1.0}
"""The bounds that say nothing, for which rows have no value."""
EXACT = ("access", "attack_version", *model_facts.EXACT)
"""Columns that are equal on all machines."""
DETAILS = {
    **dict.fromkeys(("aux_overlap", "chance", "chance_high", "psnr_db_class_mean"), (0.001, 0.001)),
    **dict.fromkeys(("psnr_db_wrong_image", "psnr_db_same_class", "psnr_db_above_same_class_high"), (0.15, 1.5)),
    **dict.fromkeys(("bound_psnr_db_high", "bound_psnr_of_mean_mse_db", "bound_van_trees_psnr_db"), (0.02, 0.5)),
    "bound_psnr_of_mean_mse_db_high": (0.02, 0.5),
    "dfil_unbiased_psnr_db": (0.02, 1.5),
    "wire_unchanged": (0.0, 0.0),
}
"""How far the details that flags read may differ, with the same network and with another. Who adds one raises the
version of the schema, as a record that lacks it differs."""
BYTES_OF_DETAILS = ("unread_bytes", "unseen_bytes")
"""Further ones, which may differ as ``BYTES`` do."""
