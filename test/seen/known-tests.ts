import { of } from './seen.ts'

// Tests that several options are met by, as options.ts and defaults.ts name them.

export const effects = of('test/option-effects.test.ts')
export const reading = of('test/reading-options.test.ts')
export const served = of('test/served.test.ts')
export const oracle = of('test/oracle/verdicts.ts')
export const rollout = of('src/stages/deploy/rollout/rollout.test.ts')
export const queried = of('src/server/rollout-queries.test.ts')
export const observed = of('src/server/observe.test.ts')
export const limits = of('src/server/auth/limits.test.ts')
export const approvals = of('src/server/approvals.test.ts')
export const bounds = of('src/stages/deploy/rollout/bounds.test.ts')
export const transitions = of('src/stages/deploy/rollout/transitions.test.ts')
export const evidence = of('src/stages/deploy/rollout/evidence.test.ts')
export const routing = of('src/stages/serve/routing.test.ts')
export const metric = of('src/stages/evaluate/metric-tests.test.ts')
export const property = of('src/stages/evaluate/properties/properties.test.ts')
export const compared = of('src/stages/evaluate/comparisons.test.ts')
export const leak = of('src/stages/evaluate/leak/leak.test.ts')
export const slices = of('src/stages/evaluate/slices/slices.test.ts')
export const given = compared('every kind of test has the name and the severity that it is given')
export const ofClasses = property('of several classes every property looks at the one that is named')
export const service = of('src/stages/evaluate/service-tests.test.ts')
export const latency = of('src/stages/evaluate/latency-test.test.ts')
export const gate = of('src/stages/evaluate/model-gate.test.ts')
export const power = of('src/stages/watch/power.long.test.ts')
export const retrains = of('src/stages/watch/monitor/retrain.test.ts')
export const promises = of('test/running/promises.test.ts')
export const triggers = of('test/running/triggers.test.ts')
export const places = of('test/faults/audit-places.test.ts')
export const protect = of('test/protect.test.ts')

export const trees = effects('every option changes the trees, and its default none')
export const linear = effects('every option changes the model, and its default none')
export const baselines = effects('answer with a constant, or with the value of the input that is named')
export const learnt = effects('what is learnt, from which rows, by which scale')
export const onServer = of('src/config/workspace.test.ts')(
  'an online store in %s needs its URL, and a server that answers',
)
export const unreachable = of('src/stages/serve/unreachable.test.ts')(
  '`stale`: the features are those that were read last, none where nothing was read, and which views that is of is told',
)
export const uncovered = of('src/stages/serve/uncovered.test.ts')(
  'a moment that the records do not reach back to is refused where the view says so',
)
export const language = of('src/stages/features/language.test.ts')(
  'whatever a view is declared with means one thing, trained or served',
)
export const counted = effects('what is counted, for how long, by which knowledge')
export const known = effects('when something was known, and which rows are one')
export const csv = reading('a CSV file is read as its options say, and by their defaults')
export const rows = reading('bad rows are counted, tolerated and set aside as the options say, and by their defaults')
export const canary = served('a rollout runs as its canary says, and by the defaults of the guide')
export const modelDefaults = of('src/stages/evaluate/defaults.test.ts')
export const results = of('src/stages/evaluate/results.test.ts')
export const thresholds = of('src/stages/serve/threshold.test.ts')
export const live = of('src/stages/watch/live.test.ts')
export const monitorDefaults = live(
  'are a day, one false alarm in thirty of them and changes of 0.14 deviations where nothing is said',
)
export const workspace = of('src/config/workspace.test.ts')
export const container = of('src/adapters/executor/container/executor.test.ts')(
  'the network is the one that is named; flags go before the run and before the image',
)
export const names = modelDefaults('every test is kept under its kind and input, or the name that it is given')
export const severities = gate('a critical check that failed refuses the version, with its words')

export const anyTable = of('test/any-table.test.ts')
export const imports = of('test/import-model.test.ts')
export const declared = of('src/define/search.test.ts')
export const declaredFolds = declared('are as they are declared')
export const foldDefaults = declared(
  'begin with seed 0, keep the classes where there are some, and leave no gap, where nothing is said',
)
export const searchDefaults = declared('of %s the best %s decides where nothing is said')
export const space = declared('takes whole numbers where an option takes no others, and all of them else')
export const searches = of('src/stages/pipeline/search.test.ts')
export const grid = searches('tries every combination on the folds, each as a run with its parameters and its score')
const curves = of('src/stages/pipeline/curve.test.ts')
export const curve = curves('is of shares that double, of the training rows alone, and drawn wherever the version is')
export const curveDefaults = curves('takes five shares of at most 20,000 rows where nothing is said')
export const curveOptions = curves(
  'is measured once, and anew when its options change, of as many rows as they say; the model stays as it was',
)
export const drawnSearch = searches(
  'draws as many trials as it is told, by its seed, and judges them by what it is told',
)
export const halving = searches(
  'by halving most trials learn from few rows, and only those that went all the way can win',
)
export const programs = of('test/trainers.test.ts')
export const task = anyTable('%s')
export const weighed = anyTable('what their weight says: what counts nothing is as if it were not there')
export const balanced = anyTable('as much for each class as for each other where that is asked')
export const gap = of('src/stages/features/frame.test.ts')(
  'leaves a gap between the parts where one is asked for, and none where it is not',
)
export const random = anyTable('at random by a seed, with the same share of every class')
export const hashed = anyTable('by a hash of values: a row stays where it is whatever comes after it')
export const grouped = anyTable('by groups: none is on both sides')
export const said = anyTable('by what they say themselves')
export const contract = programs('is told what to train, trains it, and its model goes the way of every other')
export const late = programs(
  'takes longer than it may and heeds no signal: it is ended with what it started, wherever that went',
)
export const fed = programs('is fed and read as it is said where its names do not say it')
export const page = of('test/peers/training-programs.test.ts')(
  'the page of the guide does what it says: a script becomes a version, the version serves, the next one challenges it',
)
export const image = of('test/peers/train-in-container.test.ts')(
  'an image of one’s own trains by the step contract, with the parameters, the time and the variables that it is given',
)

export const onSpark = workspace(
  'data on Spark Connect need a connection string, a token where one is named, and a server that answers',
)
export const engine = workspace('the data engine has the threads and the memory that the project gives it')
export const written = workspace('what a setting says by default changes nothing when it is written out')
export const listens = of('test/running/sign-in.test.ts')(
  'listens where the project says, unless a flag says otherwise',
)
export const byDefault = of('test/running/sign-in.test.ts')(
  'listens on port 8790 of this machine where nothing is said',
)
