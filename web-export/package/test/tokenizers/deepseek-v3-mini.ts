// tokenizer.ts — the tokenizer of this model: byte-level BPE.
import { BaseTokenizer, type Metadata } from '../../src/tokenizer/base';
import { byteBpe } from '../../src/tokenizer/byte_bpe';

export class Tokenizer extends BaseTokenizer {
  constructor(metadata: Metadata) {
    super(
      metadata,
      byteBpe([/\p{N}{1,3}/gu, /[\u{4E00}-\u{9FA5}\u{3040}-\u{30FF}]+/gu, /[!"#$%&'()*+,\-.\/:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}\u{1F6DC}\u{1F774}-\u{1F776}\u{1F77B}-\u{1F77F}\u{1F7D9}\u{1FA75}-\u{1FA77}\u{1FA87}\u{1FA88}\u{1FAAD}-\u{1FAAF}\u{1FABB}-\u{1FABD}\u{1FABF}\u{1FACE}\u{1FACF}\u{1FADA}\u{1FADB}\u{1FAE8}\u{1FAF7}\u{1FAF8}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}\u{1F6DC}\u{1F774}-\u{1F776}\u{1F77B}-\u{1F77F}\u{1F7D9}\u{1FA75}-\u{1FA77}\u{1FA87}\u{1FA88}\u{1FAAD}-\u{1FAAF}\u{1FABB}-\u{1FABD}\u{1FABF}\u{1FACE}\u{1FACF}\u{1FADA}\u{1FADB}\u{1FAE8}\u{1FAF7}\u{1FAF8}]+[\r\n]*|\p{White_Space}*[\r\n]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu], {}),
      { bos: 0, eos: 1, eot: 1, addBos: true, ends: [1] },
    );
  }
}
