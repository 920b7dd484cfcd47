import { join } from 'node:path'
import { currentLock, writeLock } from '../../stages/version/lock.ts'
import { rebuildVersion } from '../../app/reproduce.ts'
import { countValidated, damagedBatchArrives, emptyTally, validateSpring, winterArrives } from './arrivals.ts'
import { outcome } from './outcome.ts'
import { prove } from './proofs.ts'
import type { DemoResult } from './result.ts'
import { playSpring } from './spring.ts'
import { commit, onStage, type DemoOptions } from './stage.ts'
import { trainFirst } from './versions.ts'

/** Plays January to June 2001: see docs/guide/demo.md for the story. */
export function playDemo(options: DemoOptions): Promise<DemoResult> {
  const started = performance.now()
  const { chapter, say } = options
  return onStage(options, async stage => {
    const { workspace, root, model } = stage
    const tally = emptyTally()

    chapter('January to March arrive and are validated')
    await winterArrives(stage)
    const damagedBatch = await damagedBatchArrives(stage)

    chapter('A model is trained, tested, exported and registered')
    const first = await trainFirst(stage)
    await countValidated(stage, tally)

    chapter('What knowing too early is worth, and the proof that online equals offline')
    const proofs = await prove(workspace, model, first, await workspace.online(), join(root, '.millrace'), say)

    chapter('The version is rebuilt from its commit and its data')
    const reproduced = (await rebuildVersion(workspace, first, say)).same

    chapter('April to June: served, watched, challenged')
    const spring = await playSpring(stage, first)
    await validateSpring(stage, tally)

    await writeLock(root, await currentLock(workspace.store, [model.name]))
    await commit(root, 'Lock data and models')
    return outcome(stage, { started, damagedBatch, proofs, reproduced, spring, tally })
  })
}
