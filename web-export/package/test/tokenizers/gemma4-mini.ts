// tokenizer.ts — the tokenizer of this model: BPE of characters.
import { BaseTokenizer, type Metadata } from '../../src/tokenizer/base';
import { characterBpe } from '../../src/tokenizer/character_bpe';

export class Tokenizer extends BaseTokenizer {
  constructor(metadata: Metadata) {
    super(
      metadata,
      characterBpe([/[^\n]+|[\n]+/gu], { marks: true }),
      { bos: 2, eos: 1, eot: 9, unknown: 3, addBos: true, ends: [1, 9] },
    );
  }
}
