import { ChanceryError } from '../domain/index.ts';
import type { KeyBlocklist } from './key-policy.ts';

/** A file of a key blocklist: its text, and its name for messages. */
export interface BlocklistFile {
  readonly sourceName: string;
  readonly text: string;
}

/**
 * Reads blocklist files: a line is either 64 hex digits (SHA-256 of a SubjectPublicKeyInfo) or
 * 20 (the format of Debian's openssl-blacklist, so that its files are used as they are); `#`
 * begins a comment.
 *
 * @throws ChanceryError `configuration` naming file and line: a line that is skipped would let a key pass.
 */
export function parseKeyBlocklist(files: readonly BlocklistFile[]): KeyBlocklist {
  const spkiSha256 = new Set<string>();
  const modulusSha1Tail = new Set<string>();
  for (const { sourceName, text } of files) {
    text.split('\n').forEach((line, index) => {
      const entry = line.replace(/#.*/, '').trim().toLowerCase();
      if (entry === '') return;
      if (/^[0-9a-f]{64}$/.test(entry)) spkiSha256.add(entry);
      else if (/^[0-9a-f]{20}$/.test(entry)) modulusSha1Tail.add(entry);
      else {
        throw new ChanceryError('configuration', {
          message: `${sourceName}:${index + 1}: a blocklist line is 64 hex digits (SHA-256 of a SubjectPublicKeyInfo) or 20 (openssl-blacklist)`,
        });
      }
    });
  }
  return { spkiSha256, modulusSha1Tail };
}
