/** A CA that is `openssl ca` and nothing else: index.txt, serial, crlnumber. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type Certificate, decodePem, parseCertificate } from '../../src/pkix/index.ts';

const configuration = (folder: string): string => `
[ca]
default_ca = own
[own]
dir = ${folder}
database = ${folder}/index.txt
serial = ${folder}/serial
crlnumber = ${folder}/crlnumber
new_certs_dir = ${folder}
certificate = ${folder}/ca.pem
private_key = ${folder}/ca.key
default_md = sha256
default_days = 30
policy = any
unique_subject = no
crl_extensions = crl
[any]
commonName = supplied
[leaf]
basicConstraints = CA:FALSE
subjectAltName = DNS:localhost
[ocsp]
keyUsage = critical,digitalSignature
extendedKeyUsage = OCSPSigning
noCheck = ignored
[crl]
authorityKeyIdentifier = keyid:always
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[delta]
authorityKeyIdentifier = keyid:always
2.5.29.27 = critical,DER:0201\${ENV::BASE}
[users]
authorityKeyIdentifier = keyid:always
issuingDistributionPoint = critical,@usersPoint
[usersPoint]
onlyuser = TRUE
[indirect]
issuingDistributionPoint = critical,@indirectPoint
[indirectPoint]
indirectCRL = TRUE
[req]
distinguished_name = any
`;

export class OpensslCa {
  readonly folder = mkdtempSync(join(tmpdir(), 'chancery-openssl-ca-'));

  constructor(name = 'Legacy CA') {
    afterAll(() => {
      rmSync(this.folder, { recursive: true, force: true });
    });
    this.write('openssl.cnf', configuration(this.folder));
    this.write('index.txt', '');
    this.write('serial', '1000\n');
    this.write('crlnumber', '10\n');
    this.openssl(
      ...['req', '-x509', '-config', 'openssl.cnf', '-extensions', 'root', '-subj', `/CN=${name}`],
      ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '300'],
      ...['-keyout', 'ca.key', '-out', 'ca.pem'],
    );
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, content: string | Uint8Array): string {
    writeFileSync(this.path(name), content);
    return this.path(name);
  }

  get certificate(): Certificate {
    return this.read('ca.pem');
  }

  read(name: string): Certificate {
    const text = readFileSync(this.path(name), 'utf8');
    const [block] = decodePem(text, 'CERTIFICATE', { surroundingText: true });
    if (block === undefined) throw new Error(`${name} holds no certificate`);
    return parseCertificate(block.der);
  }

  /** Issues a certificate, kept as `{name}.pem`. */
  issue(name: string): Certificate {
    this.openssl(
      ...['req', '-new', '-config', 'openssl.cnf', '-subj', `/CN=${name}`, '-newkey', 'ec'],
      ...['-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`],
      ...['-out', `${name}.csr`],
    );
    return this.sign(`${name}.csr`, `${name}.pem`, 'leaf');
  }

  /** Signs a request with the extensions of that section. */
  sign(request: string, out: string, extensions: string): Certificate {
    this.#ca('-in', request, '-out', out, '-extensions', extensions, '-notext');
    return this.read(out);
  }

  revoke(name: string, ...reason: readonly string[]): void {
    this.#ca('-revoke', `${name}.pem`, ...reason);
  }

  /** Makes index.txt forget that the certificate was revoked, as operators release a hold. */
  release(name: string): void {
    const serial = this.read(`${name}.pem`).serialNumber.toUpperCase();
    const lines = readFileSync(this.path('index.txt'), 'utf8').split('\n');
    this.write(
      'index.txt',
      lines
        .map((line) => {
          const [state, end, , ...rest] = line.split('\t');
          return state === 'R' && rest[0] === serial ? ['V', end, '', ...rest].join('\t') : line;
        })
        .join('\n'),
    );
  }

  /** Publishes a CRL as `{out}`, DER, with what is revoked now. */
  crl(out: string, ...more: readonly string[]): string {
    this.#ca('-gencrl', '-crlhours', '2', '-out', `${out}.pem`, ...more);
    this.openssl('crl', '-in', `${out}.pem`, '-outform', 'DER', '-out', `${out}.new`);
    renameSync(this.path(`${out}.new`), this.path(out));
    return this.path(out);
  }

  /** A delta CRL on that base, whose index is given: `openssl ca` makes none by itself. */
  delta(
    out: string,
    base: number,
    changes: readonly { readonly serialNumber: string; readonly reason: string }[],
  ): string {
    const kept = readFileSync(this.path('index.txt'), 'utf8');
    const at = new Date().toISOString().replace(/[-:T]/g, '').slice(2, 14);
    this.write(
      'index.txt',
      changes
        .map(
          ({ serialNumber, reason }) =>
            `R\t400101000000Z\t${at}Z,${reason}\t${serialNumber.toUpperCase()}\tunknown\t/CN=x\n`,
        )
        .join(''),
    );
    try {
      this.#environment = { BASE: base.toString(16).padStart(2, '0') };
      return this.crl(out, '-crlexts', 'delta');
    } finally {
      this.#environment = { BASE: '00' };
      this.write('index.txt', kept);
    }
  }

  #environment: Readonly<Record<string, string>> = { BASE: '00' };

  #ca(...parameters: readonly string[]): void {
    this.openssl('ca', '-config', 'openssl.cnf', '-batch', ...parameters);
  }

  openssl(...parameters: readonly string[]): void {
    execFileSync('openssl', parameters, {
      cwd: this.folder,
      env: { BASE: '00', ...process.env, ...this.#environment },
      stdio: 'pipe',
    });
  }
}
