/** Issuance through REST, durable and with SoftHSM, beside `cfssl serve` with the same CSRs. */
import { withCfssl } from './cfssl.ts';
import { type LoadResult, load, rawRequest } from './load.ts';
import { withProduct } from './product.ts';
import { say, withProgress } from './progress.ts';
import { type Figure, median, report } from './report.ts';
import { makeCsrs } from './requests.ts';

const rounds = 3;
const aims = [
  { connections: 1, count: 1500, aim: 500 },
  { connections: 16, count: 4000, aim: 1000 },
];
const warmUp = 1500;

interface Round {
  readonly connections: number;
  readonly ours: LoadResult;
  readonly peer: LoadResult;
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
        const ours = await load(product.rest, some.map(toChancery), how);
        return { connections, ours, peer: await load(cfssl, some.map(toCfssl), how) };
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
