import { of, type Test } from './seen.ts'

// Every option of the definition API and every setting, and the test in which its value changes an outcome; of those with a
// documented default also the one in which leaving it out does what the default says. Complete by comparison with the walk
// over the types that makes docs/reference/definitions.md (options.test.ts). A test that only refuses a wrong value is none.

const effects = of('test/option-effects.test.ts')
const reading = of('test/reading-options.test.ts')
const served = of('test/served.test.ts')
const oracle = of('test/oracle/verdicts.test.ts')
const rollout = of('src/stages/deploy/rollout/rollout.test.ts')
const observed = of('src/server/observe.test.ts')
const limits = of('src/server/auth/limits.test.ts')
const approvals = of('src/server/approvals.test.ts')
const bounds = of('src/stages/deploy/rollout/bounds.test.ts')
const transitions = of('src/stages/deploy/rollout/transitions.test.ts')
const evidence = of('src/stages/deploy/rollout/evidence.test.ts')
const routing = of('src/stages/serve/routing.test.ts')
const metric = of('src/stages/evaluate/metric-tests.test.ts')
const property = of('src/stages/evaluate/properties/properties.test.ts')
const compared = of('src/stages/evaluate/comparisons.test.ts')
const leak = of('src/stages/evaluate/leak/leak.test.ts')
const slices = of('src/stages/evaluate/slices/slices.test.ts')
const given = compared('every kind of test has the name and the severity that it is given')
const ofClasses = property('of several classes every property looks at the one that is named')
const service = of('src/stages/evaluate/service-tests.test.ts')
const latency = of('src/stages/evaluate/latency-test.test.ts')
const gate = of('src/stages/evaluate/model-gate.test.ts')
const power = of('src/stages/watch/power.long.test.ts')
const retrains = of('src/stages/watch/monitor/retrain.test.ts')
const promises = of('test/running/promises.test.ts')
const triggers = of('test/running/triggers.test.ts')
const places = of('test/faults/audit-places.test.ts')
const protect = of('test/protect.test.ts')

const trees = effects('every option changes the trees, and its default none')
const linear = effects('every option changes the model, and its default none')
const baselines = effects('answer with a constant, or with the value of the input that is named')
const learnt = effects('what is learnt, from which rows, by which scale')
const onServer = of('src/config/workspace.test.ts')('an online store in %s needs its URL, and a server that answers')
const unreachable = of('src/stages/serve/unreachable.test.ts')(
  '`stale`: the features are those that were read last, none where nothing was read, and which views that is of is told',
)
const uncovered = of('src/stages/serve/uncovered.test.ts')(
  'a moment that the records do not reach back to is refused where the view says so',
)
const language = of('src/stages/features/language.test.ts')(
  'whatever a view is declared with means one thing, trained or served',
)
const counted = effects('what is counted, for how long, by which knowledge')
const known = effects('when something was known, and which rows are one')
const csv = reading('a CSV file is read as its options say, and by their defaults')
const rows = reading('bad rows are counted, tolerated and set aside as the options say, and by their defaults')
const canary = served('a rollout runs as its canary says, and by the defaults of the guide')
const modelDefaults = of('src/stages/evaluate/defaults.test.ts')
const results = of('src/stages/evaluate/results.test.ts')
const thresholds = of('src/stages/serve/threshold.test.ts')
const live = of('src/stages/watch/live.test.ts')
const monitorDefaults = live(
  'are a day, one false alarm in thirty of them and changes of 0.14 deviations where nothing is said',
)
const workspace = of('src/config/workspace.test.ts')
const container = of('src/adapters/executor/container/executor.test.ts')(
  'the network is the one that is named; flags go before the run and before the image',
)
const names = modelDefaults('every test is kept under its kind and input, or the name that it is given')
const severities = gate('a critical check that failed refuses the version, with its words')

const anyTable = of('test/any-table.test.ts')
const imports = of('test/import-model.test.ts')
const declared = of('src/define/search.test.ts')
const declaredFolds = declared('are as they are declared')
const foldDefaults = declared(
  'begin with seed 0, keep the classes where there are some, and leave no gap, where nothing is said',
)
const searchDefaults = declared('of %s the best %s decides where nothing is said')
const space = declared('takes whole numbers where an option takes no others, and all of them else')
const searches = of('src/stages/pipeline/search.test.ts')
const grid = searches('tries every combination on the folds, each as a run with its parameters and its score')
const drawnSearch = searches('draws as many trials as it is told, by its seed, and judges them by what it is told')
const halving = searches('by halving most trials learn from few rows, and only those that went all the way can win')
const programs = of('test/trainers.test.ts')
const task = anyTable('%s')
const weighed = anyTable('what their weight says: what counts nothing is as if it were not there')
const balanced = anyTable('as much for each class as for each other where that is asked')
const gap = of('src/stages/features/frame.test.ts')(
  'leaves a gap between the parts where one is asked for, and none where it is not',
)
const random = anyTable('at random by a seed, with the same share of every class')
const hashed = anyTable('by a hash of values: a row stays where it is whatever comes after it')
const grouped = anyTable('by groups: none is on both sides')
const said = anyTable('by what they say themselves')
const contract = programs('is told what to train, trains it, and its model goes the way of every other')
const late = programs(
  'takes longer than it may and heeds no signal: it is ended with what it started, wherever that went',
)
const fed = programs('is fed and read as it is said where its names do not say it')
const page = of('test/peers/training-programs.test.ts')(
  'the page of the guide does what it says: a script becomes a version, the version serves, the next one challenges it',
)
const image = of('test/peers/train-in-container.test.ts')(
  'an image of one’s own trains by the step contract, with the parameters, the time and the variables that it is given',
)

