# make_seeds.py — writes the golden snippets and chat templates as inputs of fuzz_jinja, one file each.
# usage: make_seeds.py SHARED_CHAT_FOLDER OUTPUT_FOLDER
import json
import pathlib
import sys

chat, out = map(pathlib.Path, sys.argv[1:])
out.mkdir(parents=True, exist_ok=True)


def write(name, template, variables):
    (out / name).write_bytes((template + "\0" + json.dumps(variables, ensure_ascii=False)).encode())


for line in (chat / "jinja_unit.jsonl").read_text(encoding="utf-8").rstrip("\n").split("\n"):
    snippet = json.loads(line)
    write(f"snippet-{snippet['id']}", snippet["template"], snippet["context"])

common = {case["id"]: case for case in json.loads((chat / "cases.json").read_text(encoding="utf-8"))["common"]}
conversation = common["parallel_calls"]
variables = {
    "messages": conversation["messages"],
    "tools": conversation.get("tools"),
    "documents": None,
    "add_generation_prompt": True,
    "bos_token": "<s>",
    "eos_token": "</s>",
}
for path in sorted((chat / "templates").glob("*.jinja")):
    with open(path, encoding="utf-8", newline="") as f:
        write(f"template-{path.stem}", f.read(), variables)
