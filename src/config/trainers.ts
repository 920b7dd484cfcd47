import type { ModelTrainer, Trainer } from '../ports/trainer.ts'
import { adapters } from './resolve.ts'

/** Threads that train own models: one beside the calling one. */
const threads = 2

/** What trains models of that kind, loaded when it is first used. */
export async function openTrainer({ kind }: Trainer): Promise<ModelTrainer> {
  switch (kind) {
    case 'gbt':
    case 'linear':
    case 'baseline':
      return (await adapters.trainer.own()).openOwnTrainer(async () =>
        (await adapters.threads()).openThreadCrew(threads),
      )
  }
}
