// tokenizer.ts — the tokenizer of this model: Unigram.
import { BaseTokenizer, type Metadata } from '../../src/tokenizer/base';
import { unigram } from '../../src/tokenizer/unigram';

export class Tokenizer extends BaseTokenizer {
  constructor(metadata: Metadata) {
    super(
      metadata,
      unigram({ spacePrefix: true, removeExtraSpaces: true }),
      { eos: 1, unknown: 2, addEos: true, spacePrefix: true, ends: [1] },
    );
  }
}
