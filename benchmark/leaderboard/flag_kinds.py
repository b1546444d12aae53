"""All kinds of flags that an audit raises, each from its file in ``audits``."""

from __future__ import annotations

from .audits import (
    aux_overlap,
    beats_bound,
    beats_identification_bound,
    beats_secrecy,
    below_linear_decoder,
    below_mean_image,
    black_box_beats_white_box,
    class_only,
    defense_changes_nothing,
    exact_behind_noise,
    ignores_wire,
    incomplete,
    mixed_code,
    mixed_versions,
    noise_helps,
    observations_hurt,
    promise_exceeded,
    target_near_chance,
    unread_bytes,
    unread_wire,
    unseen_messages,
)

_KINDS = (
    beats_bound.KIND,
    beats_identification_bound.KIND,
    beats_secrecy.KIND,
    exact_behind_noise.KIND,
    black_box_beats_white_box.KIND,
    noise_helps.KIND,
    observations_hurt.KIND,
    below_mean_image.KIND,
    below_linear_decoder.KIND,
    target_near_chance.KIND,
    defense_changes_nothing.KIND,
    ignores_wire.KIND,
    unread_bytes.KIND,
    unread_wire.KIND,
    unseen_messages.KIND,
    class_only.KIND,
    aux_overlap.KIND,
    promise_exceeded.KIND,
    mixed_versions.KIND,
    mixed_code.KIND,
    incomplete.KIND,
)

FLAG_KINDS = {kind.identifier: kind for kind in _KINDS}
"""All kinds of flags by their identifier, in the order of the audits."""

INCOMPLETE = incomplete.KIND.identifier
"""The kind that concerns a row of a ranking instead of a cell; a ranking has a column for it."""
