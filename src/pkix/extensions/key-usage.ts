import { boolean, integer, namedBits, oid, sequence, tags } from '../../der/index.ts';
import { refuse } from '../decoding.ts';
import { oids } from '../oids.ts';
import type { BasicConstraints, Extension, KeyUsageBit } from '../types.ts';
import { decodeExtension, type ExtensionType, makeExtension } from './extension.ts';

const keyUsage: ExtensionType = {
  oid: oids.keyUsage,
  name: 'keyUsage',
  clause: 'RFC 5280 §4.2.1.3',
};

/** Named bits of KeyUsage in the order of their numbers. */
const keyUsageBits: readonly KeyUsageBit[] = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
];

/** keyUsage, critical; at least one bit (RFC 5280 §4.2.1.3). */
export function encodeKeyUsage(bits: readonly KeyUsageBit[]): Extension {
  return makeExtension(keyUsage, true, () => {
    if (bits.length === 0) refuse('keyUsage without a bit');
    return namedBits(bits.map((bit) => keyUsageBits.indexOf(bit)));
  });
}

/**
 * The bits that are set, in the order of their numbers. Trailing zero bits (X.690 §11.2.2) and
 * bits above decipherOnly are refused, and so is an empty set.
 */
export function parseKeyUsage(value: Uint8Array): KeyUsageBit[] {
  return decodeExtension(keyUsage, value, (reader) => {
    const { bytes, unusedBits } = reader.bitString();
    const count = bytes.length * 8 - unusedBits;
    const set: KeyUsageBit[] = [];
    for (let bit = 0; bit < count; bit += 1) {
      if (((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) === 0) continue;
      const name = keyUsageBits[bit];
      if (name === undefined) refuse('a bit above decipherOnly', reader);
      set.push(name);
    }
    if (set.length === 0) refuse('keyUsage without a bit', reader);
    const last = bytes[bytes.length - 1] ?? 0;
    if (((last >> unusedBits) & 1) === 0) refuse('trailing zero bits', reader);
    return set;
  });
}

const extendedKeyUsage: ExtensionType = {
  oid: oids.extendedKeyUsage,
  name: 'extKeyUsage',
  clause: 'RFC 5280 §4.2.1.12',
};

/** extKeyUsage; at least one purpose, none twice. */
export function encodeExtendedKeyUsage(purposes: readonly string[], critical = false): Extension {
  return makeExtension(extendedKeyUsage, critical, () => {
    if (purposes.length === 0) refuse('extKeyUsage without a purpose');
    if (new Set(purposes).size !== purposes.length) refuse('a purpose twice');
    return sequence(...purposes.map((purpose) => oid(purpose)));
  });
}

/** The purposes as OIDs; an empty SEQUENCE is refused. */
export function parseExtendedKeyUsage(value: Uint8Array): string[] {
  return decodeExtension(extendedKeyUsage, value, (reader) => {
    const body = reader.sequence();
    const purposes: string[] = [];
    while (!body.done) purposes.push(body.oid());
    if (purposes.length === 0) refuse('extKeyUsage without a purpose (SIZE 1..MAX)', reader);
    return purposes;
  });
}

const basicConstraints: ExtensionType = {
  oid: oids.basicConstraints,
  name: 'basicConstraints',
  clause: 'RFC 5280 §4.2.1.9',
};

/** basicConstraints; critical unless told otherwise (it must be in a CA certificate). pathLen only with cA. */
export function encodeBasicConstraints(constraints: BasicConstraints, critical = true): Extension {
  return makeExtension(basicConstraints, critical, () => {
    const { cA, pathLenConstraint } = constraints;
    if (pathLenConstraint === undefined) return cA ? sequence(boolean(true)) : sequence();
    if (!cA || !Number.isInteger(pathLenConstraint) || pathLenConstraint < 0) {
      refuse('pathLenConstraint must be 0 or more, and only with cA');
    }
    return sequence(boolean(true), integer(pathLenConstraint));
  });
}

/** Refuses cA written as FALSE (X.690 §11.5) and a pathLenConstraint without cA. */
export function parseBasicConstraints(value: Uint8Array): BasicConstraints {
  return decodeExtension(basicConstraints, value, (reader) => {
    const body = reader.sequence();
    let cA = false;
    if (body.is(tags.boolean)) {
      cA = body.boolean();
      if (!cA) refuse('cA FALSE is the default and must be left out', body);
    }
    const pathLenConstraint = body.done ? undefined : body.smallInteger();
    body.end();
    if (pathLenConstraint !== undefined && !cA) refuse('pathLenConstraint without cA', body);
    return { cA, pathLenConstraint };
  });
}
