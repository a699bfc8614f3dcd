"""Training steps of GPT-2s in PyTorch, eager and in f32 without TF32, on the card that is there: a line of JSON for each.

usage: python3 torch_steps.py S,M,distilgpt2,gpt2
"""
import json
import sys
import time

try:
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
except ImportError:
    sys.exit("torch_steps: PyTorch is not installed")

if not torch.cuda.is_available():
    sys.exit("torch_steps: expected a card that PyTorch knows, got none")
torch.backends.cuda.matmul.allow_tf32 = False

SIZES = {
    "S": (4, 4, 128, 64, 96, 8),
    "M": (6, 6, 192, 128, 256, 4),
    "distilgpt2": (6, 12, 768, 512, 50257, 1),
    "gpt2": (12, 12, 768, 1024, 50257, 8),
}


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        parts = self.qkv(self.before_attention(x)).chunk(3, 2)
        q, k, v = (part.view(batch, tokens, self.heads, -1).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, tokens, width))
        return x + self.down(F.gelu(self.up(self.before_mlp(x)), approximate="tanh"))


class Model(nn.Module):
    def __init__(self, layers, heads, width, context, vocab):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocab, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)

    def forward(self, ids):
        x = self.tokens(ids) + self.positions(torch.arange(ids.shape[1], device=ids.device))
        for block in self.blocks:
            x = block(x)
        return self.norm(x) @ self.tokens.weight.T


def milliseconds(work, runs=10):
    for _ in range(3):
        work()
    times = []
    for _ in range(runs):
        torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        times.append(1e3 * (time.perf_counter() - start))
    return sorted(times)[runs // 2]


def step_of(name):
    layers, heads, width, context, vocab, batch = SIZES[name]
    model = Model(layers, heads, width, context, vocab).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4)
    ids, targets = (torch.randint(vocab, (batch, context), device="cuda") for _ in range(2))

    def step():
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(model(ids).view(-1, vocab), targets.view(-1)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


for name in sys.argv[1].split(","):
    note = f"PyTorch {torch.__version__} eager, f32, {torch.cuda.get_device_name()}"
    print(json.dumps({"name": "PyTorch", "task": f"step of {name}", "us": 1e3 * milliseconds(step_of(name)), "note": note}))
    torch.cuda.empty_cache()
