"""Inversion with a learned denoiser as the prior, and draws of the images that explain a wire."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field

from ..benchmark.interfaces import Access, Attack, Observation, Reconstruction
from ._decoders.divided import Known
from ._decoders.fitting import DecoderRecipe
from ._decoders.folds import Fold, divide_once
from ._decoders.queries import Queries
from ._ensemble import select_answer
from ._inversion.rmle import ir_shape, wire_as_ir
from ._inversion.start import prepare
from ._priors.denoising_network import STEPS, learned_denoiser
from ._priors.fit import fit_denoised
from ._priors.samples import Sampler
from ._priors.trained_once import divided_by_content


class PriorDenoiser(Attack):
    """Search from a decoder's answer with a denoising network as the prior, and draw images that explain the wire.

    The network learns to remove noise from the attacker's images. It is trained once and kept for all cells. The search
    alternates between the network and the wire. The weight of the prior is chosen on held-out images of the attacker.
    Then several images are drawn at random from what the wire leaves open, all with the same noise for each wire. The
    record says how much they differ (``posterior_spread``): how undetermined the image is. Beside it is the error of
    their mean (``posterior_error``). The answer is the search or the mean of the draws, whichever is better on held-out
    images of the attacker.

    Example:
        ``mia-bench run --attack prior_denoiser --samples 8``

    Source: Venkatakrishnan, Bouman, Wohlberg, GlobalSIP 2013, "Plug-and-play priors for model based reconstruction";
    the draws follow Zhu et al. 2023, "Denoising diffusion models for plug-and-play image restoration" (DiffPIR).
    """

    version: ClassVar[int] = 11
    access: ClassVar[Access] = Access.WHITE_BOX
    standard: ClassVar[bool] = False

    iterations: int = Field(100, ge=1, description="optimization steps over all rounds")
    prior_weight: float | None = Field(
        None, ge=0, description="weight of the prior, against that of the decoder's misfit; none: chosen on aux"
    )
    epochs: int = Field(DecoderRecipe.epochs, ge=1, description="passes over the queries, at most")
    steps: int = Field(DecoderRecipe.steps, ge=1, description="batches, at most")
    prior_steps: int = Field(STEPS, ge=1, description="batches to train the network on, once for all cells")
    samples: int = Field(4, ge=0, description="images to draw for each wire; 0: none")

    def reconstruct(self, seen: Observation) -> Reconstruction:
        """Train the decoder, search from its answer, and draw images.

        Returns:
            The search or the mean of the draws, (N, C, H, W) in [0, 1], shrunk as far as held-out images require.

        Raises:
            Inapplicable: If the defense does not publish its channel, or the wire does not have the shape of an IR.
        """
        assert seen.client is not None
        mean = seen.aux.images.mean(0)
        ir_shape(seen.client, mean, wire_as_ir(seen), channel=seen.channel)
        start = prepare(seen, DecoderRecipe(epochs=self.epochs, steps=self.steps), as_read=True, divide=divided)
        (part,) = start.queries.parts
        denoiser = learned_denoiser(part.images[: part.own], steps=self.prior_steps)
        search = fit_denoised(seen, start, denoiser, weight=self.prior_weight, iterations=self.iterations)
        answers = {"search": start.queries.answer(search, mean)}
        if not self.samples:
            return select_answer(answers)
        sampler = Sampler(search.alternation, search.decoder, search.weight)
        drawn = list(sampler.draw(start.queries.to_rebuild, self.samples))
        means = [torch.stack(each).mean(0) for each in zip(*drawn, strict=True)]
        answers["mean_of_draws"] = start.queries.answer(Known(means), mean)
        return replace(select_answer(answers), samples=torch.stack([each[-1] for each in drawn]))


def divided(queries: Queries) -> Sequence[Fold]:
    """Hold out some of the attacker's images, the same in every cell, so that one network is trained."""
    return divided_by_content(queries, lambda count, sources: (divide_once(count, sources),))
