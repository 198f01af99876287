"""Three updates of train_rorem's network, spread over the processes by FSDP2 and whole in each; both must be the same.

accelerate has FSDP on accelerators only, so torch's own is used here, at the layers that the accelerate config names.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.resnet import ResnetBlock2D
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from training import rorem_net
from training.rorem_settings import RoremSettings
from training.rorem_task import RoremTask

PROCESSES, EACH, UPDATES = 2, 2, 3


def losses(settings: RoremSettings, sharded: bool) -> list[float]:
    rorem_net.spread = lambda: sharded
    task = RoremTask(settings)
    net, source = task.build(torch.device("cpu")).train(), task.source()
    if sharded:
        mesh = init_device_mesh("cpu", (PROCESSES,))
        for module in list(net.modules()):
            if isinstance(module, (BasicTransformerBlock, ResnetBlock2D)):
                fully_shard(module, mesh=mesh)
        fully_shard(net, mesh=mesh)
    optimizer = torch.optim.AdamW([weight for weight in net.parameters() if weight.requires_grad], 1e-3)
    told, count = [], EACH if sharded else EACH * PROCESSES
    for update in range(UPDATES):
        first = update * EACH * PROCESSES + (dist.get_rank() * EACH if sharded else 0)
        loss = task.loss(net, source.batch(range(first, first + count)))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        mean = loss.detach().clone()
        if sharded:
            dist.all_reduce(mean)
            mean /= PROCESSES
        told.append(float(mean))
    return told


if __name__ == "__main__":
    dist.init_process_group("gloo")
    base, data, cache = map(Path, sys.argv[1:])
    usual = {"base": base, "data": (str(data),), "cache": cache, "size": 64, "crop": "centre", "precision": "no"}
    for more in ({}, {"lora_rank": 2, "learn_prompt": True}):
        settings = RoremSettings(**usual, **more)
        one, other = (torch.tensor(losses(settings, sharded)) for sharded in (True, False))
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
        assert float(one.max() - one.min()) > 1e-3
    dist.destroy_process_group()
