import { canonicalDefect } from './encoding/canonical.ts';
import { Element, headerAt, longestHeader, UnreadableError } from './encoding/element.ts';
import type { EncodedExtension } from './encoding/extension.ts';
import { duplicateOid, innerElement, readExtensions } from './encoding/extension.ts';
import { oid, oidName } from './encoding/oids.ts';
import { timeDefect, timeOf, timeValue } from './encoding/time.ts';

/** What an entry may get wrong; each is the matter of one lint. */
export type EntryRule =
  | 'structure'
  | 'canonical'
  | 'defaultEncoded'
  | 'serialNumber'
  | 'order'
  | 'revocationDate'
  | 'inTheFuture'
  | 'emptyExtensions'
  | 'duplicateExtension'
  | 'criticality'
  | 'unknownCritical'
  | 'reasonCode'
  | 'removeFromCrl'
  | 'invalidityDate'
  | 'certificateIssuer';

/** The first entry that breaks each rule, in words. */
export type EntryFindings = Readonly<Partial<Record<EntryRule, string>>>;

/**
 * Whether the entry at `at` has the shape that nearly all have, without a defect: short lengths,
 * a positive serial number, UTCTime not after `thisUpdate`, at most reasonCode and invalidityDate.
 * Answers the offset after it, or 0 when it must be looked at closely. This is what makes 10^6
 * entries a matter of a fraction of a second.
 */
function soundEntry(bytes: Uint8Array, at: number, limit: number, thisUpdate: number): number {
  const length = bytes[at + 1] ?? 0xff;
  const end = at + 2 + length;
  if (bytes[at] !== 0x30 || length >= 0x80 || end > limit || bytes[at + 2] !== 0x02) return 0;
  const octets = bytes[at + 3] ?? 0;
  const first = bytes[at + 4] ?? 0;
  if (octets === 0 || octets > 20 || first >= 0x80) return 0;
  if (first === 0 && (octets === 1 || (bytes[at + 5] ?? 0) < 0x80)) return 0;
  let position = at + 4 + octets;
  if (bytes[position] !== 0x17 || bytes[position + 1] !== 13) return 0;
  // A NaN fails the comparison too.
  if (!(timeValue(bytes, 0x17, position + 2, 13) <= thisUpdate)) return 0;
  position += 15;
  if (position === end) return end;
  if (bytes[position] !== 0x30 || position + 2 + (bytes[position + 1] ?? 0) !== end) return 0;
  position += 2;
  if (position >= end) return 0;
  let seen = 0;
  while (position < end) {
    const next = soundExtension(bytes, position, seen);
    if (next === 0) return 0;
    seen |= bytes[position + 6] === 0x15 ? 1 : 2;
    position = next;
  }
  return position === end ? end : 0;
}

/** The offset after a reasonCode or invalidityDate without a defect that is not in `seen` yet, or 0. */
function soundExtension(bytes: Uint8Array, at: number, seen: number): number {
  const type = bytes[at + 6];
  if (bytes[at] !== 0x30 || bytes[at + 2] !== 0x06 || bytes[at + 3] !== 3) return 0;
  if (bytes[at + 4] !== 0x55 || bytes[at + 5] !== 0x1d || bytes[at + 7] !== 0x04) return 0;
  if (type === 0x15 && (seen & 1) === 0 && bytes[at + 1] === 10) {
    const reason = bytes[at + 11] ?? 0;
    const shape = bytes[at + 8] === 3 && bytes[at + 9] === 0x0a && bytes[at + 10] === 1;
    return shape && validReason(reason) && reason !== removeFromCrl ? at + 12 : 0;
  }
  if (type === 0x18 && (seen & 2) === 0 && bytes[at + 1] === 24) {
    const shape = bytes[at + 8] === 17 && bytes[at + 9] === 0x18 && bytes[at + 10] === 15;
    return shape && !Number.isNaN(timeValue(bytes, 0x18, at + 11, 15)) ? at + 26 : 0;
  }
  return 0;
}

const removeFromCrl = 8;

