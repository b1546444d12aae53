"""A board without a fault, and the cells that raise each flag."""

from .audited_cells import cell, exact, of_classes, on

SECRET = {"guarantee": "pads", "bound_identified": 0.125, "details": {"psnr_db_wrong_image": 9.0}}
HONEST = (
    cell("mean_image", 12.0, access="query_free", details={"psnr_db_wrong_image": 12.0, "aux_overlap": 0}),
    cell("ridge", 19.0, bound_psnr_db=80.0, details={"psnr_db_wrong_image": 9.0, "aux_overlap": 0}),
    cell("ridge", 12.2, attack_params={"alpha": 3.0}, **SECRET),
    cell("ridge", 22.0, attack_params={"observations": 4}, details=of_classes(12.0, 10.3)),
    cell("black_box", 20.0, attack_params={"aux": "same_distribution"}),
    cell("white_box", 21.0, access="white_box"),
    cell("query_free", 12.1, access="query_free", details={"psnr_db_wrong_image": 12.05}),
    cell("ridge", 17.0, defense_params={"sigma": 2.0}),
    cell("ridge", 20.0, defense_params={"sigma": 0.5}),
    cell("ridge", 20.0, epsilon=8.0, attack_params={"observations": 4}, defense_params={"releases": 4}),
    cell("ridge", 20.0, attack_params={"observations": 9}, defense_params={"releases": 8}),
    cell(
        "ridge", 20.0, attack_params={"alpha": 2.0}, identified=0.375, bound_identified=0.127
    ),  # by chance in 7 of 100
)
MEAN = HONEST[0]
RIDGE = cell("ridge", 19.0)
FAULTS = {
    "beats-bound": (cell("ridge", 19.0, bound_psnr_db=15.0),),
    "beats-identification-bound": (
        cell("ridge", 19.0, epsilon=0.01, guarantee="local DP", identified=0.75, bound_identified=0.127),
    ),
    "black-box-beats-white-box": (RIDGE, cell("white_box", 15.0, access="white_box")),
    "noise-helps": (
        cell("ridge", 15.0, defense_params={"sigma": 0.5, "clip": None}),
        cell("ridge", 17.0, defense_params={"sigma": 2.0, "clip": None}),
    ),
    "observations-hurt": (RIDGE, cell("ridge", 17.0, attack_params={"observations": 16})),
    "below-mean-image": (MEAN, cell("query_free", 10.0)),
    "promise-exceeded": (
        cell("ridge", 19.0, epsilon=8.0, attack_params={"observations": 4}, defense_params={"releases": 2}),
    ),
    "defense-changes-nothing": (on("nopeek", "ridge", 19.0), on("undefended", "ridge", 19.0)),
    "mixed-versions": (on("nopeek", "ridge", 19.0, attack_version=2), on("dropout", "ridge", 18.0, attack_version=3)),
    "mixed-code": (cell("ridge", 19.0, accuracy=0.9946), cell("white_box", 21.0, access="white_box", accuracy=0.1869)),
    "unread-wire": (
        on("undefended", "ridge", 22.0, accuracy=0.99, attribute="class", attribute_accuracy=0.95),
        on("codec", "ridge", 12.4, accuracy=0.99, attribute="class", attribute_accuracy=0.27),
    ),
    "below-linear-decoder": (RIDGE, cell("black_box", 17.0, attack_params={"aux": "same_distribution"})),
}
CHANCE = {"accuracy_images": 400, "details": {"chance": 0.025}}
DETAILED = {
    "target-near-chance": (on("undefended", "ridge", 19.0, accuracy_undefended=0.0275, **CHANCE),),
    "ignores-wire": (MEAN, cell("ridge", 14.0, details={"psnr_db_wrong_image": 13.9})),
    "class-only": (MEAN, cell("ridge", 14.0, details=of_classes(13.9, 0.3))),
    "aux-overlap": (cell("ridge", 19.0, details={"aux_overlap": 3}),),
    "beats-bound": (cell("ridge", 19.0, bound_psnr_db=80.0, details={"bound_psnr_of_mean_mse_db_high": 15.0}),),
    "unread-bytes": (MEAN, cell("ridge", 12.1, details={"unread_bytes": 1.0})),
    "unseen-messages": (cell("ridge", 19.0, wire_bytes=2048.0, details={"unseen_bytes": 1024.0}),),
    "beats-secrecy": (cell("mean_image", 12.0, access="query_free", eights=2), cell("ridge", 15.0, eights=2, **SECRET)),
    "exact-behind-noise": (exact("peeking", 100.0, 8.0),),
}
