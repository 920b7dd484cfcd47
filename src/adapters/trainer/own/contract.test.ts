import { describe, test } from 'vitest'
import { baseline, gbt, linear, type Trainer } from '../../../define/trainer.ts'
import { runContract } from '../../../testing/contract.ts'
import { trainerContract } from '../../../testing/trainer-contract.ts'
import { openOwnTrainer } from './open.ts'

const crew = () => Promise.reject(new Error('no rows here are worth a thread'))
const open = () => Promise.resolve(openOwnTrainer(crew))

describe.each<[string, Trainer, string | undefined]>([
  ['gbt', gbt({ trees: 8, minLeaf: 5, subsample: 0.7, earlyStopping: 3 }), undefined],
  ['gbt, calibrated', gbt({ trees: 4, calibrate: 'platt' }), 'classes'],
  ['linear', linear({ minCategoryRows: 5 }), 'not quantile'],
  ['baseline', baseline(), undefined],
])('trainer %s', (_, trainer, only) => {
  runContract(
    test,
    trainerContract({
      open,
      trainer: ({ task }) => {
        const classes = task === 'binary' || task === 'multiclass'
        return (only === 'classes' && !classes) || (only === 'not quantile' && task === 'quantile')
          ? undefined
          : trainer
      },
    }),
  )
})
