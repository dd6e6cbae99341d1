#!/usr/bin/env python3
"""make_models.py -- writes small random models and what they must compute, one folder a model.

The forward passes are written from the published modeling code, layer by layer in float64 over the whole text,
without caches and without anything of the C++ code.  README.md beside this file says what a folder holds.
Usage: make_models.py [NAME...]   (numpy; default: all)
"""
import importlib.util
import itertools
import json
import math
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
N_PROMPT, N_GREEDY = 24, 16
# Between a chosen token or expert and the next one: errors of a device must not change the choice.
TOKEN_MARGIN, EXPERT_MARGIN = 0.05, 0.004
F32, F16 = 0, 1

spec = importlib.util.spec_from_file_location("vectors", os.path.join(HERE, "../../vectors/make_vectors.py"))
vectors = importlib.util.module_from_spec(spec)
spec.loader.exec_module(vectors)


class Narrow(Exception):
    """The seed gives a choice that is too close."""


class Model:
    """Weights by name, as the file rounds them; `forward` belongs to the architecture."""

    def __init__(self, architecture, seed, width, vocabulary, **keys):
        self.rng = np.random.default_rng([seed, *architecture.encode()])
        self.architecture, self.width, self.vocabulary = architecture, width, vocabulary
        self.w, self.tensors = {}, []
        self.metadata = [("general.architecture", architecture),
                         ("tokenizer.ggml.tokens", [f"t{i}" for i in range(vocabulary)])]
        for key, value in {"context_length": 64, "embedding_length": width, **keys}.items():
            self.metadata.append((f"{architecture}.{key}", value))

    def matrix(self, name, *shape, type_id=F16):
        """[...][rows][columns], a product keeps the size of what it multiplies."""
        values = self.rng.normal(0, 1.2 / math.sqrt(shape[-1]), shape).astype("<f2" if type_id == F16 else "<f4")
        self.tensors.append((name + ".weight", type_id, shape, values.tobytes()))
        self.w[name] = values.astype(np.float64)

    def vector(self, name, n, mean=1.0, spread=0.2):
        values = self.rng.normal(mean, spread, n).astype("<f4")
        self.tensors.append((name if name.endswith(".bias") else name + ".weight", F32, (n,), values.tobytes()))
        self.w[name] = values.astype(np.float64)

    def write(self, folder, prompt):
        """Prompt, 16 greedy tokens behind it, and the residual stream and logits of the prompt."""
        ids, margins = list(prompt), []
        hidden, logits = self.forward(ids)
        prompt_hidden, prompt_logits = hidden, logits
        for _ in range(N_GREEDY):
            best, second = np.argsort(-logits[-1], kind="stable")[:2]
            margins.append(float(logits[-1][best] - logits[-1][second]))
            if margins[-1] < TOKEN_MARGIN:
                raise Narrow()
            ids.append(int(best))
            _, logits = self.forward(ids)
        os.makedirs(folder, exist_ok=True)
        vectors.write_gguf(os.path.join(folder, "model-f16.gguf"), self.metadata, self.tensors)
        np.save(os.path.join(folder, "hidden.npy"), np.stack(prompt_hidden).astype("<f4"))
        np.save(os.path.join(folder, "logits.npy"), prompt_logits.astype("<f4"))
        golden = {"architecture": self.architecture, "prompt_ids": prompt, "greedy_ids": ids[len(prompt):],
                  "greedy_margins": margins, "hidden_shape": list(np.stack(prompt_hidden).shape)}
        with open(os.path.join(folder, "golden.json"), "w") as f:
            json.dump(golden, f)
            f.write("\n")


# --- what several models are made of -----------------------------------------------------------------------------