const engine = workspace('the data engine has the threads and the memory that the project gives it')
const written = workspace('what a setting says by default changes nothing when it is written out')
const listens = of('test/running/sign-in.test.ts')('listens where the project says, unless a flag says otherwise')
const byDefault = of('test/running/sign-in.test.ts')('listens on port 8790 of this machine where nothing is said')

export const optionsSeen: Readonly<Record<string, Test>> = {
  'TextOptions.treatAsNull': rows,
  'CsvOptions.delimiter': csv,
  'CsvOptions.header': csv,
  'CsvOptions.quote': csv,
  'CsvOptions.escape': csv,
  'CsvOptions.encoding': csv,
  'PostgresOptions.urlFrom': of('test/databases.test.ts')('that takes a connection and never answers is given up'),
  'DatasetOptions.source': csv,
  'DatasetOptions.columns': csv,
  'DatasetOptions.eventTime': known,
  'DatasetOptions.knownAt': known,
  'DatasetOptions.key': rows,
  'DatasetOptions.expect': rows,
  'DatasetOptions.treatAsNull': rows,
  'DatasetOptions.quarantine': of('test/quarantined-rows.test.ts')(
    'rows of a critical check that fails stay out while they are few, and are refused when nothing is left out',
  ),
  'DatasetOptions.encryptWith': protect(
    'keeps quarantined personal data encrypted, masked in samples, and every use of the key in the log',
  ),
  'ExpectationOptions.id': rows,
  'ExpectationOptions.severity': rows,
  'ExpectationOptions.when': oracle('of rows, with every option, from %s'),
  'ExpectationOptions.onEmpty': oracle('of rows, with every option, from %s'),
  'RowOptions.mostly': oracle('of rows, with every option, from %s'),
  'RowOptions.maxBad': oracle('of rows, with every option, from %s'),
  'RowOptions.warn': oracle('of rows, with every option, from %s'),
  'RowOptions.fail': oracle('of rows, with every option, from %s'),
  'RowOptions.nulls': oracle('of rows, with every option, from %s'),
  'RowOptions.denominator': oracle('of rows, with every option, from %s'),
  'RowOptions.nonFinite': of('src/stages/validate/rules/nulls.test.ts')(
    'NaN stands in no order: bad, left out, or greatest as the declaration says',
  ),
  'RowOptions.quarantine': of('test/quarantine.test.ts')(
    'bad rows that a check tolerates stay out where the dataset asks for it, and are said to',
  ),
  'RowOptions.id': rows,
  'RowOptions.severity': rows,
  'RowOptions.when': oracle('of rows, with every option, from %s'),
  'RowOptions.onEmpty': oracle('of rows, with every option, from %s'),
  'Limit.share': oracle('of rows, with every option, from %s'),
  'Limit.count': oracle('of rows, with every option, from %s'),
  'Bounds.min': oracle('of the whole, and beside another dataset, from %s'),
  'Bounds.max': oracle('of the whole, and beside another dataset, from %s'),
  'FeatureViewOptions.freshness': of('src/stages/watch/freshness.test.ts')(
    'alerts while a promise is broken, once, and resolves when it is kept, by files or by what is pushed',
  ),
  'FeatureViewOptions.materialise': of('src/app/live/keeping-features.test.ts')(
    'happens so often as is said, and records are written only of new data',
  ),
  'FeatureViewOptions.materialise.every': of('src/app/live/keeping-features.test.ts')(
    'happens so often as is said, and records are written only of new data',
  ),
  'FeatureViewOptions.materialise.onData': of('src/app/live/keeping-features.test.ts')(
    'happens when files are others than before and no longer written to, once for each',
  ),
  'FeatureViewOptions.notify': of('test/running/feature-upkeep.test.ts')(
    'files that come are in the features, and a broken promise alerts until they are fresh again',
  ),
  'FeatureViewOptions.entity': counted,
  'FeatureViewOptions.from': counted,
  'FeatureViewOptions.ttl': counted,
  'FeatureViewOptions.online': counted,
  'FeatureViewOptions.knownTime': counted,
  'FeatureViewOptions.uncovered': uncovered,
  'FeatureViewOptions.compute': counted,
  'FeatureViewOptions.derive': language,
  'ModelOptions.task': linear,
  'ModelOptions.from': learnt,
  'ModelOptions.label': learnt,
  'ModelOptions.inputs': learnt,
  'ModelOptions.features': learnt,
  'ModelOptions.split': learnt,
  'ModelOptions.scale': learnt,
  'ModelOptions.train': trees,
  'ModelOptions.units': of('src/stages/pipeline/training.test.ts')(
    "a version whose input is the champion's in another unit is refused, unless the unit is declared",
  ),
  'ModelOptions.test': of('src/stages/pipeline/training.test.ts')('has a model that is not as good as asked'),
  'ModelOptions.encryptWith': protect(
    'keeps snapshots, frames and models of sensitive data sealed, and opens them for those with a grant only',
  ),
  'TimeSplit.by': learnt,
  'TimeSplit.train': learnt,
  'TimeSplit.test': learnt,
  'TimeSplit.until': learnt,
  'ModelOptions.quantile': task,
  'ModelOptions.weight': weighed,
  'ModelOptions.classWeights': balanced,
  'TimeSplit.gap': gap,
  'RandomSplit.by': random,
  'RandomSplit.test': random,
  'RandomSplit.seed': random,
  'RandomSplit.stratify': random,
  'HashSplit.by': hashed,
  'HashSplit.of': hashed,
  'HashSplit.test': hashed,
  'GroupSplit.by': grouped,
  'GroupSplit.of': grouped,
  'GroupSplit.test': grouped,
  'GroupSplit.seed': grouped,
  'ColumnSplit.by': said,
  'ColumnSplit.test': said,
  'TimeSplit.folds': declaredFolds,
  'RandomSplit.folds': declaredFolds,
  'HashSplit.folds': declaredFolds,
  'GroupSplit.folds': declaredFolds,
  'ColumnSplit.folds': declaredFolds,
  'RandomFolds.by': declaredFolds,
  'RandomFolds.count': declaredFolds,
  'RandomFolds.seed': declaredFolds,
  'RandomFolds.stratify': declaredFolds,
  'GroupFolds.by': declaredFolds,
  'GroupFolds.of': declaredFolds,
  'GroupFolds.count': declaredFolds,
  'GroupFolds.seed': declaredFolds,
  'TimeFolds.by': declaredFolds,
  'TimeFolds.count': declaredFolds,
  'TimeFolds.gap': declaredFolds,
  'GridSearch.method': grid,
  'GridSearch.points': grid,
  'GridSearch.trainer': grid,
  'GridSearch.space': grid,
  'GridSearch.best': grid,
  'RandomSearch.method': drawnSearch,
  'RandomSearch.trials': drawnSearch,
  'RandomSearch.seed': drawnSearch,
  'RandomSearch.trainer': drawnSearch,
  'RandomSearch.space': drawnSearch,
  'RandomSearch.best': drawnSearch,
  'TpeSearch.method': drawnSearch,
  'TpeSearch.trials': drawnSearch,
  'TpeSearch.seed': drawnSearch,
  'TpeSearch.trainer': drawnSearch,
  'TpeSearch.space': drawnSearch,
  'TpeSearch.best': drawnSearch,
  'HalvingSearch.method': halving,
  'HalvingSearch.trials': halving,
  'HalvingSearch.seed': halving,
  'HalvingSearch.eta': halving,
  'HalvingSearch.minShare': halving,
  'HalvingSearch.trainer': halving,
  'HalvingSearch.space': halving,
  'HalvingSearch.best': halving,
  'SearchRange.from': space,
  'SearchRange.to': space,
  'SearchRange.scale': space,
  'SearchRange.whole': space,
  'PythonOptions.lock': page,
  'PythonOptions.python': page,
  'PythonOptions.params': page,
  'PythonOptions.files': contract,
  'PythonOptions.timeout': late,
  'PythonOptions.env': contract,
  'PythonOptions.reproducible': contract,
  'ProgramOptions.params': contract,
  'ProgramOptions.files': contract,
  'ProgramOptions.timeout': late,
  'ProgramOptions.env': contract,
  'ProgramOptions.reproducible': contract,
  'ContainerOptions.command': image,
  'ContainerOptions.params': image,
  'ContainerOptions.timeout': image,
  'ContainerOptions.env': image,
  'ContainerOptions.reproducible': image,
  'OnnxOptions.inputs': fed,
  'OnnxOptions.output': fed,
  'OnnxOptions.expected': imports('is taken by the project file in the same way'),
  'GbtOptions.trees': trees,
  'GbtOptions.depth': trees,
  'GbtOptions.leaves': trees,
  'GbtOptions.learningRate': trees,
  'GbtOptions.minLeaf': trees,
  'GbtOptions.l2': trees,
  'GbtOptions.seed': trees,
  'GbtOptions.earlyStopping': trees,
  'GbtOptions.subsample': trees,
  'GbtOptions.columnSample': trees,
  'GbtOptions.maxBins': trees,
  'GbtOptions.monotone': trees,
  'GbtOptions.categoryL2': trees,
  'GbtOptions.categorySmoothing': trees,
  'GbtOptions.maxCategories': trees,
  'GbtOptions.minCategoryRows': trees,
  'GbtOptions.calibrate': trees,
  'LinearOptions.l2': linear,
  'LinearOptions.l1': linear,
  'LinearOptions.maxCategories': linear,
  'LinearOptions.minCategoryRows': linear,
  'LinearOptions.calibrate': linear,
  'BaselineOptions.input': baselines,
  'MetricOptions.min': metric('holds at its least value and fails just above'),
  'MetricOptions.max': metric('holds at its greatest value and fails just below'),
  'MetricOptions.notWorseThan': of('src/stages/pipeline/training.test.ts')(
    'a challenger is held against the champion on the same rows',
  ),
  'MetricOptions.tolerance': metric('fails only for more than the tolerance, with 95 % confidence'),
  'MetricOptions.id': names,
  'MetricOptions.severity': severities,
  'MonotoneOptions.mostly': property('tolerates the share of drawn cases that `mostly` leaves, and no more'),
  'MonotoneOptions.slack': property('lets the score move the wrong way by its slack'),
  'MonotoneOptions.id': names,
  'MonotoneOptions.severity': severities,
  'InvariantOptions.maxDelta': property(
    'fails where the input moves the score by more than is allowed: numbers, booleans, texts',
  ),
  'InvariantOptions.mostly': property('tolerates the share of drawn cases that `mostly` leaves, and no more'),
  'InvariantOptions.id': names,
  'InvariantOptions.severity': severities,
  'DirectionalOptions.mostly': property('tolerates the share of drawn cases that `mostly` leaves, and no more'),
  'DirectionalOptions.id': names,
  'DirectionalOptions.severity': severities,
  'MonotoneOptions.class': property('of several classes looks at all of them, or at the one that is named'),
  'InvariantOptions.class': property('of several classes looks at all of them, or at the one that is named'),
  'DirectionalOptions.least': property('asks for a least movement on average'),
  'DirectionalOptions.class': ofClasses,
  'MattersOptions.least': property('by as much as is asked, by default a thousandth of the spread'),
  'MattersOptions.class': ofClasses,
  'MattersOptions.id': given,
  'MattersOptions.severity': given,
  'StableOptions.inputs': property('moves a smooth model little, and one that flickers much'),
  'StableOptions.noise': property('moves a smooth model little, and one that flickers much'),
  'StableOptions.maxDelta': property('moves a smooth model little, and one that flickers much'),
  'StableOptions.mostly': property('moves a smooth model little, and one that flickers much'),
  'StableOptions.id': given,
  'StableOptions.severity': given,
  'RelationOptions.change': property('holds or is shown'),
  'RelationOptions.holds': property('holds or is shown'),
  'RelationOptions.mostly': ofClasses,
  'RelationOptions.class': ofClasses,
  'RelationOptions.id': given,
  'RelationOptions.severity': given,
  'LeakOptions.maxPower': leak(
    'an input that tells too much by itself is judged by the power that is allowed, and those that may do so are named',
  ),
  'LeakOptions.maxShared': leak('rows of the training part among the test rows are found, %s'),
  'LeakOptions.except': leak('numbers and names of rows are told, and fail where it was asked for'),
  'LeakOptions.id': given,
  'LeakOptions.severity': given,
  'FairnessOptions.of': compared('names what is unfair, with its interval'),
  'FairnessOptions.criteria': compared('judges what is asked, by the limits that are asked'),
  'FairnessOptions.minParity': compared('judges what is asked, by the limits that are asked'),
  'FairnessOptions.maxOdds': compared('judges what is asked, by the limits that are asked'),
  'FairnessOptions.maxCalibration': compared('judges what is asked, by the limits that are asked'),
  'FairnessOptions.minRows': compared('a difference that may be chance is told, and a group with too few rows'),
  'FairnessOptions.id': given,
  'FairnessOptions.severity': given,
  'SimpleModelOptions.by': compared('by the share of its loss that is asked'),
  'SimpleModelOptions.id': given,
  'SimpleModelOptions.severity': given,
  'OverfitOptions.maxGap': compared('is what is far better on the training rows'),
  'OverfitOptions.id': given,
  'OverfitOptions.severity': given,
  'FreshOptions.maxAge': compared('rows are fresh to the last microsecond'),
  'FreshOptions.id': given,
  'FreshOptions.severity': given,
  'MemoryOptions.maxBytes': compared('that is kept for ever is found, what comes and goes is not'),
  'MemoryOptions.id': given,
  'MemoryOptions.severity': given,
  'SlicesOptions.of': slices('declared conditions and values are judged instead of those of the inputs'),
  'SlicesOptions.pairs': slices('pairs are left out where nobody wants them'),
  'SlicesOptions.minRows': slices('a declared slice with too few rows is no pass'),
  'SlicesOptions.tolerance': slices('more may be lost than by default'),
  'SlicesOptions.minShareOfOverall': slices(
    'a share of the overall quality is asked of every slice, hard ones too, where somebody says so',
  ),
  'SlicesOptions.id': names,
  'SlicesOptions.severity': severities,
  'CalibrationTestOptions.slope': compared('tells scores that are too sure from those that are not sure enough'),
  'CalibrationTestOptions.maxEce': metric('calibration holds at the error that is allowed and fails just below'),
  'CalibrationTestOptions.severity': severities,
  'LatencyOptions.p50': latency('looks at the median and the 99th percentile each'),
  'LatencyOptions.p99': latency('is measured in microseconds and held to the limit, to the last one'),
  'LatencyOptions.id': names,
  'LatencyOptions.severity': severities,
  'SizeOptions.maxBytes': service('size holds at the bytes that are allowed and fails at one more'),
  'SizeOptions.id': names,
  'SizeOptions.severity': severities,
  'DeploymentOptions.model': canary,
  'DeploymentOptions.canary': canary,
  'CanaryOptions.steps': canary,
  'CanaryOptions.labels': rollout('with required labels waits for them, whatever the requests'),
  'CanaryOptions.minRequests': canary,
  'CanaryOptions.maxWait': canary,
  'CanaryOptions.alpha': canary,
  'CanaryOptions.metrics': observed(
    'a metric that is worse takes back once its horizon is over, over a restart, and the decision follows from what is kept',
  ),
  'CanaryOptions.metricAlpha': of('src/math/sequential/served-difference.test.ts')(
    'says nothing before each arm has served a hundred, and then what two samples say, by hand',
  ),
  'CanaryOptions.metricHorizon': observed(
    'a metric that is worse takes back once its horizon is over, over a restart, and the decision follows from what is kept',
  ),
  'CanaryOptions.approve': approvals(
    'an approval is given by a token that may, with its name and reason; operating is not approving',
  ),
  'CanaryOptions.hours': approvals('traffic rises within the hours only, and while no rollout runs that it waits for'),
  'CanaryOptions.after': approvals('traffic rises within the hours only, and while no rollout runs that it waits for'),
  'CanaryOptions.shadowRows': bounds('shadow rows are needed to the last one'),
  'CanaryOptions.bake': bounds('a bake ends at its length, not a microsecond before'),
  'CanaryOptions.margin': evidence('promote within the margin of the stable loss, and just not beyond it'),
  'CanaryOptions.labelAlpha': evidence('roll back where the lower bound leaves nought, and just not before'),
  'CanaryOptions.expected': bounds('disagreement holds beyond twice what was measured offline'),
  'CanaryOptions.maxLatency': transitions('slow answers count beyond a stated latency, and then all four share alpha'),
  'CanaryOptions.slower': bounds(
    'a challenger that takes longer than stable is one too slow, one that takes as long is not',
  ),
  'CanaryOptions.timeout': routing('where stable took %i ms ends after %i ms'),
  'CanaryOptions.maxMemory': bounds(
    'memory beyond what is allowed rolls back, that which is allowed does not come here',
  ),
  'MonitorOptions.deployment': promises(
    'waits for a second bad window, tells one cause once with the worst first, and is over after three clean ones',
  ),
  'MonitorOptions.falseAlarms': of('src/stages/watch/refusals.test.ts')(
    'one window in the stated time may alarm, however many there are a day, and never more than one in twenty',
  ),
  'MonitorOptions.sensitivity': power(
    'alerts once, naming the column, within the windows that the guide says: ${world}',
  ),
  'MonitorOptions.retrain': promises('by drift takes two windows and 1,000 labelled rows, and then a cool-down'),
  'MonitorOptions.retrain.on': retrains('is started by what the monitor names, and by the schedule always'),
  'MonitorOptions.retrain.cooldown': promises(
    'by drift takes two windows and 1,000 labelled rows, and then a cool-down',
  ),
  'MonitorOptions.retrain.maxPerWeek': promises(
    'by performance is of labels that are certainly worse, at most so often in a week, and no drift starts it',
  ),
  'MonitorOptions.test': of('test/running/monitor.test.ts')(
    'tests of what is served run by their schedule: one that is red reaches people',
  ),
  'MonitorOptions.test.schedule': of('src/stages/retrain/scheduled-tests.test.ts')(
    'run once at each time, of the version that answers then, and make up for missed ones once',
  ),
  'MonitorOptions.schedule': triggers('starts one retrain at each of its times, and makes up for missed ones once'),
  'MonitorOptions.notify': promises(
    'waits for a second bad window, tells one cause once with the worst first, and is over after three clean ones',
  ),
  'ProjectSettings.metadata': of('test/peers/postgres.test.ts')(
    'several processes may open a fresh database at once: one migrates',
  ),
  'ProjectSettings.environment': of('test/feature-changes.test.ts')(
    'environments keep what they serve apart, and one is promoted to the next as it is',
  ),
  'ProjectSettings.audit': places('a place that is named later gets its anchor from the next process that uses keys'),
  'ContainerRun.kind': of('test/peers/train-in-container.test.ts')(
    'gives the same model, card, reference scores and scaler to the bit as a process of this machine, and as the command itself',
  ),
  'ContainerRun.image': of('test/peers/train-in-container.test.ts')(
    'says at once which image is missing, and that podman is',
  ),
  'ContainerRun.program': of('src/adapters/executor/container/executor.test.ts')('says which program is missing'),
  'ModelOptions.threshold': thresholds('a score at the threshold of its model is labelled true, one below it false'),
  'CalibrationTestOptions.id': results('of calibration has the name that it is given'),
  'DeploymentOptions.stickyBy': of('src/stages/serve/deployment.test.ts')(
    "is that of its entity where the deployment is sticky, and the request's where it is not",
  ),
  'MonitorOptions.window': live('make windows shorter, alarms rarer and changes smaller'),
  'MonitorOptions.labelHorizon': live('a cohort that few labels came for is stated after %s'),
  'PostgresMetadata.urlFrom': workspace('that is in PostgreSQL needs its URL, and a server that answers'),
  'PostgresMetadata.kind': workspace('that is in PostgreSQL needs its URL, and a server that answers'),
  'RedisOnline.kind': onServer,
  'RedisOnline.urlFrom': onServer,
  'RedisOnline.unreachable': unreachable,
  'PostgresOnline.kind': onServer,
  'PostgresOnline.urlFrom': onServer,
  'PostgresOnline.unreachable': unreachable,
  'ProjectSettings.artifacts': written,
  'ProjectSettings.online': written,
  'ProjectSettings.keys': written,
  'ProjectSettings.data': engine,
  'DataSettings.kind': engine,
  'DataSettings.threads': engine,
  'DataSettings.maxMemoryGb': engine,
  'ProjectSettings.serve': listens,
  'ServeSettings.host': listens,
  'ServeSettings.port': listens,
  'ServeSettings.workers': of('test/running/processes.test.ts')(
    'workers answer on the same port: what they are told counts as if one process had been told, also of one that dies',
  ),
  'ServeSettings.grpcPort': of('test/running/grpc.test.ts')(
    'gRPC is spoken where the project or --grpc-port says so, and ends with the rest',
  ),
  'ServeSettings.maxRequestsPerSecond': limits('each token may ask so much a second, and so much a day'),
  'ServeSettings.maxRequestsPerDay': limits('each token may ask so much a second, and so much a day'),
  'ServeSettings.auth': listens,
  'ProjectSettings.run': workspace('%s'),
  'ContainerRun.globalFlags': container,
  'ContainerRun.runFlags': container,
  'ContainerRun.network': container,
  'AnchorRepository.ref': places(
    'git: objects and one ref are written; index, working tree, HEAD and other branches are not',
  ),
  'AuditSettings.anchors': places('a place that is named later gets its anchor from the next process that uses keys'),
  'AnchorSettings.file': places('a place that cannot be written stops what is privileged, by its name'),
  'AnchorSettings.webhook': places('a webhook that fails is told, blocks nothing, and gets the newest anchor later'),
  'AnchorSettings.git': places(
    'git: objects and one ref are written; index, working tree, HEAD and other branches are not',
  ),
  'AnchorRepository.repository': places(
    'git: objects and one ref are written; index, working tree, HEAD and other branches are not',
  ),
}

