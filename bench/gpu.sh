#!/bin/sh
# Everything that is to be known of a GPU, unattended: that its kernels are right, what it can do at best, kernels, products from 512 to
# 8,192, steps, and others beside them. Leaves a JSON file, a page and a table.
#
# usage: bench/gpu.sh [folder]     TESTS='matmul|attention' checks those ops only; TESTS='' none
set -u
out=$(mkdir -p "${1:-bench-gpu}" && cd "${1:-bench-gpu}" && pwd)
cd "$(dirname "$0")/.."
lockstep="node packages/lockstep/bin/lockstep.js"
beside() { program=$1; shift; (cd bench && node --conditions=@lockstep/source --import tsx "$program.ts" "$@"); }
if [ -x ./lockstep ]; then # a kit of `lockstep pack --bench`: bundled, and without tests
  lockstep=./lockstep TESTS=''
  beside() { program=$1; shift; ./lockstep run "bench/$program.js" -- "$@"; }
fi
began=$(date +%s)
say() { printf '== %s s: %s\n' $(($(date +%s) - began)) "$*"; }

[ -x ./lockstep ] || [ -e packages/lockstep/dist/main.js ] || npm run -s build || exit 1
$lockstep doctor > "$out/doctor.txt" 2>&1 || { cat "$out/doctor.txt"; exit 1; }
say doctor

if [ "${TESTS-all}" != '' ]; then
  [ "${TESTS-all}" = all ] && pattern='' || pattern=$TESTS
  node node_modules/vitest/vitest.mjs run --config test/vitest.config.ts ops -t "$pattern" > "$out/ops.txt" 2>&1
  say "ops: $(grep -E '^[0-9]+ passed' "$out/ops.txt")"
fi

squares=512x512x512,1024x1024x1024,2048x2048x2048,4096x4096x4096,8192x8192x8192
$lockstep bench kernels --rounds 9 --json "$out/kernels.json" > "$out/kernels.txt" 2> "$out/kernels.log"
say kernels
$lockstep bench kernels --rounds 9 --op matmul --family tiled --shapes $squares --json "$out/squares.json" > "$out/squares.txt" 2>> "$out/kernels.log"
say products
$lockstep bench step --size S,M,distilgpt2,gpt2 --json "$out/steps.json" > "$out/steps.txt" 2> "$out/steps.log"
say steps
python3 bench/peers/torch_steps.py S,M,distilgpt2,gpt2 > "$out/torch.jsonl" 2> "$out/torch.log"
say PyTorch
beside step --steps 10 --json > "$out/peers.json" 2> "$out/peers.log"
say "jax-js and TensorFlow.js"
beside with-peers "$out/steps.json" "$out/torch.jsonl" "$out/peers.json" > "$out/steps-and-peers.json"
$lockstep bench report "$out/kernels.json" "$out/squares.json" "$out/steps-and-peers.json" --out "$out/report.html"
cat "$out/kernels.txt" "$out/squares.txt" "$out/steps.txt" "$out/torch.jsonl" > "$out/report.txt"
say "report: $out/report.html"
