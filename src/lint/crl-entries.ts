import { canonicalDefect } from './encoding/canonical.ts';
import { Element, UnreadableError } from './encoding/element.ts';
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
  | 'duplicate'
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

/**
 * Walks revokedCertificates once. Order is not required of a CRL; when the serial numbers ascend
 * they can't repeat, otherwise they go through a hash table.
 */
export function walkEntries(revokedCertificates: Element, thisUpdate: number): EntryFindings {
  const { source: bytes, contentStart, end } = revokedCertificates;
  const findings: Partial<Record<EntryRule, string>> = {};
  // The smallest entry has 20 octets: header 2, serial number 3, UTCTime 15.
  const serials = new Uint32Array(Math.ceil((end - contentStart) / 20) + 1);
  let count = 0;
  let ascending = true;
  for (let at = contentStart; at < end; ) {
    let next = soundEntry(bytes, at, end, thisUpdate);
    let serial = at + 2;
    if (next === 0) {
      try {
        const entry = new Element(bytes, at, end);
        inspectEntry(entry, thisUpdate, (rule, message) => {
          findings[rule] ??= `entry ${count + 1} at octet ${at}: ${message}`;
        });
        serial = entry.contentStart;
        next = entry.end;
      } catch (error) {
        if (!(error instanceof UnreadableError)) throw error;
        findings.structure ??= `entry ${count + 1}: ${error.message}`;
      }
      // Nothing behind an entry of the wrong shape can be counted on.
      if (findings.structure !== undefined) return findings;
    }
    if (count > 0 && ascending)
      ascending = compareSerials(bytes, serials[count - 1] ?? 0, serial) < 0;
    serials[count] = serial;
    count += 1;
    at = next;
  }
  if (!ascending) {
    const twice = findDuplicate(bytes, serials, count);
    if (twice !== undefined) findings.duplicate = `serialNumber ${twice} stands twice`;
  }
  return findings;
}

/** Numeric order of two minimal, non-negative INTEGERs of short length: by length, then by octets. */
function compareSerials(bytes: Uint8Array, a: number, b: number): number {
  const length = bytes[a + 1] ?? 0;
  const difference = length - (bytes[b + 1] ?? 0);
  if (difference !== 0) return difference;
  for (let index = 2; index < length + 2; index += 1) {
    const octets = (bytes[a + index] ?? 0) - (bytes[b + index] ?? 0);
    if (octets !== 0) return octets;
  }
  return 0;
}

/** First serial number (hex) that stands twice: open addressing over the offsets of the INTEGERs. */
function findDuplicate(bytes: Uint8Array, serials: Uint32Array, count: number): string | undefined {
  let capacity = 16;
  while (capacity < count * 2) capacity *= 2;
  const table = new Uint32Array(capacity);
  for (let index = 0; index < count; index += 1) {
    const serial = serials[index] ?? 0;
    const end = serial + 2 + (bytes[serial + 1] ?? 0);
    let hash = 0x811c9dc5;
    for (let at = serial; at < end; at += 1) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
    hash ^= hash >>> 15;
    for (let slot = hash & (capacity - 1); ; slot = (slot + 1) & (capacity - 1)) {
      const other = table[slot] ?? 0;
      if (other === 0) {
        table[slot] = serial;
        break;
      }
      if (compareSerials(bytes, other, serial) === 0) {
        return Buffer.from(bytes.subarray(serial + 2, end)).toString('hex');
      }
    }
  }
  return undefined;
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
