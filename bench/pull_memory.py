#!/usr/bin/env python3
"""pull_memory.py -- what m2w pull takes for a large file: peak resident memory, rate, bytes fetched.

  python3 bench/pull_memory.py [--m2w build/bin/m2w] [--shared ../shared] [--mib 1024] [--limit-mib 128]

Pulls a sparse file from the fault server on this machine, then once more from the cache with --verify. Exit status 1 when
the peak is above the limit.
"""
import argparse, json, os, subprocess, sys, tempfile, time, urllib.request


def run(command, env):
    start = time.monotonic()
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit("%s: status %d" % (" ".join(command), status))
    return out.decode().strip(), time.monotonic() - start, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--m2w", default="build/bin/m2w")
    ap.add_argument("--shared", default="../shared")
    ap.add_argument("--mib", type=int, default=1024)
    ap.add_argument("--limit-mib", type=float, default=128)
    a = ap.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = os.path.join(folder, "files")
        os.mkdir(files)
        with open(os.path.join(files, "big.bin"), "wb") as f:
            f.truncate(a.mib << 20)
        server = subprocess.Popen([sys.executable, os.path.join(a.shared, "robust/fault_server.py"), "--dir", files,
                                   "--log", os.devnull], stdout=subprocess.PIPE)
        try:
            base = "http://127.0.0.1:%d" % json.loads(server.stdout.readline())["port"]
            env = dict(os.environ, M2W_CACHE=os.path.join(folder, "cache"), no_proxy="*")
            worst = 0
            # /hf/ tells the file's SHA-256, so that it is verified.
            for what, more in (("pull", []), ("again, --verify", ["--verify"])):
                path, seconds, peak, cpu = run([a.m2w, "pull", base + "/hf/big.bin"] + more, env)
                worst = max(worst, peak)
                print("%-16s %7.1f s wall %6.1f s CPU %8.0f MB/s %7.1f MiB peak" %
                      (what, seconds, cpu, (a.mib << 20) / seconds / 1e6, peak))
            with urllib.request.urlopen(base + "/_stats") as answer:
                print("fetched %.4f times the file" % (json.load(answer)["bytes"] / (a.mib << 20)))
            if os.path.getsize(path) != a.mib << 20:
                sys.exit("the cache has another size")
            sys.exit(1 if worst > a.limit_mib else 0)
        finally:
            server.kill()


if __name__ == "__main__":
    main()
