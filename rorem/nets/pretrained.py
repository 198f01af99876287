"""Networks of transformers from a folder on this machine, in float32, whole or not at all.

The weights go through our own reader, so that a pickle is as safe as safetensors: some networks are published only as
one. Image processors are left alone, as some need torchvision.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from rorem.errors import BadWeights
from rorem.nets.folder import check_finite, unreadable
from rorem.nets.reading import named, read_tensors

WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # the first that is there is read


def load_pretrained(kind: str, folder: Path, device: torch.device) -> Any:
    """A network of transformers, ready to be asked.

    kind: the class's name, such as "Dinov2Model". folder: as published, with config.json and one of WEIGHTS.
    Raises BadWeights in one sentence, also where the folder holds another kind of network.
    """
    import transformers
    import transformers.utils.logging as chatter

    chatter.disable_progress_bar()
    chatter.set_verbosity_error()
    wanted: Any = getattr(transformers, kind)
    file = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if file is None:
        raise BadWeights(f"{folder} holds no {' or '.join(WEIGHTS)}.")
    config = _config(wanted, folder)
    tensors = read_tensors(file)
    try:
        model, told = wanted.from_pretrained(
            None, config=config, state_dict=tensors, dtype=torch.float32, output_loading_info=True
        )
    except Exception as error:
        raise unreadable(error, f"The {kind} in {folder}") from error
    if missing := sorted(told["missing_keys"]):  # transformers would go on with random numbers
        raise BadWeights(f"{named(file)} lacks {missing[0]} of a {kind} ({len(missing)} in all).")
    check_finite(model, folder)
    return model.eval().requires_grad_(False).to(device)


def _config(wanted: Any, folder: Path) -> Any:
    """The configuration in a folder. Raises BadWeights."""
    from transformers import PreTrainedConfig

    try:
        given = PreTrainedConfig.get_config_dict(folder, local_files_only=True)[0]
        kind = given.pop("model_type")
    except Exception as error:
        raise unreadable(error, f"The config.json in {folder}") from error
    if kind != wanted.config_class.model_type:
        raise BadWeights(f"{folder} holds a {kind}, not a {wanted.__name__}.")
    try:
        return wanted.config_class.from_dict(given)
    except Exception as error:
        raise unreadable(error, f"The config.json in {folder}") from error
