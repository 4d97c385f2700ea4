import { enumerated, generalizedTime, integer } from '../../der/index.ts';
import { type ReasonCode, reasonCodeName, reasonCodeNumber } from '../../domain/index.ts';
import { refuse } from '../decoding.ts';
import { oids } from '../oids.ts';
import type { Extension } from '../types.ts';
import { decodeExtension, type ExtensionType, makeExtension } from './extension.ts';

const crlNumber: ExtensionType = {
  oid: oids.crlNumber,
  name: 'cRLNumber',
  clause: 'RFC 5280 §5.2.3',
};
const deltaCRLIndicator: ExtensionType = {
  oid: oids.deltaCRLIndicator,
  name: 'deltaCRLIndicator',
  clause: 'RFC 5280 §5.2.4',
};
const expiredCertsOnCRL: ExtensionType = {
  oid: oids.expiredCertsOnCRL,
  name: 'expiredCertsOnCRL',
  clause: 'X.509 expiredCertsOnCRL',
};
const reasonCode: ExtensionType = {
  oid: oids.reasonCode,
  name: 'reasonCode',
  clause: 'RFC 5280 §5.3.1',
};
const invalidityDate: ExtensionType = {
  oid: oids.invalidityDate,
  name: 'invalidityDate',
  clause: 'RFC 5280 §5.3.2',
};

/** Octets of the longest CRL number (RFC 5280 §5.2.3). */
const maxCrlNumberLength = 20;

/** cRLNumber, non-critical, 0 or more, at most 20 octets. */
export function encodeCrlNumber(number: bigint): Extension {
  return makeExtension(crlNumber, false, () => encodeNumber(number));
}

function encodeNumber(number: bigint): Uint8Array {
  const encoded = integer(number);
  if (number < 0n || encoded.length - 2 > maxCrlNumberLength) {
    refuse('a CRL number is 0 or more and has at most 20 octets');
  }
  return encoded;
}

export function parseCrlNumber(value: Uint8Array): bigint {
  return parseNumber(crlNumber, value);
}

/** deltaCRLIndicator, critical: BaseCRLNumber, the number of the complete CRL that a delta starts from. */
export function encodeDeltaCrlIndicator(baseCrlNumber: bigint): Extension {
  return makeExtension(deltaCRLIndicator, true, () => encodeNumber(baseCrlNumber));
}

/** BaseCRLNumber. */
export function parseDeltaCrlIndicator(value: Uint8Array): bigint {
  return parseNumber(deltaCRLIndicator, value);
}

/** expiredCertsOnCRL, non-critical GeneralizedTime (whatever the year): what expired since then is still listed. */
export function encodeExpiredCertsOnCrl(date: Date): Extension {
  return makeExtension(expiredCertsOnCRL, false, () => generalizedTime(date));
}

export function parseExpiredCertsOnCrl(value: Uint8Array): Date {
  return decodeExtension(expiredCertsOnCRL, value, (reader) => reader.generalizedTime());
}

function parseNumber(type: ExtensionType, value: Uint8Array): bigint {
  return decodeExtension(type, value, (reader) => {
    const number = reader.integer();
    if (number < 0n || value.length - 2 > maxCrlNumberLength) {
      refuse('a CRL number is 0 or more and has at most 20 octets', reader);
    }
    return number;
  });
}

/** reasonCode, non-critical ENUMERATED. `unspecified` is to be left out instead (RFC 5280 §5.3.1). */
export function encodeReasonCode(reason: ReasonCode): Extension {
  return makeExtension(reasonCode, false, () => {
    if (reason === 'unspecified') refuse('reasonCode unspecified: leave the extension out');
    return enumerated(reasonCodeNumber(reason));
  });
}

/** The reason's name; 7 and unknown numbers are refused. */
export function parseReasonCode(value: Uint8Array): ReasonCode {
  return decodeExtension(reasonCode, value, (reader) => {
    const name = reasonCodeName(reader.enumerated());
    return name ?? refuse('no reason has this number', reader);
  });
}

/** invalidityDate, non-critical GeneralizedTime (whatever the year). */
export function encodeInvalidityDate(date: Date): Extension {
  return makeExtension(invalidityDate, false, () => generalizedTime(date));
}

export function parseInvalidityDate(value: Uint8Array): Date {
  return decodeExtension(invalidityDate, value, (reader) => reader.generalizedTime());
}
