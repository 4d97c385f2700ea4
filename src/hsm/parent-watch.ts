/**
 * Ends the signer process when its parent is gone. A thread of its own, because the main thread
 * may hang inside a module that never returns, and would not see the closed channel.
 */
import { parentPort } from 'node:worker_threads';

const parent = process.ppid;
const interval = 500;

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}, interval);
parentPort?.postMessage('watching');
