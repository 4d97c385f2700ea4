/** What must hold after any crash, asked of a running installation from outside. */
import { createHash, X509Certificate } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { parseCertificateList } from '../../src/pkix/index.ts';
import type { Installation } from './installation.ts';
import type { Received, Shown } from './load-client.ts';

/** Every CRL that relying parties could see, by number: a number has one content, and numbers only grow. */
export class CrlWitness {
  readonly problems: string[] = [];
  readonly #installation: Installation;
  readonly #seen = new Map<string, Map<bigint, string>>();
  readonly #latest = new Map<string, { readonly crlNumber: bigint; readonly thisUpdate: Date }>();
  #stopped = false;

  constructor(installation: Installation) {
    this.#installation = installation;
  }

  get numbers(): number {
    return [...this.#seen.values()].reduce((sum, numbers) => sum + numbers.size, 0);
  }

  /** Looks at the CRLs of these issuers until `stop`. */
  async watch(issuerIds: () => readonly string[]): Promise<void> {
    while (!this.#stopped) {
      for (const issuerId of issuerIds()) await this.#look(issuerId);
      await delay(100);
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  async #look(issuerId: string): Promise<void> {
    const der = await fetchCrl(this.#installation, issuerId).catch(() => undefined);
    if (der === undefined) return;
    // What is served is whole: a half-written CRL would not parse.
    const list = parseCertificateList(der);
    const { crlNumber = 0n, thisUpdate } = list;
    const content = createHash('sha256').update(der).digest('hex');
    const numbers = this.#seen.get(issuerId) ?? new Map<bigint, string>();
    this.#seen.set(issuerId, numbers);
    if ((numbers.get(crlNumber) ?? content) !== content) {
      this.problems.push(`crlNumber ${crlNumber} of ${issuerId} had two contents`);
    }
    numbers.set(crlNumber, content);
    const last = this.#latest.get(issuerId);
    if (last !== undefined && (crlNumber < last.crlNumber || thisUpdate < last.thisUpdate)) {
      this.problems.push(`the CRL of ${issuerId} went back from ${last.crlNumber} to ${crlNumber}`);
    }
    this.#latest.set(issuerId, { crlNumber, thisUpdate });
  }
}

/** DER of the CRL that is served; throws when none is. */
export async function fetchCrl(installation: Installation, issuerId: string): Promise<Uint8Array> {
  const answer = await fetch(`${installation.httpUrl}/crl/${issuerId}/0.crl`, {
    signal: AbortSignal.timeout(5000),
  });
  if (answer.status !== 200) throw new Error(`CRL of ${issuerId}: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** Serial numbers on the CRL that is served. */
export async function onCrl(
  installation: Installation,
  issuerId: string,
): Promise<ReadonlySet<string>> {
  const list = parseCertificateList(await fetchCrl(installation, issuerId));
  return new Set([...list.entries()].map(({ serialNumber }) => serialNumber));
}

/** What OCSP says of many serial numbers of one issuer: `good`, `revoked`, `unknown`; asked by openssl. */
export async function ocspStatuses(
  installation: Pick<Installation, 'root' | 'ocspUrl' | 'openssl'>,
  issuerFile: string,
  serialNumbers: readonly string[],
  url = installation.ocspUrl,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const size = 20;
  for (let start = 0; start < serialNumbers.length; start += size) {
    const some = serialNumbers.slice(start, start + size);
    let said = '';
    // A responder that was cut off a moment ago says so (tryLater): the client tries later.
    for (let attempt = 0; attempt < 20 && !said.includes('Response verify OK'); attempt += 1) {
      if (attempt > 0) await delay(500);
      const ran = await installation.openssl([
        ...['ocsp', '-CAfile', installation.root, '-issuer', issuerFile],
        ...['-url', url],
        ...some.flatMap((serialNumber) => ['-serial', `0x${serialNumber}`]),
      ]);
      said = ran.stderr + ran.stdout;
      if (!/Response verify OK|trylater/.test(said)) throw new Error(`openssl ocsp: ${said}`);
    }
    for (const [, serialNumber = '', status = ''] of said.matchAll(/^0x([0-9a-f]+): (\w+)/gim)) {
      found.set(serialNumber.toLowerCase(), status);
    }
  }
  return found;
}

/** The whole inventory, page by page. */
export async function inventory(installation: Installation): Promise<readonly Shown[]> {
  const all: Shown[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const answer = await installation.rest('GET', `/api/v1/certificates?limit=1000${query}`);
    if (answer.status !== 200) throw new Error(`list: ${answer.status} ${answer.text}`);
    const page = answer.json() as { items: Shown[]; next: string | null };
    all.push(...page.items);
    cursor = page.next;
  }
  return all;
}

/** Objects of the audit records of one act. */
export async function audited(
  installation: Installation,
  act: string,
): Promise<ReadonlyMap<string, number>> {
  const objects = new Map<string, number>();
  let cursor: string | null = '';
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const answer = await installation.rest('GET', `/api/v1/audit?act=${act}&limit=1000${query}`);
    if (answer.status !== 200) throw new Error(`audit: ${answer.status} ${answer.text}`);
    const page = answer.json() as {
      items: { object: string; outcome: string }[];
      next: string | null;
    };
    for (const { object } of page.items.filter(({ outcome }) => outcome === 'done')) {
      objects.set(object, (objects.get(object) ?? 0) + 1);
    }
    cursor = page.items.length === 0 ? null : page.next;
  }
  return objects;
}

/** Everything that is wrong with what clients hold, against inventory, OCSP, CRL and audit; empty when all agrees. */
export async function disagreements(
  installation: Installation,
  issuerFile: string,
  received: readonly Received[],
): Promise<readonly string[]> {
  const problems: string[] = [];
  const rows = await inventory(installation);
  const bySerial = new Map(rows.map((row) => [`${row.issuerId}/${row.serialNumber}`, row]));
  if (bySerial.size !== rows.length) problems.push('a serial number stands twice in the inventory');
  const byName = new Map<string, Shown[]>();
  for (const row of rows) {
    for (const name of row.names) byName.set(name, [...(byName.get(name) ?? []), row]);
  }
  const issued = await audited(installation, 'certificate.issue');
  const held = new Set<string>();
  for (const item of received) {
    const reference = `${item.issuerId}/${item.serialNumber}`;
    if (held.has(reference)) problems.push(`${reference} was handed out twice`);
    held.add(reference);
    const row = bySerial.get(reference);
    if (row === undefined) problems.push(`${reference} was received and is not in the inventory`);
    else if (row.issuanceState !== 'issued' || row.status !== item.status) {
      problems.push(
        `${reference} is ${row.issuanceState} ${row.status}, its client was told ${item.status}`,
      );
    }
    if (issued.get(reference) !== 1) {
      problems.push(`${reference} has ${issued.get(reference) ?? 0} audit records of its issuance`);
    }
    const same = byName.get(`DNS:${item.name}`) ?? [];
    const valid = same.filter(({ issuanceState }) => issuanceState === 'issued');
    if (valid.length !== 1) {
      problems.push(`${item.idempotencyKey} led to ${valid.length} certificates`);
    }
    const serial = new X509Certificate(item.pem).serialNumber.toLowerCase().replace(/^0+/, '');
    if (serial !== item.serialNumber) problems.push(`${reference}: its PEM has ${serial}`);
  }
  for (const row of rows) {
    if (row.issuanceState === 'prepared') problems.push(`${row.serialNumber} is still prepared`);
    if (row.issuanceState === 'abandoned' && row.status !== 'revoked') {
      problems.push(`${row.serialNumber} is abandoned and ${row.status}`);
    }
  }
  const issuerId = received[0]?.issuerId ?? '';
  const own = rows.filter((row) => row.issuerId === issuerId);
  const listed = await onCrl(installation, issuerId);
  const ocsp = await ocspStatuses(
    installation,
    issuerFile,
    own.map(({ serialNumber }) => serialNumber),
  );
  for (const { serialNumber, status } of own) {
    if (listed.has(serialNumber) !== (status !== 'good')) {
      problems.push(`${serialNumber} is ${status}; on the CRL: ${listed.has(serialNumber)}`);
    }
    const wanted = status === 'good' ? 'good' : 'revoked';
    if (ocsp.get(serialNumber) !== wanted) {
      problems.push(`${serialNumber} is ${status}; OCSP says ${ocsp.get(serialNumber)}`);
    }
  }
  return problems;
}
