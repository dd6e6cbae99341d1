// tokenizer.ts — the tokenizer of this model: WordPiece.
import { BaseTokenizer, type Metadata } from '../../src/tokenizer/base';
import { wordPiece } from '../../src/tokenizer/wordpiece';

export class Tokenizer extends BaseTokenizer {
  constructor(metadata: Metadata) {
    super(
      metadata,
      wordPiece({ lowercase: true, stripAccents: true }),
      { bos: 101, sep: 102, unknown: 100, addBos: true, ends: [0] },
    );
  }
}
