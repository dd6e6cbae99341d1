// split.ts — cuts text into words by the pre-tokenizer's patterns. Knows no token.

/** Matches of a pattern and the gaps between them are words; each pattern cuts what the one before left. */
export function split(text: string, patterns: RegExp[]): string[] {
  // A pattern sees a symbol in the place of a byte that belongs to no character.
  const masked = text.replace(/\p{Cs}/gu, '\ufffd');
  let words = [masked];
  for (const pattern of patterns) {
    const finer: string[] = [];
    for (const word of words) {
      let done = 0;
      const close = (at: number) => {
        if (at > done) finer.push(word.slice(done, at));
        done = at;
      };
      for (const match of word.matchAll(pattern)) {
        close(match.index!);
        close(match.index! + match[0].length);
      }
      close(word.length);
    }
    words = finer;
  }
  if (masked === text) return words;
  let at = 0;
  return words.map((word) => text.slice(at, (at += word.length)));
}
