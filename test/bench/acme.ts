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
/** Pebble 2.4 hangs with 16 orders at a time, so it gets 8; now and then it hangs with those. */
const attempts = 5;
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
  await withProduct(async (product) => {
    const target = {
      directory: `${product.https.url}/acme/directory`,
      ca: product.https.ca,
      http01Port,
      dnsPort,
    };
    let used = 0;
    const take = (count: number): readonly OrderToPlace[] => {
      used += count;
      return orders.slice(used - count, used);
    };
    say('warming up');
    await placeOrders(target, take(warmUp), 16);
    for (let round = 1; round <= rounds; round += 1) {
      for (const { parallel, peerParallel, count } of aims) {
        const some = take(count);
        const begun = processorSeconds(product.processes());
        const ours = await placeOrders(target, some, parallel);
        const oursProcessor = ((processorSeconds(product.processes()) - begun) * 1000) / count;
        const peer = await askPebble({ http01Port, dnsPort }, some, peerParallel);
        taken.push({ parallel, ours, oursProcessor, ...peer });
        say(
          `round ${round}, ${parallel} in parallel: ${Math.round(ours.perSecond)}/s beside ${Math.round(peer.peer.perSecond)}/s`,
        );
      }
    }
  }, environment);
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

/** The same orders of a fresh pebble; of another one when it hangs. */
async function askPebble(
  ports: { readonly http01Port: number; readonly dnsPort: number },
  orders: readonly OrderToPlace[],
  parallel: number,
): Promise<Pick<Round, 'peer' | 'peerProcessor'>> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await withPebble(ports, async ({ target, processes }) => {
        const peer = await placeOrders(target, orders, parallel);
        return { peer, peerProcessor: (processorSeconds(processes()) * 1000) / orders.length };
      });
    } catch (error) {
      if (attempt === attempts) throw error;
      say('pebble hung: again, with a new one');
    }
  }
}