/** CRLReason values that may stand in a CRL: 0 is left out instead (§5.3.1), 7 is not used. */
function validReason(reason: number): boolean {
  return reason >= 1 && reason <= 10 && reason !== 7;
}

/** Longest entry that is looked at: a hundred times what ours have. */
const maxEntry = 16_384;
const noOctets = new Uint8Array(0);

/**
 * Walks revokedCertificates once, as its octets come: chunks may end within an entry. Only a piece
 * of an entry and the last serial number are kept from one chunk to the next. Serial numbers must
 * ascend, which RFC 5280 does not ask: so that none stands twice is seen by comparing neighbours,
 * and two lists are compared side by side.
 */
export class EntryWalk {
  readonly findings: Partial<Record<EntryRule, string>> = {};
  readonly #thisUpdate: number;
  #count = 0;
  /** Octets from the beginning of the TBSCertList to the beginning of what is looked at next. */
  #base: number;
  #carried: Uint8Array = noOctets;
  /** INTEGER of the last entry of the chunks before. */
  #last: Uint8Array = noOctets;

  /**
   * @param thisUpdate milliseconds since 1970
   * @param offset where the entries begin
   */
  constructor(thisUpdate: number, offset: number) {
    this.#thisUpdate = thisUpdate;
    this.#base = offset;
  }

  write(chunk: Uint8Array): void {
    // Nothing behind an entry of the wrong shape can be counted on.
    if (this.findings.structure !== undefined) return;
    const bytes = this.#carried.length === 0 ? chunk : Buffer.concat([this.#carried, chunk]);
    const end = this.#walk(bytes);
    this.#base += end;
    this.#carried = Uint8Array.from(bytes.subarray(end));
  }

  end(): EntryFindings {
    if (this.#carried.length > 0) {
      this.findings.structure ??= `entry ${this.#count + 1}: the list ends within it at octet ${this.#base}`;
    }
    return this.findings;
  }

  /** Looks at the whole entries in `bytes` and answers where the last of them ends. */
  #walk(bytes: Uint8Array): number {
    let previous = this.#last;
    let previousAt = 0;
    let at = 0;
    while (at < bytes.length) {
      let next = soundEntry(bytes, at, bytes.length, this.#thisUpdate);
      let serial = at + 2;
      if (next === 0) {
        const entry = this.#inspect(bytes, at);
        if (entry === undefined) break;
        serial = entry.serial;
        next = entry.end;
      }
      if (previous.length > 0 && compareSerials(previous, previousAt, bytes, serial) >= 0) {
        this.findings.order ??= `entry ${this.#count + 1}: serialNumber ${serialText(bytes, serial)} is not above the one before it`;
      }
      previous = bytes;
      previousAt = serial;
      this.#count += 1;
      at = next;
    }
    if (previous !== this.#last) {
      this.#last = previous.slice(previousAt, previousAt + 2 + (previous[previousAt + 1] ?? 0));
    }
    return at;
  }

  /** An entry looked at closely; undefined when it is not whole, or of the wrong shape. */
  #inspect(
    bytes: Uint8Array,
    at: number,
  ): { readonly serial: number; readonly end: number } | undefined {
    const place = `entry ${this.#count + 1} at octet ${this.#base + at}`;
    const { findings } = this;
    try {
      const { contentStart, length } = headerAt(bytes, at);
      if (length > maxEntry) {
        findings.structure ??= `${place}: it has ${length} octets`;
        return undefined;
      }
      const end = contentStart + length;
      if (end > bytes.length) return undefined;
      // Offsets within it are its own: they do not depend on the chunk.
      inspectEntry(Element.parse(bytes.subarray(at, end)), this.#thisUpdate, (rule, message) => {
        findings[rule] ??= `${place}: ${message}`;
      });
      return findings.structure === undefined ? { serial: contentStart, end } : undefined;
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      // The header may end in the next chunk; one that is absurd stays so.
      if (bytes.length - at >= longestHeader) findings.structure ??= `${place}: ${error.message}`;
      return undefined;
    }
  }
}

