import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { isIP } from 'node:net';
import acme from 'acme-client';
import type { TestChallengeServer } from './challenge-server.ts';
import type { Installation } from './installation.ts';
import type { TrialNetwork } from './trial-network.ts';

/** A problem document (RFC 8555 §6.7); the package's own errors carry the detail alone. */
export interface Refusal {
  readonly type: string;
  readonly detail: string;
}

// It tries five times at whatever is answered 5xx or 429: here an answer is an answer.
Object.assign(acme.axios.defaults, {
  acmeSettings: { retryMaxAttempts: 0, retryDefaultDelay: 1 },
});

let lastRefusal: Refusal | undefined;
acme.axios.interceptors.response.use((response) => {
  if (response.status >= 400) lastRefusal = response.data as Refusal;
  return response;
});

/** The problem that some work of a client was refused with. */
export async function refusalOf(work: Promise<unknown>): Promise<Refusal> {
  lastRefusal = undefined;
  const done = await work.then(
    () => true,
    () => false,
  );
  if (done || lastRefusal === undefined) throw new Error('it was not refused');
  return lastRefusal;
}

/** What an order may ask for beyond names (draft-ietf-acme-profiles, RFC 9773 §5). */
export interface OrderWishes {
  readonly profile?: string;
  readonly replaces?: string;
}

/**
 * The npm package acme-client as a program would use it, with the installation's root trusted. It
 * does not look at its own challenges first: that would ask the system's resolver.
 */
export class NpmAcmeClient {
  readonly client: acme.Client;
  readonly #network: TrialNetwork;
  readonly #server: TestChallengeServer;

  constructor(
    installation: Installation,
    directory: string,
    accountKey: Buffer,
    answering: { readonly network: TrialNetwork; readonly server: TestChallengeServer },
    externalAccountBinding?: { readonly kid: string; readonly hmacKey: string },
  ) {
    acme.axios.defaults.httpsAgent = new Agent({ ca: readFileSync(installation.root) });
    acme.axios.defaults.proxy = false;
    this.#network = answering.network;
    this.#server = answering.server;
    this.client = new acme.Client({
      directoryUrl: `${installation.httpsUrl}/acme/${directory}`,
      accountKey,
      backoffAttempts: 40,
      backoffMin: 50,
      backoffMax: 500,
      ...(externalAccountBinding === undefined ? {} : { externalAccountBinding }),
    });
  }

  /** `client.auto`, which places orders for DNS names alone. */
  async auto(csr: Buffer, type: 'http-01' | 'dns-01' | 'tls-alpn-01'): Promise<string> {
    return await this.client.auto({
      csr,
      termsOfServiceAgreed: true,
      skipChallengeVerification: true,
      challengePriority: [type],
      challengeCreateFn: async (authorization, challenge, keyAuthorization) =>
        this.#present(authorization.identifier.value, challenge, keyAuthorization),
      challengeRemoveFn: async () => {},
    });
  }

  /** Step by step, for what `auto` has no words for. */
  async obtain(
    names: readonly string[],
    csr: Buffer,
    type: 'http-01' | 'tls-alpn-01',
    wishes: OrderWishes = {},
  ): Promise<string> {
    const order = await this.client.createOrder({
      identifiers: names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
      ...wishes,
    });
    for (const authorization of await this.client.getAuthorizations(order)) {
      if (authorization.status === 'valid') continue;
      const challenge = authorization.challenges.find((offered) => offered.type === type);
      if (challenge === undefined) throw new Error(`${type} is not offered`);
      const keyAuthorization = await this.client.getChallengeKeyAuthorization(challenge);
      this.#present(authorization.identifier.value, challenge, keyAuthorization);
      await this.client.completeChallenge(challenge);
      await this.client.waitForValidStatus(challenge);
    }
    return await this.client.getCertificate(await this.client.finalizeOrder(order, csr));
  }

  #present(
    identifier: string,
    challenge: { readonly type: string; readonly token: string },
    keyAuthorization: string,
  ): void {
    if (challenge.type === 'dns-01') {
      this.#network.setText(`_acme-challenge.${identifier}`, keyAuthorization);
    } else if (challenge.type === 'http-01') {
      this.#server.answerHttp(challenge.token, keyAuthorization);
    } else {
      this.#server.answerTls(identifier, keyAuthorization);
    }
  }
}
