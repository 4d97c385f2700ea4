import { type Certificate, decodePem, parseCertificate } from '../../../src/pkix/index.ts';
import type { Client } from '../client.ts';
import { CommandError } from '../exit.ts';
import type { Observed } from './probe-observer.ts';

/** What the probe's certificates are found again by. */
export const probeTag = 'ocsp-probe';

/** Age in seconds from which a certificate of a probe can't be of one that still runs. */
const leftOverAge = 600;

interface CertificateRow {
  readonly serialNumber: string;
  readonly issuer: string;
  readonly issuerId: string;
  readonly requestedAt: string;
  readonly status: string;
  readonly chain?: string;
}

export interface ProbeSubject {
  readonly profile: string;
  readonly issuer: string | undefined;
  readonly name: string;
}

/** A certificate of a probe, and the acts on it. */
export class ProbeCertificate {
  readonly serialNumber: string;
  readonly observed: Observed;
  readonly #client: Client;
  readonly #issuer: string;
  #revoked = false;

  private constructor(client: Client, row: CertificateRow, observed: Observed) {
    this.#client = client;
    this.#issuer = row.issuerId;
    this.serialNumber = row.serialNumber;
    this.observed = observed;
  }

  /**
   * Issues one for a day.
   *
   * @param csr PEM; made before, so that its key does not count as time of the act
   * @returns it, with `performance.now()` at the act's answer
   */
  static async issue(
    client: Client,
    subject: ProbeSubject,
    csr: string,
  ): Promise<{ readonly probe: ProbeCertificate; readonly answeredAt: number }> {
    const answer = await client.call({
      method: 'POST',
      path: '/certificates',
      body: {
        profile: subject.profile,
        csr,
        issuer: subject.issuer,
        dns: [subject.name],
        days: 1,
        tags: [probeTag],
      },
    });
    const answeredAt = performance.now();
    const row = (answer.json() as { readonly certificate: CertificateRow }).certificate;
    const [certificate] = certificatesOf(row.chain);
    if (certificate === undefined) {
      throw new CommandError(`the answer about ${row.serialNumber} holds no certificate`);
    }
    const issuer = await issuerChain(client, row.issuerId);
    const [own, ...above] = issuer;
    if (own === undefined) {
      throw new CommandError(`issuer ${row.issuer} shows no certificate`);
    }
    const observed = { certificate, issuer: own, trusted: above };
    return { probe: new ProbeCertificate(client, row, observed), answeredAt };
  }

  /** @returns `performance.now()` at the act's answer */
  async act(name: 'hold' | 'release' | 'revoke'): Promise<number> {
    await act(this.#client, name, this.serialNumber, this.#issuer);
    this.#revoked ||= name === 'revoke';
    return performance.now();
  }

  /** Revokes it unless that was done. */
  async dispose(): Promise<void> {
    if (!this.#revoked) {
      await this.act('revoke');
    }
  }
}

/**
 * Revokes what probes left behind that were killed: tagged, not revoked, and older than ten
 * minutes, so that a probe which runs elsewhere keeps its own.
 *
 * @returns how many
 */
export async function revokeLeftOvers(
  client: Client,
  now: Date,
  age = leftOverAge,
): Promise<number> {
  let count = 0;
  for (const status of ['good', 'onHold']) {
    const answer = await client.call({
      method: 'GET',
      path: '/certificates',
      query: { tag: probeTag, status, limit: 1000 },
    });
    const { items } = answer.json() as { readonly items: readonly CertificateRow[] };
    for (const item of items) {
      if (now.getTime() - Date.parse(item.requestedAt) >= age * 1000) {
        await act(client, 'revoke', item.serialNumber, item.issuerId);
        count += 1;
      }
    }
  }
  return count;
}

async function act(
  client: Client,
  name: 'hold' | 'release' | 'revoke',
  serialNumber: string,
  issuer: string,
): Promise<void> {
  const comment = 'chancery ocsp probe';
  await client.call({
    method: 'POST',
    path: `/certificates/${serialNumber}/${name}`,
    query: { issuer },
    body: name === 'revoke' ? { reasonCode: 'cessationOfOperation', comment } : { comment },
  });
}

const chains = new Map<string, readonly Certificate[]>();

/** The issuer's certificate and those above it, root last; asked once a run. */
async function issuerChain(client: Client, issuerId: string): Promise<readonly Certificate[]> {
  let chain = chains.get(issuerId);
  if (chain === undefined) {
    const answer = await client.call({ method: 'GET', path: `/issuers/${issuerId}` });
    chain = certificatesOf((answer.json() as { readonly chain?: string }).chain);
    chains.set(issuerId, chain);
  }
  return chain;
}

function certificatesOf(pem: string | undefined): readonly Certificate[] {
  return decodePem(pem ?? '', 'CERTIFICATE').map((block) => parseCertificate(block.der));
}