/** Numeric order of two minimal, non-negative INTEGERs of short length: by length, then by octets. */
function compareSerials(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): number {
  const length = a[aAt + 1] ?? 0;
  const difference = length - (b[bAt + 1] ?? 0);
  if (difference !== 0) return difference;
  for (let index = 2; index < length + 2; index += 1) {
    const octets = (a[aAt + index] ?? 0) - (b[bAt + index] ?? 0);
    if (octets !== 0) return octets;
  }
  return 0;
}

function serialText(bytes: Uint8Array, at: number): string {
  return Buffer.from(bytes.subarray(at + 2, at + 2 + (bytes[at + 1] ?? 0))).toString('hex');
}

/** Everything about one entry; `report` is called for each rule it breaks. */
function inspectEntry(
  entry: Element,
  thisUpdate: number,
  report: (rule: EntryRule, message: string) => void,
): void {
  const [serialNumber, revocationDate, list, more] = entry.tag === 0x30 ? entry.children : [];
  const isTime = revocationDate?.tag === 0x17 || revocationDate?.tag === 0x18;
  if (serialNumber?.tag !== 0x02 || revocationDate === undefined || !isTime || more !== undefined) {
    report('structure', 'no SEQUENCE of serialNumber, revocationDate and extensions');
    return;
  }
  const defect = canonicalDefect(entry);
  if (defect !== undefined) report('canonical', defect);
  const { content } = serialNumber;
  if (content.length > 20 || (content[0] ?? 0) >= 0x80 || content.every((octet) => octet === 0)) {
    report('serialNumber', 'serialNumber is not a positive INTEGER of at most 20 octets');
  }
  const wrong = timeDefect(revocationDate);
  if (wrong !== undefined) report('revocationDate', wrong);
  if (timeOf(revocationDate) > thisUpdate) {
    report('inTheFuture', `revocationDate ${revocationDate.text} is after thisUpdate`);
  }
  if (list === undefined) return;
  const extensions = list.tag === 0x30 ? readExtensions(list) : undefined;
  if (extensions === undefined) {
    report('structure', 'crlEntryExtensions are no SEQUENCE of extensions');
    return;
  }
  if (extensions.length === 0) report('emptyExtensions', 'crlEntryExtensions is an empty SEQUENCE');
  const twice = duplicateOid(extensions);
  if (twice !== undefined) report('duplicateExtension', `${oidName(twice)} stands twice`);
  for (const extension of extensions) inspectExtension(extension, report);
}

function inspectExtension(
  extension: EncodedExtension,
  report: (rule: EntryRule, message: string) => void,
): void {
  const value = innerElement(extension);
  const defect = canonicalDefect(value);
  if (defect !== undefined) report('canonical', defect);
  if (extension.defaultEncoded)
    report('defaultEncoded', `${oidName(extension.oid)}: critical FALSE is encoded`);
  switch (extension.oid) {
    case oid.reasonCode: {
      if (extension.critical) report('criticality', 'reasonCode must not be critical');
      const reason =
        value.tag === 0x0a && value.length === 1 ? (value.content[0] ?? 0) : Number.NaN;
      if (!validReason(reason)) {
        report(
          'reasonCode',
          reason === 0 ? 'unspecified (0) is left out instead' : 'no CRLReason of RFC 5280',
        );
      }
      if (reason === removeFromCrl) report('removeFromCrl', 'removeFromCRL in a complete CRL');
      return;
    }
    case oid.invalidityDate:
      if (extension.critical) report('criticality', 'invalidityDate must not be critical');
      if (value.tag !== 0x18 || Number.isNaN(timeOf(value))) {
        report(
          'invalidityDate',
          `${JSON.stringify(value.text)} is no GeneralizedTime YYYYMMDDHHMMSSZ`,
        );
      }
      return;
    case oid.certificateIssuer:
      report('certificateIssuer', 'certificateIssuer belongs into indirect CRLs only');
      return;
    default:
      if (extension.critical)
        report('unknownCritical', `${extension.oid} is critical and not known`);
  }
}
