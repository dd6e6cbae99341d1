// tokenizer.ts — the tokenizer of this model: byte-level BPE.
import { BaseTokenizer, type Metadata } from '../../src/tokenizer/base';
import { byteBpe } from '../../src/tokenizer/byte_bpe';

export class Tokenizer extends BaseTokenizer {
  constructor(metadata: Metadata) {
    super(
      metadata,
      byteBpe([/'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu], {}),
      { bos: 50256, eos: 50256, eot: 50256, ends: [50256] },
    );
  }
}
