/**
 * The sequence of quickstart: claim the data folder, stop what an earlier run left, check the ports,
 * database, init, CA, responder, ready. Then watch until asked to stop, and stop in the other order.
 */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { QuickstartConfiguration } from '../../src/config/index.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.ts';
import { requireFreePorts } from './free-ports.ts';
import { nextSteps } from './next-steps.ts';
import { startNodeProcess, stopWithin } from './node-process.ts';
import { endProcess, isRunning, RunFolder } from './process-record.ts';
import { Supervised, type SupervisedOptions } from './supervised.ts';

/** What quickstart starts. The product has one value of this; tests put stand-ins in. */
export interface QuickstartPrograms {
  /** A command line, run to its end before the processes start. */
  readonly init: readonly [string, ...string[]];
  /** Parameters of Node: the CA's script. */
  readonly ca: readonly string[];
  /** Parameters of Node: the responder's script. */
  readonly responder: readonly string[];
}

export interface QuickstartOptions {
  readonly configuration: QuickstartConfiguration;
  readonly programs: QuickstartPrograms;
  /** The clone: working directory of the processes. */
  readonly clone: string;
  /** Passed on to the processes. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted by SIGINT or SIGTERM. */
  readonly stopRequest: AbortSignal;
  readonly say: (line: string) => void;
  readonly complain: (line: string) => void;
}

/** The child has said on standard error why; another line would only bury it. */
class AlreadyExplained extends Error {}

const readyWithin = 90_000;
/** A start usually passes through this; what takes longer deserves a word. */
const sayWhyAfter = 5_000;

/**
 * Runs until it is stopped or cannot go on.
 *
 * @returns the exit code: 0 after a requested stop, 1 otherwise, the reason on `complain`
 */
export async function runQuickstart(options: QuickstartOptions): Promise<number> {
  const { configuration, complain } = options;
  let runFolder: RunFolder;
  try {
    mkdirSync(configuration.dataFolder, { recursive: true, mode: 0o700 });
    mkdirSync(join(configuration.dataFolder, 'log'), { recursive: true, mode: 0o700 });
    runFolder = new RunFolder(configuration.dataFolder);
    const holder = runFolder.claim('quickstart');
    if (holder !== undefined) {
      complain(
        `quickstart already runs on ${configuration.dataFolder}: process ${holder.pid}. Stop it first, or set CHANCERY_DATA to another folder.`,
      );
      return 1;
    }
  } catch (error) {
    complain(`The data folder ${configuration.dataFolder} cannot be used: ${messageOf(error)}`);
    return 1;
  }
  try {
    return await new Quickstart(options, runFolder).run();
  } finally {
    runFolder.remove('quickstart');
  }
}

class Quickstart {
  readonly #options: QuickstartOptions;
  readonly #runFolder: RunFolder;
  /** In the order in which they were started. */
  readonly #started: Supervised[] = [];
  /** Aborted when a process cannot be kept running; the reason is the line to print. */
  readonly #givenUp = new AbortController();
  readonly #stop: AbortSignal;

  constructor(options: QuickstartOptions, runFolder: RunFolder) {
    this.#options = options;
    this.#runFolder = runFolder;
    this.#stop = AbortSignal.any([options.stopRequest, this.#givenUp.signal]);
  }

