// utf8.ts — bytes to text and back without a loss. Knows no token.

const encoder = new TextEncoder();

/** The UTF-8 of a text in which the lone surrogate U+DC00 + b stands for a byte b of 0x80 and more. */
export function bytesOf(text: string): number[] {
  const bytes: number[] = [];
  for (const char of text) {
    const c = char.codePointAt(0)!;
    if (c < 0x80) bytes.push(c);
    else if (c >> 8 === 0xdc) bytes.push(c & 255);
    else bytes.push(...encoder.encode(char));
  }
  return bytes;
}

const strict = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Any bytes as such a text: what is not valid UTF-8 stands byte by byte. */
export function textOf(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    let text = '';
    for (let at = 0; at < bytes.length; ) {
      const char = charAt(bytes, at);
      at += bytesOf(char).length;
      text += char;
    }
    return text;
  }
}

/** The character at a place, or what stands for the byte there. */
export function charAt(bytes: ArrayLike<number>, at: number): string {
  const lead = bytes[at]!;
  const part = Uint8Array.from({ length: lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4 }, (_, i) => bytes[at + i]!);
  try {
    return strict.decode(part);
  } catch {
    return String.fromCharCode(0xdc00 + lead);
  }
}

