// tokenizer.ts — the tokenizer of this model: byte-level BPE.
import { BaseTokenizer, type Metadata } from '../../src/tokenizer/base';
import { byteBpe } from '../../src/tokenizer/byte_bpe';

export class Tokenizer extends BaseTokenizer {
  constructor(metadata: Metadata) {
    super(
      metadata,
      byteBpe([/[\r\n]/gu, /\p{White_Space}?\p{L}+/gu, /\p{White_Space}?\p{P}+/gu, /[\u{4E00}-\u{9FA5}\u{800}-\u{4E00}\u{AC00}-\u{D7FF}]+/gu, /\p{N}/gu], {}),
      { bos: 32013, eos: 32014, eot: 32014, addBos: true, ends: [32014] },
    );
  }
}
