"""The network, the recipe and the batches of examples/modern.ts in PyTorch on the CPU, eager and in f32.

What it is given and prints stands in modern.ts.

usage: torch_modern.py FOLDER
"""
import json
import math
import os
import sys
import time

import numpy
import torch
import torch.nn.functional as F

from torch_cpu import about

MOMENTUM, ITERATIONS = 0.95, 5
BETA1, BETA2, EPSILON = 0.8, 0.95, 1e-8


def numbers(folder, name, kind):
    return torch.from_numpy(numpy.fromfile(os.path.join(folder, name), dtype=kind))


def parameters_in(folder, shapes):
    flat, parameters, first = numbers(folder, "weights.bin", "<f4"), {}, 0
    for name, shape in shapes.items():
        count = math.prod(shape)
        parameters[name] = flat[first : first + count].reshape(shape).clone().requires_grad_()
        first += count
    return parameters


def norm(x):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5)


def angles(context, size):
    turns = torch.arange(context)[:, None] * 10000 ** (-torch.arange(size // 2) / (size // 2))
    return turns.cos(), turns.sin()  # (T, D / 2)


def rotated(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def logits(p, tokens, layers, heads, turns):
    x = norm(F.embedding(tokens, p["embed.weight"]))
    batch, context, width = x.shape
    causal = torch.full((context, context), -math.inf).triu(1)
    for i in range(layers):
        def weight(name):
            return p[f"blocks.{i}.{name}.weight"]

        parts = F.linear(norm(x), weight("qkv")).chunk(3, -1)
        q, k, v = (part.view(batch, context, heads, -1).transpose(1, 2) for part in parts)
        q, k = rotated(norm(q), *turns), rotated(norm(k), *turns)
        scores = q @ k.transpose(-1, -2) / math.sqrt(width // heads) + causal
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, context, width)
        x = x + F.linear(mixed, weight("out"))
        x = x + F.linear(F.linear(norm(x), weight("up")).relu().square(), weight("down"))
    return 15 * torch.tanh(F.linear(norm(x), p["head.weight"]) / 15)


def orthogonalised(x):
    a, b, c = 3.4445, -4.775, 2.0315
    x = x / (x.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


class Muon:
    def __init__(self, weights):
        self.weights = [(w, torch.zeros_like(w)) for w in weights]

    def step(self, rate):
        for w, momentum in self.weights:
            momentum.mul_(MOMENTUM).add_(w.grad)
            direction = orthogonalised(w.grad + MOMENTUM * momentum)
            w.sub_(rate * math.sqrt(max(1, w.shape[0] / w.shape[1])) * direction)


class AdamW:
    """Without decay, of gradients whose norm together is 1 at the most."""

    def __init__(self, weights):
        self.weights = [(w, torch.zeros_like(w), torch.zeros_like(w)) for w in weights]
        self.steps = 0

    def step(self, rate):
        self.steps += 1
        size = torch.stack([w.grad.norm() for w, _, _ in self.weights]).norm()
        scale = 1 / max(1, size.item())
        for w, mean, square in self.weights:
            g = w.grad * scale
            mean.lerp_(g, 1 - BETA1)
            square.lerp_(g.square(), 1 - BETA2)
            root = (square / (1 - BETA2**self.steps)).sqrt() + EPSILON
            w.sub_(rate * (mean / (1 - BETA1**self.steps)) / root)


def main(folder):
    with open(os.path.join(folder, "problem.json")) as file:
        problem = json.load(file)
    layers, heads, width, context = (problem[name] for name in ("layers", "heads", "width", "context"))
    p = parameters_in(folder, problem["shapes"])
    turns = angles(context, width // heads)
    matrices = [w for name, w in p.items() if name.startswith("blocks")]
    muon, adamw = Muon(matrices), AdamW([p["embed.weight"], p["head.weight"]])
    tokens, targets = (
        numbers(folder, f"{name}.bin", "<i4").long().view(-1, problem["batch"], context) for name in ("tokens", "targets")
    )
    losses, ms = [], []
    for step, rate in enumerate(problem["rates"]):
        began = time.perf_counter()
        scores = logits(p, tokens[step], layers, heads, turns)
        loss = F.cross_entropy(scores.flatten(0, 1), targets[step].flatten())
        loss.backward()
        with torch.no_grad():
            muon.step(0.02 * rate)
            adamw.step(4e-3 * rate)
        for w in p.values():
            w.grad = None
        losses.append(loss.item())
        ms.append(1000 * (time.perf_counter() - began))
    print(json.dumps({**about(), "losses": losses, "ms": ms}))


if __name__ == "__main__":
    main(sys.argv[1])
