import { Gauge, type Registry } from './metrics.ts';

/** Figures of a token, as its adapter tells them. */
interface Figures {
  readonly role: string;
  readonly state: string;
  readonly waiting: number;
  readonly blockedKeys: number;
}

interface TokenFigures extends Figures {
  /** The second token with the same keys, where there is one. */
  readonly standby?: (Figures & { readonly serving: boolean }) | undefined;
}

interface Place {
  readonly labels: { readonly token: string; readonly place: 'first' | 'standby' };
  readonly figures: Figures;
  readonly serving: boolean;
}

/** Adds what each token does to a registry: which of two signs, whether it could, what waits for it. */
export function tokenMetrics(registry: Registry, tokens: () => readonly TokenFigures[]): void {
  const gauge = (
    name: string,
    help: string,
    value: (place: Place) => number,
    /** What several processes with the same token show together. */
    aggregator: 'sum' | 'min' | 'max',
  ): void => {
    new Gauge({
      ...{ name, help, aggregator, registers: [registry], labelNames: ['token', 'place'] },
      collect() {
        this.reset();
        for (const place of tokens().flatMap(placesOf)) this.set(place.labels, value(place));
      },
    });
  };
  gauge(
    'chancery_token_ready',
    '1 while the token can sign; a root token that is closed or locked away can when it is opened',
    ({ figures }) => (figures.state === 'ready' || figures.state === 'idle' ? 1 : 0),
    'min',
  );
  gauge(
    'chancery_token_serving',
    '1 at the token that signs now: at the standby while the first is away',
    ({ serving }) => (serving ? 1 : 0),
    'max',
  );
  gauge(
    'chancery_token_waiting',
    'Signatures that wait for a session',
    ({ figures }) => figures.waiting,
    'sum',
  );
  gauge(
    'chancery_token_blocked_keys',
    'Keys that wait for an operator after a wrong signature',
    ({ figures }) => figures.blockedKeys,
    'max',
  );
}

function placesOf(token: TokenFigures): readonly Place[] {
  const { role, standby } = token;
  const first: Place = {
    labels: { token: role, place: 'first' },
    figures: token,
    serving: standby?.serving !== true,
  };
  if (standby === undefined) return [first];
  const labels = { token: role, place: 'standby' } as const;
  return [first, { labels, figures: standby, serving: standby.serving }];
}
