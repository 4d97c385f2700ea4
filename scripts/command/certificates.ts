import type { X509Certificate } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import type { JsonGeneralName } from '@peculiar/x509';
import { type Command, Option } from 'commander';
import type { CertificateJson } from './certificate-text.ts';
import { Client } from './client.ts';
import { CommandError, usageError } from './exit.ts';
import { keyKinds } from './key-kinds.ts';
import { print, printJson, requireWritableFolder, writeFileWhole } from './output.ts';
import { parseDays, repeated } from './values.ts';

type Environment = Readonly<Record<string, string | undefined>>;

interface IssuedJson {
  readonly certificate: CertificateJson & { readonly chain: string };
  readonly granted: Readonly<Record<string, unknown>>;
}

interface NameOptions {
  readonly dns?: readonly string[];
  readonly ip?: readonly string[];
  readonly email?: readonly string[];
  readonly uri?: readonly string[];
}

/** issue, renew, rekey. */
export function certificateCommands(program: Command, environment: Environment): void {
  const client = (): Client => new Client(environment);

  program
    .command('issue')
    .description('issue a certificate from a CSR, or make the key here and issue from it')
    .requiredOption(
      '--profile <name>',
      'which profile; `chancery profile list` tells which one to choose',
    )
    .option('--csr <file>', 'PKCS#10 request (PEM or DER)')
    .option('--dns <name...>', 'DNS name; may be repeated', repeated)
    .option('--ip <address...>', 'IP address; may be repeated', repeated)
    .option('--email <address...>', 'mail address; may be repeated', repeated)
    .option('--uri <uri...>', 'URI; may be repeated', repeated)
    .option('--subject <dn>', 'subject in RFC 4514 form, for example "CN=Ada,O=Example"')
    .option('--days <n>', 'validity in days', parseDays)
    .option('--issuer <name>', 'which issuing CA')
    .option('--owner <name>', 'who owns the certificate')
    .option('--tag <text...>', 'tag; may be repeated', repeated)
    .addOption(
      new Option('--key <kind>', 'kind of the key made here').choices(keyKinds).default('p256'),
    )
    .option('--key-out <file>', 'where the private key made here goes (mode 0600)')
    .requiredOption('--out <file>', 'PEM: the certificate, then its issuers without the root')
    .option('--idempotency-key <text>', 'the same key and request give the same answer for 24 h')
    .option('--json', 'print the REST representation')
    .action(
      async (options: NameOptions & Record<string, string | number | boolean | undefined>) => {
        const csr = options['csr'] as string | undefined;
        const keyOut = options['keyOut'] as string | undefined;
        if ((csr === undefined) === (keyOut === undefined)) {
          throw usageError(
            'give either --csr FILE, or --key-out FILE with the names (--dns, --ip, --email, --uri, --subject)',
          );
        }
        requireWritableFolder(String(options['out']));
        const server = client();
        let pem: string;
        if (csr === undefined) {
          const { createRequest, generateKeyPair, writePrivateKey } = await import(
            './key-pairs.ts'
          );
          const pair = await generateKeyPair(String(options['key']));
          pem = await createRequest(pair, { names: generalNames(options) });
          // The key first: a certificate without its key would be lost.
          await writePrivateKey(pair, keyOut ?? '');
        } else {
          pem = requestText(csr);
        }
        const answer = await withKeyFile(keyOut, async () =>
          server.call({
            method: 'POST',
            path: '/certificates',
            headers: idempotency(options['idempotencyKey']),
            body: {
              profile: options['profile'],
              csr: pem,
              issuer: options['issuer'],
              subject: options['subject'],
              ...(csr === undefined ? {} : namesBody(options)),
              days: options['days'],
              owner: options['owner'],
              tags: options['tag'],
            },
          }),
        );
        report(answer.json() as IssuedJson, String(options['out']), options['json'] === true);
      },
    );

  for (const [name, description] of [
    ['renew', 'the same names and the same key for a new term'],
    ['rekey', 'the same names with a new key'],
  ] as const) {
    const command = program
      .command(name)
      .description(description)
      .argument('<certificate>', 'PEM file of the certificate')
      .requiredOption('--key <file>', 'its private key (PEM)')
      .requiredOption('--out <file>', 'PEM: the new certificate, then its issuers without the root')
      .option('--json', 'print the REST representation');
    if (name === 'rekey') {
      command.requiredOption('--key-out <file>', 'where the new private key goes (mode 0600)');
      command.addOption(
        new Option('--key-kind <kind>', 'kind of the new key').choices(keyKinds).default('p256'),
      );
    }
    command.action(async (file: string, options: Record<string, string | boolean | undefined>) => {
      const { X509Certificate: Reader } = await import('node:crypto');
      const { createRequest, generateKeyPair, loadKeyPair, writePrivateKey } = await import(
        './key-pairs.ts'
      );
      const certificate = readCertificate(Reader, file);
      requireWritableFolder(String(options['out']));
      const server = client();
      const old = await loadKeyPair(String(options['key']));
      const pair = name === 'rekey' ? await generateKeyPair(String(options['keyKind'])) : old;
      if (name === 'rekey') {
        await writePrivateKey(pair, String(options['keyOut']));
      }
      const answer = await withKeyFile(
        name === 'rekey' ? String(options['keyOut']) : undefined,
        async () =>
          server.call({
            method: 'POST',
            path: `/certificates/${certificate.serialNumber.toLowerCase()}/${name}`,
            body: { csr: await createRequest(pair, { names: [] }) },
          }),
      );
      report(answer.json() as IssuedJson, String(options['out']), options['json'] === true);
    });
  }
}

/** A key made for a certificate that was not had goes again, so that the same command can be repeated. */
async function withKeyFile<T>(keyFile: string | undefined, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (keyFile !== undefined) {
      rmSync(keyFile, { force: true });
    }
    throw error;
  }
}

function readCertificate(Reader: typeof X509Certificate, file: string): X509Certificate {
  const bytes = readFileSync(file);
  try {
    return new Reader(bytes);
  } catch (error) {
    throw new CommandError(
      `${file} is no certificate in PEM or DER: ${(error as Error).message}`,
      undefined,
      error,
    );
  }
}

function report(issued: IssuedJson, out: string, json: boolean): void {
  writeFileWhole(out, issued.certificate.chain);
  if (json) {
    printJson(issued);
    return;
  }
  const { certificate } = issued;
  print(
    `issued ${certificate.serialNumber} by ${certificate.issuer}, good until ${certificate.notAfter}`,
  );
  print(`written to ${out}`);
}

function generalNames({ dns, ip, email, uri }: NameOptions): JsonGeneralName[] {
  const typed = (
    type: JsonGeneralName['type'],
    values: readonly string[] | undefined,
  ): JsonGeneralName[] => (values ?? []).map((value) => ({ type, value }));
  return [...typed('dns', dns), ...typed('ip', ip), ...typed('email', email), ...typed('url', uri)];
}

function namesBody({ dns, ip, email, uri }: NameOptions): Readonly<Record<string, unknown>> {
  return { dns, ip, email, uri };
}

/** A request file, PEM or DER, as REST takes it. */
export function requestText(file: string): string {
  const bytes = readFileSync(file);
  return bytes.includes('-----BEGIN') ? bytes.toString('utf8') : bytes.toString('base64');
}

function idempotency(key: unknown): Record<string, string> {
  return typeof key === 'string' ? { 'idempotency-key': key } : {};
}
