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
for name in llama llama-rope3 llama-bias mistral qwen2 qwen3; do
    out=$(mktemp -d)
    ids=$(python3 -c "import json,sys; print(*json.load(open(sys.argv[1]))['prompt_ids'], sep=',')" "$shared/arch/$name/golden.json")
    M2W_VALIDATION=1 "$m2w" dump -m "$shared/arch/$name/model-f16.gguf" --ids "$ids" --greedy 16 -o "$out" || failed=1
    python3 "$here/compare_dump.py" "$shared/arch/$name" "$out" 2e-3 || failed=1
    rm -r "$out"
done
for type in f16 q8_0 q4_0 q4_k_m; do
    for case in sum story pirate; do
        python3 - "$shared/model/golden.json" $case $type <<'PY' >"${TMPDIR:-/tmp}/m2w-case" || exit 1
import json, sys
case = json.load(open(sys.argv[1]))[sys.argv[2]]
print(next((m['content'] for m in case['messages'] if m['role'] == 'system'), ''))
print(next(m['content'] for m in case['messages'] if m['role'] == 'user'))
print(case['greedy'][sys.argv[3]]['text'].replace('\n', ' '))
PY
        { read -r system; read -r user; read -r want; } <"${TMPDIR:-/tmp}/m2w-case"
        got=$("$m2w" chat -m "$shared/model/tiny-$type.gguf" ${system:+-s "$system"} -p "$user" --temp 0 -n 32 | tr '\n' ' ')
        case $got in "$want"*) echo "chat $type $case: equal" ;; *) echo "chat $type $case: DIFFERS: $got" ;; esac
    done
done
"$build/bench/generate_bench" "$shared/model/tiny-q8_0.gguf" auto 128 128 3
"$build/bench/generate_bench" "$model" auto 512 128 4
exit $failed
