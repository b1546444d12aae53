"""The kinds of flags that an audit raises: what each means, what may have caused it, and what to do.

This is data without code: ``mia-bench audit`` prints it, and the documentation has one entry for each kind.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FlagKind:
    """One kind of flag.

    Attributes:
        identifier: The stable name, in kebab case, as in the column ``flags`` of a ranking.
        meaning: One sentence that says what was found.
        causes: Likely causes, the most frequent first.
        remedy: What to do, in at most two short sentences.

    Example:
        >>> FLAG_KINDS["aux-overlap"].meaning
        "The attacker's own images contain private images."
    """

    identifier: str
    meaning: str
    causes: tuple[str, ...]
    remedy: str


_KINDS = (
    FlagKind(
        identifier="beats-bound",
        meaning="An attack scores above the gallery bound, which no attack can exceed from the wire alone.",
        causes=(
            "The attack had access to the private images, for example through a data file or a module variable.",
            "The defense publishes a wrong density (`log_density`), so the bound is too low.",
        ),
        remedy="Do not report these scores. Check where the attack gets its images and what the defense publishes.",
    ),
    FlagKind(
        identifier="exact-behind-noise",
        meaning="An attack returns every image exactly, although the noise on the wire leaves far too little of them.",
        causes=(
            "The attack had access to the private images, for example through a data file or a module variable.",
            "The defense publishes a wrong density (`log_density`) or does not send what it publishes.",
            "The images are so few or so simple that a prior determines every pixel.",
        ),
        remedy="Do not report these scores. Check where the attack gets its images and what the defense publishes.",
    ),
    FlagKind(
        identifier="black-box-beats-white-box",
        meaning="The strongest attack with the client's weights scores below an attack without them.",
        causes=(
            "The defense masks gradients, for example by rounding or saturation, and the attack does not go around it.",
            "The optimization stops too early, or its prior does not fit the images.",
        ),
        remedy="Raise the iterations of the white-box attack. Until then, take the higher score as the leak.",
    ),
    FlagKind(
        identifier="noise-helps",
        meaning="An attack scores higher on a stronger setting of a defense than on a weaker one or none.",
        causes=(
            "The attack is too weak on the weaker setting: masked gradients, too few steps, or too strong a prior.",
            "The parameter does not make the defense stronger on these data.",
        ),
        remedy="Raise the attack's iterations. Do not read the trend over this parameter as protection.",
    ),
    FlagKind(
        identifier="observations-hurt",
        meaning="An attack scores lower although it observes more wires of each image.",
        causes=(
            "The attack does not merge repeated wires well.",
            "The defense publishes a `merge` that loses information.",
        ),
        remedy="Take the higher score as the leak, and check how the attack merges repeated wires.",
    ),
    FlagKind(
        identifier="below-mean-image",
        meaning="An attack scores below the mean image, which ignores the wire.",
        causes=(
            "The optimization diverged or stopped too early.",
            "The attacker has too few images or training steps for this attack.",
            "The attack does not know the defense (`adaptive=false`).",
        ),
        remedy="The attack failed, which is not privacy. Raise its iterations or steps, or attack more images.",
    ),
    FlagKind(
        identifier="below-linear-decoder",
        meaning="An attack with queries scores below `ridge`, the closed-form linear decoder with the same queries.",
        causes=(
            "The attack is trained for too few steps, or its attacker has too few images.",
            "The architecture of the decoder does not fit the intermediate representation.",
        ),
        remedy="Do not use this attack alone to measure a leak. Raise its epochs and steps, or keep `ridge` beside it.",
    ),
    FlagKind(
        identifier="target-near-chance",
        meaning="The undefended target is not better than always answering the most frequent class, or the mean.",
        causes=(
            "There are too few training images or epochs.",
            "The model does not fit the images, for example because they are too small for it.",
            "There are too few test images to show a difference.",
        ),
        remedy="Use more images or another model. The leak of an untrained network says little about a trained one.",
    ),
    FlagKind(
        identifier="defense-changes-nothing",
        meaning="An attack reconstructs the same images from a defended wire as from the undefended one.",
        causes=(
            "The strength of the defense is zero or too small to have an effect.",
            "The defense was trained for too few epochs.",
            "The defense protects something that this attack does not use.",
        ),
        remedy="Raise the strength or the epochs of the defense, or do not report it as tested by this attack.",
    ),
    FlagKind(
        identifier="ignores-wire",
        meaning="An attack scores above the mean image, and equally well when compared with other private images.",
        causes=(
            "The attack knows the private images from another source than the wire.",
            "The attack returns one good image for all wires.",
        ),
        remedy="Do not report these scores. Check that permuting the wires permutes the reconstructions.",
    ),
    FlagKind(
        identifier="class-only",
        meaning="An attack scores above the mean image, and equally well on other images of the same class.",
        causes=(
            "The attack reads only the class from the wire.",
            "The attack knows the classes from another source, such as the order of the images.",
        ),
        remedy="Report that the class leaks, not the image. Compare with the mean images of the true classes.",
    ),
    FlagKind(
        identifier="aux-overlap",
        meaning="The attacker's own images contain private images.",
        causes=(
            "The dataset holds exact copies of an image in two pools.",
            "The attack was given the private images by mistake.",
        ),
        remedy="Remove the duplicates from the dataset and rerun.",
    ),
    FlagKind(
        identifier="promise-exceeded",
        meaning="The attacker observes more wires of each image than the promised epsilon covers.",
        causes=("`observations` of the attack is larger than `releases` of the defense.",),
        remedy="Raise `releases` of the defense to the observed wires. The epsilon then grows accordingly.",
    ),
    FlagKind(
        identifier="mixed-versions",
        meaning="A cell is of an older version of its attack than other cells of the same scenario.",
        causes=(
            "The package of the attack was updated between two runs.",
            "Results of several machines with different versions were merged.",
        ),
        remedy="Do not compare these scores. Repeat the run, which computes older cells again, or leave them out.",
    ),
    FlagKind(
        identifier="mixed-code",
        meaning="Rows of one defense and seed have different accuracies, costs or promises, which no attack changes.",
        causes=(
            "The code of the defense, the model or the dataset, or the data, changed between two runs, and no version.",
            "The network was trained anew, or on another machine, and became another one.",
        ),
        remedy="Raise the `version` of what changed, or delete the older records if nothing did, and rerun.",
    ),
    FlagKind(
        identifier="incomplete",
        meaning="A defense lacks an attack, or a seed of one, that was run on other defenses of the same scenario.",
        causes=(
            "The run was interrupted, or cells failed.",
            "The defenses were run with different attacks or seeds.",
        ),
        remedy="More may leak than its row says. Run the command that completes it.",
    ),
)

FLAG_KINDS = {kind.identifier: kind for kind in _KINDS}
"""All kinds of flags by their identifier, in the order of the audits."""

INCOMPLETE = "incomplete"
"""The kind that concerns a row of a ranking instead of a cell; a ranking has a column for it."""
