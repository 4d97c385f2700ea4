/** Composition root of the OCSP responder: one process, or one above several that share its port. */
import cluster from 'node:cluster';
import { loadResponderConfiguration } from '../src/config/index.ts';
import { isChanceryError } from '../src/domain/index.ts';
import { createLogger } from '../src/telemetry/index.ts';
import { runResponder } from './process.ts';
import { configurationExitCode, runWorker, superviseWorkers } from './workers.ts';

async function main(): Promise<void> {
  const configuration = loadResponderConfiguration(process.env);
  const logger = createLogger({ level: configuration.logLevel, process: 'ocsp' });
  if (cluster.isPrimary) {
    for (const warning of configuration.warnings) {
      logger.warn({}, warning);
    }
  }
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      stop.abort();
    });
  }
  if (cluster.worker !== undefined) {
    await runWorker(configuration, logger, stop);
  } else if (configuration.workers > 1) {
    await superviseWorkers(configuration, logger, stop.signal);
  } else {
    await runResponder(configuration, logger, { enrols: true }, stop.signal);
  }
}

try {
  await main();
} catch (error) {
  const configurationError = isChanceryError(error) && error.code === 'configuration';
  const text = error instanceof Error ? (configurationError ? error.message : error.stack) : error;
  process.stderr.write(`${String(text)}\n`);
  process.exitCode = configurationError ? configurationExitCode : 1;
}
if (cluster.worker !== undefined) {
  // The channel to the process above would keep this one alive.
  process.disconnect();
}
