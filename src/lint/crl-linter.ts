import { element, tags } from '../der/index.ts';
import { crlLints } from './crl/index.ts';
import { EntryWalk } from './crl-entries.ts';
import {
  type CrlLintContext,
  type CrlOutline,
  CrlSubject,
  type OpenHeader,
} from './crl-subject.ts';
import { Element, headerAt, UnreadableError } from './encoding/element.ts';
import { timeOf } from './encoding/time.ts';
import { type LintResult, runLints } from './lint.ts';

/** Octets of all fields but the entries: names and extensions of ours have a few hundred. */
const maxFields = 1 << 20;
const noOctets = new Uint8Array(0);
const time: readonly number[] = [tags.utcTime, tags.generalizedTime];
/** What may stand before revokedCertificates, each at most once, in this order (RFC 5280 §5.1). */
const fieldsBefore: readonly (readonly number[])[] = [
  [tags.integer],
  [tags.sequence],
  [tags.sequence],
  time,
  time,
];

/** What stands before the entries, found at the first octet of the entries or of what is there instead. */
interface Head {
  readonly whole: OpenHeader;
  readonly list: OpenHeader | undefined;
  /** The fields, without the header of the whole and that of the list. */
  readonly fields: Uint8Array;
  /** Milliseconds since 1970; NaN where it can't be read. */
  readonly thisUpdate: number;
  /** Where the entries begin, or what is there instead. */
  readonly end: number;
}

/**
 * Lints a TBSCertList as its octets come, in one pass: the entries go by, a piece of one at most is
 * held, the fields around them are kept and linted at the end. Never throws for what the bytes hold.
 */
export class CrlLinter {
  readonly #context: CrlLintContext;
  #octets = 0;
  /** Before the head is whole: all octets so far; afterwards those behind the entries. */
  #held: Uint8Array = noOctets;
  #head: Head | undefined;
  #walk: EntryWalk | undefined;
  #entriesLeft = 0;
  #defect: string | undefined;

  constructor(context: CrlLintContext) {
    this.#context = context;
  }

  /** Chunks may begin and end anywhere; what is held of one is copied. */
  write(chunk: Uint8Array): void {
    this.#octets += chunk.length;
    let rest = chunk;
    if (this.#head === undefined) {
      const begun = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
      const head = this.#defect === undefined ? this.#begin(begun) : undefined;
      if (head === undefined) {
        this.#hold(begun);
        return;
      }
      this.#held = noOctets;
      rest = begun.subarray(head.end);
    }
    if (this.#entriesLeft > 0) {
      const entries = rest.subarray(0, this.#entriesLeft);
      this.#walk?.write(entries);
      this.#entriesLeft -= entries.length;
      rest = rest.subarray(entries.length);
    }
    if (rest.length > 0) this.#hold(Buffer.concat([this.#held, rest]));
  }

  /** The failing lints; empty when the octets may be signed. */
  end(): LintResult[] {
    return runLints(this.subject(), crlLints);
  }

  /** What lints look at, once all octets were written. */
  subject(): CrlSubject {
    return new CrlSubject(this.#outline(), this.#context);
  }

  #hold(octets: Uint8Array): void {
    if (octets.length <= maxFields) {
      this.#held = Uint8Array.from(octets);
    } else {
      this.#held = noOctets;
      this.#defect ??= `the fields beside the entries have more than ${maxFields} octets`;
    }
  }

  #begin(octets: Uint8Array): Head | undefined {
    let head: Head | undefined;
    try {
      head = readHead(octets);
    } catch (error) {
      // As likely as not more octets will do; if not, the end says what is wrong.
      if (!(error instanceof UnreadableError)) throw error;
    }
    if (head === undefined) return undefined;
    this.#head = head;
    if (head.list !== undefined) {
      this.#entriesLeft = head.list.length;
      this.#walk = new EntryWalk(head.thisUpdate, head.end);
    }
    return head;
  }

  #outline(): CrlOutline {
    const head = this.#head;
    if (head === undefined) {
      const whole = { octets: 0, length: this.#octets };
      const defect = this.#defect ?? unreadable(this.#held);
      return { der: this.#held, whole, list: undefined, entries: {}, defect };
    }
    const { whole, list, fields } = head;
    const wrong = this.#octets - whole.octets - whole.length;
    const defect =
      this.#defect ??
      (wrong === 0
        ? undefined
        : wrong > 0
          ? `${wrong} octets follow the element`
          : `${-wrong} octets of it are missing`) ??
      (this.#entriesLeft > 0 ? 'a length runs past its container' : undefined);
    const der = element(tags.sequence, fields, this.#held);
    return { der, whole, list, entries: this.#walk?.end() ?? {}, defect };
  }
}

/** Why nothing before the entries could be made out. */
function unreadable(octets: Uint8Array): string {
  try {
    Element.parse(octets);
    return 'a TBSCertList is a SEQUENCE of its fields';
  } catch (error) {
    if (error instanceof UnreadableError) return error.message;
    throw error;
  }
}

/** Undefined while a field is not whole, or when this is no SEQUENCE. @throws UnreadableError */
function readHead(octets: Uint8Array): Head | undefined {
  const outer = headerAt(octets, 0);
  if (outer.tag !== tags.sequence) return undefined;
  const whole = { octets: outer.contentStart, length: outer.length };
  const limit = outer.contentStart + outer.length;
  let at = outer.contentStart;
  let thisUpdate = Number.NaN;
  for (const slot of fieldsBefore) {
    const tag = at < limit ? octets[at] : 0;
    if (tag === undefined) return undefined;
    if (!slot.includes(tag)) continue;
    const field = headerAt(octets, at);
    const end = field.contentStart + field.length;
    if (end > octets.length) return undefined;
    if (slot === time && Number.isNaN(thisUpdate))
      thisUpdate = timeOf(new Element(octets, at, end));
    at = end;
  }
  const fields = Uint8Array.from(octets.subarray(outer.contentStart, at));
  const next = at < limit ? octets[at] : 0;
  if (next === undefined) return undefined;
  if (next !== tags.sequence) return { whole, list: undefined, fields, thisUpdate, end: at };
  const { contentStart, length } = headerAt(octets, at);
  const list = { octets: contentStart - at, length };
  return { whole, list, fields, thisUpdate, end: contentStart };
}
