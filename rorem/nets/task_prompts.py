"""PowerPaint's task tokens: vectors learned for "empty ground", "an object" and "a shape", which a prompt can hold.

Each task has ten vectors. They stand after CLIP's own in the table of the text encoder, so a task in a prompt is just
ten more token numbers, and no wrapper around tokenizer or encoder is needed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rorem.errors import BadWeights
from rorem.nets.folded import Prompt
from rorem.nets.folder import quiet, unreadable
from rorem.nets.prompts import token_ids
from rorem.nets.reading import fit, named, read_tensors

TASKS = ("P_ctxt", "P_shape", "P_obj")  # in the order of their vectors
VECTORS = 10
LENGTH = 77  # tokens that CLIP reads
LEVEL = "text_model."  # above all names in published files; transformers 5 has no such level
POSITIONS = "embeddings.position_ids"  # a buffer in old files, only counts up
TABLE = "embeddings.token_embedding"


@torch.inference_mode()
def task_prompts(encoder: Any, tokenizer: Path, texts: Sequence[tuple[str, str]]) -> list[Prompt]:
    """Texts, each with the task that follows it, in float32: embeds (77, width). Raises BadWeights.

    encoder: a CLIP text encoder with the tasks' vectors at the end of its table. tokenizer: the folder of CLIP's own
    tokenizer, or of one that lists the tasks in added_tokens.json.
    """
    rows = encoder.get_input_embeddings().num_embeddings
    ids = task_ids(tokenizer, texts, rows - VECTORS * len(TASKS))
    if int(ids.max()) >= rows:
        raise BadWeights(f"The tokenizer in {tokenizer} does not fit its text encoder, which knows {rows} tokens.")
    return [Prompt(embeds) for embeds in encoder(ids)[0]]


def task_ids(tokenizer: Path, texts: Sequence[tuple[str, str]], first: int) -> Tensor:
    """int64 (texts, 77): begin, the text's tokens, the ten of its task, end, and padding. Raises BadWeights.

    first: the number of the first task's first vector. CLIP's own vocabulary has 49408 tokens, so that P_ctxt is 49408
    to 49417, P_shape 49418 to 49427 and P_obj 49428 to 49437; ("empty scene blur", "P_ctxt") is begin, 3 words, ten
    numbers, end.
    """
    plain = token_ids(tokenizer, ["", *(text for text, _ in texts)]).tolist()
    _, end, padding = plain[0][:3]
    added = _added(tokenizer)
    made = []
    for row, (_, task) in zip(plain[1:], texts, strict=True):
        start = first + VECTORS * TASKS.index(task)
        numbers = [added.get(f"{task}_{index}", start + index) for index in range(VECTORS)]
        ids = [*row[: row.index(end)], *numbers, end]
        made.append(ids + [padding] * (LENGTH - len(ids)))
    return torch.tensor(made)


def task_encoder(config: Path, file: Path) -> Any:
    """The text encoder in a file as PowerPaint's authors save it, in float32. Raises BadWeights.

    config: a folder with the configuration of the encoder that it grew from; only the length of its table differs.
    """
    from transformers import CLIPTextConfig, CLIPTextModel

    quiet()
    tensors = {name.removeprefix(LEVEL): tensor for name, tensor in read_tensors(file).items()}
    tensors.pop(POSITIONS, None)
    tensors = one_table(tensors, named(file))
    try:
        settings = CLIPTextConfig.from_pretrained(config, local_files_only=True)
        settings.vocab_size = len(tensors[f"{TABLE}.weight"])
        encoder: Any = CLIPTextModel(settings)
    except Exception as error:
        raise unreadable(error, f"The text encoder's configuration in {config}") from error
    fit(encoder, tensors, named(file), torch.float32)
    return encoder.eval()


def one_table(tensors: Mapping[str, Tensor], what: str) -> dict[str, Tensor]:
    """The weights with one table of tokens in place of CLIP's and the three of the tasks. what: names the file in an
    error. Raises BadWeights."""
    rest = dict(tensors)
    names = [f"{TABLE}.wrapped.weight", *(f"{TABLE}.trainable_embeddings.{task}" for task in TASKS)]
    if missing := [name for name in names if name not in rest]:
        raise BadWeights(f"{what} is not a text encoder of PowerPaint: it lacks {missing[0]}.")
    words, *tasks = (rest.pop(name) for name in names)
    for name, rows in zip(names[1:], tasks, strict=True):
        if words.ndim != 2 or rows.shape != (VECTORS, words.shape[1]):
            shapes = f"{tuple(rows.shape)} beside {tuple(words.shape)}"
            raise BadWeights(f"{what} is not a text encoder of PowerPaint: {name} is {shapes}.")
    return {f"{TABLE}.weight": torch.cat([words, *tasks]), **rest}


def _added(tokenizer: Path) -> dict[str, int]:
    """Token numbers that the folder itself lists."""
    file = tokenizer / "added_tokens.json"
    try:
        listed = json.loads(file.read_text("utf-8")) if file.is_file() else {}
        return {str(name): int(number) for name, number in listed.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BadWeights(f"{file} should list the added tokens and cannot be read.") from error
