import { canonicalize } from '../../audit/index.ts';
import type { Clock } from '../../domain/index.ts';
import { sha256 } from '../octets.ts';
import type { TranscriptStep } from './transcript-lines.ts';

/**
 * A transcript while it is written: one line of canonical JSON (RFC 8785) a step, each with the hash of
 * the line before. Each line is handed out as it comes about, so that what a crash leaves says how far
 * the ceremony went.
 */
export class Transcript {
  readonly #clock: Clock;
  readonly #write: (line: Uint8Array) => void;
  readonly #lines: Uint8Array[] = [];
  #previous = '';
  #signed = false;

  /** @param write takes each line with its line feed, at once and durably */
  constructor(clock: Clock, write: (line: Uint8Array) => void) {
    this.#clock = clock;
    this.#write = write;
  }

  append(step: TranscriptStep): void {
    this.#add({ ...step, at: this.#clock.now() });
  }

  /**
   * What is to be signed: all octets of the lines so far, line feeds included.
   * `openssl dgst -verify` takes the same octets (docs/ceremonies.md).
   */
  octets(): Uint8Array {
    return Buffer.concat(this.#lines);
  }

  /** The last line. Nothing can be added afterwards. @returns the whole transcript */
  sign(algorithm: string, signature: Uint8Array): Uint8Array {
    this.#add({
      kind: 'signature',
      algorithm,
      value: Buffer.from(signature).toString('base64'),
    });
    this.#signed = true;
    return this.octets();
  }

  #add(content: Readonly<Record<string, unknown>>): void {
    if (this.#signed) throw new TypeError('a signed transcript takes no more steps');
    const text = canonicalize({
      ...content,
      number: this.#lines.length,
      previous: this.#previous,
    });
    const line = Buffer.from(`${text}\n`);
    this.#write(line);
    this.#lines.push(line);
    this.#previous = sha256(text);
  }
}
