/** Longest OCSPRequest that is recognised: a certID by SHA-512 with the longest serial number has fewer octets. */
export const longestCanonical = 240;

/** SEQUENCEs around the certID: OCSPRequest, TBSRequest, requestList, Request, and the certID's own. */
const depth = 5;

/**
 * Where the certID begins in an OCSPRequest that asks for one certificate and says nothing else: no
 * version, requestorName, extension or signature. -1 for everything else, which the full parser
 * reads (RFC 6960 §4.1.1).
 *
 * Each of the five SEQUENCEs must end exactly where the octets end, with its length written as DER
 * does. What is inside of the certID is not looked at: the caller compares all of its octets with
 * those of a certID that was read in full before.
 */
export function certIdStart(octets: Uint8Array, length: number): number {
  let at = 0;
  let start = -1;
  for (let level = 0; level < depth; level += 1) {
    start = at;
    if (octets[at] !== 0x30) {
      return -1;
    }
    const first = octets[at + 1] ?? 0xff;
    if (first < 0x80) {
      at += 2;
      if (at + first !== length) {
        return -1;
      }
    } else if (first === 0x81) {
      const size = octets[at + 2] ?? 0;
      at += 3;
      if (size < 0x80 || at + size !== length) {
        return -1;
      }
    } else {
      return -1;
    }
  }
  return start;
}

/** The OCSPRequest that asks for this certID and says nothing else. */
export function canonicalRequest(certID: Uint8Array): Uint8Array {
  let octets = Buffer.from(certID);
  for (let level = 1; level < depth; level += 1) {
    const { length } = octets;
    const head = length < 0x80 ? [0x30, length] : [0x30, 0x81, length];
    octets = Buffer.concat([Buffer.from(head), octets]);
  }
  return octets;
}

/** By character code: value of a base64 digit, or `notADigit`. */
const notADigit = 255;
const digitValues = new Uint8Array(256).fill(notADigit);
for (const [value, digit] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
].entries()) {
  digitValues[digit.charCodeAt(0)] = value;
}

const slash = 0x2f;
const percent = 0x25;
const equals = 0x3d;

/**
 * Decodes the target of a GET request into `into`, in the forms that nearly all clients send: one
 * or more slashes, then base64 with `+`, `/` and `=` as they are or percent-escaped, padded or not.
 * Answers the number of octets, or -1 for whatever else `decodeRequestPath` has to look at.
 */
export function decodePlainTarget(target: string, into: Uint8Array): number {
  const end = target.length;
  let at = 0;
  while (at < end && target.charCodeAt(at) === slash) {
    at += 1;
  }
  let bits = 0;
  let digits = 0;
  let octets = 0;
  let padding = 0;
  while (at < end) {
    let code = target.charCodeAt(at);
    at += 1;
    if (code === percent) {
      code = escaped(target, at);
      at += 2;
    }
    if (code === equals) {
      padding += 1;
      continue;
    }
    const value = code < 256 ? (digitValues[code] ?? notADigit) : notADigit;
    if (value === notADigit || padding > 0) {
      return -1;
    }
    bits = (bits << 6) | value;
    digits += 1;
    if ((digits & 3) === 0) {
      if (octets + 3 > into.length) {
        return -1;
      }
      into[octets] = (bits >>> 16) & 255;
      into[octets + 1] = (bits >>> 8) & 255;
      into[octets + 2] = bits & 255;
      octets += 3;
      bits = 0;
    }
  }
  const rest = digits & 3;
  if (rest === 1 || (padding > 0 && padding !== (4 - rest) % 4) || octets + 3 > into.length) {
    return -1;
  }
  if (rest === 2) {
    into[octets] = (bits >>> 4) & 255;
    return octets + 1;
  }
  if (rest === 3) {
    into[octets] = (bits >>> 10) & 255;
    into[octets + 1] = (bits >>> 2) & 255;
    return octets + 2;
  }
  return octets;
}

/** The character that `%2B`, `%2F` or `%3D` stands for; -1 (no digit) for any other escape. */
function escaped(target: string, at: number): number {
  const high = target.charCodeAt(at);
  // Case of a hex digit's letter is bit 5.
  const low = target.charCodeAt(at + 1) | 0x20;
  if (high === 0x32 && low === 0x62) {
    return 0x2b;
  }
  if (high === 0x32 && low === 0x66) {
    return slash;
  }
  return high === 0x33 && low === 0x64 ? equals : -1;
}
