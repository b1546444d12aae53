"""Which check must find the one fault of each planted component, and words of its message."""

import planted_attacks as attacks
import planted_datasets as datasets
import planted_defense_channels as channels
import planted_defense_declarations as declarations
import planted_defense_promises as promises
import planted_defense_states as states
import planted_defense_wires as wires
import planted_models as models
import sound_defenses

SOUND = [
    *(sound_defenses.Sound, sound_defenses.Shorter, sound_defenses.WholeNumbers, sound_defenses.Coded),
    *(attacks.Decoder, models.Net, datasets.Numbers),
]
FAULTS: dict[type, tuple[str, str]] = {
    declarations.NoSource: ("docstring", "Source:"),
    declarations.Unbounded: ("parameters are documented", "The parameter level is a number without a bound"),
    declarations.Unwritten: ("parameters identify", "which loses level"),
    declarations.Idle: ("parameters change the result", "The parameters idle have no effect"),
    states.OwnRandomness: ("same seed same result", "torch's global generator"),
    states.Outside: ("rebuilt in a worker", "Keep no state outside the parameters"),
    wires.WrongLogits: ("answers", r"expected classify\(images\) to return \(8, 3\), got \(8, 1\)"),
    wires.Coupled: ("wires", "depends on the other images"),
    wires.CoupledAtRandom: ("wires", "depends on the other images"),
    wires.LoudInBatches: ("wires", "depends on the other images"),
    wires.FixedNoise: ("wires", "that do not depend on the place of an image in its batch"),
    wires.NeedsABatch: ("wires", "An image that is sent alone gives NaN"),
    wires.CoupledServer: ("wires", "whose answer to a wire does not depend on other wires"),
    wires.WorksInLargeBatches: ("wires", "whose answer to a wire does not depend on other wires"),
    wires.CoupledBytes: ("wires", "Expected wires that do not depend on the images beside them"),
    wires.TooPrecise: ("wires", "Expected a wire whose numbers float32 holds, got float64 numbers"),
    attacks.Remembering: ("rebuilt in a worker", "Keep no state outside the parameters"),
    wires.BesideTheImage: ("holds no pixel", "The wire holds 100% of the pixels"),
    states.Spoiling: ("leaves the model", "changes .*bias of the given model"),
    states.Sharing: ("leaves the model", "Begin with model.copy"),
    declarations.Undeclared: ("randomness is declared", "Set stochastic = True"),
    channels.Detached: ("gradients reach the image", "grad"),
    states.Uncopied: ("can be copied", "lock"),
    promises.ForFree: ("costs are measured", "Expected client_params to be more than 0, got 0"),
    promises.Unseen: ("costs are measured", "Expected wires that hold all that is sent under an epsilon"),
    promises.Boasting: ("guarantee is honest", "Two images violate the promised epsilon"),
    promises.Readable: ("guarantee is honest", "Expected an epsilon or ciphertexts for the guarantee"),
    promises.Unbacked: ("guarantee is honest", "Expected an epsilon or ciphertexts for the guarantee"),
    promises.Overstated: (
        "guarantee is honest",
        "declares the guarantee 'AES-256-GCM, perfectly secret', but the model promises none",
    ),
    channels.Misleading: ("distance leads to the truth", "the distance to another image is smaller"),
    channels.WrongDensity: ("density is one", "expected likelihood ratios of 1"),
    channels.LeavesOut: ("density is one", "got one that leaves out number [0-9]+ of [0-9]+, which is sent without"),
    channels.WrongMerge: ("wires can be merged", "farther"),
    attacks.Broken: ("gives images", "got NaN in 1 of 8 images"),
    attacks.OutOfRange: ("gives images", "Expected finite values in \\[0, 1\\]"),
    attacks.Blind: (
        "reads the wire",
        "The attack ignores the wire: permuting the wires does not permute its reconstructions",
    ),
    attacks.Turning: ("reads the wire", "Permuting the wires changes the reconstructions"),
    attacks.Careless: ("leaves what it is given", "changes the auxiliary images"),
    attacks.Anything: ("declares its access", "Expected access to be one of white_box, black_box, query_free"),
    attacks.Stubborn: ("ends on a broken wire", "There was no answer after"),
    models.ColorOnly: ("fits any images", "channels"),
    models.BadNames: ("every layer is a split", "conv 1"),
    models.Mixed: ("images do not mix", "rest of the batch"),
    models.Unused: ("can be trained", "do not depend on layers.spare.weight"),
    models.Fixed: ("can be reset", "reset_parameters"),
    datasets.TooBright: ("pools are sound", "Expected the images of train to be in \\[0, 1\\]"),
    datasets.Overlapping: ("pools are disjoint", "also in another pool"),
    datasets.Sorted: ("classes are mixed", "all belong to class 0"),
    datasets.Nowhere: ("recommends a split", "got 'relu9'"),
    datasets.Changing: ("same seed same result", "Draw from torch"),
}
