/** A DNS server for tests, on loopback over UDP and TCP: what it says can be changed while it runs. */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import {
  type DnsCode,
  type DnsQuestion,
  type DnsRecord,
  type DnsType,
  type DnsValue,
  readQuestion,
  writeAnswer,
} from './dns-message.ts';

/** Instead of records: a code, no answer at all, or TC over UDP so that the client comes by TCP. */
export type DnsTrouble = Exclude<DnsCode, 'NOERROR'> | 'silent' | 'truncated';

/** Values, or what gives them anew at each query. */
export type DnsValues = readonly DnsValue[] | (() => readonly DnsValue[]);

export interface DnsQuery {
  /** In lower case, without the last dot. */
  readonly name: string;
  readonly type: string;
  readonly transport: 'udp' | 'tcp';
}

export interface TestDnsServer {
  readonly host: string;
  readonly port: number;
  /** Every query so far, in order. */
  readonly queries: readonly DnsQuery[];
  /**
   * Sets the records of a name, in place of those of that type. `*.example.test` answers for every
   * name below that has no records of its own. Unknown names are NXDOMAIN.
   */
  set(name: string, type: DnsType, values: DnsValues): void;
  /** Removes the records of one type, or the whole name with its trouble. */
  remove(name: string, type?: DnsType): void;
  /** What happens to queries for a name, of one type or of all, until `remove`. */
  fail(name: string, trouble: DnsTrouble, type?: DnsType): void;
  close(): Promise<void>;
}

export interface DnsServerOptions {
  readonly host?: string;
  readonly port?: number;
  /** True: a CNAME is answered alone, as by a server that knows only this zone. */
  readonly bareCname?: boolean;
}

/** Starts the server; on a free port unless told otherwise. */
export async function startDnsServer(options: DnsServerOptions = {}): Promise<TestDnsServer> {
  const host = options.host ?? '127.0.0.1';
  const records = new Map<string, Map<DnsType, DnsValues>>();
  const troubles = new Map<string, DnsTrouble>();
  const queries: DnsQuery[] = [];

  const answerTo = (message: Buffer, transport: 'udp' | 'tcp'): Buffer | undefined => {
    const question = readQuestion(message);
    if (question === undefined) return undefined;
    const name = question.name.toLowerCase();
    queries.push({ name, type: question.type, transport });
    const trouble = troubles.get(`${name} ${question.type}`) ?? troubles.get(name);
    if (trouble === 'silent') return undefined;
    if (trouble === 'truncated' && transport === 'udp') {
      return writeAnswer(question, 'NOERROR', [], true);
    }
    if (trouble !== undefined && trouble !== 'truncated') return writeAnswer(question, trouble, []);
    const answer = lookUp(records, question, name, options.bareCname === true);
    if (answer === undefined) return writeAnswer(question, 'NXDOMAIN', []);
    const whole = writeAnswer(question, 'NOERROR', answer);
    const fits = transport === 'tcp' || whole.length <= 512;
    return fits ? whole : writeAnswer(question, 'NOERROR', [], true);
  };

  const { udp, tcp, port, sockets } = await listen(host, options.port ?? 0, answerTo);
  return {
    host,
    port,
    queries,
    set: (name, type, values) => {
      const types = records.get(keyOf(name)) ?? new Map<DnsType, DnsValues>();
      records.set(keyOf(name), types.set(type, values));
    },
    remove: (name, type) => {
      const key = keyOf(name);
      if (type !== undefined) {
        records.get(key)?.delete(type);
        troubles.delete(`${key} ${type}`);
        return;
      }
      records.delete(key);
      for (const entry of [...troubles.keys()]) {
        if (entry === key || entry.startsWith(`${key} `)) troubles.delete(entry);
      }
    },
    fail: (name, trouble, type) => {
      troubles.set(type === undefined ? keyOf(name) : `${keyOf(name)} ${type}`, trouble);
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((done) => udp.close(() => done()));
      await new Promise<void>((done) => tcp.close(() => done()));
    },
  };
}

function keyOf(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** Records of the answer, a CNAME's target included; undefined: there is no such name. */
function lookUp(
  records: ReadonlyMap<string, ReadonlyMap<DnsType, DnsValues>>,
  question: DnsQuestion,
  asked: string,
  bareCname: boolean,
): readonly DnsRecord[] | undefined {
  const answer: DnsRecord[] = [];
  let name = asked;
  for (let hop = 0; hop < 8; hop++) {
    const types = records.get(name) ?? wildcardOf(records, name);
    if (types === undefined) return answer.length > 0 ? answer : undefined;
    const owner = hop === 0 ? question.name : name;
    const [alias] = valuesOf(types.get('CNAME'));
    if (alias === undefined || question.type === 'CNAME') {
      const type = question.type as DnsType;
      const values = valuesOf(types.get(type));
      return [...answer, ...values.map((value) => ({ name: owner, type, value }))];
    }
    answer.push({ name: owner, type: 'CNAME', value: alias });
    if (bareCname) return answer;
    name = keyOf(String(alias));
  }
  return answer;
}

function wildcardOf<T>(records: ReadonlyMap<string, T>, name: string): T | undefined {
  const labels = name.split('.');
  for (let i = 1; i < labels.length; i++) {
    const found = records.get(`*.${labels.slice(i).join('.')}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function valuesOf(values: DnsValues | undefined): readonly DnsValue[] {
  return typeof values === 'function' ? values() : (values ?? []);
}

interface Listening {
  readonly udp: DatagramSocket;
  readonly tcp: Server;
  readonly port: number;
  readonly sockets: ReadonlySet<Socket>;
}

/** Listens on the same port by UDP and TCP; with port 0 another pair is tried when TCP's is taken. */
async function listen(
  host: string,
  wanted: number,
  answerTo: (message: Buffer, transport: 'udp' | 'tcp') => Buffer | undefined,
): Promise<Listening> {
  for (let attempt = 1; ; attempt++) {
    const udp = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    await new Promise<void>((done, fail) => {
      udp.once('error', fail);
      udp.bind(wanted, host, done);
    });
    const { port } = udp.address();
    const sockets = new Set<Socket>();
    const tcp = createServer((socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      serve(socket, (message) => answerTo(message, 'tcp'));
    });
    try {
      await new Promise<void>((done, fail) => {
        tcp.once('error', fail);
        tcp.listen(port, host, done);
      });
    } catch (error) {
      await new Promise<void>((done) => udp.close(() => done()));
      if (wanted !== 0 || attempt === 20) throw error;
      continue;
    }
    udp.on('message', (message, peer) => {
      const answer = answerTo(message, 'udp');
      if (answer !== undefined) udp.send(answer, peer.port, peer.address);
    });
    return { udp, tcp, port, sockets };
  }
}

/** Messages over TCP have two octets of length before them (RFC 1035 §4.2.2). */
function serve(socket: Socket, answerTo: (message: Buffer) => Buffer | undefined): void {
  let waiting = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    waiting = Buffer.concat([waiting, chunk]);
    while (waiting.length >= 2 && waiting.length >= 2 + waiting.readUInt16BE(0)) {
      const end = 2 + waiting.readUInt16BE(0);
      const answer = answerTo(waiting.subarray(2, end));
      waiting = waiting.subarray(end);
      if (answer === undefined) continue;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length);
      socket.write(Buffer.concat([length, answer]));
    }
  });
}
