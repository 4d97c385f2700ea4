import { Client } from '../client.ts';
import { CommandError } from '../exit.ts';
import { createRequest, generateKeyPair } from '../key-pairs.ts';
import { printJson, requireWritableFolder, writeFileWhole } from '../output.ts';
import { ProbeCertificate, type ProbeSubject, revokeLeftOvers } from './probe-certificate.ts';
import { type ExpectedStatus, observe } from './probe-observer.ts';
import {
  type Act,
  metricsText,
  type ProbeReport,
  printReport,
  type Sample,
  summarise,
  visibleWithin,
} from './probe-report.ts';
import { parseResponderUrl, responderUrls } from './subject-certificate.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Milliseconds after which an act counts as never seen. */
const observationLimit = 15_000;

export interface ProbeRun extends ProbeSubject {
  /** Empty: the URLs in the certificate. */
  readonly responders: readonly string[];
  /** How often each act is done. */
  readonly count: number;
  readonly json: boolean;
  readonly metricsFile: string | undefined;
}

const expected: Readonly<Record<Act, ExpectedStatus>> = {
  issue: 'good',
  hold: 'revoked:certificateHold',
  release: 'good',
  revoke: 'revoked:cessationOfOperation',
};

/**
 * `chancery ocsp probe`: does each act on certificates of its own and measures when each
 * responder first says so, and goes on saying so.
 *
 * @throws CommandError exit 1 when an act was visible after more than 2 s or never, when an answer
 * did not verify, or when interrupted; its certificate is revoked in every case
 */
export async function probe(run: ProbeRun, environment: Environment): Promise<void> {
  for (const responder of run.responders) {
    parseResponderUrl(responder);
  }
  if (run.metricsFile !== undefined) {
    requireWritableFolder(run.metricsFile);
  }
  const client = new Client(environment);
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      stop.abort();
    });
  }
  const leftOversRevoked = await revokeLeftOvers(client, new Date());
  const measured = { samples: [] as Sample[], refused: [] as string[] };
  try {
    for (let round = 0; round < run.count; round += 1) {
      await probeOnce(client, run, stop.signal, measured);
    }
  } catch (error) {
    if (stop.signal.aborted) {
      throw new CommandError('interrupted; the probe certificate is revoked');
    }
    throw error;
  }
  const figures = summarise(measured.samples);
  const { refused } = measured;
  const passed = refused.length === 0 && figures.every((one) => one.withinLimit);
  const report: ProbeReport = {
    limitMilliseconds: visibleWithin,
    figures,
    refused,
    leftOversRevoked,
    passed,
  };
  if (run.metricsFile !== undefined) {
    writeFileWhole(run.metricsFile, metricsText(report, new Date()));
  }
  if (run.json) {
    printJson(report);
  } else {
    printReport(report, measured.samples);
  }
  if (!passed) {
    throw new CommandError(
      refused.length > 0
        ? `${refused.length} answers did not verify: ${refused[0] ?? ''}`
        : 'a change was not visible within 2 s everywhere; see the table',
    );
  }
}

/** One certificate from issue to revocation. */
async function probeOnce(
  client: Client,
  run: ProbeRun,
  signal: AbortSignal,
  measured: { readonly samples: Sample[]; readonly refused: string[] },
): Promise<void> {
  const pair = await generateKeyPair('p256');
  const csr = await createRequest(pair, { names: [{ type: 'dns', value: run.name }] });
  signal.throwIfAborted();
  const { probe: certificate, answeredAt } = await ProbeCertificate.issue(client, run, csr);
  try {
    const responders =
      run.responders.length > 0
        ? run.responders
        : responderUrls(certificate.observed.certificate).slice(0, 1);
    if (responders.length === 0) {
      throw new CommandError('the certificate names no OCSP responder; give one with --responder');
    }
    const watch = async (act: Act, since: number): Promise<void> => {
      const seen = await Promise.all(
        responders.map(async (responder) => {
          const both = await Promise.all(
            [false, true].map(async (nonce) =>
              observe(parseResponderUrl(responder), certificate.observed, {
                ...{ expected: expected[act], nonce, since, limit: observationLimit, signal },
              }),
            ),
          );
          measured.refused.push(...both.flatMap((one) => one.refused));
          const times = both.map(({ milliseconds }) => milliseconds);
          return {
            ...{ responder, act },
            milliseconds: times.includes(undefined) ? undefined : Math.max(...times.map(Number)),
          };
        }),
      );
      measured.samples.push(...seen);
    };
    await watch('issue', answeredAt);
    for (const act of ['hold', 'release', 'revoke'] as const) {
      signal.throwIfAborted();
      await watch(act, await certificate.act(act));
    }
  } finally {
    await certificate.dispose();
  }
}