  async run(): Promise<number> {
    const { complain, say, stopRequest } = this.#options;
    let failure: unknown;
    try {
      await this.#start();
      await untilAborted(this.#stop);
    } catch (error) {
      failure = error;
    }
    if (stopRequest.aborted) {
      say('Stopping');
      failure = undefined;
    } else {
      failure = this.#givenUp.signal.aborted ? this.#givenUp.signal.reason : failure;
    }
    for (const process of this.#started.toReversed()) await process.stop();
    if (failure === undefined) return 0;
    if (!(failure instanceof AlreadyExplained)) complain(messageOf(failure));
    return 1;
  }

  async #start(): Promise<void> {
    const { configuration, say, environment, programs } = this.#options;
    const startedAt = performance.now();
    say(`Data folder: ${configuration.dataFolder}`);
    await this.#stopLeftovers();
    await requireFreePorts(
      [
        { variable: 'CHANCERY_HTTPS_PORT', port: configuration.httpsPort },
        { variable: 'CHANCERY_HTTP_PORT', port: configuration.httpPort },
        { variable: 'CHANCERY_OCSP_PORT', port: configuration.ocspPort },
      ],
      configuration.listen,
    );
    const urls = configuration.hasExternalDatabase ? {} : await this.#startDatabase();
    this.#stop.throwIfAborted();

    const base = {
      ...environment,
      CHANCERY_DATA: configuration.dataFolder,
      // Node keeps what it made of our TypeScript; loading it is most of a start.
      NODE_COMPILE_CACHE: join(configuration.dataFolder, 'cache'),
      ...urls,
    };
    say('Initialising');
    await this.#init(base);
    // Each process gets the one role that it works with.
    const withoutOwner = { ...base, CHANCERY_DATABASE_OWNER_URL: undefined };
    const forTrials = configuration.acmeAllowLoopback === undefined;
    if (forTrials) say('ACME validation may connect to this machine itself (loopback): for trials');
    await this.#startNode(
      'ca',
      'the CA service',
      programs.ca,
      {
        ...withoutOwner,
        CHANCERY_OCSP_DATABASE_URL: undefined,
        ...(forTrials ? { CHANCERY_ACME_ALLOW_LOOPBACK: 'true' } : {}),
      },
      configuration.httpPort,
    );
    await this.#startNode(
      'ocsp',
      'the OCSP responder',
      programs.responder,
      {
        ...withoutOwner,
        CHANCERY_DATABASE_URL: undefined,
        ...(configuration.authorityUrl === undefined
          ? {}
          : { CHANCERY_OCSP_AUTHORITY_URL: configuration.authorityUrl }),
      },
      configuration.ocspPort,
    );
    say('Waiting until both are ready');
    await this.#untilReady('the CA service', configuration.httpPort);
    await this.#untilReady('the OCSP responder', configuration.ocspPort);
    for (const process of this.#started) process.markReady();
    for (const line of nextSteps(configuration, this.#options.clone)) say(line);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    const { host, httpsPort, httpPort, ocspPort } = configuration;
    say(
      `ready after ${seconds} s: https://${host}:${httpsPort} http://${host}:${httpPort} OCSP http://${host}:${ocspPort}/ (stop with Ctrl-C)`,
    );
  }

  /** After SIGKILL of an earlier quickstart its processes went on; this run has its own. */
  async #stopLeftovers(): Promise<void> {
    for (const name of ['ocsp', 'ca']) {
      const record = this.#runFolder.read(name);
      if (record !== undefined && isRunning(record)) {
        this.#options.say(`Stopping what an earlier run left: ${name}, process ${record.pid}`);
        await endProcess(record, 'SIGTERM', stopWithin);
      }
      this.#runFolder.remove(name);
    }
  }

  async #startDatabase(): Promise<Record<string, string>> {
    const { configuration, say } = this.#options;
    const logFile = this.#logFile('postgres');
    say(`Starting the embedded PostgreSQL (log: ${logFile})`);
    let server: EmbeddedPostgres | undefined;
    await this.#supervise(
      'postgres',
      'PostgreSQL',
      async () => {
        server = await startEmbeddedPostgres({
          dataFolder: join(configuration.dataFolder, 'postgres'),
          logFile,
        });
        return { ...server, lastWords: () => `see ${logFile}` };
      },
      // Its start ends when it takes connections.
      async () => true,
    );
    if (server === undefined) throw new Error('PostgreSQL did not start');
    return {
      CHANCERY_DATABASE_OWNER_URL: server.url('owner'),
      CHANCERY_DATABASE_URL: server.url('application'),
      CHANCERY_OCSP_DATABASE_URL: server.url('responder'),
    };
  }

  async #startNode(
    name: string,
    title: string,
    parameters: readonly string[],
    environment: Readonly<Record<string, string | undefined>>,
    port: number,
  ): Promise<void> {
    this.#stop.throwIfAborted();
    const logFile = this.#logFile(name);
    this.#options.say(`Starting ${title} (log: ${logFile})`);
    const { clone } = this.#options;
    await this.#supervise(
      name,
      title,
      async () => await startNodeProcess({ parameters, folder: clone, environment, logFile }),
      async () => (await this.#readiness(port)).ready,
    );
  }

  async #supervise(
    name: string,
    title: string,
    start: SupervisedOptions['start'],
    isWell: SupervisedOptions['isWell'],
  ): Promise<void> {
    const process = new Supervised({
      name: title,
      start,
      isWell,
      say: this.#options.say,
      onPid: (pid) => {
        if (pid === undefined) this.#runFolder.remove(name);
        else this.#runFolder.write(name, pid);
      },
      onGivenUp: (why) => this.#givenUp.abort(new Error(why)),
    });
    this.#started.push(process);
    await process.start();
  }

  async #init(environment: Readonly<Record<string, string | undefined>>): Promise<void> {
    const [program, ...parameters] = this.#options.programs.init;
    const { clone } = this.#options;
    const child = spawn(program, parameters, {
      cwd: clone,
      env: environment,
      stdio: ['ignore', 'inherit', 'inherit'],
      // Ctrl-C reaches us alone; init is idempotent, and we end it ourselves.
      detached: true,
    });
    const end = (): void => {
      child.kill('SIGTERM');
    };
    this.#stop.addEventListener('abort', end);
    try {
      const code = await new Promise<number | null>((done, refuse) => {
        child.once('error', refuse);
        child.once('exit', done);
      });
      this.#stop.throwIfAborted();
      if (code !== 0) throw new AlreadyExplained();
    } finally {
      this.#stop.removeEventListener('abort', end);
    }
  }

  /**
   * Asks /readyz until it answers 200. A process that answers 503 serves what is signed and published
   * already, so it is waited for without end, and why it is not ready is said (a database that was
   * restored, a token that is away). One that does not answer at all is given up.
   */
  async #untilReady(title: string, port: number): Promise<void> {
    const deadline = performance.now() + readyWithin;
    const sayFrom = performance.now() + sayWhyAfter;
    let said = '';
    while (true) {
      this.#stop.throwIfAborted();
      const { ready, answer } = await this.#readiness(port);
      if (ready) return;
      if (answer === undefined && performance.now() > deadline) break;
      if (answer !== undefined && answer !== said && performance.now() > sayFrom) {
        said = answer;
        this.#options.say(`${title} runs and is not ready: ${answer}`);
      }
      await delay(50, undefined, { signal: this.#stop }).catch(() => undefined);
    }
    throw new Error(
      `${title} did not answer for ${readyWithin / 1000} s: ${this.#readyUrl(port)} (log: ${this.#options.configuration.dataFolder}/log)`,
    );
  }

  /** What /readyz says; no answer while nothing listens. */
  async #readiness(
    port: number,
  ): Promise<{ readonly ready: boolean; readonly answer?: string | undefined }> {
    try {
      const response = await fetch(this.#readyUrl(port), { signal: AbortSignal.timeout(2_000) });
      const answer = (await response.text()).trim();
      return { ready: response.status === 200, answer };
    } catch {
      return { ready: false };
    }
  }

  #readyUrl(port: number): string {
    const address = loopbackOf(this.#options.configuration.listen[0] ?? '127.0.0.1');
    return `http://${address}:${port}/readyz`;
  }

  #logFile(name: string): string {
    return join(this.#options.configuration.dataFolder, 'log', `${name}.log`);
  }
}

function loopbackOf(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  if (address === '::') return '[::1]';
  return address.includes(':') ? `[${address}]` : address;
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown error';
}
