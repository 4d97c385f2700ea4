/** Requests that no finalize may take for an order of `san` alone (RFC 8555 §7.4, I6), named by defect. */
import { generateKeyPairSync } from 'node:crypto';
import {
  csr,
  dnsName,
  emailName,
  extension,
  namesExtension,
  newKey,
  otherName,
  uriName,
} from '../support/acme-csr.ts';

export function csrDefects(san: string): Readonly<Record<string, () => Uint8Array>> {
  return {
    'a name more': () => csr([san, 'y.example.test']).der,
    'another name': () => csr(['y.example.test']).der,
    'a name more in the CN': () => csr([san], { commonNames: ['y.example.test'] }).der,
    'two CNs, one of another name': () => csr([san], { commonNames: [san, 'y.example.test'] }).der,
    'no name at all': () => csr([]).der,
    'the wildcard of the name': () => csr(['*.x.example.test']).der,
    'the wildcard beside it': () => csr([san, '*.example.test']).der,
    'a trailing dot': () => csr([`${san}.`]).der,
    'an address more': () => csr([san, '192.0.2.1']).der,
    'the address as a name': () =>
      csr([san, '192.0.2.1'].slice(0, 1), { more: [dnsName('192.0.2.1')] }).der,
    'an e-mail address': () => csr([san], { more: [emailName('x@example.test')] }).der,
    'a URI': () => csr([san], { more: [uriName('https://x.example.test')] }).der,
    'a user principal name': () =>
      csr([san], { more: [otherName('1.3.6.1.4.1.311.20.2.3', 'x@y')] }).der,
    'a second attribute with a name': () =>
      csr([san], { attributes: [[namesExtension(dnsName('y.example.test'))]] }).der,
    'a second subjectAltName in one attribute': () =>
      csr([san], { extensions: [namesExtension(dnsName('y.example.test'))] }).der,
    'a name with a NUL': () => csr([san], { more: [dnsName(`${san}\0.evil.test`)] }).der,
    'a name in Latin-1': () => csr([san], { more: [dnsName('b\xfccher.example.test')] }).der,
    'CA:TRUE': () =>
      csr([san], {
        extensions: [extension('2.5.29.19', Uint8Array.of(0x30, 0x03, 0x01, 0x01, 0xff), true)],
      }).der,
    'a signature by another key': () => csr([san], { signedBy: newKey() }).der,
    'a flipped bit': () => {
      const { der } = csr([san]);
      der[der.length - 3] = (der[der.length - 3] ?? 0) ^ 1;
      return der;
    },
    'RSA of 1024 bits': () =>
      csr([san], { privateKey: generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey })
        .der,
    'bytes after it': () => Buffer.concat([csr([san]).der, Buffer.of(0)]),
    'half of it': () => csr([san]).der.slice(0, 100),
    'no CSR': () => Buffer.from('hello'),
    nothing: () => new Uint8Array(0),
  };
}
