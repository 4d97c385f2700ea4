import { readFileSync } from 'node:fs';
import type { JsonGeneralName } from '@peculiar/x509';
import { type Command, Option } from 'commander';
import { Client } from './client.ts';
import { usageError } from './exit.ts';
import { keyKinds } from './key-kinds.ts';
import { print, printFields, printJson, printTable, writeFileWhole } from './output.ts';
import { parseDays, parseDuration, parseTime, repeated } from './values.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A certificate as REST shows it. */
interface CertificateJson {
  readonly serialNumber: string;
  readonly issuer: string;
  readonly issuerId: string;
  readonly subject: string;
  readonly names: readonly string[];
  readonly profile: string;
  readonly status: string;
  readonly reasonCode?: string;
  readonly revocationTime?: string;
  readonly invalidityDate?: string;
  readonly holdCause?: string;
  readonly holdUntil?: string;
  readonly holdThen?: string;
  readonly issuanceState: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly owner: string;
  readonly tags: readonly string[];
  readonly requestedBy: string;
  readonly requestedAt: string;
  readonly sha256?: string;
  readonly replaces?: string;
}

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

/** issue, renew, rekey, revoke, hold, release, list, show, history. */
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
        const answer = await client().call({
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
        });
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
      const { X509Certificate } = await import('node:crypto');
      const { createRequest, generateKeyPair, loadKeyPair, writePrivateKey } = await import(
        './key-pairs.ts'
      );
      const certificate = new X509Certificate(readFileSync(file));
      const old = await loadKeyPair(String(options['key']));
      const pair = name === 'rekey' ? await generateKeyPair(String(options['keyKind'])) : old;
      if (name === 'rekey') {
        await writePrivateKey(pair, String(options['keyOut']));
      }
      const answer = await client().call({
        method: 'POST',
        path: `/certificates/${certificate.serialNumber.toLowerCase()}/${name}`,
        body: { csr: await createRequest(pair, { names: [] }) },
      });
      report(answer.json() as IssuedJson, String(options['out']), options['json'] === true);
    });
  }

  const act = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .argument('<serial>', 'serial number in hex; case, colons and leading zeros don’t matter')
      .option('--issuer <name>', 'needed when two issuers share the serial number')
      .option('--comment <text>', 'kept in the history')
      .option('--json', 'print the REST representation');

  act('revoke', 'revoke a certificate for good')
    .requiredOption(
      '--reason <code>',
      'keyCompromise, superseded, cessationOfOperation, affiliationChanged, privilegeWithdrawn, cACompromise, aACompromise or unspecified',
    )
    .option(
      '--invalidity-date <t>',
      'since when the key is believed compromised (RFC 3339 with Z)',
      parseTime,
    )
    .action(async (serial: string, options: Record<string, string | boolean | undefined>) => {
      const answer = await client().call({
        method: 'POST',
        path: `/certificates/${encodeURIComponent(serial)}/revoke`,
        query: { issuer: text(options['issuer']) },
        body: {
          reasonCode: options['reason'],
          invalidityDate: options['invalidityDate'],
          comment: options['comment'],
        },
      });
      const result = answer.json() as {
        readonly certificate: CertificateJson;
        readonly alsoRevoked: readonly CertificateJson[];
      };
      if (options['json'] === true) {
        printJson(result);
        return;
      }
      print(statusLine(result.certificate));
      for (const other of result.alsoRevoked) {
        print(`same key: ${statusLine(other)}`);
      }
    });

  act('hold', 'suspend a certificate; it can be released again')
    .addOption(
      new Option('--cause <cause>', 'why').choices([
        'keyStatusUnknown',
        'ownerUnavailable',
        'investigation',
        'other',
      ]),
    )
    .option(
      '--until <t>',
      'when the hold ends by itself (RFC 3339 with Z); needs --then',
      parseTime,
    )
    .addOption(
      new Option('--then <end>', 'what happens at --until').choices(['release', 'revoke', 'alarm']),
    )
    .action(async (serial: string, options: Record<string, string | boolean | undefined>) => {
      if ((options['until'] === undefined) !== (options['then'] === undefined)) {
        throw usageError(
          '--until and --then belong together: say when the hold ends and what happens then',
        );
      }
      await statusAct('hold', serial, options, {
        cause: options['cause'],
        until: options['until'],
        then: options['then'],
      });
    });

  act('release', 'end a hold: the certificate is good again').action(
    async (serial: string, options: Record<string, string | boolean | undefined>) => {
      await statusAct('release', serial, options, {});
    },
  );

  async function statusAct(
    name: string,
    serial: string,
    options: Record<string, string | boolean | undefined>,
    body: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    const answer = await client().call({
      method: 'POST',
      path: `/certificates/${encodeURIComponent(serial)}/${name}`,
      query: { issuer: text(options['issuer']) },
      body: { ...body, comment: options['comment'] },
    });
    const result = answer.json();
    if (options['json'] === true) {
      printJson(result);
    } else {
      print(statusLine(certificateOf(result)));
    }
  }

  program
    .command('list')
    .description('search the inventory')
    .addOption(
      new Option('--status <status>', 'only these').choices([
        'good',
        'onHold',
        'revoked',
        'expired',
      ]),
    )
    .option('--subject <text>', 'part of the subject or of any name')
    .option('--name <name>', 'exactly this name')
    .option('--profile <p>', 'only this profile')
    .option('--owner <o>', 'only this owner')
    .option('--tag <t>', 'only with this tag')
    .option('--issuer <name>', 'only of this issuer')
    .option('--expiring-within <duration>', 'for example 30d or 12h', parseDuration)
    .option('--limit <n>', 'rows a page', '100')
    .option('--cursor <c>', 'the page after; printed at the end of a page')
    .option('--json', 'print the REST representation')
    .action(async (options: Record<string, string | boolean | undefined>) => {
      const { json, ...filters } = options;
      const answer = await client().call({
        method: 'GET',
        path: '/certificates',
        query: filters as Record<string, string>,
      });
      const page = answer.json() as {
        readonly items: readonly CertificateJson[];
        readonly next: string | null;
      };
      if (json === true) {
        printJson(page);
        return;
      }
      printTable(
        ['serialNumber', 'status', 'notAfter', 'profile', 'owner', 'subject and names'],
        page.items.map((item) => [
          item.serialNumber,
          shownStatus(item),
          item.notAfter,
          item.profile,
          item.owner,
          [item.subject, ...item.names].filter((part) => part !== '').join(' '),
        ]),
      );
      if (page.next !== null) {
        print(`more: --cursor ${page.next}`);
      }
    });

  const one = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .argument('<serial>', 'serial number in hex')
      .option('--issuer <name>', 'needed when two issuers share the serial number')
      .option('--json', 'print the REST representation');

  one('show', 'one certificate in full').action(
    async (serial: string, options: Record<string, string | boolean | undefined>) => {
      const answer = await client().call({
        method: 'GET',
        path: `/certificates/${encodeURIComponent(serial)}`,
        query: { issuer: text(options['issuer']) },
      });
      const value = answer.json();
      if (options['json'] === true) {
        printJson(value);
        return;
      }
      printCertificate(certificateOf(value));
    },
  );

  one('history', 'every change of a certificate’s status').action(
    async (serial: string, options: Record<string, string | boolean | undefined>) => {
      const answer = await client().call({
        method: 'GET',
        path: `/certificates/${encodeURIComponent(serial)}/history`,
        query: { issuer: text(options['issuer']) },
      });
      const page = answer.json() as {
        readonly items: readonly Record<string, string | undefined>[];
      };
      if (options['json'] === true) {
        printJson(page);
        return;
      }
      printTable(
        ['effectiveAt', 'act', 'reason or cause', 'by', 'until', 'comment'],
        page.items.map((item) => [
          item['effectiveAt'] ?? '',
          item['act'] ?? '',
          [item['reasonCode'], item['cause']].filter((part) => part !== undefined).join(' '),
          item['requestedBy'] ?? '',
          item['until'] === undefined ? '' : `${item['until']} then ${item['then'] ?? ''}`,
          item['comment'] ?? '',
        ]),
      );
    },
  );
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