def rms_norm(x, weight, eps):
    return weight * x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def silu(x):
    return x * sigmoid(x)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def turned(x, angles, magnitude, pairing):
    """x [tokens][heads][n], angles [tokens][n / 2]: pairs as complex numbers, times e^(i angle)."""
    n = x.shape[-1]
    first = np.arange(0, n, 2) if pairing == "adjacent" else np.arange(n // 2)
    second = first + (1 if pairing == "adjacent" else n // 2)
    z = (x[..., first] + 1j * x[..., second]) * (magnitude * np.exp(1j * angles))[:, None, :]
    y = np.empty_like(x)
    y[..., first], y[..., second] = z.real, z.imag
    return y


def attention(q, k, v, scale):
    """q [tokens][heads][n], k and v [tokens][key-value heads][...]: each token sees itself and those before it."""
    n_tok, n_head = q.shape[:2]
    k, v = (np.repeat(x, n_head // x.shape[1], axis=1) for x in (k, v))
    scores = np.einsum("ihd,jhd->hij", q, k) * scale
    scores[:, np.triu_indices(n_tok, 1)[0], np.triu_indices(n_tok, 1)[1]] = -np.inf
    return np.einsum("hij,jhd->ihd", softmax(scores), v).reshape(n_tok, -1)


def gated(w, name, h, suffix=""):
    gate, up, down = (w[f"{name}.ffn_{part}{suffix}"] for part in ("gate", "up", "down"))
    return (silu(h @ gate.T) * (h @ up.T)) @ down.T


def best(keys, n):
    """[tokens][n] of the largest; refuses ties that a device could not tell apart."""
    order = np.argsort(-keys, axis=-1, kind="stable")
    ranked = np.take_along_axis(keys, order, axis=-1)
    if (ranked[:, n - 1] - ranked[:, n] < EXPERT_MARGIN).any():
        raise Narrow()
    return order[:, :n]


def experts(w, name, h, ids, weights):
    out = np.zeros_like(h)
    for t, (chosen, shares) in enumerate(zip(ids, weights)):
        for e, share in zip(chosen, shares):
            gate, up, down = (w[f"{name}.ffn_{part}_exps"][e] for part in ("gate", "up", "down"))
            out[t] += share * (down @ (silu(gate @ h[t]) * (up @ h[t])))
    return out


# --- DeepSeek-V2-Lite: multi-head latent attention, queries without a low rank -------------------------------------


def yarn_mscale(factor, m):
    return 1.0 if factor <= 1 else 0.1 * m * math.log(factor) + 1


class DeepSeekLite(Model):
    """After modeling_deepseek.py of DeepSeek-V2: keys and values are unpacked for every head.

    The file holds the halves of kv_b_proj apart, that of the keys transposed (`attn_k_b`, `attn_v_b`), and as
    yarn_log_multiplier a tenth of mscale_all_dim, to which mscale is equal in all published models.
    """
    N_LAYER, N_HEAD, N_PLAIN, N_ROT, N_VALUE, N_LATENT, N_EXPERT, N_USED = 2, 2, 16, 8, 12, 20, 4, 2
    BASE, EPS, EXPERTS_SCALE = 10000.0, float(np.float32(1e-6)), 1.5
    FACTOR, ORIGINAL, FAST, SLOW, MSCALE = 16.0, 256, 32, 1, 0.75

    def __init__(self, seed):
        n_k = self.N_PLAIN + self.N_ROT
        super().__init__("deepseek2", seed, width=32, vocabulary=64, **{
            "block_count": self.N_LAYER, "leading_dense_block_count": 1, "feed_forward_length": 48,
            "attention.head_count": self.N_HEAD, "attention.head_count_kv": 1,
            "attention.layer_norm_rms_epsilon": self.EPS, "attention.kv_lora_rank": self.N_LATENT,
            "attention.key_length": self.N_LATENT + self.N_ROT, "attention.value_length": self.N_LATENT,
            "attention.key_length_mla": n_k, "attention.value_length_mla": self.N_VALUE,
            "expert_count": self.N_EXPERT, "expert_used_count": self.N_USED, "expert_feed_forward_length": 16,
            "expert_shared_count": 1, "expert_weights_scale": self.EXPERTS_SCALE,
            "rope.dimension_count": self.N_ROT, "rope.freq_base": self.BASE, **self.rope_keys()})
        n, h = self.width, self.N_HEAD
        self.matrix("token_embd", self.vocabulary, n)
        for i in range(self.N_LAYER):
            blk = f"blk.{i}"
            self.vector(blk + ".attn_norm", n)
            self.matrix(blk + ".attn_q", h * n_k, n)
            self.matrix(blk + ".attn_kv_a_mqa", self.N_LATENT + self.N_ROT, n)
            self.vector(blk + ".attn_kv_a_norm", self.N_LATENT)
            self.matrix(blk + ".attn_k_b", h, self.N_LATENT, self.N_PLAIN)
            self.matrix(blk + ".attn_v_b", h, self.N_VALUE, self.N_LATENT)
            self.matrix(blk + ".attn_output", n, h * self.N_VALUE)
            self.vector(blk + ".ffn_norm", n)
            if i == 0:
                for part, shape in (("gate", (48, n)), ("up", (48, n)), ("down", (n, 48))):
                    self.matrix(f"{blk}.ffn_{part}", *shape)
                continue
            self.matrix(blk + ".ffn_gate_inp", self.N_EXPERT, n, type_id=F32)
            for part, shape in (("gate", (16, n)), ("up", (16, n)), ("down", (n, 16))):
                self.matrix(f"{blk}.ffn_{part}_exps", self.N_EXPERT, *shape)
                self.matrix(f"{blk}.ffn_{part}_shexp", *shape)
        self.vector("output_norm", n)

    def rope_keys(self):
        return {"rope.scaling.type": "yarn", "rope.scaling.factor": self.FACTOR,
                "rope.scaling.original_context_length": self.ORIGINAL,
                "rope.scaling.yarn_log_multiplier": 0.1 * self.MSCALE}

    def frequencies(self):
        """DeepseekV2YarnRotaryEmbedding: slow pairs are slowed down by the factor, fast ones are not."""
        n = self.N_ROT

        def dimension(turns):
            return n * math.log(self.ORIGINAL / (turns * 2 * math.pi)) / (2 * math.log(self.BASE))
        low, high = max(math.floor(dimension(self.FAST)), 0), min(math.ceil(dimension(self.SLOW)), n - 1)
        slowed = np.clip((np.arange(n // 2) - low) / max(high - low, 0.001), 0, 1)
        usual = self.BASE ** (-np.arange(0, n, 2) / n)
        return usual / self.FACTOR * slowed + usual * (1 - slowed)

    def attend(self, w, blk, h, angles):
        n_tok, n_head = len(h), self.N_HEAD
        q = (h @ w[blk + ".attn_q"].T).reshape(n_tok, n_head, -1)
        q_plain, q_turning = q[..., :self.N_PLAIN], q[..., self.N_PLAIN:]
        kv = h @ w[blk + ".attn_kv_a_mqa"].T
        latent = rms_norm(kv[:, :self.N_LATENT], w[blk + ".attn_kv_a_norm"], self.EPS)
        k_plain = np.einsum("tl,hlp->thp", latent, w[blk + ".attn_k_b"])
        v = np.einsum("tl,hvl->thv", latent, w[blk + ".attn_v_b"])
        mscale, mscale_all = yarn_mscale(self.FACTOR, self.MSCALE), yarn_mscale(self.FACTOR, self.MSCALE)
        q_turned = turned(q_turning, angles, mscale / mscale_all, "adjacent")
        k_turned = turned(kv[:, None, self.N_LATENT:], angles, mscale / mscale_all, "adjacent")
        q = np.concatenate([q_plain, q_turned], axis=-1)
        k = np.concatenate([k_plain, np.repeat(k_turned, n_head, axis=1)], axis=-1)
        scale = mscale_all * mscale_all / math.sqrt(self.N_PLAIN + self.N_ROT)
        return attention(q, k, v, scale) @ w[blk + ".attn_output"].T

    def forward(self, ids):
        w, x = self.w, self.w["token_embd"][ids]
        angles = np.outer(np.arange(len(ids)), self.frequencies())
        hidden = [x]
        for i in range(self.N_LAYER):
            blk = f"blk.{i}"
            x = x + self.attend(w, blk, rms_norm(x, w[blk + ".attn_norm"], self.EPS), angles)
            h = rms_norm(x, w[blk + ".ffn_norm"], self.EPS)
            if i == 0:
                x = x + gated(w, blk, h)
            else:  # shares of all experts, of which the chosen ones keep theirs
                shares = softmax(h @ w[blk + ".ffn_gate_inp"].T)
                chosen = best(shares, self.N_USED)
                weights = np.take_along_axis(shares, chosen, axis=-1) * self.EXPERTS_SCALE
                x = x + experts(w, blk, h, chosen, weights) + gated(w, blk, h, "_shexp")
            hidden.append(x)
        return hidden, rms_norm(x, w["output_norm"], self.EPS) @ w["token_embd"].T


# --- LFM2 with experts: gated short convolutions, attention in some layers ---------------------------------------


class Lfm2Moe(Model):
    """After modeling_lfm2_moe.py of transformers.

    The file has operator_norm as attn_norm, embedding_norm as token_embd_norm, expert_bias as exp_probs_b, w1, w3 and
    w2 as gate, up and down; layers without attention have no key-value heads.
    """
    KV_HEADS, N_DENSE, N_HEAD, HEAD_DIM, N_CONV, N_EXPERT, N_USED = (0, 2, 0), 1, 4, 8, 3, 4, 2
    BASE, EPS = 1e6, float(np.float32(1e-5))

    def __init__(self, seed):
        super().__init__("lfm2moe", seed, width=32, vocabulary=64, **{
            "block_count": len(self.KV_HEADS), "leading_dense_block_count": self.N_DENSE, "feed_forward_length": 40,
            "attention.head_count": self.N_HEAD, "attention.head_count_kv": list(self.KV_HEADS),
            "attention.layer_norm_rms_epsilon": self.EPS, "rope.freq_base": self.BASE,
            "shortconv.l_cache": self.N_CONV, "expert_count": self.N_EXPERT, "expert_used_count": self.N_USED,
            "expert_feed_forward_length": 16, "expert_gating_func": 2})
        n = self.width
        self.matrix("token_embd", self.vocabulary, n)
        for i, n_kv in enumerate(self.KV_HEADS):
            blk = f"blk.{i}"
            self.vector(blk + ".attn_norm", n)
            if n_kv:
                self.matrix(blk + ".attn_q", self.N_HEAD * self.HEAD_DIM, n)
                self.matrix(blk + ".attn_k", n_kv * self.HEAD_DIM, n)
                self.matrix(blk + ".attn_v", n_kv * self.HEAD_DIM, n)
                self.matrix(blk + ".attn_output", n, self.N_HEAD * self.HEAD_DIM)
                self.vector(blk + ".attn_q_norm", self.HEAD_DIM)
                self.vector(blk + ".attn_k_norm", self.HEAD_DIM)
            else:
                self.matrix(blk + ".shortconv.in_proj", 3 * n, n)
                self.matrix(blk + ".shortconv.conv", n, self.N_CONV, type_id=F32)
                self.matrix(blk + ".shortconv.out_proj", n, n)
            self.vector(blk + ".ffn_norm", n)
            if i < self.N_DENSE:
                for part, shape in (("gate", (40, n)), ("up", (40, n)), ("down", (n, 40))):
                    self.matrix(f"{blk}.ffn_{part}", *shape)
                continue
            self.matrix(blk + ".ffn_gate_inp", self.N_EXPERT, n, type_id=F32)
            self.vector(blk + ".exp_probs_b.bias", self.N_EXPERT, mean=0.0, spread=0.3)
            for part, shape in (("gate", (16, n)), ("up", (16, n)), ("down", (n, 16))):
                self.matrix(f"{blk}.ffn_{part}_exps", self.N_EXPERT, *shape)
        self.vector("token_embd_norm", n)

    def convolve(self, w, blk, h):
        b, c, x = np.split(h @ w[blk + ".shortconv.in_proj"].T, 3, axis=-1)
        padded = np.concatenate([np.zeros((self.N_CONV - 1, self.width)), b * x])
        y = sum(w[blk + ".shortconv.conv"][:, j] * padded[j:j + len(h)] for j in range(self.N_CONV))
        return (c * y) @ w[blk + ".shortconv.out_proj"].T

    def attend(self, w, blk, h):
        q, k, v = ((h @ w[f"{blk}.attn_{part}"].T).reshape(len(h), -1, self.HEAD_DIM) for part in "qkv")
        angles = np.outer(np.arange(len(h)), self.BASE ** (-np.arange(0, self.HEAD_DIM, 2) / self.HEAD_DIM))
        q, k = (turned(rms_norm(x, w[f"{blk}.attn_{part}_norm"], self.EPS), angles, 1.0, "halves")
                for x, part in ((q, "q"), (k, "k")))
        return attention(q, k, v, self.HEAD_DIM ** -0.5) @ w[blk + ".attn_output"].T

    def mix(self, w, blk, h):
        """The bias chooses, but is no part of the shares."""
        rates = sigmoid(h @ w[blk + ".ffn_gate_inp"].T)
        chosen = best(rates + w[blk + ".exp_probs_b.bias"], self.N_USED)
        shares = np.take_along_axis(rates, chosen, axis=-1)
        return experts(w, blk, h, chosen, shares / (shares.sum(axis=-1, keepdims=True) + 1e-6))

    def forward(self, ids):
        w, x = self.w, self.w["token_embd"][ids]
        hidden = [x]
        for i, n_kv in enumerate(self.KV_HEADS):
            blk = f"blk.{i}"
            h = rms_norm(x, w[blk + ".attn_norm"], self.EPS)
            x = x + (self.attend if n_kv else self.convolve)(w, blk, h)
            h = rms_norm(x, w[blk + ".ffn_norm"], self.EPS)
            x = x + (gated if i < self.N_DENSE else self.mix)(w, blk, h)
            hidden.append(x)
        return hidden, rms_norm(x, w["token_embd_norm"], self.EPS) @ w["token_embd"].T


MODELS = {"deepseek2-lite": DeepSeekLite, "lfm2moe": Lfm2Moe}


def main(names):
    for name in names or MODELS:
        for seed in itertools.count():
            model = MODELS[name](seed)
            prompt = [int(i) for i in np.random.default_rng(seed).integers(0, model.vocabulary, N_PROMPT)]
            try:
                model.write(os.path.join(HERE, name), prompt)
            except Narrow:
                continue
            print(name, "seed", seed)
            break


if __name__ == "__main__":
    main(sys.argv[1:])
