"""The fixed ensemble of strong attacks, which share one decoder."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import Observation, Reconstruction
from ._decoders.divided import Answer, Known
from ._decoders.fitting import DecoderRecipe
from ._decoders.folds import Fold, divide_into_folds
from ._decoders.linear import decoders
from ._decoders.lookup import fit_lookup, fit_values
from ._decoders.queries import Queries
from ._decoders.reading import reads_well
from ._decoders.variations import varied, varied_more
from ._inversion.correction import MAX_PIXELS, Search, corrected, fit_correction
from ._inversion.learned_search import fit_search
from ._inversion.map import ITERATIONS, fit_map
from ._inversion.map_priors import PriorFactory, like_aux, like_decoded, smooth
from ._inversion.noisy_image import find_noisy_images, seen_behind_client
from ._inversion.rmle import ir_shape, wire_as_ir
from ._inversion.start import Start, prepare
from ._inversion.value_search import fit_value_search
from ._priors.expectation_maximization import like_patches
from ._priors.trained_once import divided_by_content

LARGE_IMAGE_PIXELS = 2**12
"""Pixels of an image (64x64) from which a prior of patches takes part."""
CORRECTION_GAIN = 2.0
"""Decibels by which a search may be behind another one and still be corrected. On MNIST behind ``fisher`` and ``vib``,
``search_corrected`` was 0.9 to 1.1 dB better than ``map_dec_corrected``, though ``map_dec`` was up to 0.5 ahead."""
DENOISER_TRAINING = 0.75
"""Passes of the decoder of noisy images, as a share of those of other decoders. On MNIST at relu1 behind noise of 0.2
on the input, half cost 0.3 dB, and all of them brought nothing."""
DECODER_FACTOR = 2
"""By what passes and channels of the decoder of maps are multiplied where no search takes part, so that it is the
strongest member. On MNIST at relu2, ``ridge_skip`` has 20.9 dB with 64 images and 22.8 dB with 1,000, and 21.8 and 24.5
so (SSIM 0.77, 0.85; 0.80, 0.91), in 5 to 20 times its processor time."""
MAX_COPIED_IMAGES = 2000
"""Images of the attacker from which there are affine copies, at most. More images are better than copies, and the steps
are limited: with 10,000 of MNIST at relu2, eight copies had 1.2 dB less than one that is only shifted."""


def ensemble(seen: Observation, recipe: DecoderRecipe, *, thorough: bool = False) -> Reconstruction:
    """Run all members and select those that do best, by PSNR and by SSIM, on images that they were not fitted to.

    Args:
        seen: The observation, with queries. Only the decoders take part without a client, or if the channel is
            not published.
        recipe: How the decoder is trained.
        thorough: Whether a larger decoder is trained for longer where only the decoders take part.

    Returns:
        The images (N, C, H, W) of the member selected by PSNR, its name, the images of each member, and the name of
        the member selected by SSIM if it is another one.
    """
    mean = seen.aux.images.mean(0)
    inverts, large, vary = _invertible(seen), _large(seen), varied
    if thorough and not inverts and not large:
        recipe = replace(recipe, map_factor=DECODER_FACTOR)
        vary = varied if len(seen.aux.images) > MAX_COPIED_IMAGES else varied_more
    start = prepare(seen, recipe, as_read=inverts, divide=_divided if large else None, vary=vary)
    rebuilt = dict(_rebuilt(seen, start, inverts=inverts, tables=thorough))
    if inverts:
        rebuilt.update(_denoised(seen, start, recipe))
    return select_answer({name: start.queries.answer(Known(images), mean) for name, images in rebuilt.items()})


def select_answer(answers: Mapping[str, Answer]) -> Reconstruction:
    """Select one answer by PSNR, and one by SSIM.

    Args:
        answers: The members by name, each with its images and its scores on held-out images.
    """
    selected = max(answers, key=lambda name: answers[name].decibels)
    by_ssim = max(answers, key=lambda name: (answers[name].similarity, name == selected))
    images = {name: answer.images for name, answer in answers.items()}
    return Reconstruction(images[selected], selected, images, "" if by_ssim == selected else by_ssim)


def _large(seen: Observation) -> bool:
    """Return whether the images have as many pixels as the prior of patches is meant for."""
    return seen.aux.images[0, 0].numel() >= LARGE_IMAGE_PIXELS


def _divided(queries: Queries) -> Sequence[Fold]:
    """Divide the attacker's images in the same way in every cell, so that the priors of patches are fitted once."""
    return divided_by_content(queries, divide_into_folds)


