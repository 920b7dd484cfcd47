import type { Engine } from '../../engine/index.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { Jobs } from '../jobs/jobs.ts'

const pauseMs = 30_000

/**
 * Takes up runs whose process died, in a process of its own: their steps may train, and a server answers meanwhile. Call
 * it every second or so: one such process lives at a time, and after one that failed a while passes.
 */
export function recovery(engine: Pick<Engine, 'orphans'>, jobs: Jobs, clock: Clock, log: Log): () => Promise<void> {
  let busy = false
  let pausedUntil = 0
  return async () => {
    if (busy || clock.elapsed() < pausedUntil) return
    busy = true
    try {
      const orphans = await engine.orphans()
      if (orphans.length === 0) return
      log({ level: 'info', text: 'runs have lost their process and are taken up', runs: orphans.map(run => run.id) })
      await (await jobs.start('recover', {}, { actor: 'recovery', now: true })).answer
    } catch (error) {
      pausedUntil = clock.elapsed() + pauseMs
      log({ level: 'error', text: 'taking runs up failed', reason: messageOf(error) })
    } finally {
      busy = false
    }
  }
}
