// tokenizer.ts — the tokenizer of this model: SentencePiece BPE.
import { BaseTokenizer, type Metadata } from '../../src/tokenizer/base';
import { spmBpe } from '../../src/tokenizer/spm_bpe';

export class Tokenizer extends BaseTokenizer {
  constructor(metadata: Metadata) {
    super(
      metadata,
      spmBpe({ spacePrefix: true }),
      { bos: 1, eos: 2, unknown: 0, addBos: true, spacePrefix: true, ends: [2] },
    );
  }
}
