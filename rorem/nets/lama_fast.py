"""The generator of LaMa arranged for CPUs: the same picture, more than twice as fast.

What is done differently from `rorem.nets.lama`:

- Batch norms are folded into the convolutions before them.
- The 3x3 convolutions of a residual block share one Winograd transform, F(4x4, 3x3) of Lavin and Gray, "Fast Algorithms
  for Convolutional Neural Networks", CVPR 2016: a quarter of the multiplications, all of them in matrix products.
- The Fourier transform is a matrix product too. For the 64 x 64 features of a 512 px crop it takes no longer than an
  FFT, and channels can stay where they are.
- Between the blocks features lie as (rows, columns, channels).
- The stages at the full size of the picture are worked off in strips that stay in the cache; at the end only those with
  a hole.

It keeps about 600 MB for big-lama: a transformed kernel has 36 numbers where a plain one has 9.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rorem.nets.lama import Block, ConvolutionNormReLU, FourierConvolutionNormReLU, Generator, SpectralTransform

STRIP = 32  # rows of the picture worked on at once: of 512 columns and 64 channels, 4 MB
TILE = 4  # Winograd: a tile of 4 x 4 results is made from 6 x 6 values
# Lavin and Gray's matrices B^T (of a tile of values), G (of a kernel) and A^T (of a tile of products).
VALUES = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
KERNEL_24THS = ((6, 0, 0), (-4, -4, -4), (-4, 4, -4), (1, 2, 4), (1, -2, 4), (0, 0, 24))
PRODUCTS = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))


class FastGenerator(nn.Module):
    """Stands in for a `Generator` on a CPU. It paints only the rows that the hole touches; the others stay 0."""

    def __init__(self, plain: Generator) -> None:
        super().__init__()
        layers = list(plain.model)
        ways_in = [layer for layer in layers if isinstance(layer, ConvolutionNormReLU)]
        ways_out = [index for index, layer in enumerate(layers) if isinstance(layer, nn.ConvTranspose2d)]
        self.first, self.halving = FoldedConvolution(ways_in[0]), FoldedConvolution(ways_in[1])
        self.smaller = nn.ModuleList(FoldedConvolution(layer) for layer in ways_in[2:])
        self.blocks = nn.ModuleList(FastBlock(layer) for layer in layers if isinstance(layer, Block))
        *larger, self.doubling = (FoldedUpsampling(layers[index], layers[index + 1]) for index in ways_out)
        self.larger = nn.ModuleList(larger)
        self.last = RowConvolution(layers[-2])
        self.requires_grad_(False)

    def forward(self, picture: Tensor, hole: Tensor) -> Tensor:
        """As `Generator.forward`, for one picture: float32 (1, 3, H, W) and (1, 1, H, W)."""
        x = torch.cat((picture * (1 - hole), hole), 1)
        x = self._first_stages(F.pad(x, (3, 3, 3, 3), mode="reflect").contiguous(memory_format=torch.channels_last))
        for layer in self.smaller:
            x = layer(F.pad(x, (1, 0, 1, 0), mode="reflect"), stride=2)
        features = x[0].permute(1, 2, 0).contiguous()
        for block in self.blocks:
            features = block(features)
        x = features.permute(2, 0, 1)[None]
        for layer in self.larger:
            x = layer(x)
        return self._last_stages(x, hole)

    def _first_stages(self, padded: Tensor) -> Tensor:
        """The 7x7 convolution and the first halving, in strips. (1, 4, H + 6, W + 6) to (1, C, H / 2, W / 2)."""
        high = padded.shape[2] - 6
        halves = []
        for top in range(0, high, STRIP):
            bottom = min(top + STRIP, high)
            above = min(top, 1)  # the halving looks one row up; at the upper border that row is a reflection
            x = self.first(padded[:, :, top - above : bottom + 6])
            halves.append(self.halving(F.pad(x, (1, 0, 1 - above, 0), mode="reflect"), stride=2))
        return torch.cat(halves, 2)

    def _last_stages(self, x: Tensor, hole: Tensor) -> Tensor:
        """The last doubling and the 7x7 convolution, in strips. (1, C, H / 2, W / 2) to (1, 3, H, W)."""
        high, wide = hole.shape[-2:]
        painted = hole.new_zeros(1, 3, high, wide)
        for top in range(0, high, STRIP):
            bottom = min(top + STRIP, high)
            if not hole[:, :, top:bottom].any():
                continue
            above, below = max(0, top - 3), min(high, bottom + 3)
            start, end = above // 2, min(high // 2, below // 2 + 2)  # row y comes from rows y / 2 and y / 2 + 1
            doubled = self.doubling(x[:, :, start:end])[:, :, above - 2 * start : below - 2 * start]
            padded = F.pad(doubled, (3, 3, 3 - (top - above), 3 - (below - bottom)), mode="reflect")
            painted[:, :, top:bottom] = self.last(padded).sigmoid_()
        return painted


class FoldedConvolution(nn.Module):
    """Convolution, batch norm and ReLU. Does not pad. Where the plain one splits, local and global are one tensor."""

    def __init__(self, plain: ConvolutionNormReLU) -> None:
        super().__init__()
        parts = [scaled(plain.ffc.convl2l.weight, plain.bn_l)]
        if plain.splits:
            parts.append(scaled(plain.ffc.convl2g.weight, plain.bn_g))
        weight = torch.cat([weight for weight, _ in parts])
        self.weight = nn.Buffer(weight.contiguous(memory_format=torch.channels_last))
        self.bias = nn.Buffer(torch.cat([bias for _, bias in parts]))

    def forward(self, x: Tensor, stride: int = 1) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, stride).relu_()


class FoldedUpsampling(nn.Module):
    """Transposed convolution to twice the size, batch norm and ReLU."""

    def __init__(self, plain: nn.Module, norm: nn.Module) -> None:
        super().__init__()
        assert isinstance(plain, nn.ConvTranspose2d) and isinstance(norm, nn.BatchNorm2d) and plain.bias is not None
        weight, bias = scaled(plain.weight.transpose(0, 1), norm)
        factor, _ = scale_and_shift(norm)
        self.weight = nn.Buffer(weight.transpose(0, 1).contiguous(memory_format=torch.channels_last))
        self.bias = nn.Buffer(bias + factor * plain.bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv_transpose2d(x, self.weight, self.bias, stride=2, padding=1, output_padding=1).relu_()


class RowConvolution(nn.Module):
    """A square convolution to few channels as one of single rows to many: CPUs work on 8 channels at once."""

    def __init__(self, plain: nn.Module) -> None:
        super().__init__()
        assert isinstance(plain, nn.Conv2d) and plain.bias is not None
        made, given, high, wide = plain.weight.shape
        rows = plain.weight.permute(2, 0, 1, 3).reshape(high * made, given, 1, wide)
        rows = F.pad(rows, (0, 0, 0, 0, 0, 0, 0, -high * made % 8))
        self.weight = nn.Buffer(rows.contiguous(memory_format=torch.channels_last))
        self.bias = nn.Buffer(plain.bias[:, None, None].clone())
        self.side, self.made = high, made

    def forward(self, x: Tensor) -> Tensor:
        """Does not pad."""
        rows = F.conv2d(x, self.weight)
        high = x.shape[2] - self.side + 1
        parts = (rows[:, y * self.made : (y + 1) * self.made, y : y + high] for y in range(self.side))
        return sum(parts, start=self.bias)


class FastBlock(nn.Module):
    def __init__(self, plain: Block) -> None:
        super().__init__()
        self.conv1 = FastFourierConvolution(plain.conv1)
        self.conv2 = FastFourierConvolution(plain.conv2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.conv1(x)).add_(x)


class FastFourierConvolution(nn.Module):
    """Local and global features as one tensor (h, w, C), local first, with norm and ReLU."""

    def __init__(self, plain: FourierConvolutionNormReLU) -> None:
        super().__init__()
        ffc = plain.ffc
        from_local, local_bias = scaled(ffc.convl2l.weight, plain.bn_l)
        from_wide, _ = scaled(ffc.convg2l.weight, plain.bn_l)
        to_wide, wide_bias = scaled(ffc.convl2g.weight, plain.bn_g)
        self.local = len(local_bias)
        self.to_local = nn.Buffer(of_kernels(torch.cat((from_local, from_wide), 1)))
        self.to_wide = nn.Buffer(of_kernels(to_wide))
        self.bias = nn.Buffer(torch.cat((local_bias, wide_bias)))
        self.spectral = FastSpectralTransform(ffc.convg2g, plain.bn_g)

    def forward(self, x: Tensor) -> Tensor:
        values = of_tiles(x)
        made = x.new_empty(x.shape)
        made[..., : self.local] = of_products(torch.bmm(values, self.to_local), x.shape)
        made[..., self.local :] = of_products(torch.bmm(values[..., : self.local], self.to_wide), x.shape)
        made[..., self.local :] += self.spectral(x[..., self.local :])
        return made.add_(self.bias).relu_()


class FastSpectralTransform(nn.Module):
    def __init__(self, plain: SpectralTransform, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        convolution, first_norm, _ = plain.conv1
        assert isinstance(convolution, nn.Conv2d) and isinstance(first_norm, nn.BatchNorm2d)
        inward, inward_bias = scaled(convolution.weight, first_norm)
        inner, inner_bias = scaled(plain.fu.conv_layer.weight, plain.fu.bn)
        outward, _ = scaled(plain.conv2.weight, norm)
        half = len(inward_bias)
        self.inward = nn.Buffer(inward.flatten(1).t().contiguous())
        self.inward_bias = nn.Buffer(inward_bias)
        # (made part, given part, given channel, made channel); parts are real and imaginary
        self.inner = nn.Buffer(inner.view(half, 2, half, 2).permute(1, 3, 2, 0).contiguous())
        self.inner_bias = nn.Buffer(inner_bias.view(half, 2).t()[:, None].contiguous())
        self.outward = nn.Buffer(outward.flatten(1).t().contiguous())

    def forward(self, x: Tensor) -> Tensor:
        """(h, w, C) to (h, w, C)."""
        high, wide, channels = x.shape
        x = torch.addmm(self.inward_bias, x.reshape(-1, channels), self.inward).relu_()
        real, imaginary = fourier(x.view(high, wide, -1)).flatten(1, 2)
        parts = torch.baddbmm(self.inner_bias, real.expand(2, -1, -1), self.inner[:, 0])
        parts = parts.baddbmm_(imaginary.expand(2, -1, -1), self.inner[:, 1]).relu_()
        x += inverse_fourier(parts.view(2, high, wide // 2 + 1, -1), wide).view_as(x)
        return torch.mm(x, self.outward).view(high, wide, -1)


def fourier(x: Tensor) -> Tensor:
    """rfft2 with norm "ortho": (h, w, C) to real and imaginary parts (2, h, w // 2 + 1, C)."""
    high, wide, channels = x.shape
    _, along_rows, along_columns, _ = transforms(high, wide)
    parts = torch.stack([torch.matmul(part, x) for part in along_rows])
    return torch.mm(along_columns, parts.view(2 * high, -1)).view(2, high, -1, channels)


def inverse_fourier(parts: Tensor, wide: int) -> Tensor:
    """irfft2 with norm "ortho": (2, h, w // 2 + 1, C) to (h, w, C)."""
    _, high, half, channels = parts.shape
    back_rows, _, _, back_columns = transforms(high, wide)
    real, imaginary = torch.mm(back_columns, parts.reshape(2 * high, -1)).view(2, high, half, channels)
    return torch.matmul(back_rows[0], real).add_(torch.matmul(back_rows[1], imaginary))


@lru_cache(maxsize=8)
def transforms(high: int, wide: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The matrices of the Fourier transform of (high, wide) numbers, with norm "ortho".

    Along rows: back (2, w, w // 2 + 1), forth (2, w // 2 + 1, w). Along columns: forth (2h, 2h), back (2h, 2h).
    """
    half = wide // 2 + 1
    angles = 2 * math.pi / wide * (torch.outer(torch.arange(half), torch.arange(wide)) % wide).double()
    rows = torch.stack((angles.cos(), -angles.sin())) / wide**0.5
    weight = torch.full((half, 1), 2.0, dtype=torch.float64)  # all but these stand for their mirrored twins, too
    weight[0] = 1
    if wide % 2 == 0:
        weight[-1] = 1
    angles = 2 * math.pi / high * (torch.outer(torch.arange(high), torch.arange(high)) % high).double()
    cosine, sine = angles.cos() / high**0.5, angles.sin() / high**0.5
    columns = torch.cat((torch.cat((cosine, sine), 1), torch.cat((-sine, cosine), 1)))
    back_rows = (rows * weight).transpose(1, 2)
    return back_rows.float().contiguous(), rows.float(), columns.float(), columns.t().float().contiguous()


def of_kernels(weight: Tensor) -> Tensor:
    """Winograd's transform of 3x3 kernels: (made, given, 3, 3) to (36, given, made)."""
    matrix = torch.tensor(KERNEL_24THS, dtype=torch.float64) / 24
    return torch.einsum("ay,bx,oiyx->abio", matrix, matrix, weight.double()).flatten(0, 1).float().contiguous()


def of_tiles(x: Tensor) -> Tensor:
    """Winograd's transform of features: (h, w, C) to (36, tiles, C). Borders are reflected."""
    high, wide, channels = x.shape
    down, across = -(-high // TILE), -(-wide // TILE)
    padded = x.new_zeros(down * TILE + 2, across * TILE + 2, channels)
    padded[1 : high + 1, 1 : wide + 1] = x
    padded[0, 1 : wide + 1], padded[high + 1, 1 : wide + 1] = x[1], x[-2]
    padded[:, 0], padded[:, wide + 1] = padded[:, 2], padded[:, wide - 1]
    row = padded[0].numel()
    matrix = x.new_tensor(VALUES)
    bands = padded.as_strided((down, 6, row), (TILE * row, row, 1))  # of 6 rows each; neighbours share 2
    bands = torch.bmm(matrix.expand(down, 6, 6), bands)
    strides = (row, channels, 6 * row, TILE * channels, 1)  # likewise 6 columns of each band, neighbours sharing 2
    tiles = bands.as_strided((6, 6, down, across, channels), strides).reshape(6, 6, -1)
    return torch.bmm(matrix.expand(6, 6, 6), tiles).view(36, down * across, channels)


def of_products(products: Tensor, shape: torch.Size) -> Tensor:
    """Winograd's way back: (36, tiles, C) to (h, w, C), where h and w are those of `shape`."""
    high, wide, _ = shape
    down, across = -(-high // TILE), -(-wide // TILE)
    channels = products.shape[-1]
    matrix = products.new_tensor(PRODUCTS)
    columns = torch.bmm(matrix.expand(6, TILE, 6), products.view(6, 6, -1))
    both = torch.mm(matrix, columns.view(6, -1)).view(TILE, TILE, down, across, channels)
    return both.permute(2, 0, 3, 1, 4).reshape(down * TILE, across * TILE, channels)[:high, :wide]


def scaled(weight: Tensor, norm: nn.Module) -> tuple[Tensor, Tensor]:
    """A convolution's weight (made, ...) with the norm after it folded in, and the bias (made,) that is left."""
    factor, shift = scale_and_shift(norm)
    return weight * factor.view(-1, *[1] * (weight.ndim - 1)), shift


def scale_and_shift(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """A batch norm as x * scale + shift."""
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None
    factor = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return factor, norm.bias - norm.running_mean * factor
