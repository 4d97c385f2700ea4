import { createSocket } from 'node:dgram';

/** The offset behind the name at the start of the question. */
function endOfName(message: Buffer): number {
  let at = 12;
  while ((message[at] ?? 0) !== 0) at += (message[at] ?? 0) + 1;
  return at + 1;
}

/**
 * A DNS server for a benchmark: every name has the address 127.0.0.1 and nothing else. The least
 * that both servers need, so that neither is slowed by it.
 */
export async function answerEverything(port: number): Promise<{ close(): void }> {
  const socket = createSocket('udp4');
  socket.on('message', (message, peer) => {
    const end = endOfName(message) + 4;
    const isA = message.readUInt16BE(end - 4) === 1;
    const head = Buffer.from(message.subarray(0, 12));
    head.writeUInt16BE(0x8580, 2);
    head.writeUInt16BE(isA ? 1 : 0, 6);
    head.writeUInt32BE(0, 8);
    const address = Buffer.from('c00c000100010000003c00047f000001', 'hex');
    const answer = [head, message.subarray(12, end), ...(isA ? [address] : [])];
    socket.send(Buffer.concat(answer), peer.port, peer.address);
  });
  await new Promise<void>((done, fail) => {
    socket.once('error', fail);
    socket.bind(port, '127.0.0.1', done);
  });
  return { close: () => socket.close() };
}
