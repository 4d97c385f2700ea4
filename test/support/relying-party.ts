/** Relying parties that none of us wrote: openssl and GnuTLS, asked about one certificate. */
import { createHash, X509Certificate } from 'node:crypto';
import { type Installation, run } from './installation.ts';

/** A certificate on disk with its issuers, as a relying party would hold it. */
export interface Subject {
  /** File names in the installation's working folder. */
  readonly leaf: string;
  readonly issuer: string;
  /** All issuers below the root. */
  readonly intermediates: string;
  /** `issuerId`s from the leaf's issuer up to the root. */
  readonly issuerIds: readonly string[];
}

/** Splits what `chancery issue --out` wrote, and names the issuers by their key identifiers. */
export function subjectOf(installation: Installation, file: string, root: string): Subject {
  const blocks = installation.read(file).split(/(?=-----BEGIN)/);
  const [leaf = '', ...issuers] = blocks;
  const name = file.replace(/\.pem$/, '');
  installation.write(`${name}.leaf.pem`, leaf);
  installation.write(`${name}.issuer.pem`, issuers[0] ?? root);
  installation.write(`${name}.intermediates.pem`, issuers.join(''));
  return {
    leaf: `${name}.leaf.pem`,
    issuer: `${name}.issuer.pem`,
    intermediates: `${name}.intermediates.pem`,
    issuerIds: [...issuers, root].map(keyIdentifierOf),
  };
}

/** SHA-1 of the subjectPublicKey BIT STRING (RFC 5280 §4.2.1.2 (1)), worked out from node:crypto's SPKI. */
export function keyIdentifierOf(pem: string): string {
  const spki = new X509Certificate(pem).publicKey.export({ format: 'der', type: 'spki' });
  // The BIT STRING ends the SPKI: its content follows the zero octet of unused bits.
  const bits = bitStringOf(spki);
  return createHash('sha1').update(bits).digest('hex');
}

function bitStringOf(spki: Buffer): Buffer {
  const lengthAt = (offset: number): readonly [number, number] => {
    const first = spki.readUInt8(offset);
    if (first < 0x80) return [first, offset + 1];
    const octets = first & 0x7f;
    return [spki.readUIntBE(offset + 1, octets), offset + 1 + octets];
  };
  const [, outer] = lengthAt(1);
  const [algorithm, inner] = lengthAt(outer + 1);
  const [length, start] = lengthAt(inner + algorithm + 1);
  return spki.subarray(start + 1, start + length);
}

/** Fetches the CRLs of all issuers of a chain into one PEM file; @returns its name. */
export async function fetchCrls(installation: Installation, subject: Subject): Promise<string> {
  let pem = '';
  for (const issuerId of subject.issuerIds) {
    const url = `${installation.httpUrl}/crl/${issuerId}/0.crl`;
    const answer = await fetch(url);
    if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
    const der = Buffer.from(await answer.arrayBuffer());
    const body = (der.toString('base64').match(/.{1,64}/g) ?? []).join('\n');
    pem += `-----BEGIN X509 CRL-----\n${body}\n-----END X509 CRL-----\n`;
  }
  installation.write(`${subject.leaf}.crls`, pem);
  return `${subject.leaf}.crls`;
}

/** What openssl says of the whole chain with every CRL; `OK` when it is good. */
export async function opensslVerify(
  installation: Installation,
  subject: Subject,
  purpose?: string,
): Promise<string> {
  const crls = await fetchCrls(installation, subject);
  const { stdout, stderr } = await installation.openssl([
    ...['verify', '-x509_strict', '-crl_check_all', '-CAfile', installation.root],
    ...['-untrusted', subject.intermediates, '-CRLfile', crls],
    ...(purpose === undefined ? [] : ['-purpose', purpose]),
    subject.leaf,
  ]);
  return stdout + stderr;
}

/** What GnuTLS says of the same chain and CRLs. */
export async function gnutlsVerify(installation: Installation, subject: Subject): Promise<string> {
  const crls = await fetchCrls(installation, subject);
  installation.write(
    `${subject.leaf}.chain`,
    installation.read(subject.leaf) + installation.read(subject.intermediates),
  );
  const { stdout, stderr } = await run(
    'certtool',
    [
      ...['--verify', '--load-ca-certificate', installation.root, '--load-crl', crls],
      ...['--infile', `${subject.leaf}.chain`],
    ],
    { cwd: installation.work },
  );
  return stdout + stderr;
}

/** openssl's reading of the live OCSP answer. */
export async function opensslOcsp(
  installation: Installation,
  subject: Subject,
  digest: 'sha1' | 'sha256' = 'sha1',
): Promise<string> {
  const { stdout, stderr } = await installation.openssl([
    ...['ocsp', `-${digest}`, '-CAfile', installation.root, '-issuer', subject.issuer],
    ...['-cert', subject.leaf, '-url', installation.ocspUrl],
  ]);
  return stdout + stderr;
}

/** GnuTLS's reading of the live OCSP answer. */
export async function gnutlsOcsp(installation: Installation, subject: Subject): Promise<string> {
  const { stdout, stderr } = await run(
    'ocsptool',
    [
      ...[
        `--ask=${installation.ocspUrl}`,
        '--load-issuer',
        subject.issuer,
        '--load-cert',
        subject.leaf,
      ],
      ...['--load-trust', subject.issuer],
    ],
    { cwd: installation.work },
  );
  return stdout + stderr;
}
