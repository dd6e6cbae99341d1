// tokenizer.ts — the tokenizer of this model: SentencePiece BPE.
import { BaseTokenizer, type Metadata } from '../../src/tokenizer/base';
import { spmBpe } from '../../src/tokenizer/spm_bpe';

export class Tokenizer extends BaseTokenizer {
  constructor(metadata: Metadata) {
    super(
      metadata,
      spmBpe({}),
      { bos: 2, eos: 1, eot: 9, unknown: 3, addBos: true, ends: [1, 9] },
    );
  }
}
