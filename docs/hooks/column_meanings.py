"""What each column of a leaderboard and of a ranking means; the documentation prints it."""

_INTERVAL = "95 % confidence interval of the mean over images; empty for fewer than 3 images or sources of images"

MEANINGS = {
    "dataset": "name of the dataset, with parameters that differ from their defaults",
    "model": "name of the target model, with parameters that differ from their defaults",
    "split": "last layer on the client",
    "defense": "name of the defense",
    "defense_params": "all parameters of the defense, as JSON",
    "attack": "name of the attack",
    "attack_params": "all parameters of the attack, as JSON",
    "access": "what the attack may use: `white_box`, `black_box` or `query_free`",
    "seed": "random seed of the target and of the cell",
    "n_images": "number of private images under attack",
    "accuracy": "accuracy of the protected classifier on `accuracy_images` test images",
    "accuracy_undefended": "accuracy of the original classifier on the same test images",
    "accuracy_images": "number of test images on which the accuracies were measured",
    "psnr_db": "mean over images of the peak signal-to-noise ratio in dB, on images in [0, 1]; an "
    "identical image counts 100 dB",
    "psnr_db_low": _INTERVAL,
    "psnr_db_high": _INTERVAL,
    "ssim": "mean over images of the structural similarity, on images in [0, 1]",
    "ssim_low": _INTERVAL,
    "ssim_high": _INTERVAL,
    "recognisable": "share of images with SSIM of at least 0.3 (He et al. 2019); compare with that of "
    "`mean_image`, which smooth images resemble",
    "identified": "share of reconstructions whose nearest image, among the private images (at most 1,000, or those "
    "under attack if they are more), is the true one or equal to it; ties are resolved at random, in expectation; "
    "records hold the share that guessing reaches (`identified_chance`)",
    "leak_r2": "1 - MSE / MSE of the mean image: 1 is exact, 0 is not better than the mean image",
    "bound_psnr_db": "no attack that reconstructs each image from its own wires has a higher mean PSNR on these "
    "images, in expectation over the noise; filled where the noise has a density; the upper limit of an estimate from "
    "drawn wires, with 99.9 % confidence",
    "bound_identified": "no attack that reconstructs each image from its own wires identifies a larger share of the "
    "images in the gallery of attacked images, in expectation over the noise; filled where the noise has a density or "
    "a guarantee",
    "task": "what the network is for: `classification`, `multi-label`, `regression`, or `unlabeled` where images have "
    "no labels",
    "utility": "how useful the protected network is, at most 1, higher is better: the metric that `utility_metric` "
    "names, on `accuracy_images` test images",
    "utility_metric": "name of the metric in `utility`: `accuracy`, `mean_average_precision`, `r2` or `agreement`",
    "agreement": "agreement of the protected with the undefended network on the same test images: the share of equal "
    "top answers for classes, otherwise 1 minus the L2 distance of the outputs relative to that of their mean, not "
    "below 0",
    "rounds": "messages that the device sends for one image, each of which waits for an answer",
    "bytes_down": "bytes that the server sends back for one image, measured",
    "client_param_bytes": "bytes of the weights on the device",
    "client_peak_bytes": "largest sum of bytes of activations that the device holds at a time for one image, until the "
    "wire is sent and after it",
    "lpips": "mean LPIPS distance over images (AlexNet, version 0.1), lower is more similar; filled with "
    "`--perceptual lpips`, see [Judge by perception](../guides/perceptual-measures.md)",
    "ms_ssim": "mean multi-scale SSIM over images, in [0, 1]; filled for images of at least 161 pixels a side",
    "imagenet_distance": "mean over images of 1 minus the cosine similarity of features of EfficientNet-Lite0, lower "
    "is more similar; filled with `--perceptual imagenet_distance`",
    "attribute": "the label that a probe reads best from the wire, beyond what the outputs of the network tell: an "
    "[attribute](../get-started/your-data.md#sensitive-attributes), a label of several, or the "
    "`class`",
    "attribute_accuracy": "share of private images for which the probe is right",
    "attribute_gain": "`attribute_accuracy` minus the share by the outputs of the undefended network, or by the most "
    "frequent value, whichever is larger: 0 or less means that the wire says nothing more of it",
    "attack_gap_db": "how far the attack, or in a ranking the best one, is from the best one possible, in dB of the "
    "mean squared error; filled where the images come from a [known "
    "distribution](../explanation/bounds.md#how-far-an-attack-is-from-the-best-one)",
    "attack_version": "version of the attack, which is raised whenever its scores change; empty in leaderboards "
    "that were written before this column existed",
    "epsilon": "promised epsilon of differential privacy; filled only where clipping bounds the sensitivity",
    "delta": "promised delta of differential privacy",
    "guarantee": "what the defense promises, in words",
    "wire_bytes": "bytes that one image sends over the network, measured",
    "client_macs": "multiply-accumulate operations (MACs) on the device for one image, with those of noise and filters",
    "client_params": "number of weights on the device: parameters, and buffers of more than one floating-point number "
    "that are saved with the network, except the running statistics of normalizations",
    "client_ms": "milliseconds of the device for one image, measured; for encryption this includes "
    "encrypting and decrypting",
    "server_ms": "milliseconds of the server for one image, measured; for encryption this includes "
    "computing on ciphertexts",
    "attack_seconds": "seconds that the attack took for all images",
    "status": "`done`, `failed` or `inapplicable`; a cell without a score is never dropped and never counts as privacy",
    "reason": "why a cell failed or does not apply",
    "cell_id": "identifier of the cell: a hash of what was computed",
    "protocol": "version of the evaluation; leaderboards with different protocols cannot be compared",
    "code_version": "version of mia-bench",
    "plugin_version": "versions of the plug-ins that took part",
    "torch_version": "version of torch",
    "device": "device on which the cell was computed",
    "finished_at": "time when the cell was finished",
}

RANKED = {
    "psnr_db": "mean over images of the highest PSNR over the attacks, in dB",
    "ssim": "mean over images of the highest SSIM over the attacks",
    "leak_db": "`psnr_db` minus that of the mean image, which ignores the wire",
    "recognisable": "share of images whose highest SSIM is at least 0.3",
    "recognisable_mean_image": "that share for the mean image alone; only what exceeds it was recovered",
    "worst_attack": "the attack, with its parameters, that has the highest mean PSNR; "
    "`mean_image` only where no other reaches it",
    "worst_case": "`per image`, or `of means` if the scores of the images are not available",
    "accuracy_kept": "accuracy as a share of the undefended one",
    "attacks": "number of attacks with a score: an attack with other parameters is another one, and the mean image, "
    "which ignores the wire, does not count",
    "seeds": "number of seeds",
    "utility_undefended": "the same metric for the original network on the same test images",
    "utility_kept": "utility as a share of the undefended one, where that is above 0",
    "pareto": "whether no other complete defense surely keeps more utility at a lower PSNR",
    "incomplete": "whether an attack of the scenario is missing, failed or inapplicable at one of the seeds",
    "flags": "identifiers of the [flags](flags.md) of its cells",
    "recognized_by_people": "largest share over the attacks of images that people recognized; "
    "empty unless `mia-bench rate` joined ratings",
}
