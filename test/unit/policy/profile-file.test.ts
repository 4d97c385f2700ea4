import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ChanceryError } from '../../../src/domain/index.ts';
import { describeProfile, parseProfile, profileJsonSchema } from '../../../src/policy/index.ts';

const folder = new URL('../../../profiles/', import.meta.url);
const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
const textOf = (file: string): string => readFileSync(new URL(file, folder), 'utf8');
const tlsServer = textOf('tls-server.yaml');

function messageOf(text: string): string {
  try {
    parseProfile(text, 'x.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(ChanceryError);
    expect((error as ChanceryError).code).toBe('configuration');
    return (error as ChanceryError).message;
  }
  throw new Error('the profile was accepted');
}

/** The file with one piece of text replaced; fails when the text is not there. */
function changed(from: string, to: string, text = tlsServer): string {
  expect(text).toContain(from);
  return text.replace(from, to);
}

describe('the profiles folder', () => {
  test('has every profile of the product', () => {
    expect(files.map((file) => file.replace('.yaml', '')).toSorted()).toEqual([
      'code-signing',
      'cross-certificate',
      'device',
      'email-encryption',
      'email-signing',
      'federal-subordinate-ca',
      'https-server',
      'issuing-ca',
      'ocsp-signing',
      'root-ca',
      'short-lived',
      'tls-client',
      'tls-mutual',
      'tls-server',
      'user-authentication',
    ]);
  });

  test.each(files)('%s parses, is named as its file and points editors to the schema', (file) => {
    const text = textOf(file);
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=./profile.schema.json');
    expect(`${parseProfile(text, file).name}.yaml`).toBe(file);
  });

  // After a change of the shape: node scripts/profile-schema.ts
  test('the JSON Schema beside the profiles is the one that the code generates', () => {
    expect(JSON.parse(textOf('profile.schema.json'))).toEqual(profileJsonSchema());
  });

  test('only profiles for subscribers can be asked for', () => {
    const requestable = files
      .map((file) => parseProfile(textOf(file), file))
      .filter((profile) => profile.requestable);
    expect(requestable.every((profile) => profile.type === 'endEntity')).toBe(true);
    expect(requestable.map((profile) => profile.name)).not.toContain('https-server');
  });
});

describe('the hash of a profile', () => {
  test('stays the same when comments and the order of keys change', () => {
    const reordered = `title: x\n${tlsServer.replace('title: TLS server\n', '')}# comment`;
    const plain = tlsServer.replace('title: TLS server', 'title: x');
    expect(parseProfile(reordered, 'x').hash).toBe(parseProfile(plain, 'x').hash);
  });

  test('changes with any value', () => {
    const other = changed('maximum: 398d', 'maximum: 397d');
    expect(parseProfile(other, 'x').hash).not.toBe(parseProfile(tlsServer, 'x').hash);
  });
});

describe('a mistake in a profile names file, line and mend', () => {
  test.each([
    [
      'a nested key',
      'wildcard: true',
      'wildcrad: true',
      'x.yaml:LINE: unknown key wildcrad in names.dNSName; did you mean wildcard?',
    ],
    [
      'a top key',
      'requestable:',
      'requestible:',
      'unknown key requestible; did you mean requestable?',
    ],
    [
      'an attribute',
      'commonName:',
      'comonName:',
      'unknown key comonName in subject; did you mean commonName?',
    ],
    [
      'a rule',
      '{ fixed: [serverAuth] }',
      '{ fixd: [serverAuth] }',
      'unknown key fixd in extendedKeyUsage; did you mean fixed?',
    ],
    [
      'a duration',
      'maximum: 398d',
      'maximum: 398y',
      'x.yaml:LINE: validity.maximum: a duration is',
    ],
    [
      'a wrong type',
      'dNSName: { from: request, wildcard: true }',
      'dNSName: maybe',
      "names.dNSName: write 'refused'",
    ],
    ['no YAML', 'type: endEntity', 'type: [endEntity', 'x.yaml:'],
    ['a key twice', 'type: endEntity', 'type: endEntity\ntype: endEntity', 'x.yaml:'],
  ])('%s', (_what, from, to, message) => {
    const line = tlsServer.slice(0, tlsServer.indexOf(from)).split('\n').length;
    expect(messageOf(changed(from, to))).toContain(message.replace('LINE', String(line)));
  });

  test('aliases are refused: a profile is reviewed line by line', () => {
    const aliased = changed('default: 90d', 'default: &a 90d').replace(
      'maximum: 398d',
      'maximum: *a',
    );
    expect(messageOf(aliased)).toContain('aliases');
  });

  test('text of any size and shape ends in a clear error', () => {
    for (const text of ['', '[]', '42', 'null', '- a', `a: ${'['.repeat(2000)}`]) messageOf(text);
  });
});

describe('no profile may', () => {
  const rootCa = textOf('root-ca.yaml');
  const shortLived = textOf('short-lived.yaml');
  test.each([
    [
      'give OCSPSigning to subscribers',
      'fixed: [serverAuth]',
      'fixed: [serverAuth, OCSPSigning]',
      tlsServer,
      'RFC 6960 §4.2.2.2',
    ],
    [
      'give anyExtendedKeyUsage',
      'fixed: [serverAuth]',
      'fixed: [2.5.29.37.0]',
      tlsServer,
      'RFC 5280 §4.2.1.12',
    ],
    [
      'give OCSPSigning to a CA',
      'extendedKeyUsage: refused',
      'extendedKeyUsage: { fixed: [OCSPSigning] }',
      rootCa,
      'RFC 6960',
    ],
    [
      'let subscribers sign certificates',
      'ec: { fixed: [digitalSignature] }',
      'ec: { fixed: [keyCertSign] }',
      tlsServer,
      'RFC 5280 §4.2.1.3',
    ],
    [
      'let EC keys encipher keys',
      'ec: { fixed: [digitalSignature] }',
      'ec: { fixed: [keyEncipherment] }',
      tlsServer,
      'RFC 5480 §3',
    ],
    [
      'let Ed25519 keys agree on keys',
      'ed25519: { fixed: [digitalSignature] }',
      'ed25519: { fixed: [keyAgreement] }',
      tlsServer,
      'RFC 8410 §5',
    ],
    [
      'offer a CA at the issuance route',
      'requestable: false',
      'requestable: true',
      rootCa,
      'issuance route',
    ],
    [
      'last long without revocation information',
      'maximum: 7d',
      'maximum: 8d',
      shortLived,
      '7 days',
    ],
    [
      'name a CRL beside noRevAvail',
      'cRLDistributionPoints: refused',
      'cRLDistributionPoints: { fixed: issuer }',
      shortLived,
      'RFC 9608',
    ],
    ['name OCSP beside noRevAvail', 'fixed: [caIssuers]', 'fixed: [ocsp]', shortLived, 'RFC 9608'],
    [
      'have a default beyond its maximum',
      'default: 90d',
      'default: 999d',
      tlsServer,
      'longer than the maximum',
    ],
    [
      'take keys without saying what for',
      'ec: { fixed: [digitalSignature] }\n',
      '',
      tlsServer,
      'keyUsage.ec',
    ],
    [
      'bound the path of a subscriber',
      'type: endEntity',
      'type: endEntity\npathLength: { fixed: 0 }',
      tlsServer,
      'RFC 5280 §4.2.1.9',
    ],
    [
      'be self-signed without being a CA',
      'type: endEntity',
      'type: endEntity\nselfSigned: true',
      tlsServer,
      'type ca',
    ],
  ])('%s', (_what, from, to, text, message) => {
    expect(messageOf(changed(from, to, text))).toContain(message);
  });
});

test('a profile in plain words says of each field how it comes about', () => {
  const description = describeProfile(parseProfile(tlsServer, 'x'));
  const ruleOf = (field: string) => description.fields.find((one) => one.field === field);
  expect(ruleOf('extendedKeyUsage')).toEqual({
    field: 'extendedKeyUsage',
    rule: 'fixed',
    value: 'serverAuth',
  });
  expect(ruleOf('subject.commonName')?.value).toContain('one of the names');
  expect(ruleOf('validity')?.value).toContain('90 days by default, at most 398 days');
  expect(ruleOf('pathLenConstraint')?.rule).toBe('refused');
  expect(ruleOf('every other extension')?.rule).toBe('refused');
  expect(JSON.parse(JSON.stringify(description))).toEqual(description);
});
