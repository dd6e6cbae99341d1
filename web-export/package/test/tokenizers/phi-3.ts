// tokenizer.ts — the tokenizer of this model: SentencePiece BPE.
import { BaseTokenizer, type Metadata } from '../../src/tokenizer/base';
import { spmBpe } from '../../src/tokenizer/spm_bpe';
import { strip } from '../../src/tokenizer/strip';

export class Tokenizer extends BaseTokenizer {
  constructor(metadata: Metadata) {
    super(
      metadata,
      spmBpe({ spacePrefix: true }),
      { bos: 1, eos: 32000, eot: 32007, unknown: 0, addBos: true, spacePrefix: true, ends: [2, 32000, 32007], strip: strip([], [2, 32001, 32002, 32003, 32004, 32005, 32006, 32007, 32008, 32009, 32010, 32011, 32012, 32013, 32014, 32015, 32016, 32017, 32018, 32019, 32020, 32021, 32022, 32023, 32024, 32025, 32026, 32027, 32028, 32029, 32030, 32031, 32032, 32033, 32034, 32035, 32036, 32037, 32038, 32039, 32040, 32041, 32042, 32043, 32044, 32045, 32046, 32047, 32048, 32049, 32050, 32051, 32052, 32053, 32054, 32055, 32056, 32057, 32058, 32059, 32060, 32061, 32062, 32063]) },
    );
  }
}
