import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Installation, type Ran, run } from './installation.ts';
import type { TrialNetwork } from './trial-network.ts';

/**
 * Debian's certbot with folders of its own, so that nothing of it lands in /etc or /var. It trusts
 * the installation's root by the variable that its HTTP library reads.
 */
export class Certbot {
  readonly #installation: Installation;
  readonly #network: TrialNetwork;
  readonly #server: string;
  readonly #folder: string;

  constructor(installation: Installation, network: TrialNetwork, name: string, directory: string) {
    this.#installation = installation;
    this.#network = network;
    this.#server = `${installation.httpsUrl}/acme/${directory}`;
    this.#folder = installation.path(name);
  }

  /** A subcommand with what every one is given; never asks. */
  async run(...parameters: readonly string[]): Promise<Ran> {
    mkdirSync(this.#folder, { recursive: true });
    const configuration = join(this.#folder, 'cli.ini');
    writeFileSync(configuration, '');
    return await run(
      'certbot',
      [
        ...parameters,
        ...['--config', configuration, '--non-interactive', '--server', this.#server],
        ...['--config-dir', join(this.#folder, 'config')],
        ...['--work-dir', join(this.#folder, 'work'), '--logs-dir', join(this.#folder, 'logs')],
      ],
      {
        cwd: this.#folder,
        env: { HOME: this.#folder, REQUESTS_CA_BUNDLE: this.#installation.root },
      },
    );
  }

  /** As `run`, and fails with what it printed unless it exits 0. */
  async ok(...parameters: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...parameters);
    if (code !== 0) {
      throw new Error(`certbot ${parameters.join(' ')}: exit ${code}\n${stdout}${stderr}`);
    }
    return stdout + stderr;
  }

  /**
   * What its last run logged. A problem document shows only here: printing one, certbot 2.1 on
   * Python 3.11 ends with "AttributeError: can't set attribute".
   */
  get log(): string {
    return readFileSync(join(this.#folder, 'logs', 'letsencrypt.log'), 'utf8');
  }

  /** `certonly` with its own web server on the port of http-01. */
  get standalone(): readonly string[] {
    return [
      ...['--standalone', '--http-01-address', '127.0.0.1'],
      ...['--http-01-port', String(this.#network.http01Port)],
    ];
  }

  /** `certonly` with hooks that set the TXT record. */
  get manualDns(): readonly string[] {
    const hook = (act: string): string =>
      `${this.#network.hook} ${act} _acme-challenge.$CERTBOT_DOMAIN $CERTBOT_VALIDATION`;
    return [
      ...['--manual', '--preferred-challenges', 'dns'],
      ...['--manual-auth-hook', hook('present'), '--manual-cleanup-hook', hook('cleanup')],
    ];
  }

  /** Path of a file of a certificate: `cert`, `chain`, `fullchain`, `privkey`. */
  path(name: string, file: 'cert' | 'chain' | 'fullchain' | 'privkey'): string {
    return join(this.#folder, 'config', 'live', name, `${file}.pem`);
  }

  fullchain(name: string): string {
    return readFileSync(this.path(name, 'fullchain'), 'utf8');
  }
}
