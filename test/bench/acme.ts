/** Whole ACME orders with http-01, durable and with SoftHSM, beside pebble with the same client. */
import { decodePem } from '../../src/pkix/index.ts';
import { acmePorts } from '../support/quickstart-run.ts';
import { type OrderLoadResult, type OrderToPlace, placeOrders } from './acme-load.ts';
import { withPebble } from './pebble.ts';
import { processorSeconds } from './process-statistics.ts';
import { withProduct } from './product.ts';
import { say, withProgress } from './progress.ts';
import { type Figure, median, report } from './report.ts';
import { makeCsrs, nameOfCsr } from './requests.ts';

const rounds = 3;
/** Pebble 2.4 hangs with 16 orders at a time, so it gets 8. */
const aims = [
  { parallel: 1, peerParallel: 1, count: 200, aim: 120 },
  { parallel: 16, peerParallel: 8, count: 800, aim: 250 },
];
const warmUp = 400;

interface Round {
  readonly parallel: number;
  readonly ours: OrderLoadResult;
  readonly peer: OrderLoadResult;
  /** Milliseconds of processor time for one order, of all processes of each server. */
  readonly oursProcessor: number;
  readonly peerProcessor: number;
}

/** From newOrder to the downloaded chain; each name and each key is used once. */
export async function benchAcme(): Promise<void> {
  const total = warmUp + rounds * aims.reduce((sum, { count }) => sum + count, 0);
  const orders = await withProgress('CSRs', total, (progress) =>
    makeCsrs(total, progress).map(toOrder),
  );
  const { dns: dnsPort, http01: http01Port, environment } = await acmePorts();
  const taken: Round[] = [];
  await withPebble({ http01Port, dnsPort }, async (pebble) =>
    withProduct(async (product) => {
      const target = {
        directory: `${product.https.url}/acme/directory`,
        ca: product.https.ca,
        http01Port,
        dnsPort,
      };
      let used = 0;
      const sideBySide = async (
        parallel: number,
        peerParallel: number,
        count: number,
      ): Promise<Round> => {
        const some = orders.slice(used, used + count);
        used += count;
        const begun = [processorSeconds(product.processes()), processorSeconds(pebble.processes())];
        const ours = await placeOrders(target, some, parallel);
        const peer = await placeOrders(pebble.target, some, peerParallel);
        const ended = [processorSeconds(product.processes()), processorSeconds(pebble.processes())];
        const [oursProcessor = 0, peerProcessor = 0] = ended.map(
          (seconds, at) => ((seconds - (begun[at] ?? 0)) * 1000) / count,
        );
        return { parallel, ours, peer, oursProcessor, peerProcessor };
      };
      say('warming both up');
      await sideBySide(16, 8, warmUp);
      for (let round = 1; round <= rounds; round += 1) {
        for (const { parallel, peerParallel, count } of aims) {
          const result = await sideBySide(parallel, peerParallel, count);
          taken.push(result);
          say(
            `round ${round}, ${parallel} in parallel: ${Math.round(result.ours.perSecond)}/s beside ${Math.round(result.peer.perSecond)}/s`,
          );
        }
      }
    }, environment),
  );
  const figures = aims.map(({ parallel, peerParallel, aim }): Figure => {
    const of = taken.filter((round) => round.parallel === parallel);
    return {
      what: `ACME orders, ${parallel} in parallel`,
      unit: '/s',
      ours: median(of.map(({ ours }) => ours.perSecond)),
      peerName: peerParallel === parallel ? 'pebble' : `pebble (${peerParallel} in parallel)`,
      peer: median(of.map(({ peer }) => peer.perSecond)),
      ratio: median(of.map(({ ours, peer }) => ours.perSecond / peer.perSecond)),
      aim: `${aim}/s`,
      p50: median(of.map(({ ours }) => ours.p50)),
      p99: median(of.map(({ ours }) => ours.p99)),
      peerP99: median(of.map(({ peer }) => peer.p99)),
    };
  });
  const manyAtOnce = taken.filter(({ parallel }) => parallel > 1);
  figures.push({
    what: 'processor time of an order',
    unit: 'ms',
    ours: median(manyAtOnce.map(({ oursProcessor }) => oursProcessor)),
    peerName: 'pebble',
    peer: median(manyAtOnce.map(({ peerProcessor }) => peerProcessor)),
    ratio: median(manyAtOnce.map((round) => round.oursProcessor / round.peerProcessor)),
    aim: '',
  });
  report('acme', figures, taken);
}

function toOrder(csr: string, index: number): OrderToPlace {
  const [block] = decodePem(csr);
  if (block === undefined) throw new Error('a CSR that is no PEM');
  return { name: nameOfCsr(index), csr: Buffer.from(block.der).toString('base64url') };
}
