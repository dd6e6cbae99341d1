// tokenizer.ts — the tokenizer of this model: byte-level BPE.
import { BaseTokenizer, type Metadata } from '../../src/tokenizer/base';
import { byteBpe } from '../../src/tokenizer/byte_bpe';

export class Tokenizer extends BaseTokenizer {
  constructor(metadata: Metadata) {
    super(
      metadata,
      byteBpe([/\p{N}/gu, /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu], { nfc: true }),
      { bos: 5, eos: 11821, addBos: true, ends: [0, 11821] },
    );
  }
}
