/** OCSP answers as `openssl ocsp` makes them, right and wrong ones, without a network. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { privateKeyPem, type TestCertificate, type TestIssuer } from './test-hierarchy.ts';
import { issuerPem } from './test-responder.ts';

export interface OpensslAnswerOptions {
  readonly issuer: TestIssuer;
  /** DER of the request. */
  readonly request: Uint8Array;
  readonly signer: { readonly pem: string; readonly privateKey: TestCertificate['privateKey'] };
  /** What the index says of each serial number; one that is missing is unknown. */
  readonly index: readonly { readonly serialNumber: string; readonly revoked?: string }[];
  /** Options of `openssl ocsp`; nextUpdate in 60 minutes unless they say otherwise. */
  readonly more?: readonly string[];
  /** What `faketime` is told, for an answer of the past or the future. */
  readonly at?: string;
}

/** DER of the OCSPResponse. */
export function opensslAnswer(folder: string, options: OpensslAnswerOptions): Buffer {
  const file = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const lines = options.index.map(
    ({ serialNumber, revoked }) =>
      `${revoked === undefined ? 'V' : 'R'}\t400101000000Z\t${revoked ?? ''}\t${serialNumber.toUpperCase()}\tunknown\t/CN=x\n`,
  );
  const parameters = [
    ...['ocsp', '-index', file('index.txt', lines.join(''))],
    ...['-CA', file('ca.pem', issuerPem(options.issuer))],
    ...['-rsigner', file('signer.pem', options.signer.pem)],
    ...['-rkey', file('signer.key', privateKeyPem(options.signer.privateKey))],
    ...['-reqin', file('request.der', options.request), '-respout', join(folder, 'answer.der')],
    ...(options.more ?? ['-nmin', '60']),
  ];
  const program: readonly string[] =
    options.at === undefined ? ['openssl'] : ['faketime', '-f', options.at, 'openssl'];
  const [first = 'openssl', ...rest] = [...program, ...parameters];
  execFileSync(first, rest, { stdio: 'pipe' });
  return readFileSync(join(folder, 'answer.der'));
}
