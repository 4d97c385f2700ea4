import { isChanceryError, type Violation } from '../../domain/index.ts';
import { formatDistinguishedName } from '../distinguished-name.ts';
import { findExtension } from '../extensions/extension.ts';
import type { Certificate } from '../types.ts';

/** The violations of one certificate of the path; extension values that can't be read are violations too. */
export class Findings {
  readonly violations: Violation[] = [];
  readonly certificate: Certificate;
  readonly #prefix: string;
  readonly #values = new Map<string, unknown>();

  /** @param position 1 for the certificate in question, 2 for its issuer, … */
  constructor(certificate: Certificate, position: number) {
    this.certificate = certificate;
    this.#prefix = `certificate ${position} (${JSON.stringify(formatDistinguishedName(certificate.subject))})`;
  }

  add(rule: string, field: string, clause: string, message: string): void {
    this.violations.push({ rule, field, clause, message: `${this.#prefix}: ${message}` });
  }

  /** The parsed value of an extension; undefined when absent or, with one violation, unreadable. */
  extension<T>(id: string, parse: (value: Uint8Array) => T): T | undefined {
    if (this.#values.has(id)) return this.#values.get(id) as T | undefined;
    const value = this.#read(id, parse);
    this.#values.set(id, value);
    return value;
  }

  #read<T>(id: string, parse: (value: Uint8Array) => T): T | undefined {
    const extension = findExtension(this.certificate.extensions, id);
    if (extension === undefined) return undefined;
    try {
      return parse(extension.value);
    } catch (error) {
      if (!isChanceryError(error)) throw error;
      this.add(
        'path-extension-malformed',
        'extensions',
        error.clause ?? 'RFC 5280 §4.2',
        error.message,
      );
      return undefined;
    }
  }
}