function certificateOf(value: unknown): CertificateJson {
  const holder = value as { readonly certificate?: CertificateJson };
  return holder.certificate ?? (value as CertificateJson);
}

function shownStatus({ status, reasonCode }: CertificateJson): string {
  return status === 'revoked' ? `revoked (${reasonCode ?? 'unspecified'})` : status;
}

function statusLine(certificate: CertificateJson): string {
  const since =
    certificate.revocationTime === undefined ? '' : ` since ${certificate.revocationTime}`;
  const end =
    certificate.holdUntil === undefined
      ? ''
      : `, until ${certificate.holdUntil} then ${certificate.holdThen ?? ''}`;
  return `${certificate.serialNumber} is ${shownStatus(certificate)}${since}${end}`;
}

function printCertificate(certificate: CertificateJson): void {
  printFields([
    ['serialNumber', certificate.serialNumber],
    ['subject', certificate.subject],
    ['names', certificate.names],
    ['issuer', `${certificate.issuer} (${certificate.issuerId})`],
    ['profile', certificate.profile],
    ['status', shownStatus(certificate)],
    ['since', certificate.revocationTime],
    ['invalidityDate', certificate.invalidityDate],
    ['holdCause', certificate.holdCause],
    ['holdUntil', certificate.holdUntil],
    ['holdThen', certificate.holdThen],
    ['issuanceState', certificate.issuanceState],
    ['notBefore', certificate.notBefore],
    ['notAfter', certificate.notAfter],
    ['owner', certificate.owner],
    ['tags', certificate.tags],
    ['requestedBy', certificate.requestedBy],
    ['requestedAt', certificate.requestedAt],
    ['replaces', certificate.replaces],
    ['sha256', certificate.sha256],
  ]);
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

function requestText(file: string): string {
  const bytes = readFileSync(file);
  return bytes.includes('-----BEGIN') ? bytes.toString('utf8') : bytes.toString('base64');
}

function idempotency(key: unknown): Record<string, string> {
  return typeof key === 'string' ? { 'idempotency-key': key } : {};
}

function text(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
