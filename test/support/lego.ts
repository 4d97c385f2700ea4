import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Installation, type Ran, run } from './installation.ts';
import type { TrialNetwork } from './trial-network.ts';

/** How lego answers challenges. */
export type LegoChallenge = 'http-01' | 'tls-alpn-01' | 'dns-01';

/** Debian's lego with a folder and an account of its own; it trusts the installation's root by a variable. */
export class Lego {
  readonly #installation: Installation;
  readonly #network: TrialNetwork;
  readonly #server: string;
  readonly #folder: string;
  readonly #account: readonly string[];

  constructor(
    installation: Installation,
    network: TrialNetwork,
    name: string,
    directory: string,
    binding?: { readonly kid: string; readonly hmacKey: string },
  ) {
    this.#installation = installation;
    this.#network = network;
    this.#server = `${installation.httpsUrl}/acme/${directory}`;
    this.#folder = installation.path(name);
    this.#account = [
      ...['--accept-tos', '--email', `${name}@example.test`],
      ...(binding === undefined ? [] : ['--eab', '--kid', binding.kid, '--hmac', binding.hmacKey]),
    ];
  }

  /** `lego … run|renew|revoke …`; the options of the command come last. */
  async run(
    challenge: LegoChallenge,
    options: readonly string[],
    command: readonly string[],
  ): Promise<Ran> {
    mkdirSync(this.#folder, { recursive: true });
    const { http01Port, tlsAlpn01Port, dns, hook } = this.#network;
    const how = {
      'http-01': ['--http', '--http.port', `127.0.0.1:${http01Port}`],
      'tls-alpn-01': ['--tls', '--tls.port', `127.0.0.1:${tlsAlpn01Port}`],
      // Without --dns.disable-cp it would look for the zone's authoritative servers.
      'dns-01': ['--dns', 'exec', '--dns.disable-cp', '--dns.resolvers', `127.0.0.1:${dns.port}`],
    }[challenge];
    return await run(
      'lego',
      [
        ...['--server', this.#server, '--path', this.#folder, ...this.#account],
        ...how,
        ...options,
        ...command,
      ],
      {
        cwd: this.#folder,
        env: {
          HOME: this.#folder,
          LEGO_CA_CERTIFICATES: this.#installation.root,
          EXEC_PATH: hook,
          EXEC_POLLING_INTERVAL: '1',
          EXEC_SEQUENCE_INTERVAL: '1',
        },
      },
    );
  }

  /** As `run`, and fails with what it printed unless it exits 0. */
  async ok(
    challenge: LegoChallenge,
    options: readonly string[],
    command: readonly string[],
  ): Promise<string> {
    const { code, stdout, stderr } = await this.run(challenge, options, command);
    if (code !== 0) {
      const words = [...options, ...command].join(' ');
      throw new Error(`lego ${words}: exit ${code}\n${stdout}${stderr}`);
    }
    return stdout + stderr;
  }

  /** Path of a file of a certificate; a wildcard's begins with an underscore. */
  path(name: string, extension: 'crt' | 'key'): string {
    const file = `${name.replace('*', '_')}.${extension}`;
    return join(this.#folder, 'certificates', file);
  }

  chain(name: string): string {
    return readFileSync(this.path(name, 'crt'), 'utf8');
  }
}
