"""PyTorch on the CPU beside libraries that run on an adapter: whole training steps of a GPT-2, or square products.

What it is given and prints stands in torch-cpu.ts. Says first which BLAS it multiplies with: with the reference BLAS, which Debian's
python3-torch comes with, it is some thirty times slower than with a good one, and no measure for anybody.

usage: torch_cpu.py blas | torch_cpu.py step FOLDER LOSSES | torch_cpu.py products FOLDER SIZES
"""
import ctypes
import json
import os
import sys
import time

import torch
import torch.nn.functional as F


def blas():
    """The BLAS in use, by what is loaded once a product was computed; None for the reference BLAS."""
    torch.ones(64, 64) @ torch.ones(64, 64)
    if torch.backends.mkl.is_available():
        return "MKL"
    with open("/proc/self/maps") as maps:
        loaded = {os.path.realpath(line.split()[-1]) for line in maps if "/" in line}
    for path in sorted(loaded):
        # OpenBLAS's own library, or its libblas.so.3 in a folder of its name.
        if "openblas" in path.lower():
            return open_blas(path)
    for name in ("blis", "atlas", "libmkl", "armpl"):
        if any(name in path.lower() for path in loaded):
            return name
    return None


def open_blas(path):
    try:
        library = ctypes.CDLL(path)
        library.openblas_get_config.restype = library.openblas_get_corename.restype = ctypes.c_char_p
        name = " ".join(library.openblas_get_config().decode().split()[:2])
        return f"{name} for {library.openblas_get_corename().decode()}"
    except (AttributeError, OSError):
        return "OpenBLAS"


# It would count cores that are not threads of one another, which virtual machines do not tell.
torch.set_num_threads(len(os.sched_getaffinity(0)))


def about():
    return {"version": torch.__version__, "blas": blas(), "threads": torch.get_num_threads()}


def problem_in(folder):
    with open(os.path.join(folder, "problem.json")) as file:
        problem = json.load(file)
    with open(os.path.join(folder, "weights.bin"), "rb") as file:
        numbers = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)
    parameters, first = {}, 0
    for name, shape in problem["shapes"].items():
        count = torch.Size(shape).numel()
        parameters[name] = numbers[first : first + count].reshape(shape).clone().requires_grad_()
        first += count
    return problem, parameters


def loss_of(p, config, tokens, targets):
    table = p["transformer.wte.weight"]
    x = table[tokens] + p["transformer.wpe.weight"]  # (B, T, C)
    for layer in range(config["layers"]):
        x = block(p, f"transformer.h.{layer}", config["heads"], x)
    logits = norm(p, "transformer.ln_f", x) @ table.T  # (B, T, V)
    return F.cross_entropy(logits.view(-1, config["vocab"]), targets.view(-1))


def block(p, h, heads, x):
    batch, tokens, width = x.shape
    qkv = linear(p, f"{h}.attn.c_attn", norm(p, f"{h}.ln_1", x)).split(width, 2)
    q, k, v = (part.view(batch, tokens, heads, -1).transpose(1, 2) for part in qkv)  # (B, H, T, D)
    scores = q @ k.transpose(2, 3) / (width // heads) ** 0.5
    hidden = torch.ones(tokens, tokens, dtype=torch.bool).triu(1)
    mixed = scores.masked_fill(hidden, -float("inf")).softmax(3) @ v
    x = x + linear(p, f"{h}.attn.c_proj", mixed.transpose(1, 2).reshape(batch, tokens, width))
    up = F.gelu(linear(p, f"{h}.mlp.c_fc", norm(p, f"{h}.ln_2", x)), approximate="tanh")
    return x + linear(p, f"{h}.mlp.c_proj", up)


def linear(p, name, x):
    return x @ p[f"{name}.weight"] + p[f"{name}.bias"]


def norm(p, name, x):
    return F.layer_norm(x, x.shape[-1:], p[f"{name}.weight"], p[f"{name}.bias"], 1e-5)


def step(folder, count):
    problem, parameters = problem_in(folder)
    config, adamw = problem["config"], problem["adamw"]
    shape = (config["batch"], config["context"])
    tokens, targets = (torch.tensor(problem[name]).view(shape) for name in ("tokens", "targets"))
    groups = [
        {"params": [p for p in parameters.values() if p.dim() >= 2], "weight_decay": adamw["weightDecay"]},
        {"params": [p for p in parameters.values() if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, adamw["lr"], (adamw["beta1"], adamw["beta2"]), adamw["eps"])
    losses, times = [], []
    for _ in range(count):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(parameters, config, tokens, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters.values(), adamw["clipNorm"])
        losses.append(loss.item())
        optimizer.step()
        times.append(time.perf_counter())
    intervals = [1e3 * (b - a) for a, b in zip(times, times[1:])]
    return {**about(), "losses": losses, "intervals": intervals}


def products(folder, sizes):
    """The same chains of products as everybody's, timed in the same way."""
    rows = []
    for n in sizes:
        with open(os.path.join(folder, f"{n}.bin"), "rb") as file:
            a, b = torch.frombuffer(bytearray(file.read()), dtype=torch.float32).reshape(2, n, n)

        def chain(count):
            c = a
            for _ in range(count):
                c = c @ b
            return c

        count, seconds = 1, timed(chain, 1)
        while seconds < 0.3:
            count *= 2
            seconds = timed(chain, count)
        times = sorted(timed(chain, count) for _ in range(5))
        rows.append({"n": n, "us": 1e6 * times[2] / count, "count": count, "row": chain(count)[0].tolist()})
    return {**about(), "rows": rows}


def timed(work, count):
    start = time.perf_counter()
    work(count)
    return time.perf_counter() - start


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "blas":
        print(json.dumps(about()))
    elif command == "step":
        print(json.dumps(step(rest[0], int(rest[1]))))
    else:
        print(json.dumps(products(rest[0], [int(n) for n in rest[1].split(",")])))
