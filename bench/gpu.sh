#!/bin/sh
# gpu.sh - repeats on a GPU machine what bench/results/ records: correctness with validation layers, then speed.
# usage: bench/gpu.sh BUILD_DIR SHARED_DIR SYNTH_MODEL.gguf    (SYNTH_MODEL: tools/synth_gguf.py llama-3.2-1b Q8_0 OUT)
# Needs m2w (built with the same commit), generate_bench, the golden data and the Khronos validation layer.
set -u
build=$1 shared=$2 model=$3
m2w=$build/bin/m2w
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
failed=0
"$m2w" devices
"$m2w" verify --kernels --device auto || failed=1
for folder in "$shared"/arch/*/; do
    name=$(basename "$folder")
    ids=$(python3 -c "import json,sys; print(*json.load(open(sys.argv[1]))['prompt_ids'], sep=',')" "$folder/golden.json")
    for cache in f16 f32; do
        out=$(mktemp -d)
        # One that m2w refuses says so and counts as failed.
        M2W_VALIDATION=1 "$m2w" dump -m "$folder/model-f16.gguf" --device auto --cache $cache --ids "$ids" --greedy 16 -o "$out" || failed=1
        printf '%s ' "$cache"
        python3 "$here/compare_dump.py" "$folder" "$out" 2e-3 || failed=1
        rm -r "$out"
    done
done
for type in f16 q8_0 q4_0 q4_k_m; do
    for name in sum story pirate memory; do
        out=$(mktemp -d)
        ids=$(python3 -c "import json,sys; print(*json.load(open(sys.argv[1]))[sys.argv[2]]['prompt_ids'], sep=',')" \
            "$shared/model/golden.json" "$name")
        "$m2w" dump -m "$shared/model/tiny-$type.gguf" --device auto --cache f16 --ids "$ids" --greedy 32 -o "$out" || failed=1
        python3 "$here/compare_dump.py" "$shared/model/golden.json" "$out" "$name" "$type" || failed=1
        rm -r "$out"
    done
done
"$build/bench/generate_bench" "$shared/model/tiny-q8_0.gguf" auto 128 128 3
"$build/bench/generate_bench" "$model" auto 512 128 4
exit $failed
