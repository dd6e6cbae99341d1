#!/usr/bin/env python3
"""shard_memory.py -- what m2w shard --from takes for a large model: peak resident memory, rate, bytes fetched.

  python3 bench/shard_memory.py [--m2w build/bin/m2w] [--shared ../shared] [--model FILE] [--mib 1024] [--limit-mib 128]

Cuts a model from the fault server on this machine: FILE, or a sparse one that only has to be large. Exit status 1 when the
peak is above the limit.
"""
import argparse, json, os, struct, subprocess, sys, tempfile, urllib.request

from pull_memory import run

COLUMNS = 4096  # of each tensor; F16


def sparse_model(path, mib):
    """Layers of zeros: a GGUF header, and a hole as long as what it speaks of."""
    def text(s):
        return struct.pack("<Q", len(s)) + s.encode()
    n = 16
    rows = (mib << 20) // n // (2 * COLUMNS)
    size = rows * COLUMNS * 2
    head = b"GGUF" + struct.pack("<IQQ", 3, n, 1) + text("general.architecture") + struct.pack("<I", 8) + text("none")
    for i in range(n):
        head += text("blk.%d.w" % i) + struct.pack("<IQQIQ", 2, COLUMNS, rows, 1, i * size)
    head += b"\0" * (-len(head) % 32)
    with open(path, "wb") as f:
        f.write(head)
        f.truncate(len(head) + n * size)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--m2w", default="build/bin/m2w")
    ap.add_argument("--shared", default="../shared")
    ap.add_argument("--model")
    ap.add_argument("--mib", type=int, default=1024)
    ap.add_argument("--max-size", default="cloudflare")
    ap.add_argument("--limit-mib", type=float, default=128)
    a = ap.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = os.path.join(folder, "files")
        os.mkdir(files)
        model = os.path.join(files, "m.gguf")
        if a.model:
            model = os.path.realpath(a.model)
            files = os.path.dirname(model)
        else:
            sparse_model(model, a.mib)
        server = subprocess.Popen([sys.executable, os.path.join(a.shared, "robust/fault_server.py"), "--dir", files,
                                   "--log", os.devnull], stdout=subprocess.PIPE)
        try:
            base = "http://127.0.0.1:%d" % json.loads(server.stdout.readline())["port"]
            env = dict(os.environ, M2W_CACHE=os.path.join(folder, "cache"), no_proxy="*")
            size = os.path.getsize(model)
            _, seconds, peak, cpu = run([a.m2w, "shard", "--from", base + "/" + os.path.basename(model), "-o",
                                         os.path.join(folder, "shards"), "--max-size", a.max_size], env)
            with urllib.request.urlopen(base + "/_stats") as answer:
                fetched = json.load(answer)["bytes"] / size
            print("%.0f MiB: %.1f s wall, %.1f s CPU, %.0f MB/s, %.1f MiB peak, fetched %.4f times the file" %
                  (size / (1 << 20), seconds, cpu, size / seconds / 1e6, peak, fetched))
            sys.exit(1 if peak > a.limit_mib else 0)
        finally:
            server.kill()


if __name__ == "__main__":
    main()