/** Documented defaults and the test in which leaving the option out does what they say. */
export const defaultsSeen: Readonly<Record<string, Test>> = {
  'OnnxOptions.expected': imports('is challenged by what is trained, and without rows of its own answers as itself'),
  'ModelOptions.threshold': thresholds('is a half where the model says none'),
  'RandomFolds.seed': foldDefaults,
  'RandomFolds.stratify': foldDefaults,
  'GroupFolds.seed': foldDefaults,
  'TimeFolds.gap': foldDefaults,
  'GridSearch.points': of('src/math/search/search.test.ts')(
    'a grid has every combination once, ends of ranges included',
  ),
  'HalvingSearch.eta': halving,
  'HalvingSearch.minShare': halving,
  'SearchRange.scale': space,
  'SearchRange.whole': space,
  'GridSearch.best': searchDefaults,
  'RandomSearch.best': searchDefaults,
  'RandomSearch.seed': searchDefaults,
  'HalvingSearch.best': searchDefaults,
  'HalvingSearch.seed': searchDefaults,
  'TpeSearch.best': searchDefaults,
  'TpeSearch.seed': searchDefaults,
  'TimeSplit.folds': declared('are five of the kind of the split, where none are declared'),
  'RandomSplit.folds': declared('are five of the kind of the split, where none are declared'),
  'HashSplit.folds': declared('are five of the kind of the split, where none are declared'),
  'GroupSplit.folds': declared('are five of the kind of the split, where none are declared'),
  'ColumnSplit.folds': declared('are five of the kind of the split, where none are declared'),
  'SlicesOptions.of': slices('%s'),
  'SlicesOptions.pairs': slices('pairs are left out where nobody wants them'),
  'SlicesOptions.minRows': slices('a declared slice with too few rows is no pass'),
  'SlicesOptions.tolerance': slices('more may be lost than by default'),
  'LeakOptions.maxPower': leak(
    'an input that tells too much by itself is judged by the power that is allowed, and those that may do so are named',
  ),
  'LeakOptions.maxShared': leak('rows of the training part among the test rows are found, %s'),
  'FairnessOptions.criteria': compared('names what is unfair, with its interval'),
  'FairnessOptions.minParity': compared('names what is unfair, with its interval'),
  'FairnessOptions.maxOdds': compared('names what is unfair, with its interval'),
  'FairnessOptions.maxCalibration': compared('names what is unfair, with its interval'),
  'FairnessOptions.minRows': compared('holds of a model that treats groups alike'),
  'DirectionalOptions.least': property('an input that moves nothing moves it neither up nor down'),
  'MattersOptions.least': property('by as much as is asked, by default a thousandth of the spread'),
  'StableOptions.inputs': property('moves a smooth model little, and one that flickers much'),
  'StableOptions.noise': property('moves a smooth model little, and one that flickers much'),
  'StableOptions.maxDelta': property('moves a smooth model little, and one that flickers much'),
  'StableOptions.mostly': property('moves a smooth model little, and one that flickers much'),
  'RelationOptions.mostly': property('holds or is shown'),
  'SimpleModelOptions.by': compared('is beaten by one that knows more'),
  'OverfitOptions.maxGap': compared('is what is far better on the training rows'),
  'MonitorOptions.falseAlarms': monitorDefaults,
  'MonitorOptions.window': monitorDefaults,
  'MonitorOptions.sensitivity': monitorDefaults,
  'MonitorOptions.labelHorizon': live('a cohort that few labels came for is stated after %s'),
  'DataSettings.threads': engine,
  'DataSettings.maxMemoryGb': engine,
  'ServeSettings.host': byDefault,
  'ServeSettings.port': byDefault,
  'ServeSettings.workers': of('test/running/processes.test.ts')(
    'workers answer on the same port: what they are told counts as if one process had been told, also of one that dies',
  ),
  'ServeSettings.grpcPort': of('test/running/grpc.test.ts')(
    'gRPC is spoken where the project or --grpc-port says so, and ends with the rest',
  ),
  'ServeSettings.maxRequestsPerSecond': limits('without limits nobody is kept waiting'),
  'ServeSettings.maxRequestsPerDay': limits('without limits nobody is kept waiting'),
  'ServeSettings.auth': of('test/jobs.test.ts')('validates, snapshots and suggests'),
  'ContainerRun.program': container,
  'ContainerRun.network': of('src/adapters/executor/container/executor.test.ts')(
    'the step runs without rights, without network, and with its values out of sight',
  ),
  'AnchorRepository.ref': places('git: the commits are on a ref of their own, in no branch, where none is named'),
  'GbtOptions.subsample': trees,
  'GbtOptions.columnSample': trees,
  'CsvOptions.delimiter': csv,
  'CsvOptions.header': csv,
  'CsvOptions.quote': csv,
  'CsvOptions.escape': csv,
  'CsvOptions.encoding': csv,
  'TextOptions.treatAsNull': rows,
  'RowOptions.mostly': rows,
  'FeatureViewOptions.freshness': of('src/app/live/keeping-features.test.ts')(
    'nothing is kept up or watched where nothing is said',
  ),
  'FeatureViewOptions.materialise': of('src/app/live/keeping-features.test.ts')(
    'nothing is kept up or watched where nothing is said',
  ),
  'FeatureViewOptions.materialise.onData': of('src/app/live/keeping-features.test.ts')(
    'happens so often as is said, and records are written only of new data',
  ),
  'FeatureViewOptions.entity': language,
  'FeatureViewOptions.ttl': counted,
  'FeatureViewOptions.online': counted,
  'ModelOptions.scale': learnt,
  'TimeSplit.until': learnt,
  'ModelOptions.weight': weighed,
  'ModelOptions.classWeights': balanced,
  'TimeSplit.gap': gap,
  'RandomSplit.seed': random,
  'RandomSplit.stratify': random,
  'GroupSplit.seed': grouped,
  'PythonOptions.python': page,
  'PythonOptions.timeout': late,
  'PythonOptions.reproducible': contract,
  'ProgramOptions.timeout': late,
  'ProgramOptions.reproducible': contract,
  'ContainerOptions.command': image,
  'ContainerOptions.timeout': image,
  'ContainerOptions.reproducible': image,
  'OnnxOptions.inputs': fed,
  'OnnxOptions.output': fed,
  'GbtOptions.depth': trees,
  'GbtOptions.leaves': trees,
  'GbtOptions.learningRate': trees,
  'GbtOptions.minLeaf': trees,
  'GbtOptions.l2': trees,
  'GbtOptions.seed': trees,
  'GbtOptions.earlyStopping': trees,
  'GbtOptions.maxBins': trees,
  'GbtOptions.categoryL2': trees,
  'GbtOptions.categorySmoothing': trees,
  'GbtOptions.maxCategories': trees,
  'GbtOptions.minCategoryRows': trees,
  'GbtOptions.calibrate': trees,
  'LinearOptions.l2': linear,
  'LinearOptions.l1': linear,
  'LinearOptions.maxCategories': linear,
  'LinearOptions.minCategoryRows': linear,
  'LinearOptions.calibrate': linear,
  'BaselineOptions.input': baselines,
  'MetricOptions.tolerance': modelDefaults('half a hundredth of its error may be lost against the champion'),
  'MonotoneOptions.slack': modelDefaults('a monotone score may move the wrong way by a millionth, in no case more'),
  'MonotoneOptions.mostly': property('passes what rises, and only that, in any unit: %d'),
  'InvariantOptions.maxDelta': modelDefaults('an invariant score may move by a hundredth, in every case'),
  'InvariantOptions.mostly': modelDefaults('an invariant score may move by a hundredth, in every case'),
  'DirectionalOptions.mostly': modelDefaults('a directional score moves so in every case'),
  'CanaryOptions.steps': canary,
  'CanaryOptions.labels': canary,
  'CanaryOptions.minRequests': bounds('a step needs its requests to the last one'),
  'CanaryOptions.maxWait': bounds('a step is held when its time has run out, not a microsecond before'),
  'CanaryOptions.alpha': bounds('a guardrail asks for its share of alpha: %s'),
  'CanaryOptions.shadowRows': bounds('shadow rows are needed to the last one'),
  'CanaryOptions.bake': bounds('a bake ends at its length, not a microsecond before'),
  'CanaryOptions.margin': evidence('promote within the margin of the stable loss, and just not beyond it'),
  'CanaryOptions.labelAlpha': evidence('roll back where the lower bound leaves nought, and just not before'),
  'CanaryOptions.expected': evidence('hold when flips pass twice what was measured offline by three standard errors'),
  'CanaryOptions.maxLatency': transitions('slow answers count beyond a stated latency, and then all four share alpha'),
  'CanaryOptions.slower': bounds(
    'a challenger that takes longer than stable is one too slow, one that takes as long is not',
  ),
  'CanaryOptions.timeout': of('src/stages/deploy/rollout/start.test.ts')('have the defaults that their page names'),
  'CanaryOptions.metrics': of('src/stages/deploy/rollout/start.test.ts')('have the defaults that their page names'),
  'CanaryOptions.metricAlpha': of('src/stages/deploy/rollout/start.test.ts')('have the defaults that their page names'),
  'CanaryOptions.metricHorizon': of('src/stages/serve/metric-units.test.ts')(
    'counts after the label horizon where no other is declared',
  ),
  'CanaryOptions.approve': of('src/stages/deploy/rollout/start.test.ts')('have the defaults that their page names'),
  'CanaryOptions.hours': of('src/stages/deploy/rollout/start.test.ts')('have the defaults that their page names'),
  'CanaryOptions.after': of('src/stages/deploy/rollout/start.test.ts')('have the defaults that their page names'),
  'CanaryOptions.maxMemory': of('src/stages/deploy/rollout/start.test.ts')('have the defaults that their page names'),
  'MonitorOptions.retrain': promises(
    'waits for a second bad window, tells one cause once with the worst first, and is over after three clean ones',
  ),
  'MonitorOptions.retrain.cooldown': retrains('has the defaults of the guide: a day, three a week'),
  'MonitorOptions.retrain.maxPerWeek': retrains('has the defaults of the guide: a day, three a week'),
}

/** Options whose change no test has seen yet. Only ever shorter. */
export const unseenOptions: readonly string[] = []

/** Documented defaults that no test asserts by behaviour yet. Only ever shorter. */
export const unseenDefaults: readonly string[] = []
