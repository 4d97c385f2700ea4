const redacted = '[redacted]';

/** What is replaced in text, in this order. Each pattern is linear: no nested repetition. */
const patterns: readonly (readonly [RegExp, string])[] = [
  [/\b(Bearer|Basic)(\s+)[A-Za-z0-9._~+/=-]{6,}/gi, `$1$2${redacted}`],
  // user:password@ inside any URL; what stands before the password is kept.
  [/([a-z][a-z0-9+.-]{0,30}:\/\/[^\s/:@"']{0,256}:)[^\s/@"']{1,1024}@/gi, `$1${redacted}@`],
  [/([?&](?:password|token|access_token)=)[^&\s"']+/gi, `$1${redacted}`],
  [
    /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[A-Za-z0-9+/=\s\\]*(-----END [A-Z ]{0,40}PRIVATE KEY-----)?/g,
    `[redacted private key]`,
  ],
  // Tokens that this product hands out begin so.
  [/\bchancery_[A-Za-z0-9_-]{16,}/g, redacted],
];

/** Text without bearer tokens, passwords in URLs and private keys. */
export function redactText(text: string): string {
  let result = text;
  for (const [pattern, replacement] of patterns) result = result.replace(pattern, replacement);
  return result;
}