def _invertible(seen: Observation) -> bool:
    """Return whether candidates can be sent through the client and compared with the wire, as the channel reads it."""
    if seen.client is None or not reads_well(seen):
        return False
    try:
        ir_shape(seen.client, seen.aux.images.mean(0), wire_as_ir(seen), channel=seen.channel)
    except Inapplicable:
        return False
    return True


def _rebuilt(seen: Observation, start: Start, *, inverts: bool, tables: bool) -> Iterator[tuple[str, list[Tensor]]]:
    """Rebuild the images that each fold judges on, and the private ones, by each member."""
    wires = start.queries.to_rebuild
    decoded = {"ridge": decoders(start.linear).rebuild(wires), "ridge_skip": start.decoder.rebuild(wires)}
    yield from decoded.items()
    if not inverts:
        if tables and isinstance(seen.wire.payload, Tensor):
            yield from _without_gradients(seen, start, decoded)
        return
    search = fit_search(seen, start, iterations=ITERATIONS)
    rival = search.setting.reached
    ahead = fit_map(seen, start, _priors(seen), weight=None, iterations=ITERATIONS, rival=rival)
    searches: dict[str, Search] = {"search": search, **dict([ahead] if ahead else [])}
    corrected = worth_correcting({name: each.setting.decibels for name, each in searches.items()})
    for name, each in searches.items():
        found = each.rebuild(wires)
        yield name, found
        if name in corrected:
            yield f"{name}_corrected", fit_correction(start, each).rebuild(found)


def _without_gradients(
    seen: Observation, start: Start, decoded: Mapping[str, list[Tensor]]
) -> Iterator[tuple[str, list[Tensor]]]:
    """Rebuild the same images by tables, for clients that look up their numbers, and by a search from all answers."""
    wires, found = start.queries.to_rebuild, dict(decoded)
    for name, fit in (("lookup", fit_lookup), ("lookup_value", fit_values)):
        if (table := fit(start.queries)) is not None:
            found[name] = table.rebuild(wires)
            yield name, found[name]
    if seen.client is not None and (search := fit_value_search(seen, start.queries.whole)) is not None:
        starts = zip(*found.values(), strict=True)
        yield "search_values", [search.rebuild(some, each) for some, each in zip(wires, starts, strict=True)]


def _denoised(seen: Observation, start: Start, recipe: DecoderRecipe) -> Iterator[tuple[str, list[Tensor]]]:
    """Rebuild the same images from the noisy ones that entered the client, if the wires tell these."""
    noisy = find_noisy_images(seen, start, iterations=ITERATIONS)
    if noisy is None:
        return
    behind = seen_behind_client(seen, start, noisy)
    shorter = replace(recipe, epochs=math.ceil(DENOISER_TRAINING * recipe.epochs))
    denoiser = prepare(behind, shorter, as_read=True, divide=lambda _: start.queries.folds)
    found = denoiser.decoder.rebuild(denoiser.queries.whole.observed.split([len(some) for some in noisy.images]))
    yield "denoised", found
    count = MAX_PIXELS // found[0][0, 0].numel()
    yield "denoised_corrected", corrected(denoiser, denoiser.decoder.rebuild, count).rebuild(found)


def worth_correcting(decibels: Mapping[str, float]) -> set[str]:
    """Return the names of the searches that may be the best ones after a correction, given their PSNR before it.

    Example:
        >>> sorted(worth_correcting({"search": 20.7, "map_dec": 21.3, "map_pca": 18.0}))
        ['map_dec', 'search']
    """
    return {name for name, level in decibels.items() if level > max(decibels.values()) - CORRECTION_GAIN}


def _priors(seen: Observation) -> dict[str, PriorFactory]:
    """Return the priors by name, those that are often the best ones first, since others are soon behind them."""
    priors: dict[str, PriorFactory] = {}
    if _large(seen):
        priors["map_patch"] = like_patches
    if len(seen.aux.images) < seen.aux.images[0].numel():
        priors["map_tv"] = smooth
    return {**priors, "map_pca": like_aux, "map_dec": like_decoded}
