// tokenizer.ts — the tokenizer of this model: byte-level BPE.
import { BaseTokenizer, type Metadata } from '../../src/tokenizer/base';
import { byteBpe } from '../../src/tokenizer/byte_bpe';

export class Tokenizer extends BaseTokenizer {
  constructor(metadata: Metadata) {
    super(
      metadata,
      byteBpe([/[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\p{White_Space}\p{L}\p{N}]+[\r\n\/]*|\p{White_Space}*[\r\n]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu], { ignoreMerges: true }),
      { bos: 1, eos: 2, unknown: 0, addBos: true, ends: [2] },
    );
  }
}
