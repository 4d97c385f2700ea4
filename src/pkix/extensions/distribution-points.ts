import { type DerReader, element, sequence } from '../../der/index.ts';
import { refuse } from '../decoding.ts';
import { oids } from '../oids.ts';
import type { Extension, GeneralName, IssuingDistributionPoint } from '../types.ts';
import { decodeExtension, type ExtensionType, makeExtension } from './extension.ts';
import { encodeFullName, readFullName } from './names.ts';

const cRLDistributionPoints: ExtensionType = {
  oid: oids.cRLDistributionPoints,
  name: 'cRLDistributionPoints',
  clause: 'RFC 5280 §4.2.1.13',
};

const freshestCRL: ExtensionType = {
  oid: oids.freshestCRL,
  name: 'freshestCRL',
  clause: 'RFC 5280 §5.2.6',
};

const issuingDistributionPoint: ExtensionType = {
  oid: oids.issuingDistributionPoint,
  name: 'issuingDistributionPoint',
  clause: 'RFC 5280 §5.2.5',
};

function uriName(value: string): GeneralName {
  return { type: 'uniformResourceIdentifier', value };
}

/** cRLDistributionPoints, non-critical: one DistributionPoint whose fullName holds all URIs (the same CRL under each). */
export function encodeCRLDistributionPoints(uris: readonly string[]): Extension {
  return makeExtension(cRLDistributionPoints, false, () => onePoint(uris));
}

/** freshestCRL, non-critical: where the delta CRLs of this complete CRL are; the syntax of cRLDistributionPoints. */
export function encodeFreshestCrl(uris: readonly string[]): Extension {
  return makeExtension(freshestCRL, false, () => onePoint(uris));
}

function onePoint(uris: readonly string[]): Uint8Array {
  return sequence(sequence(element(0xa0, encodeFullName(uris.map(uriName)))));
}

/** The names behind a DistributionPointName, or none for nameRelativeToCRLIssuer (which is read over). */
function readPointName(reader: DerReader): GeneralName[] {
  const choice = reader.enter(0xa0);
  let names: GeneralName[] = [];
  if (choice.is(0xa0)) names = readFullName(choice);
  else choice.enter(0xa1, 'fullName or nameRelativeToCRLIssuer').checkRest();
  choice.end();
  return names;
}

/**
 * The URIs of all distribution points, in order. Points with `reasons` or `cRLIssuer` are read
 * too: partial and indirect CRLs are deliberately not told apart here.
 */
export function parseCRLDistributionPoints(value: Uint8Array): string[] {
  return parsePoints(cRLDistributionPoints, value);
}

/** The URIs of all distribution points of a freshestCRL, in order. */
export function parseFreshestCrl(value: Uint8Array): string[] {
  return parsePoints(freshestCRL, value);
}

function parsePoints(type: ExtensionType, value: Uint8Array): string[] {
  return decodeExtension(type, value, (reader) => {
    const points = reader.sequence();
    if (points.done) refuse('no distribution point (SIZE 1..MAX)', reader);
    const uris: string[] = [];
    while (!points.done) {
      const point = points.sequence();
      if (point.done) refuse('an empty distribution point', points);
      const names = point.is(0xa0) ? readPointName(point) : [];
      if (point.is(0x81)) point.bitString(0x81);
      if (point.is(0xa2)) point.enter(0xa2).checkRest();
      point.end();
      for (const name of names) {
        if (name.type === 'uniformResourceIdentifier') uris.push(name.value);
      }
    }
    return uris;
  });
}

const trueContent = Uint8Array.of(0xff);

/**
 * issuingDistributionPoint, critical. Never empty; at most one of onlyContainsUserCerts,
 * onlyContainsCACerts and onlyContainsAttributeCerts (RFC 5280 §5.2.5). Booleans that are
 * false are left out.
 */
export function encodeIssuingDistributionPoint(point: IssuingDistributionPoint): Extension {
  return makeExtension(issuingDistributionPoint, true, () => {
    const parts: Uint8Array[] = [];
    if (point.fullName.length > 0) parts.push(element(0xa0, encodeFullName(point.fullName)));
    if (point.onlyContainsUserCerts === true) parts.push(element(0x81, trueContent));
    if (point.onlyContainsCACerts === true) parts.push(element(0x82, trueContent));
    if (point.indirectCRL === true) parts.push(element(0x84, trueContent));
    if (point.onlyContainsAttributeCerts === true) parts.push(element(0x85, trueContent));
    if (parts.length === 0) refuse('an empty issuingDistributionPoint');
    checkScope(point);
    return sequence(...parts);
  });
}

function checkScope(point: IssuingDistributionPoint): void {
  const scopes = [
    point.onlyContainsUserCerts,
    point.onlyContainsCACerts,
    point.onlyContainsAttributeCerts,
  ];
  if (scopes.filter((scope) => scope === true).length > 1) {
    refuse('at most one of onlyContainsUserCerts, onlyContainsCACerts, onlyContainsAttributeCerts');
  }
}

/** Refuses an empty SEQUENCE, booleans written as FALSE, more than one scope, and onlySomeReasons (never made here). */
export function parseIssuingDistributionPoint(value: Uint8Array): IssuingDistributionPoint {
  return decodeExtension(issuingDistributionPoint, value, (reader) => {
    const body = reader.sequence();
    if (body.done) refuse('an empty issuingDistributionPoint', reader);
    const flag = (n: number): true | undefined => {
      if (!body.is(0x80 | n)) return undefined;
      return body.boolean(0x80 | n)
        ? true
        : refuse('FALSE is the default and must be left out', body);
    };
    const fullName = body.is(0xa0) ? readPointName(body) : [];
    const point = {
      fullName,
      onlyContainsUserCerts: flag(1),
      onlyContainsCACerts: flag(2),
      indirectCRL: flag(4),
      onlyContainsAttributeCerts: flag(5),
    };
    body.end();
    checkScope(point);
    return point;
  });
}
