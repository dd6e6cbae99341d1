#!/usr/bin/env python3
"""first_token.py - from a URL to the first token, over a loopback server that is throttled.

usage: bench/first_token.py BUILD SHARED MODEL.gguf [--mbit 100] [--connections 4] [--device auto] [--prompt 64]
MODEL: a synthetic one will do (tools/synth_gguf.py smollm2-135m Q8_0 OUT).
Prints seconds from a name to the first token of an answer: with the file here; the transfer alone, nothing computed; computed
while the model comes (early); computed when it is there (late); then the ratios of the last two to the transfer.
All connections together get the rate: a proxy in front of the server sees to that. Server and proxy stand for machines
elsewhere, so m2w runs at a lower priority than they. Needs python3 and the shared fault server.
"""
import argparse, json, os, socket, subprocess, sys, tempfile, threading, time, urllib.request

parser = argparse.ArgumentParser()
parser.add_argument("build")
parser.add_argument("shared")
parser.add_argument("model")
parser.add_argument("--mbit", type=float, default=100)
parser.add_argument("--connections", type=int, default=4)
parser.add_argument("--device", default="auto")
parser.add_argument("--prompt", type=int, default=64)
a = parser.parse_args()
bench = os.path.join(a.build, "bench", "first_token_bench")
model = os.path.abspath(a.model)
size = os.path.getsize(model)
server = subprocess.Popen([sys.executable, os.path.join(a.shared, "robust", "fault_server.py"),
                           "--dir", os.path.dirname(model), "--log", os.devnull], stdout=subprocess.PIPE)
port = json.loads(server.stdout.readline())["port"]


class Proxy:
    """Passes bytes on, those of answers at a rate that all connections share."""

    def __init__(self, port, bytes_s):
        self.port, self.bytes_s = port, bytes_s
        self.lock, self.free_at = threading.Lock(), 0.0
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            upstream = socket.create_connection(("127.0.0.1", self.port))
            for s in (client, upstream):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.forward, args=(client, upstream, False), daemon=True).start()
            threading.Thread(target=self.forward, args=(upstream, client, True), daemon=True).start()

    def forward(self, source, sink, paced):
        try:
            while data := source.recv(16384):
                if paced:
                    self.wait(len(data))
                sink.sendall(data)
        except OSError:
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def wait(self, count):
        with self.lock:
            now = time.monotonic()
            self.free_at = max(self.free_at, now) + count / self.bytes_s
            pause = self.free_at - now
        if pause > 0.002:
            time.sleep(pause)


proxy = Proxy(port, a.mbit * 1e6 / 8)
url = "http://127.0.0.1:%d/%s" % (proxy.listener.getsockname()[1], os.path.basename(model))


def fetch(first, last):
    request = urllib.request.Request(url, headers={"Range": "bytes=%d-%d" % (first, last)})
    with urllib.request.urlopen(request) as answer:
        while answer.read(1 << 20):
            pass


def transfer():
    step = (size + a.connections - 1) // a.connections
    threads = [threading.Thread(target=fetch, args=(i * step, min(size, (i + 1) * step) - 1)) for i in range(a.connections)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def timed(work):
    start = time.monotonic()
    work()
    return time.monotonic() - start


def first_token(name, how, cache):
    out = subprocess.run([bench, name, how, a.device, str(a.prompt)], env=dict(os.environ, M2W_CACHE=cache), check=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=lambda: os.nice(10))
    return float(out.stdout)


try:
    with tempfile.TemporaryDirectory() as early, tempfile.TemporaryDirectory() as late:
        first_token(model, "late", early)  # compiles pipelines and brings the file into memory
        local = first_token(model, "late", early)
        plain = timed(transfer)
        overlapped = first_token(url, "early", early)
        in_turn = first_token(url, "late", late)
    print("bytes,mbit_s,connections,prompt_tokens,local_s,transfer_s,early_s,late_s,early_ratio,late_ratio")
    print("%d,%g,%d,%d,%.2f,%.2f,%.2f,%.2f,%.3f,%.3f" % (size, a.mbit, a.connections, a.prompt, local, plain, overlapped, in_turn,
                                                         overlapped / plain, in_turn / plain))
finally:
    server.terminate()
