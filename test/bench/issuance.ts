/** Issuance through REST, durable and with SoftHSM, beside `cfssl serve` with the same CSRs. */
import { withCfssl } from './cfssl.ts';
import { type LoadResult, load, rawRequest } from './load.ts';
import { processorSeconds } from './process-statistics.ts';
import { withProduct } from './product.ts';
import { say, withProgress } from './progress.ts';
import { type Figure, median, report } from './report.ts';
import { makeCsrs } from './requests.ts';

const rounds = 3;
const aims = [
  { connections: 1, count: 600, aim: 500 },
  { connections: 16, count: 2400, aim: 1000 },
];
const warmUp = 1200;

interface Round {
  readonly connections: number;
  readonly ours: LoadResult;
  readonly peer: LoadResult;
  /** Milliseconds of processor time for one certificate, of all processes of each. */
  readonly oursProcessor: number;
  readonly peerProcessor: number;
}

/** Each CSR is used once: a second certificate for a key costs a closer look. */
export async function benchIssuance(): Promise<void> {
  const total = warmUp + rounds * aims.reduce((sum, { count }) => sum + count, 0);
  const csrs = await withProgress('CSRs', total, (progress) => makeCsrs(total, progress));
  const taken: Round[] = [];
  await withCfssl(async (cfssl) =>
    withProduct(async (product) => {
      let used = 0;
      const sideBySide = async (connections: number, count: number): Promise<Round> => {
        const some = csrs.slice(used, used + count);
        used += count;
        const how = { connections };
        const begun = [processorSeconds(product.processes()), processorSeconds(cfssl.processes())];
        const ours = await load(product.rest, some.map(toChancery), how);
        const peer = await load(cfssl.target, some.map(toCfssl), how);
        const ended = [processorSeconds(product.processes()), processorSeconds(cfssl.processes())];
        const [oursProcessor = 0, peerProcessor = 0] = ended.map(
          (seconds, at) => ((seconds - (begun[at] ?? 0)) * 1000) / count,
        );
        return { connections, ours, peer, oursProcessor, peerProcessor };
      };
      say('warming both up');
      await sideBySide(16, warmUp);
      for (let round = 1; round <= rounds; round += 1) {
        for (const { connections, count } of aims) {
          const result = await sideBySide(connections, count);
          taken.push(result);
          say(
            `round ${round}, ${connections} connections: ${Math.round(result.ours.perSecond)}/s beside ${Math.round(result.peer.perSecond)}/s`,
          );
        }
      }
    }),
  );
  const figures = aims.map(({ connections, aim }): Figure => {
    const of = taken.filter((round) => round.connections === connections);
    return {
      what: `issuance, ${connections} connection${connections === 1 ? '' : 's'}`,
      unit: '/s',
      ours: median(of.map(({ ours }) => ours.perSecond)),
      peerName: 'cfssl serve',
      peer: median(of.map(({ peer }) => peer.perSecond)),
      ratio: median(of.map(({ ours, peer }) => ours.perSecond / peer.perSecond)),
      aim: `${aim}/s`,
      p50: median(of.map(({ ours }) => ours.p50)),
      p99: median(of.map(({ ours }) => ours.p99)),
      peerP99: median(of.map(({ peer }) => peer.p99)),
    };
  });
  const manyAtOnce = taken.filter(({ connections }) => connections > 1);
  figures.push({
    what: 'processor time of an issuance',
    unit: 'ms',
    ours: median(manyAtOnce.map(({ oursProcessor }) => oursProcessor)),
    peerName: 'cfssl serve',
    peer: median(manyAtOnce.map(({ peerProcessor }) => peerProcessor)),
    ratio: median(manyAtOnce.map((round) => round.oursProcessor / round.peerProcessor)),
    aim: '',
  });
  report('issuance', figures, taken);
}

function toChancery(csr: string): Buffer {
  const body = JSON.stringify({ profile: 'tls-server', csr });
  return rawRequest('POST', '/api/v1/certificates', 'application/json', body);
}

function toCfssl(csr: string): Buffer {
  const body = JSON.stringify({ certificate_request: csr });
  return rawRequest('POST', '/api/v1/cfssl/sign', 'application/json', body);
}
